"""Histories with holes that are no loss, and stamps far from now: they change nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from stream.log import journal
from stream.log.contract import Outgoing
from stream.log_kafka.client import open_admin, open_producer
from stream.log_kafka.connection import Connection
from tests.faults.brokers import Broker
from tests.faults.holes import ACCEPTING, BOTH, HALF, ROWS, place_reached, send
from tests.faults.running import outcome, without_faults
from tests.support.serving.project import Project, same
from tests.support.streams.logs import trim


@pytest.mark.kafka
def test_aborted_transactions_and_markers_change_nothing(
    tmp_path: Path, kafka_bootstrap: str, unique_name: str
) -> None:
    """Aborted transactions and markers among the events: none of it seen, the same result."""
    project = Project(tmp_path / "p", log=f"kafka://{kafka_bootstrap}", model=unique_name)
    events = project.topics().events
    with closing(
        open_producer(Connection(kafka_bootstrap), transactional_id=unique_name)
    ) as producer:
        producer.init_transactions()
        for number in range(0, len(ROWS), 300):
            producer.begin_transaction()
            row = ",".join(["aborted", *ROWS[number][1:]])
            producer.send(events, value=row.encode(), partition=0, timestamp_ms=1)
            producer.deliver()
            producer.abort_transaction()
            send(project, ROWS[number : number + 300])
            producer.begin_transaction()
            producer.commit_transaction()
    expected = without_faults(tmp_path, ROWS)
    assert outcome(project, project.learn()) == expected
    assert same(project.backfill()) == expected[0]


@pytest.mark.kafka
@pytest.mark.long
def test_a_compacted_topic_changes_nothing_that_is_left(
    tmp_path: Path, own_broker: Broker, unique_name: str
) -> None:
    """A compacted events topic (accept_retention): learned before the compaction, it goes on."""
    project = Project(
        tmp_path / "p", log=f"kafka://{own_broker.address}", model=unique_name, more=ACCEPTING
    )
    events = f"{unique_name}.events"
    compacted = {
        "num_partitions": 1,
        "replication_factor": 1,
        "configs": {
            "cleanup.policy": "compact",
            "segment.ms": "200",
            "min.cleanable.dirty.ratio": "0.01",
            "delete.retention.ms": "0",
        },
    }
    with closing(open_admin(Connection(own_broker.address))) as admin:
        admin.create_topics({events: compacted})
    append_keyed(project, ROWS[:1_000])
    assert project.learn()["events"] == 1_000
    # Later records with the same keys: compaction takes away the earlier ones.
    append_keyed(project, ROWS[1_000:2_000])
    sent = 2_000
    while read_back(project) >= sent:
        assert sent < len(ROWS), "Kafka does not compact the topic"
        # The cleaner looks at closed segments alone, and a later record closes one.
        append_keyed(project, ROWS[sent : sent + 5])
        sent += 5
        time.sleep(0.5)
    whole = Project(tmp_path / "whole")
    append_keyed(whole, ROWS[:sent])
    assert outcome(project, project.learn()) == outcome(whole, whole.learn())


def append_keyed(project: Project, rows: Sequence[Sequence[str]]) -> None:
    """One row a record, stamped with its time; the keys of the first thousand come once again."""
    with project.open_log() as log:
        log.append(
            project.topics().events,
            [
                Outgoing(",".join(row).encode(), int(row[1]) * 1000, key=key_of(int(row[0][1:])))
                for row in rows
            ],
        )


def key_of(number: int) -> bytes:
    """The key of a row."""
    return b"%d" % (number if number >= 2_000 else number % 1_000)


def read_back(project: Project) -> int:
    """How many records the events topic holds now."""
    with project.open_log() as log:
        return sum(1 for _ in journal.records(log, project.topics().events))


def stamped_in_1970(number: int) -> int:
    """The first seconds of 1970."""
    return number


def stamped_ahead(number: int) -> int:
    """59 minutes ahead of the clock."""
    return int((time.time() + 59 * 60) * 1000) + number


@BOTH
@pytest.mark.parametrize("stamp", [stamped_in_1970, stamped_ahead], ids=["1970", "59-minutes"])
def test_events_stamped_far_from_now_are_learned(
    tmp_path: Path, log_url: str, unique_name: str, stamp: Callable[[int], int]
) -> None:
    """Events stamped in 1970, or 59 minutes ahead: learned, scored, and replayed to the same."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    rows = ROWS[:300]
    with project.open_log() as log:
        log.append(
            project.topics().events,
            [Outgoing(",".join(row).encode(), stamp(n)) for n, row in enumerate(rows)],
        )
    report = project.learn()
    assert (report["events"], report["learned"]) == (300, 300)
    assert [score.id for score in project.scores()] == [row[0] for row in rows]
    assert same(project.backfill()) == same(report)


@BOTH
def test_history_deleted_below_the_position_is_no_loss(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """Records deleted that were learned long ago: the learner goes on with the same result."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    send(project, ROWS[:HALF])
    project.learn()
    place, position = place_reached(project)
    trim(log_url, place, position)
    send(project, ROWS[HALF:])
    assert outcome(project, project.learn()) == without_faults(tmp_path, ROWS)
