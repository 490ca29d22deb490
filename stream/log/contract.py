"""The contract of an event log: topics of partitions of records, read by position.

``stream/log_sqlite/log.py`` and ``stream/log_kafka/log.py`` implement it, :mod:`stream.open_log`
opens
the one that a URL names, and one suite (``tests/stream/log/test_contract.py``) runs over both. The
reader, the producers and the learner see nothing but what stands here.

Promises: offsets of a partition rise, but need not be consecutive, and none is used twice; a
position is the next offset to read; a reader starts exactly where it is told and never where a
consumer group would; outputs of one transaction are seen all or not at all, and readers see
committed records only.

A reader reads into a bounded :class:`PartitionBuffer` for each partition, and whoever uses it takes
the records from there; :func:`poll` takes a share of each.

An :class:`EventLog` may be used by several threads at once, a reader or a writer by one. Whoever
gets an error from a reader or a writer closes it and, to try again, opens another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from converters.errors import FreshetError
from converters.show.stream_time import AHEAD_MS

# Kafka refuses stamps further ahead of the broker's clock than this, and so does every log here:
# one record of the year 2100 would expire everything that waits.
MAX_AHEAD_MS = AHEAD_MS

# Twice the largest request body that the server takes by default; Kafka's own default of 1 MiB
# would refuse a body that the server has accepted.
MAX_RECORD_BYTES = 16 * 2**20

# What one poll hands out of all partitions together, and at least of each that has so much.
RECORDS_A_POLL, LEAST_RECORDS = 2_048, 128
BYTES_A_POLL, LEAST_BYTES = 8 * 2**20, 2**18

# What a buffer of one of many partitions may hold all the same.
LEAST_BUFFER_BYTES = 2**20
# What a record takes in memory beside its value.
RECORD_BYTES = 256


class LogError(FreshetError):
    """A log cannot be read or written."""


class LogUnavailableError(LogError):
    """The log does not answer, or its disk is full or fails; trying again may help."""


class PositionError(LogError):
    """A position is before the log's start or beyond its end, or the topic is another one."""


class FencedError(LogError):
    """Another writer of the same name has taken over, or this one's transaction timed out.

    Attributes:
        timed_out: the transaction had been open for longer than the log allows, which alone
            explains the error; there may be another writer all the same: ask the registry.
    """

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class StampError(LogError):
    """A record's time is more than an hour ahead of the log's clock, or before 1970."""


class RecordTooLargeError(LogError):
    """A record is larger than the log takes."""


class UnknownTopicError(LogError):
    """A topic or partition is not there."""


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One record as read.

    Attributes:
        place: topic and partition.
        offset: where in the partition.
        time: record time, milliseconds since 1970 in UTC.
        value: the bytes.
        headers: header names and values, in the order they were given.
        key: the record's key, if any.
        is_null: whether it has no value, not even an empty one.
    """

    place: Place
    offset: int
    time: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None
    is_null: bool = False


class Outgoing(NamedTuple):
    """One record to append; ``time`` None means now."""

    value: bytes
    time: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None
    partition: int = 0


class TopicSpec(NamedTuple):
    """A topic as Freshet wants it: kept for ever, stamped by its producer."""

    name: str
    partitions: int = 1


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is: its identity and the first and next offset of each partition."""

    topic_id: str
    begins: dict[Place, int] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)


class PartitionBuffer:
    """The records of one partition that were read and not yet taken, in its order.

    Attributes:
        records: what :meth:`take` gives next is first.
        bytes: about how much memory they take; the reader bounds it.
        end: the next offset to read.
    """

    __slots__ = ("bytes", "end", "records")

    def __init__(self, position: int) -> None:
        self.records: deque[Record] = deque()
        self.bytes = 0
        self.end = position

    @property
    def position(self) -> int:
        """The next offset to take, or to read when all was taken; moves past gaps by itself."""
        return self.records[0].offset if self.records else self.end

    def add(self, records: Sequence[Record]) -> None:
        """Append what was read next: one record or more."""
        self.records += records
        self.bytes += sum([len(r.value) for r in records]) + RECORD_BYTES * len(records)
        self.end = records[-1].offset + 1

    def take(self) -> Record:
        """Remove the first record."""
        record = self.records.popleft()
        self.took(1, len(record.value))
        return record

    def took(self, count: int, size: int) -> None:
        """So many records, with values of this size in all, were taken from ``records``."""
        self.bytes -= size + RECORD_BYTES * count


