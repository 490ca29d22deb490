"""The contract of an event log: topics of partitions of records, read by position.

``stream/sqlite_log.py`` and ``stream/kafka_log.py`` implement it and one suite
(``tests/test_log_contract.py``) runs over both. The reader, the producers and the learner see
nothing but what stands here.

Promises: offsets of a partition rise, but need not be consecutive; a position is the next offset
to read; a reader starts exactly where it is told and never where a consumer group would; outputs
of one transaction are seen all or not at all, and readers see committed records only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from converters.errors import FreshetError

# Kafka refuses stamps further ahead of the broker's clock than this, and so does every log here:
# one record of the year 2100 would expire everything that waits.
MAX_AHEAD_MS = 3_600_000


class LogError(FreshetError):
    """A log cannot be read or written."""


class LogUnavailableError(LogError):
    """The log does not answer; trying again may help."""


class PositionError(LogError):
    """A position is before the log's start or beyond its end, or the topic is another one."""


class FencedError(LogError):
    """Another learner has taken over the outputs, or this one's transaction timed out."""


class StampError(LogError):
    """A record's time is more than an hour ahead of the log's clock."""


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
        headers: header names and values.
        key: the record's key, if any.
    """

    place: Place
    offset: int
    time: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None


class Outgoing(NamedTuple):
    """One record to append; ``time`` None means now."""

    value: bytes
    time: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None
    partition: int = 0


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as Freshet wants it: kept for ever, stamped by its producer."""

    name: str
    partitions: int = 1


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is: its identity and the first and next offset of each partition."""

    topic_id: str
    begins: dict[Place, int] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)


class LogReader(Protocol):
    """Reads several partitions from given positions; each partition in its order."""

    def poll(self, timeout: float) -> list[Record]:
        """What has arrived on the partitions not paused, in each partition's order.

        Waits at most ``timeout`` seconds when there is nothing; may return an empty list.

        Raises:
            PositionError: history below a position is gone, or the log ends before it.
            LogUnavailableError: the log does not answer.
        """

    def position(self, place: Place) -> int:
        """The next offset that ``poll`` would look at; moves past gaps by itself."""

    def ends(self) -> dict[Place, int]:
        """The position at which each partition has nothing more (committed), as of now."""

    def pause(self, places: Iterable[Place]) -> None:
        """Read nothing of these until resumed (their buffers are full)."""

    def resume(self, places: Iterable[Place]) -> None:
        """Read these again."""

    def close(self) -> None:
        """Free connections."""


class OutputWriter(Protocol):
    """Writes outputs in transactions; one writer at a time is the rightful one."""

    def write(self, outputs: Mapping[str, Sequence[Outgoing]]) -> None:
        """Append all records of all topics as one transaction, on disk when this returns.

        Raises:
            FencedError: another writer of the same name has begun, or the transaction timed out.
            LogUnavailableError: nothing was written.
        """

    def close(self) -> None:
        """Free connections; an unfinished transaction is aborted."""


class EventLog(Protocol):
    """A log that holds topics."""

    def create_topics(self, topics: Sequence[TopicSpec], *, accept_retention: bool) -> None:
        """Create the topics that are missing: kept for ever, stamped by the producer.

        Raises:
            LogError: an existing topic deletes or restamps records and ``accept_retention`` is
                false; the message names the topic and the setting.
        """

    def describe(self, topics: Sequence[str]) -> dict[str, TopicState]:
        """Identity and offsets of the topics that exist."""

    def append(self, topic: str, records: Sequence[Outgoing]) -> list[tuple[int, int]]:
        """Append in order; on disk when this returns.

        Returns:
            The (partition, offset) of each record.

        Raises:
            StampError: a record's time is over an hour ahead; nothing was appended.
            LogUnavailableError: whether the records were appended is not known.
        """

    def read(self, positions: Mapping[Place, int]) -> LogReader:
        """A reader of these partitions from these positions."""

    def writer(self, name: str) -> OutputWriter:
        """The transactional writer of this name; an older one of the name is fenced off."""

    def close(self) -> None:
        """Free connections."""
