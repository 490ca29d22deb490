"""Topics that others made and write to: what is in them is read, and what they forget is told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from converters.cells.refusal import Refusal
from stream.log.contract import LogError, Place, PositionError, Record
from stream.log_kafka.client import kafka, open_admin
from stream.log_kafka.connection import Connection
from stream.reading.conversion import record_reader
from tests.support.serving.project import COLUMNS, Project, flights
from tests.support.streams.logs import trim

MORE = """
[record]
extra = "ignore"
path = "payload"
[topics]
accept_retention = {accept}
"""
ROWS = [[*row[:2], "", *row[3:]] for row in flights(40)]
WEEK = {"retention.ms": "604800000"}


def envelope(row: list[str], **more: Any) -> bytes:
    """A row as another program writes it."""
    return json.dumps({"op": "c", "payload": dict(zip(COLUMNS, row, strict=True)) | more}).encode()


@pytest.fixture
def project(tmp_path: Path, kafka_bootstrap: str, unique_name: str) -> Project:
    """A model whose events and labels are on topics with a week's retention."""
    with closing(open_admin(Connection(kafka_bootstrap))) as admin:
        stamped = WEEK | {"message.timestamp.type": "LogAppendTime"}
        admin.create_topics(
            {
                f"{unique_name}.{name}": {
                    "num_partitions": 2,
                    "replication_factor": 1,
                    "configs": configs,
                }
                for name, configs in (("events", WEEK), ("labels", stamped))
            }
        )
    url = f"kafka://{kafka_bootstrap}"
    return Project(tmp_path, log=url, model=unique_name, more=MORE.format(accept="true"))


@pytest.fixture
def producer(kafka_bootstrap: str, unique_name: str) -> Iterator[Any]:
    """What another program would use, with transactions."""
    name = {"bootstrap_servers": kafka_bootstrap, "transactional_id": unique_name}
    with closing(kafka.KafkaProducer(**name)) as producer:
        producer.init_transactions()
        yield producer


def send(producer: Any, project: Project, *records: dict[str, Any], name: str = "events") -> None:
    """Send records in a transaction, after one that is aborted."""
    for end in (producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        for record in records:
            producer.send(f"{project.model}.{name}", **record)
        producer.flush()
        end()


@pytest.mark.kafka
def test_records_of_other_producers_are_read_and_nothing_else_matters(
    project: Project, producer: Any
) -> None:
    """Keys of any bytes, odd headers, several partitions, gaps, no time: only the rows count."""
    now = int(time.time() * 1000) - 60_000
    key, odd = b"\xff\x00", [("x", b"1"), ("x", b"\xff"), ("content-type", b""), ("path", b"/a")]
    other = {"key": key, "headers": odd, "timestamp_ms": now}
    send(
        producer,
        project,
        *({"value": envelope(row), "partition": n % 2} | other for n, row in enumerate(ROWS[:30])),
        {"value": b"\0\0\0\0\x07" + envelope(ROWS[30], tags=["a"]), "partition": 1},
        {"value": envelope(ROWS[31]), "timestamp_ms": -1, "partition": 0},
    )
    labels = [{"payload": {"id": row[0], "late": n % 2}} for n, row in enumerate(ROWS[:32])]
    records = ({"value": json.dumps(each).encode(), "key": key} for each in labels)
    send(producer, project, *records, name="labels")
    report = project.learn()
    assert (report["events"], report["learned"], report["rejected"]) == (32, 32, 0)
    assert {score.id for score in project.scores()} == {row[0] for row in ROWS[:32]}


@pytest.mark.kafka
def test_each_record_that_is_no_row_says_what_it_is(project: Project, producer: Any) -> None:
    """One dead letter each, also for a record without a time."""
    bad = {
        "tombstone": None,
        "empty-record": b"",
        "bad-json": envelope(ROWS[0]).replace(b'"c"', b"NaN"),
        "schema-registry": b"\0\0\0\0\x0a\x04f1\xff",
        "no-row-at-path": b'{"payload": null}',
    }
    sent = [{"value": value, "key": b"\xff", "timestamp_ms": -1} for value in bad.values()]
    send(producer, project, *sent)
    assert project.learn()["rejected"] == len(bad)
    assert sorted(letter.reason for letter in project.dead_letters()) == sorted(bad)
    assert project.learn()["rejected"] == len(bad)


@pytest.mark.kafka
def test_a_topic_that_forgets_is_accepted_by_a_setting_and_its_gap_is_told(
    project: Project, producer: Any
) -> None:
    """Learning begins at the first record there is; a position that is gone ends it."""
    refusing = Project(
        project.folder / "b",
        log=project.log,
        model=project.model,
        more=MORE.format(accept="false"),
    )
    with pytest.raises(LogError, match=r"retention\.ms=604800000.*accept_retention = true"):
        refusing.learn()
    send(producer, project, *({"value": envelope(row), "partition": 0} for row in ROWS[:10]))
    place = Place(f"{project.model}.events", 0)
    with project.open_log() as log:
        end = log.describe([place.topic])[place.topic].ends[place]
    trim(project.log, place, end - 4)  # a marker of the transaction is the last
    assert project.learn()["events"] == 3
    send(producer, project, *({"value": envelope(row), "partition": 0} for row in ROWS[10:20]))
    trim(project.log, place, end + 15)
    with pytest.raises(PositionError, match=r"past the topic's retention.*backfill log --fresh"):
        project.learn()
    assert 0 < project.backfill(fresh=True)["events"] < 10


@pytest.mark.parametrize("labels", [False, True])
def test_a_record_without_value_or_time_is_one_refused_row(tmp_path: Path, labels: bool) -> None:
    """It is no empty record, and of the beginning of time."""
    project = Project(tmp_path)
    place = Place("flights.labels" if labels else "flights.events", 0)
    reader = record_reader(project.context)
    (taken,) = reader.read([Record(place, 0, -1, b"", is_null=True)])
    assert (taken.time, taken.rows) == (0, [Refusal("tombstone", "", "")])
