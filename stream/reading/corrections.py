"""Corrected rows of records in quarantine, which a lineage takes in their place.

They are on a topic of their own, a record each. Its key is ``topic:partition:offset:row``, which
row it takes the place of; a header names the quarantine that it was corrected in; value and the
other headers are those of a record of events or labels. Of several for one row the last counts.
Whoever has sent all rows of a file adds a record with the key ``complete``: rows of a quarantine
that come after its last one may be half of a file.

Which ones a lineage takes is fixed when it begins, as :class:`Corrections`, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Json
from stream.log import fingerprint, journal
from stream.log.contract import EventLog, LogError, Outgoing, Place, PositionError, Record
from stream.log.limits import WAYS_OUT
from stream.log.topics import described, ends_of

# The header with the number of the quarantine.
QUARANTINE_HEADER = "quarantine"

# The key of the record that says that the rows of a quarantine before it are all that were to come.
COMPLETE = b"complete"

# The corrected rows of each record, by their number in it, as records at its place and time 0.
Rows = Mapping[tuple[Place, int], Mapping[int, Record]]
NO_ROWS: Rows = {}


class Corrections(NamedTuple):
    """Which corrected rows are taken.

    Attributes:
        until: those before this offset of their topic.
        quarantines: those that were corrected in one of these.
        ranges: the records that have some, all of them left out otherwise.
        rows: how many there are.
        crc32: over all of them, so that it is noticed if they are not the same any more.
    """

    until: int
    quarantines: tuple[int, ...]
    ranges: OffsetRanges
    rows: int
    crc32: int

    def to_json(self) -> Json:
        """As the journal and the registry keep it."""
        found = self._asdict()
        return {**found, "quarantines": list(self.quarantines), "ranges": self.ranges.to_json()}

    @classmethod
    def from_json(cls, held: Json | None) -> Corrections | None:
        """The inverse of :meth:`to_json`; None is none at all."""
        if held is None:
            return None
        of = tuple(held["quarantines"]), OffsetRanges.from_json(held["ranges"])
        return cls(held["until"], *of, held["rows"], held["crc32"])


class Correction(NamedTuple):
    """A corrected row as it is on its topic.

    Attributes:
        place, offset, row: which row it takes the place of.
        quarantine: the number of the one that it was corrected in.
        record: has it.
    """

    place: Place
    offset: int
    row: int
    quarantine: int
    record: Record


def outgoing(correction: Correction) -> Outgoing:
    """A corrected row as it is sent; its record has its value and headers."""
    place, offset, row, quarantine, record = correction
    headers = (*record.headers, (QUARANTINE_HEADER, b"%d" % quarantine))
    key = f"{place.topic}:{place.partition}:{offset}:{row}".encode()
    return Outgoing(record.value, None, headers, key, partition=0)


def corrections(log: EventLog, topic: str) -> Iterator[Correction]:
    """All corrected rows, in the order in which they were sent.

    Raises:
        LogError: there is a record that Freshet did not write.
    """
    return (each for each in _records(log, topic) if isinstance(each, Correction))


def completed(quarantine: int) -> Outgoing:
    """What is sent after all rows of a file."""
    return Outgoing(b"", None, ((QUARANTINE_HEADER, b"%d" % quarantine),), COMPLETE, partition=0)


def incomplete(log: EventLog, topic: str, quarantines: Collection[int]) -> list[int]:
    """Those of some quarantines of which a command has sent rows, and not told that these are all.

    Raises:
        LogError: as :func:`corrections`.
    """
    found = set[int]()
    for each in _records(log, topic):
        if isinstance(each, Correction):
            found.add(each.quarantine)
        else:
            found.discard(each)
    return sorted(found & {*quarantines})


def incomplete_words(quarantines: Sequence[int]) -> str:
    """That a replay may take half of a file, and what to do."""
    which = "quarantine" if len(quarantines) == 1 else "quarantines"
    return (
        f"These may not be all: a 'freshet quarantine resubmit' of {which} "
        f"{', '.join(map(str, quarantines))} has sent rows and has not ended. Let it end, or run "
        "it again with its file; once a replay has begun, only another one takes the rest."
    )


def _records(log: EventLog, topic: str) -> Iterator[Correction | int]:
    """Each corrected row; the number of a quarantine where all that were to come are before."""
    if not log.describe([topic]):
        return
    for record in journal.records(log, topic):
        try:
            quarantine = int(dict(record.headers)[QUARANTINE_HEADER])
            if record.key == COMPLETE:
                yield quarantine
                continue
            name, *numbers = (record.key or b"").decode().rsplit(":", 3)
            partition, offset, row = map(int, numbers)
        except (ValueError, KeyError):
            raise LogError(
                f"The topic {topic} holds a record at offset {record.offset} that Freshet did not "
                "write, so it is unknown which rows were corrected. Nothing else may write to this "
                "topic; restore it."
            ) from None
        yield Correction(Place(name, partition), offset, row, quarantine, record)


def own_headers(record: Record) -> tuple[tuple[str, bytes], ...]:
    """The headers of a corrected row itself."""
    return tuple(each for each in record.headers if each[0] != QUARANTINE_HEADER)


def fixed_now(
    log: EventLog, topic: str, quarantines: Collection[int], left_out: OffsetRanges
) -> Corrections | None:
    """What a lineage takes that begins now; None if there is nothing.

    Args:
        log: has the corrected rows.
        topic: where they are.
        quarantines: the numbers of those in force.
        left_out: the records that the lineage leaves out.
    """
    if not (quarantines and left_out and log.describe([topic])):
        return None
    until = ends_of(described(log, [topic]))[Place(topic, 0)]
    of = tuple(sorted(quarantines))
    found = _rows(log, topic, until, of, left_out)
    if not found:
        return None
    ranges = OffsetRanges.of((place, (at, at + 1)) for place, at in found)
    return Corrections(until, of, ranges, *_summed(found))


def corrected_rows(log: EventLog, topic: str, known: Corrections | None) -> Rows:
    """The rows that a lineage takes, all in memory.

    Raises:
        PositionError: they are not the same any more.
    """
    if known is None:
        return NO_ROWS
    found = _rows(log, topic, known.until, known.quarantines, known.ranges)
    count, crc32 = _summed(found)
    if (count, crc32) != (known.rows, known.crc32):
        raise PositionError(
            f"The topic {topic} no longer has the corrected rows that were learned in place of "
            f"records in quarantine: there were {known.rows} before offset {known.until} (checksum "
            f"{known.crc32:08x}), and there are {count} ({crc32:08x}) now. Records were deleted, "
            f"compacted or replaced. {WAYS_OUT}"
        )
    return found


def _rows(
    log: EventLog, topic: str, until: int, quarantines: Collection[int], held: OffsetRanges
) -> dict[tuple[Place, int], dict[int, Record]]:
    """The last of each row, as a record where the row is."""
    found: dict[tuple[Place, int], dict[int, Record]] = {}
    alike: dict[tuple[tuple[str, bytes], ...], tuple[tuple[str, bytes], ...]] = {}
    for place, offset, row, quarantine, record in corrections(log, topic):
        if record.offset >= until:
            break
        if quarantine in quarantines and held.holds(place, offset):
            headers = own_headers(record)
            each = Record(place, offset, 0, record.value, alike.setdefault(headers, headers))
            found.setdefault((place, offset), {})[row] = each
    return found


def _summed(found: Rows) -> tuple[int, int]:
    """How many rows there are, and their checksum, with each one's number as its time."""
    rows = [
        record._replace(time=row)
        for _, of in sorted(found.items())
        for row, record in sorted(of.items())
    ]
    return len(rows), fingerprint.checksum(rows)
