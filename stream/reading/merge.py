"""Several partitions as one stream: records in order of record time, labels before events.

The order is (record time, labels before events, topic, partition, offset), keeping each partition's
own order; a partition known to hold more is waited for, so that what is taken from a backlog is
always a prefix of the one global order, however the log delivers it.

Nothing is taken beyond where all partitions were last seen to end, at one moment. One of them may
have been read further than the others, and a label that is ahead of its time would be learned
before events that came earlier are scored.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from time import monotonic

from stream.log.contract import LogReader, LogUnavailableError, Place, PositionError, Record
from stream.log.limits import WAYS_OUT

# Kafka's poll drains one partition before the next; a partition with this much in its buffer is
# paused until the others have caught up.
FULL_BYTES, FULL_RECORDS = 8 * 2**20, 4_096

# What one batch holds at most. A commit costs Kafka some 5 ms and a batch this size some 60 ms of
# learning; much larger batches would only add to memory and to the time until a label is seen.
BATCH_ROWS, BATCH_BYTES = 8_192, 16 * 2**20

# How long a partition known to hold more may deliver nothing before the reader is given up.
STALLED_SECONDS = 60.0

# How old the knowledge of where partitions end may be while there is a backlog.
ENDS_SECONDS = 0.5


class _Buffer:
    """What has been read of one partition and not been taken."""

    def __init__(self, place: Place, rank: int, position: int) -> None:
        self.place = place
        self.rank = rank
        self.records: deque[Record] = deque()
        self.bytes = 0
        self.taken = position
        self.paused = False

    def head(self) -> tuple[int, int, str, int, int]:
        record = self.records[0]
        return (record.time, self.rank, record.place.topic, record.place.partition, record.offset)

    def add(self, record: Record) -> None:
        self.records.append(record)
        self.bytes += len(record.value)

    def take(self) -> Record:
        record = self.records.popleft()
        self.bytes -= len(record.value)
        self.taken = record.offset + 1
        return record

    def full(self) -> bool:
        return self.bytes >= FULL_BYTES or len(self.records) >= FULL_RECORDS

    def roomy(self) -> bool:
        return self.bytes < FULL_BYTES // 2 and len(self.records) < FULL_RECORDS // 2


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
        self._buffers: dict[Place, _Buffer] = {}
        for place, position in positions.items():
            self._add(place, position)
        self._ends: dict[Place, int] = {}
        self._ends_known_at = 0.0

    def positions(self) -> dict[Place, int]:
        """The next offset to take of each partition."""
        return {place: buffer.taken for place, buffer in self._buffers.items()}

    def ends(self) -> dict[Place, int]:
        """Where each partition ended when last asked."""
        return dict(self._ends)

    def refresh_ends(self) -> dict[Place, int]:
        """Ask the log where each partition ends now; those that were added meanwhile join in."""
        self._ends = self._reader.ends()
        for place in self._ends.keys() - self._buffers.keys():
            self._add(place, self._reader.position(place))
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
        self._fill(0.0)
        if not self._holds_any(bound) and not self._awaited(bound) and self._fill(timeout):
            bound = self.refresh_ends() if limit is None else limit
        return self._merge(bound, self._batch_rows or BATCH_ROWS, BATCH_BYTES)

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
        return self._merge(dict(cut), None, None)

    def reached(self, limit: Mapping[Place, int]) -> bool:
        """Whether nothing below these offsets is left to take."""
        return not self._awaited(limit) and not any(
            b.records and b.records[0].offset < limit.get(p, 0) for p, b in self._buffers.items()
        )

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()

    def _add(self, place: Place, position: int) -> None:
        rank = 0 if place.topic == self._labels_topic else 1
        self._buffers[place] = _Buffer(place, rank, position)

    def _shorter_than(self, cut: Mapping[Place, int]) -> list[Place]:
        """Partitions that are not known to reach the cut."""
        return [place for place, at in sorted(cut.items()) if self._ends.get(place, 0) < at]

    def _holds_any(self, ends: Mapping[Place, int]) -> bool:
        return any(self._takeable(place, buffer, ends) for place, buffer in self._buffers.items())

    def _awaited(self, ends: Mapping[Place, int]) -> list[Place]:
        """Partitions with nothing in the buffer that are known to hold more."""
        return [
            place
            for place, buffer in self._buffers.items()
            if not buffer.records and self._reader.position(place) < ends.get(place, 0)
        ]

    def _merge(
        self, ends: Mapping[Place, int], most_rows: int | None, most_bytes: int | None
    ) -> list[Record]:
        taken: list[Record] = []
        rows = size = 0
        self._await(ends)
        heads = [(b.head(), b) for p, b in self._buffers.items() if self._takeable(p, b, ends)]
        heapq.heapify(heads)
        while heads:
            buffer = heads[0][1]
            record = buffer.take()
            taken.append(record)
            rows += record.value.count(b"\n") + 1
            size += len(record.value)
            if not buffer.records:
                self._await(ends)
            if self._takeable(buffer.place, buffer, ends):
                heapq.heapreplace(heads, (buffer.head(), buffer))
            else:
                heapq.heappop(heads)
            if (most_rows and rows >= most_rows) or (most_bytes and size >= most_bytes):
                break
        return taken

    def _takeable(self, place: Place, buffer: _Buffer, ends: Mapping[Place, int]) -> bool:
        return bool(buffer.records) and buffer.records[0].offset < ends.get(place, 0)

    def _await(self, ends: Mapping[Place, int]) -> None:
        """Poll until every partition known to hold more has something in its buffer."""
        since = monotonic()
        while waiting := self._awaited(ends):
            if self._fill(0.1):
                since = monotonic()
            elif monotonic() - since > self._stall_seconds:
                place = waiting[0]
                raise LogUnavailableError(
                    f"The reader has stalled: {place.topic}, partition {place.partition} is known "
                    f"to hold records up to offset {ends[place]}, but nothing after "
                    f"{self._reader.position(place)} has come for {self._stall_seconds:g} s. "
                    "A broker may be down."
                )

    def _fill(self, timeout: float) -> bool:
        """Read what there is into the buffers; pause the full ones."""
        roomy = [b for b in self._buffers.values() if b.paused and b.roomy()]
        if roomy:
            self._reader.resume([b.place for b in roomy])
            for buffer in roomy:
                buffer.paused = False
        records = self._reader.poll(timeout)
        for record in records:
            self._buffers[record.place].add(record)
        full = [b for b in self._buffers.values() if not b.paused and b.full()]
        if full:
            self._reader.pause([b.place for b in full])
            for buffer in full:
                buffer.paused = True
        return bool(records)
