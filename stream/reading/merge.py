"""Several partitions as one stream: records in order of record time, labels before events.

The order is (record time, labels before events, topic, partition, offset), keeping each partition's
own order; a partition known to hold more is waited for, so that what is taken from a backlog is
always a prefix of the one global order, however the log delivers it.

Nothing is taken beyond where all partitions were last seen to end, at one moment. One of them may
have been read further than the others, and a label that is ahead of its time would be learned
before events that came earlier are scored.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from math import inf
from time import monotonic

from stream.log.contract import (
    LogReader,
    LogUnavailableError,
    PartitionBuffer,
    Place,
    PositionError,
    Record,
)
from stream.log.limits import WAYS_OUT

# What one batch holds at most. A commit costs Kafka some 5 ms and a batch this size some 60 ms of
# learning; much larger batches would only add to memory and to the time until a label is seen.
BATCH_ROWS, BATCH_BYTES = 8_192, 16 * 2**20

# How long a partition known to hold more may deliver nothing before the reader is given up.
STALLED_SECONDS = 60.0

# How old the knowledge of where partitions end may be while there is a backlog.
ENDS_SECONDS = 0.5


# So many records of each partition are put in order at once. In turns, each the smallest head, a
# record of three rows took 2 us.
PORTION = 128


@dataclass(slots=True)
class _Room:
    """How much a batch still takes."""

    rows: float
    bytes: float

    def fitting(self, order: Sequence[int], records: Sequence[Record]) -> int:
        """How many of the records fit in this order, the one that fills it included.

        They take their room.
        """
        count = 0
        # The hot loop of records of a few rows: .2 us a record.
        for at in order:
            value = records[at].value
            self.rows -= value.count(b"\n") + 1
            self.bytes -= len(value)
            count += 1
            if self.rows <= 0 or self.bytes <= 0:
                break
        return count


def _in_order(portions: Sequence[Sequence[Record]], complete: Sequence[bool]) -> list[int]:
    """The places of records among all, in their order, up to the end of a portion with more behind.

    Taking the smallest head each time orders records by the latest time of their partition so far,
    and at equal times by partition.

    Args:
        portions: the next records of each partition, which come in this order at equal times.
        complete: whether nothing comes behind it.
    """
    latest: list[int] = []
    ends: list[int] = []
    for portion, is_complete in zip(portions, complete, strict=True):
        latest += accumulate([record.time for record in portion], max)
        if not is_complete:
            ends.append(len(latest) - 1)
    order = sorted(range(len(latest)), key=latest.__getitem__)  # a stable sort
    return order[: 1 + min(map(order.index, ends))] if ends else order


class _Source:
    """One partition: its buffer, and the next offset that was not yet taken of it."""

    def __init__(self, place: Place, buffer: PartitionBuffer, position: int) -> None:
        self.place = place
        self.buffer = buffer
        self.taken = position

    def next(self, end: int) -> list[Record]:
        """The next records below ``end`` that are held: a portion at most."""
        held = list(islice(self.buffer.records, PORTION))
        if held and held[-1].offset >= end:
            held = [record for record in held if record.offset < end]
        return held

    def take(self, taken: Sequence[Record]) -> None:
        """Remove the first records, which are these."""
        if taken:
            for _ in taken:
                self.buffer.records.popleft()
            self.buffer.took(len(taken), sum([len(record.value) for record in taken]))
            self.taken = taken[-1].offset + 1

    def reaches(self, ends: Mapping[Place, int]) -> bool:
        """Whether there is a record to take below these ends."""
        records = self.buffer.records
        return bool(records) and records[0].offset < ends.get(self.place, 0)


class MergedReader:
    """Takes records of many partitions in the one order.

    Args:
        reader: reads the partitions from ``positions``.
        positions: where each partition begins.
        labels_topic: the topic whose records come first at equal times.
        stall_seconds: how long a partition known to hold more may deliver nothing.
        batch_rows: how many rows are taken at one go; None for :data:`BATCH_ROWS`.
    """

    def __init__(
        self,
        reader: LogReader,
        positions: Mapping[Place, int],
        labels_topic: str,
        stall_seconds: float = STALLED_SECONDS,
        batch_rows: int | None = None,
    ) -> None:
        self._reader = reader
        self._labels_topic = labels_topic
        self._stall_seconds = stall_seconds
        self._batch_rows = batch_rows
        self._sources: dict[Place, _Source] = {}
        for place, position in positions.items():
            self._add(place, position)
        self._ends: dict[Place, int] = {}
        self._ends_known_at = 0.0

    def positions(self) -> dict[Place, int]:
        """The next offset to take of each partition."""
        return {place: source.taken for place, source in self._sources.items()}

    def ends(self) -> dict[Place, int]:
        """Where each partition ended when last asked."""
        return dict(self._ends)

    def refresh_ends(self) -> dict[Place, int]:
        """Ask the log where each partition ends now; those that were added meanwhile join in."""
        self._ends = self._reader.ends()
        for place in self._ends.keys() - self._sources.keys():
            self._add(place, self._reader.buffers[place].position)
        self._ends_known_at = monotonic()
        return dict(self._ends)

    def take(self, timeout: float, limit: Mapping[Place, int] | None = None) -> list[Record]:
        """The next records, up to a batch's size; waits at most ``timeout`` for the first.

        Args:
            timeout: seconds to wait when there is nothing.
            limit: offsets at which to stop, for a run until the end as it was.
        """
        if monotonic() - self._ends_known_at > ENDS_SECONDS or not self._holds_any(self._ends):
            self.refresh_ends()
        bound = self._ends if limit is None else limit
        self._reader.fill(0.0)
        if not self._holds_any(bound) and not self._awaited(bound) and self._reader.fill(timeout):
            bound = self.refresh_ends() if limit is None else limit
        return self._merge(bound, _Room(self._batch_rows or BATCH_ROWS, BATCH_BYTES))

    def take_until(self, cut: Mapping[Place, int]) -> list[Record]:
        """Exactly the records below the cut, merged: one batch of the journal again.

        Raises:
            PositionError: a partition ends before the cut.
        """
        if self._shorter_than(cut):
            self.refresh_ends()
        for place in self._shorter_than(cut)[:1]:
            raise PositionError(
                f"Topic {place.topic}, partition {place.partition} ends at offset "
                f"{self._ends.get(place, 0)}, but the journal says that it was read up to "
                f"{cut[place]}: records at its end are gone. {WAYS_OUT}"
            )
        return self._merge(dict(cut), _Room(inf, inf))

    def reached(self, limit: Mapping[Place, int]) -> bool:
        """Whether nothing below these offsets is left to take."""
        return not self._awaited(limit) and not self._holds_any(limit)

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()

    def _add(self, place: Place, position: int) -> None:
        """Add a partition; they are kept as they come at equal times: labels first."""
        self._sources[place] = _Source(place, self._reader.buffers[place], position)
        by_rank = sorted(self._sources, key=lambda each: (each.topic != self._labels_topic, each))
        self._sources = {each: self._sources[each] for each in by_rank}

    def _shorter_than(self, cut: Mapping[Place, int]) -> list[Place]:
        """Partitions that are not known to reach the cut."""
        return [place for place, at in sorted(cut.items()) if self._ends.get(place, 0) < at]

    def _holds_any(self, ends: Mapping[Place, int]) -> bool:
        return any(source.reaches(ends) for source in self._sources.values())

    def _awaited(self, ends: Mapping[Place, int]) -> list[Place]:
        """Partitions with nothing in the buffer that are known to hold more."""
        return [
            place
            for place, buffer in self._reader.buffers.items()
            if not buffer.records and buffer.end < ends.get(place, 0)
        ]

    def _merge(self, ends: Mapping[Place, int], room: _Room) -> list[Record]:
        """The records below these ends in their order, until there is no room."""
        taken: list[Record] = []
        while room.rows > 0 and room.bytes > 0:
            self._await(ends)
            sources, portions, complete = [], [], []
            for source in self._sources.values():
                end = ends.get(source.place, 0)  # a batch of the journal may be older than it
                if portion := source.next(end):
                    sources.append(source)
                    portions.append(portion)
                    complete.append(portion[-1].offset + 1 >= end)
            if not portions:
                break
            records = list(chain.from_iterable(portions))
            order = _in_order(portions, complete)
            del order[room.fitting(order, records) :]
            taken += map(records.__getitem__, order)
            order.sort()
            first = 0
            for source, portion in zip(sources, portions, strict=True):
                count = bisect_left(order, first + len(portion)) - bisect_left(order, first)
                source.take(portion[:count])
                first += len(portion)
        return taken

    def _await(self, ends: Mapping[Place, int]) -> None:
        """Read until every partition known to hold more has something in its buffer."""
        since = monotonic()
        while waiting := self._awaited(ends):
            if self._reader.fill(0.1):
                since = monotonic()
            elif monotonic() - since > self._stall_seconds:
                place = waiting[0]
                raise LogUnavailableError(
                    f"The reader has stalled: {place.topic}, partition {place.partition} is known "
                    f"to hold records up to offset {ends[place]}, but nothing after "
                    f"{self._reader.buffers[place].end} has come for {self._stall_seconds:g} s. "
                    "A broker may be down."
                )
