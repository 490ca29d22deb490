"""The highest record time of a topic, over SQLite and a real Kafka."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stream.log.contract import EventLog, Outgoing
from stream.log_kafka import newest_times
from stream.open_log import open_log
from tests.support.serving.processes import until
from tests.support.streams.logs import make_topic

JANUARY_2013 = 1_357_020_000_000
HOUR = 3_600_000


def at(*hours: int, partition: int = 0) -> list[Outgoing]:
    """A record at each hour of 2013."""
    return [Outgoing(b"x", JANUARY_2013 + hour * HOUR, partition=partition) for hour in hours]


def newest(log: EventLog, topic: str) -> float | None:
    """The hour of the newest record."""
    found = log.newest_times([topic])[topic]
    return None if found is None else (found - JANUARY_2013) / HOUR


def test_the_highest_time_counts_wherever_it_is(event_log: EventLog, unique_name: str) -> None:
    """Of all partitions, and not the last record's; nothing while there is no record."""
    make_topic(event_log, unique_name, partitions=3)
    assert newest(event_log, unique_name) is None
    assert event_log.newest_times([f"{unique_name}-no"]) == {f"{unique_name}-no": None}
    event_log.append(unique_name, at(1, 5, 2))
    assert newest(event_log, unique_name) == 5
    event_log.append(unique_name, [*at(3), *at(4, 7, 6, partition=2)])
    assert newest(event_log, unique_name) == 7
    event_log.append(unique_name, at(1))
    assert newest(event_log, unique_name) == 7


def test_the_end_of_a_transaction_is_no_record(event_log: EventLog, unique_name: str) -> None:
    """What `produce` sent in 2013 is of 2013, though the broker's marks are of now."""
    make_topic(event_log, unique_name)
    with closing(event_log.writer(unique_name)) as writer:
        for hour in (4, 9, 6):
            writer.write({unique_name: at(hour)})
        # The brokers answer before readers see it.
        until(lambda: newest(event_log, unique_name) == 9)


def test_a_high_time_far_back_counts(
    event_log: EventLog, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One live event counts behind which more records of old times lie than are looked at."""
    monkeypatch.setattr(newest_times, "LAST_OFFSETS", 3)
    make_topic(event_log, unique_name)
    event_log.append(unique_name, at(1, 800, *range(2, 30)))
    assert newest(event_log, unique_name) == 800


@pytest.mark.kafka
def test_records_that_were_aborted_do_not_count(
    kafka_bootstrap: str, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do they hide what is before them, however many they are."""
    from stream.log_kafka.client import open_producer
    from stream.log_kafka.connection import Connection

    monkeypatch.setattr(newest_times, "LAST_OFFSETS", 3)
    connection = Connection(kafka_bootstrap)
    with (
        closing(open_log(f"kafka://{kafka_bootstrap}")) as log,
        closing(open_producer(connection, transactional_id=unique_name)) as producer,
    ):
        make_topic(log, unique_name)
        log.append(unique_name, at(4))
        producer.init_transactions()
        producer.begin_transaction()
        for _ in range(20):
            producer.send(unique_name, value=b"x", timestamp_ms=JANUARY_2013 + 50 * HOUR)
        producer.flush()
        assert newest(log, unique_name) == 4
        producer.abort_transaction()
        assert newest(log, unique_name) == 4


def test_what_an_older_release_appended_counts(tmp_path: Path, unique_name: str) -> None:
    """In a file of a release that kept no times, and between two records of this one."""
    path = tmp_path / "log.db"
    with closing(open_log(f"sqlite:///{path}")) as log:
        make_topic(log, unique_name)
        log.append(unique_name, at(5, 2))
    changed(path, "DROP TABLE newest_times")
    with closing(open_log(f"sqlite:///{path}")) as log:
        log.append(unique_name, at(3))
        assert newest(log, unique_name) == 5
        log.append(unique_name, at(8))
        changed(path, "UPDATE newest_times SET upto = upto - 1, time = time - 10800000")
        log.append(unique_name, at(1))
        assert newest(log, unique_name) == 8


def changed(path: Path, statement: str) -> None:
    """Run a statement on the file of a log."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)
