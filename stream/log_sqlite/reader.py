"""Reads a SQLite log, from given positions, into a bounded buffer for each partition.

No cursor stays open between two calls, for an open one keeps the write-ahead log from being
emptied, and it would grow without end.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from itertools import repeat

from stream.log.contract import (
    RECORD_BYTES,
    PartitionBuffer,
    Place,
    PositionError,
    Record,
    buffer_limit,
)
from stream.log.limits import WAYS_OUT
from stream.log_sqlite.file import OFFSET_BITS, LogFile, unpacked

# What one query brings at most, and what all buffers may hold before reading pauses: little, so
# that it is still in the caches of the processor when it is taken.
RECORDS_A_QUERY = 2_048
BUFFER_BYTES = 2**21
# Between two looks for news when there is nothing: a look costs some 4 us.
TICK_SECONDS = 0.01

SELECT = (
    "SELECT id, time, value, headers, key FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
)


class SqliteReader:
    """A reader of some partitions; see :class:`stream.log.contract.LogReader`.

    Args:
        file: the log.
        positions: where to begin in each partition.
        partition_ids: the id of each partition, checked to be there.
        known: all partitions that the topics have now; others are read when they are added.
    """

    def __init__(
        self,
        file: LogFile,
        positions: Mapping[Place, int],
        partition_ids: Mapping[Place, int],
        known: Iterable[Place],
    ) -> None:
        self._file = file
        self.buffers = {place: PartitionBuffer(at) for place, at in positions.items()}
        self._ids = dict(partition_ids)
        self._known = set(known)
        with file.errors():
            self._connection = file.connect()

    def fill(self, timeout: float) -> bool:
        """Read what has come, at once or within ``timeout`` seconds, into buffers not full."""
        deadline = time.monotonic() + timeout
        with self._file.errors():
            while True:
                version = self._version()
                if self._read():
                    return True
                if not self._changed(version, deadline):
                    return False

    def ends(self) -> dict[Place, int]:
        """The next offset that each partition will give."""
        self._file.check()
        with self._file.errors():
            rows = self._connection.execute(
                "SELECT topic, number, id, next_offset FROM partitions"
            ).fetchall()
        ends = {Place(topic, number): (identifier, end) for topic, number, identifier, end in rows}
        for place, identifier in self._ids.items():
            if ends.get(place, (None, 0))[0] != identifier:
                raise PositionError(
                    f"Topic {place.topic} was removed or recreated while it was read. {WAYS_OUT}"
                )
        topics = {place.topic for place in self._ids}
        for place in ends.keys() - self._known:
            if place.topic in topics:
                self._known.add(place)
                self._ids[place], self.buffers[place] = ends[place][0], PartitionBuffer(0)
        return {place: ends[place][1] for place in self._ids}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _version(self) -> int:
        """A number that changes when anyone else has committed to the file."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _changed(self, version: int, deadline: float) -> bool:
        """Whether the file has changed by the deadline; waits for it."""
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(TICK_SECONDS, left))
            if self._version() != version:
                return True
        return False

    def _read(self) -> bool:
        """Read on in each partition whose buffer has room; whether there was anything."""
        limit = buffer_limit(BUFFER_BYTES, len(self.buffers))
        found = False
        for place, buffer in self.buffers.items():
            if (room := limit - buffer.bytes) > 0 and (records := self._read_one(place, room)):
                buffer.add(records)
                found = True
        return found

    def _read_one(self, place: Place, room: int) -> list[Record]:
        """The next records of a partition, up to so many bytes (one record may be larger)."""
        zero = self._ids[place] << OFFSET_BITS
        position = self.buffers[place].end
        asked = (zero + position, zero + (1 << OFFSET_BITS), RECORDS_A_QUERY)
        rows: list[tuple[int, int, bytes, bytes | None, bytes | None]] = []
        # 1 us a record, nearly all of it SQLite's.
        with contextlib.closing(self._connection.execute(SELECT, asked)) as found:
            for row in found:
                rows.append(row)
                room -= len(row[2]) + RECORD_BYTES
                if room <= 0:
                    break
        if not rows:
            return []
        ids, times, values, packed, keys = zip(*rows, strict=True)
        last = ids[-1] - zero
        if last - position >= len(rows):
            raise PositionError(
                f"Topic {place.topic}, partition {place.partition}: records between offsets"
                f" {position} and {last} are gone from {self._file.path}. {WAYS_OUT}"
            )
        offsets, headers = map(zero.__rsub__, ids), map(unpacked, packed)
        columns = zip(repeat(place), offsets, times, values, headers, keys, repeat(False))
        return list(map(tuple.__new__, repeat(Record), columns))
