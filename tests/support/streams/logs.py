"""What tests do to a log that Freshet itself never does, and reading until something has come."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import NoReturn

import pytest

from stream.log.contract import EventLog, LogReader, Outgoing, Place, Record, TopicSpec, poll

PATIENCE = 20.0


def without_kafka(error: Exception) -> NoReturn:
    """Skip a test that has no broker, saying why; where CI is true, fail.

    Where CI names a broker, only the tests that need one of their own are skipped.
    """
    if os.environ.get("CI") == "true" and "KAFKA_BOOTSTRAP_SERVERS" not in os.environ:
        pytest.fail(f"CI needs a Kafka: {error}")
    pytest.skip(str(error))


def values(records: Sequence[Record]) -> list[bytes]:
    """The records' values."""
    return [record.value for record in records]


def outgoing(*contents: bytes, partition: int = 0) -> list[Outgoing]:
    """A record of each content."""
    return [Outgoing(content, partition=partition) for content in contents]


def make_topic(log: EventLog, name: str, partitions: int = 1) -> Place:
    """Create a topic; its first partition."""
    log.create_topics([TopicSpec(name, partitions)], accept_retention=False)
    return Place(name, 0)


def read(reader: LogReader, count: int) -> list[Record]:
    """Poll until so many records have come; all that came with them."""
    found: list[Record] = []
    deadline = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < deadline:
        found += poll(reader, 0.2)
    return found


def read_all(log: EventLog, positions: Mapping[Place, int]) -> list[Record]:
    """Everything from these positions to the ends as they are now."""
    with closing(log.read(positions)) as reader:
        return read_to_ends(reader)


def read_to_ends(reader: LogReader) -> list[Record]:
    """Everything up to the ends as they are now, position for position."""
    ends, found = reader.ends(), list[Record]()
    deadline = time.monotonic() + PATIENCE
    while any(reader.buffers[place].position < end for place, end in ends.items()):
        assert time.monotonic() < deadline, "the reader does not reach the ends"
        found += poll(reader, 0.2)
    return found


def remove_topic(url: str, topic: str) -> None:
    """Delete a topic, as somebody might with other tools."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
            database.execute("DELETE FROM records")
            database.execute("DELETE FROM partitions WHERE topic = ?", (topic,))
            database.execute("DELETE FROM topics WHERE name = ?", (topic,))
        return
    from stream.log_kafka.client import kafka, open_admin
    from stream.log_kafka.connection import Connection

    with closing(open_admin(Connection(url.removeprefix("kafka://")))) as admin:
        admin.delete_topics([topic])
        gone = kafka.errors.UnknownTopicOrPartitionError.errno
        while admin.describe_topics([topic])[0]["error_code"] != gone:
            time.sleep(0.02)


def trim(url: str, place: Place, offset: int) -> None:
    """Delete the records below an offset, as retention would."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
            database.execute(
                "DELETE FROM records WHERE id < ? + (SELECT id << 40 FROM partitions"
                " WHERE topic = ? AND number = ?)",
                (offset, *place),
            )
        return
    from stream.log_kafka.client import TopicPartition, open_admin
    from stream.log_kafka.connection import Connection

    with closing(open_admin(Connection(url.removeprefix("kafka://")))) as admin:
        admin.delete_records({TopicPartition(*place): offset})


def has_open_transaction(url: str, place: Place) -> bool:
    """Whether somebody has begun to write to a partition and not ended it."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False
    from stream.log_kafka.client import LATEST, READ_COMMITTED, TopicPartition, open_admin
    from stream.log_kafka.connection import Connection

    with closing(open_admin(Connection(url.removeprefix("kafka://")))) as admin:
        asked = {TopicPartition(*place): LATEST}
        stable = admin.list_partition_offsets(asked, isolation_level=READ_COMMITTED)
        return bool(admin.list_partition_offsets(asked) != stable)