def buffer_limit(in_all: int, partitions: int) -> int:
    """At how many bytes one of so many buffers is full, for all to take about ``in_all``."""
    return max(in_all // max(partitions, 1), LEAST_BUFFER_BYTES)


class LogReader(Protocol):
    """Reads several partitions from given positions; each partition in its order."""

    @property
    def buffers(self) -> Mapping[Place, PartitionBuffer]:
        """The buffer of each partition: one for as long as the reader is used."""

    def fill(self, timeout: float) -> bool:
        """Read what there is into the buffers that are not full; whether there was any.

        Each buffer is full at the same number of bytes, which bounds them all together. Waits at
        most ``timeout`` seconds when there is nothing.

        Raises:
            PositionError: history below a position is gone, or the topic is another one now.
            LogUnavailableError: the log does not answer.
        """

    def ends(self) -> dict[Place, int]:
        """The position at which each partition has nothing more (committed), as of now.

        Partitions that the topics have been given since are read from their first record on, and
        are among these.

        Raises:
            PositionError: the topic is gone, or another one now.
            LogUnavailableError: the log does not answer.
        """

    def close(self) -> None:
        """Free connections; it is not used after that."""


def poll(reader: LogReader, timeout: float) -> list[Record]:
    """Take what has arrived, in each partition's order, and read on; may be an empty list.

    Takes at most a few thousand records and a few megabytes (or one record, if that alone is
    larger), a share from each partition that has some. Waits at most ``timeout`` seconds when there
    is nothing.

    Raises:
        PositionError: as :meth:`LogReader.fill`.
        LogUnavailableError: likewise.
    """
    reader.fill(0.0 if any(b.records for b in reader.buffers.values()) else timeout)
    ready = [buffer for buffer in reader.buffers.values() if buffer.records]
    most = max(RECORDS_A_POLL // max(len(ready), 1), LEAST_RECORDS)
    room = max(BYTES_A_POLL // max(len(ready), 1), LEAST_BYTES)
    taken: list[Record] = []
    for buffer in ready:
        least = buffer.bytes - room
        for _ in range(min(most, len(buffer.records))):
            taken.append(buffer.take())
            if buffer.bytes <= least:
                break
    return taken


class OutputWriter(Protocol):
    """Writes outputs in transactions; the newest writer of a name is the rightful one."""

    def write(self, outputs: Mapping[str, Sequence[Outgoing]]) -> dict[Place, int]:
        """Append all records of all topics as one transaction, on disk when this returns.

        Returns:
            For each partition written to, the offset after the last record.

        Raises:
            FencedError: another writer of this name has begun, or the transaction timed out;
                nothing was written.
            StampError: a record's time is over an hour ahead; nothing was written.
            RecordTooLargeError: a record is too large; nothing was written.
            UnknownTopicError: a topic or partition is not there; nothing was written.
            LogUnavailableError: whether the transaction was committed is not known until a new
                writer of this name has been opened; then the topics show it.
            LogError: anything else; nothing was written.
        """

    def close(self) -> None:
        """Free connections; an unfinished transaction is aborted."""


class EventLog(Protocol):
    """A log that holds topics."""

    def create_topics(self, topics: Sequence[TopicSpec], *, accept_retention: bool) -> None:
        """Create the topics that are missing: kept for ever, stamped by the producer.

        A topic that has fewer partitions than wanted is given more; it never loses any.

        Raises:
            LogError: an existing topic deletes, restamps or refuses records by their age and
                ``accept_retention`` is false; the message names the topic and the setting.
            LogUnavailableError: the log does not answer.
        """

    def describe(self, topics: Sequence[str]) -> dict[str, TopicState]:
        """Identity and offsets of the topics that exist; the others are left out.

        Raises:
            LogUnavailableError: the log does not answer.
        """

    def newest_times(self, topics: Sequence[str]) -> dict[str, int | None]:
        """The highest record time in each topic, milliseconds; None where there is no record.

        Committed records of all partitions count. A topic that does not exist has none. In a
        partition of Kafka that transactions wrote to, the last few hundred records count: reading
        all to find one that is further back would take too long for what this is for, a warning.

        Raises:
            LogUnavailableError: the log does not answer.
            LogError: the topics may not be read.
        """

    def append(self, topic: str, records: Sequence[Outgoing]) -> list[tuple[int, int]]:
        """Append in order; on disk when this returns.

        Returns:
            The (partition, offset) of each record.

        Raises:
            StampError: a record's time is over an hour ahead; nothing was appended (unless the
                log's clock is behind this machine's, when records before it may have been).
            RecordTooLargeError: a record is larger than :data:`MAX_RECORD_BYTES`, and nothing was
                appended; or larger than an existing Kafka topic takes, when others may have been.
            UnknownTopicError: the topic or a partition is not there; nothing was appended.
            LogUnavailableError: whether the records were appended is not known.
        """

    def read(self, positions: Mapping[Place, int]) -> LogReader:
        """A reader of these partitions from these positions.

        Raises:
            PositionError: a position is before the partition's beginning or beyond its end.
            UnknownTopicError: a topic or partition is not there.
            LogUnavailableError: the log does not answer.
        """

    def writer(self, name: str) -> OutputWriter:
        """The transactional writer of this name.

        When this returns, older ones of the name are fenced off and their transactions settled.

        Raises:
            LogUnavailableError: the log does not answer.
        """

    def close(self) -> None:
        """Free connections. Its readers and writers have been closed before."""
