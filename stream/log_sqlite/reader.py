"""Reads a SQLite log: hands records, in batches bounded by number and bytes, to the event reader.

No cursor stays open between two polls, for an open one keeps the write-ahead log from being
emptied, and it would grow without end.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping

from stream.log.contract import Place, PositionError, Record
from stream.log.limits import WAYS_OUT
from stream.log_sqlite.file import OFFSET_BITS, LogFile, unpacked

RECORDS_A_POLL = 2_048
BYTES_A_POLL = 8 * 2**20
# With many partitions each still gets a share worth a query.
LEAST_RECORDS = 128
LEAST_BYTES = 2**18
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
        self._positions = dict(positions)
        self._ids = dict(partition_ids)
        self._known = set(known)
        self._paused: set[Place] = set()
        with file.errors():
            self._connection = file.connect()

    def poll(self, timeout: float) -> list[Record]:
        """What has come on the partitions not paused, at once or within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self._file.errors():
            while True:
                version = self._version()
                records = self._read()
                if records or not self._changed(version, deadline):
                    return records

    def position(self, place: Place) -> int:
        """The next offset to hand out."""
        return self._positions[place]

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
                self._ids[place], self._positions[place] = ends[place][0], 0
        return {place: ends[place][1] for place in self._ids}

    def pause(self, places: Iterable[Place]) -> None:
        """Hand out nothing of these until resumed."""
        self._paused.update(places)

    def resume(self, places: Iterable[Place]) -> None:
        """Hand these out again."""
        self._paused.difference_update(places)

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

    def _read(self) -> list[Record]:
        """A share of what each partition that is not paused has now."""
        places = [place for place in self._positions if place not in self._paused]
        share = max(len(places), 1)
        most = max(RECORDS_A_POLL // share, LEAST_RECORDS)
        room = max(BYTES_A_POLL // share, LEAST_BYTES)
        return [record for place in places for record in self._read_one(place, most, room)]

    def _read_one(self, place: Place, most: int, room: int) -> list[Record]:
        """At most so many records, and bytes, of a partition (one record may be larger)."""
        zero = self._ids[place] << OFFSET_BITS
        position = self._positions[place]
        asked = (zero + position, zero + (1 << OFFSET_BITS), most)
        records: list[Record] = []
        # Some 3 us a record, nearly all of it SQLite's: 14 M rows/s at 50 rows a record.
        with contextlib.closing(self._connection.execute(SELECT, asked)) as rows:
            for identifier, stamp, value, headers, key in rows:
                offset = identifier - zero
                records.append(Record(place, offset, stamp, value, unpacked(headers), key))
                room -= len(value)
                if room <= 0:
                    break
        if records:
            if records[-1].offset - position >= len(records):
                raise PositionError(
                    f"Topic {place.topic}, partition {place.partition}: records between offsets"
                    f" {position} and {records[-1].offset} are gone from {self._file.path}."
                    f" {WAYS_OUT}"
                )
            self._positions[place] = records[-1].offset + 1
        return records
