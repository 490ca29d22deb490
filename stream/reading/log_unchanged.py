"""Reads on where another reader stopped, once it has seen that the record before is still the same.

Stands between the log and :class:`stream.reading.merge.MergedReader` when a learner goes on from a
checkpoint: a log that was cut back and written anew has other records at the same offsets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stream.log.checks import WAYS_OUT
from stream.log.contract import EventLog, LogReader, Place, PositionError, Record
from stream.log.fingerprint import Mark, checksum


class VerifiedReader:
    """A reader whose first record of some partitions has been seen before, and must be the same.

    See :class:`stream.log.contract.LogReader`. A record that is not there any more, as after
    compaction, says nothing: whatever was deleted had been read.
    """

    def __init__(self, reader: LogReader, seen: Mapping[Place, Mark]) -> None:
        self._reader = reader
        self._seen = dict(seen)

    def poll(self, timeout: float) -> list[Record]:
        """What comes after the records that were seen before."""
        records = self._reader.poll(timeout)
        return [r for r in records if not self._is_old(r)] if self._seen else records

    def position(self, place: Place) -> int:
        """The next offset to be handed out, or looked at."""
        return self._reader.position(place)

    def ends(self) -> dict[Place, int]:
        """Where each partition ends."""
        return self._reader.ends()

    def pause(self, places: Iterable[Place]) -> None:
        """Hand out nothing of these until resumed."""
        self._reader.pause(places)

    def resume(self, places: Iterable[Place]) -> None:
        """Hand these out again."""
        self._reader.resume(places)

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()

    def _is_old(self, record: Record) -> bool:
        mark = self._seen.pop(record.place, None)
        if mark is None or record.offset != mark.offset:
            return False
        if checksum([record]) != mark.crc32:
            raise PositionError(
                f"Topic {record.place.topic}, partition {record.place.partition}: the record at "
                f"offset {record.offset}, the last one that was learned, is another one now, so "
                f"the log was cut back and written anew. {WAYS_OUT}"
            )
        return True


def read_on(
    event_log: EventLog, positions: Mapping[Place, int], marks: Mapping[Place, Mark]
) -> LogReader:
    """A reader from these positions; what stands just before them must be as marked."""
    begins = {
        place: begin
        for state in event_log.describe(sorted({place.topic for place in positions})).values()
        for place, begin in state.begins.items()
    }
    seen = {
        place: mark
        for place, mark in marks.items()
        if mark.offset + 1 == positions.get(place) and mark.offset >= begins.get(place, 0)
    }
    first = {place: mark.offset for place, mark in seen.items()}
    return VerifiedReader(event_log.read({**positions, **first}), seen)
