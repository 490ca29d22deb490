"""Records in quarantine, as they are read: apart from the others, and for their ids alone.

Rows of them that were corrected are read in their place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError
from converters.cells.spellings import integer
from converters.convert.label_rows import Cells
from converters.convert.records import RowReader
from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log.batch import LeftOut
from stream.log.contract import Record
from stream.reading.corrections import NO_ROWS, Rows
from stream.reading.record_reader import RecordReader


@dataclass
class Parted:
    """Some records, read by a lineage.

    Attributes:
        taken: what is converted: those not in quarantine and the corrected rows, in their order.
        own: those not in quarantine.
        numbers: of each corrected row among what is taken, which row of its record it is.
        left_out: what is in quarantine and was not corrected.
    """

    taken: Sequence[Record]
    own: Sequence[Record]
    numbers: dict[int, int] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


def parted(
    records: Sequence[Record],
    quarantined: OffsetRanges,
    reader: RecordReader,
    corrected: Rows = NO_ROWS,
) -> Parted:
    """The records that are not in quarantine, and what is.

    Args:
        records: in their order.
        quarantined: which of them are left out.
        reader: the conversion.
        corrected: rows in their place.
    """
    if not quarantined:
        return Parted(records, records)
    taken, own = list[Record](), list[Record]()
    found = Parted(taken, own)
    for record in records:
        if not quarantined.holds(record.place, record.offset):
            taken.append(record)
            own.append(record)
            continue
        rows = corrected.get((record.place, record.offset), {})
        for number, row in sorted(rows.items()):
            found.numbers[len(taken)] = number
            taken.append(row._replace(time=record.time))
        _leave_out(found.left_out, len(taken), record, _ids(record, reader, rows), reader)
    return found


def _leave_out(
    found: list[LeftOut],
    before: int,
    record: Record,
    counted: tuple[int, list[str]],
    reader: RecordReader,
) -> None:
    """Add the rows of a record, to those of one moment where it follows these."""
    labels, time, (rows, ids) = record.place.topic == reader.labels_topic, record.time, counted
    time = max(0, time)
    if found and found[-1][:3] == (before, labels, time):
        last = found.pop()
        last.ids.extend(ids)  # copied each time, those of one moment would take long
        rows, ids = last.rows + rows, last.ids
    if rows:
        found.append(LeftOut(before, labels, time, rows, ids))


def _ids(record: Record, reader: RecordReader, but: Collection[int]) -> tuple[int, list[str]]:
    """How many rows a record has but these, and the ids of those that can be cut into cells."""
    if record.is_null:
        return int(0 not in but), []
    rows = reader.rows_of(record)
    at: int | None = 0
    if record.place.topic == reader.labels_topic:
        cells = list(rows.label_rows(record.value, record.headers)[0])
    else:
        cells, at = reader.cells_of(record), rows.schema.index("id")
    if but:
        cells = [each for number, each in enumerate(cells) if number not in but]
    return len(cells), [] if at is None else list(_good(cells, at, rows))


def _good(rows: Iterable[Cells], at: int, reader: RowReader) -> Iterable[str]:
    """The ids in these places, whatever the other cells are."""
    for cells in rows:
        if isinstance(cells, Refusal) or len(cells) <= at or not 0 < len(cells[at]) <= MOST_ID:
            continue
        if not reader.schema.has_integer_ids:
            yield cells[at]
            continue
        try:
            yield integer(cells[at])
        except RefusedCellError:
            continue
