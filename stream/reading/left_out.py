"""Records in quarantine, as they are read: apart from the others, and for their ids alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError
from converters.cells.spellings import integer
from converters.convert.label_rows import Cells
from converters.convert.records import RowReader
from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log.batch import LeftOut
from stream.log.contract import Record
from stream.reading.record_reader import RecordReader


def parted(
    records: Sequence[Record], quarantined: OffsetRanges, reader: RecordReader
) -> tuple[Sequence[Record], list[LeftOut]]:
    """The records that are not in quarantine, and what is.

    Args:
        records: in their order.
        quarantined: which of them are left out.
        reader: the conversion.
    """
    if not quarantined:
        return records, []
    kept: list[Record] = []
    found: list[LeftOut] = []
    for record in records:
        if not quarantined.holds(record.place, record.offset):
            kept.append(record)
            continue
        rows, ids = _ids(record, reader)
        labels, time = record.place.topic == reader.labels_topic, max(0, record.time)
        if found and found[-1][:3] == (len(kept), labels, time):
            last = found.pop()
            last.ids.extend(ids)  # copied each time, those of one moment would take long
            rows, ids = last.rows + rows, last.ids
        found.append(LeftOut(len(kept), labels, time, rows, ids))
    return kept, found


def _ids(record: Record, reader: RecordReader) -> tuple[int, list[str]]:
    """How many rows a record has, and the ids of those that can be cut into cells."""
    if record.is_null:
        return 1, []
    rows = reader.rows_of(record)
    if record.place.topic == reader.labels_topic:
        cells = list(rows.label_rows(record.value, record.headers)[0])
        return len(cells), list(_good(cells, 0, rows))
    cells, at = reader.cells_of(record), rows.schema.index("id")
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
