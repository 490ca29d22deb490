"""The rows of a batch's records, gathered to blocks before they are converted, as columns.

Converting a block of three rows costs nearly what one of fifty costs. So records of CSV whose rows
are their lines, all laid out alike, are joined until there are
:data:`~converters.convert.row_block.MOST_AT_ONCE` rows, and their cells are found all at once, as
those of JSON objects that are written alike; rows that have to be parsed one by one are gathered as
cells. Where one row keeps others from being taken together, they are halved until it is alone.
:mod:`stream.reading.record_reader` is the plain twin.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, repeat
from operator import not_

from converters.cells.refusal import Refusal
from converters.convert.label_rows import Cells
from converters.convert.records import SUSPECT, Format, Layout, RowReader
from converters.convert.row_block import MOST_AT_ONCE, MOST_IN_BLOCK, RowBlock, block_of
from converters.convert.to_vw_text import FEWEST_IN_BLOCK
from converters.files.framing import (
    MOST_ROWS,
    ByteColumns,
    columns_of_text,
    plain_text,
    without_returns,
)
from learners.learner import LineBlock
from learners.line_bounds import UNLEARNABLE
from stream.log.batch import Batch, EventColumns, Head, LabelColumns
from stream.log.contract import Place, Record
from stream.reading.record_reader import RecordReader

# The layout of records each of which is an object.
OBJECTS = Layout(None, Format.JSON, at_the_top=True, delimiter="")
# Between such records: as a part of a text it would be no JSON, so what is on either side of it is
# another object.
BETWEEN_OBJECTS = b"\n,"
# Fewer are taken one by one, if they are not alike.
FEWEST_HALVED = 64
# A list of fewer objects is parsed as quickly.
FEWEST_LISTED = 128
# In place of a refused label.
NO_LABEL = ("", 0)


class GatheringReader(RecordReader):
    """The same rows as its base gives, quicker for many records than record by record."""

    def converted(self, records: Sequence[Record], cut: Mapping[Place, int]) -> Batch:
        """These records as a batch, which ends at ``cut``."""
        topic = self.labels_topic
        places, offsets, times, *_ = zip(*records, strict=True) if records else ((),) * 3
        kinds = [place[0] == topic for place in places]
        events, labels = GatheredEvents(self), GatheredLabels(self)
        labels.take(list(compress(records, kinds)))
        events.take(list(compress(records, map(not_, kinds))))
        counts = iter(events.counts), iter(labels.counts)
        rows = map(next, map(counts.__getitem__, kinds))
        stamps = map(max, times, repeat(0)) if min(times, default=0) < 0 else times
        # Made in C, .2 us each instead of .6: a record of three rows is converted in 5 us.
        columns = zip(places, offsets, stamps, rows, kinds, [0] * len(places), strict=True)
        heads: list[Head] = list(map(tuple.__new__, repeat(Head), columns))
        of = events.columns(), labels.columns()
        return self.with_cells(Batch(heads, cut, events=of[0], labels=of[1]))


@dataclass(slots=True)
class _Run:
    """Records in a row that are read alike, each with so many lines; or a single other one.

    Attributes:
        layout: of the lines; None where the rows of the record are not its lines.
        rows: the lines of all records.
    """

    reader: RowReader
    layout: Layout | None
    records: list[Record]
    counts: list[int]
    rows: int

    def part(self, of: slice) -> _Run:
        counts = self.counts[of]
        return _Run(self.reader, self.layout, self.records[of], counts, sum(counts))


class _Gathered(ABC):
    """The rows of the records of one kind.

    Args:
        of: reads records one by one.

    Attributes:
        counts: how many rows each record has.
    """

    def __init__(self, of: RecordReader) -> None:
        self._of = of
        self.counts: list[int] = []

    # Whether records of one object each are converted together.
    _takes_objects = False

    def take(self, records: Sequence[Record]) -> None:
        """Convert these records, which come next."""
        for run in self._runs(records):
            self._take(run)

    def _runs(self, records: Sequence[Record]) -> Iterator[_Run]:
        """Runs of about :data:`MOST_AT_ONCE` lines, told by a look at all of them if possible."""
        values = [record.value for record in records]
        counts = [value.count(b"\n") + (value[-1:] != b"\n") for value in values]
        ends, begin, before = list(accumulate(counts)), 0, 0
        others: list[Record] = []
        while begin < len(records):
            end = max(begin + 1, bisect_right(ends, before + MOST_AT_ONCE, begin))
            part, rows = slice(begin, end), ends[end - 1] - before
            layout = self._layout_of(records[part], values[part])
            if layout is None or rows > MOST_ROWS:
                others += records[part]
            else:
                yield from self._runs_of_others(others)
                others = []
                yield _Run(self._of.rows, layout, [*records[part]], counts[part], rows)
            begin, before = end, ends[end - 1]
        yield from self._runs_of_others(others)

    def _layout_of(self, records: Sequence[Record], values: Sequence[bytes]) -> Layout | None:
        """The layout of records that are certainly lines and laid out alike, some .2 us each."""
        headers, firsts = records[0].headers, {value[:1] for value in values}
        alike = [record.headers for record in records].count(headers) == len(records)
        lines = b"" not in firsts and SUSPECT.isdisjoint(firsts) and b'"' not in b"".join(values)
        known = alike and lines and not self._of.earlier
        return self._of.rows.csv_layout(values[0], headers) if known else None

    def _runs_of_others(self, records: Sequence[Record]) -> Iterator[_Run]:
        """Told record by record, each in some .8 us."""
        of, run, known = self._of, None, None
        for record in records:
            _, _, _, value, headers, _, _ = record
            count = value.count(b"\n") + (value[-1:] != b"\n")
            first = value[:1]
            alike = headers == known and first not in SUSPECT and first and not of.earlier
            if run is None or not alike:
                reader, known = of.rows_of(record), headers
                layout = reader.csv_layout(value, headers) if first else None
            if b'"' in value or count > MOST_ROWS:
                layout = None
            if layout is None:
                known = None  # says nothing of the next record, which may be CSV
                if first == b"{" and self._takes_objects and reader.holds_objects(headers):
                    layout, count = OBJECTS, 1
            if run is not None:
                joins = layout and layout == run.layout and run.rows + count <= MOST_AT_ONCE
                if joins and (layout is not OBJECTS or reader is run.reader):
                    run.records.append(record)
                    run.counts.append(count)
                    run.rows += count
                    continue
                yield run
            run = _Run(reader, layout, [record], [count], count)
        if run is not None:
            yield run

    def _take(self, run: _Run) -> None:
        """Convert a run at once, if that is possible."""
        content = None
        if run.layout is OBJECTS:
            self._take_objects(run)
            return
        if run.layout is not None:
            values = [record.value.removesuffix(b"\n") for record in run.records]
            content = without_returns(b"\n".join([*values, b""]))
        if content is not None and self._lines(run, content):
            self.counts += run.counts
        elif len(run.records) == 1:
            self._alone(run.records[0])
        else:
            middle = len(run.records) // 2
            self._take(run.part(slice(middle)))
            self._take(run.part(slice(middle, None)))

    def _take_objects(self, run: _Run) -> None:
        """Convert records of one object each: at once, if they are written alike."""
        if run.rows >= FEWEST_IN_BLOCK and self._objects(run):
            self.counts += run.counts
        elif run.rows >= FEWEST_HALVED:
            middle = run.rows // 2
            self._take_objects(run.part(slice(middle)))
            self._take_objects(run.part(slice(middle, None)))
        else:
            for record in run.records:
                self._alone(record)

    def _objects(self, run: _Run) -> bool:
        """Convert records of one object each; False, with nothing done, if they are not alike."""
        raise NotImplementedError

    @abstractmethod
    def _lines(self, run: _Run, content: bytes) -> bool:
        """Convert the lines of a run; False, with nothing done, if they must not be together."""

    @abstractmethod
    def _alone(self, record: Record) -> None:
        """Convert a record whose rows are not its lines, or one of whose rows is odd."""


class GatheredLabels(_Gathered):
    """The rows of label records."""

    def __init__(self, of: RecordReader) -> None:
        super().__init__(of)
        self._ids: list[str] = []
        self._labels: list[int] = []
        self._refused: dict[int, Refusal] = {}

    def columns(self) -> LabelColumns:
        """All rows."""
        return LabelColumns(self._ids, self._labels, self._refused)

    def _lines(self, run: _Run, content: bytes) -> bool:
        text = plain_text(content[:-1])
        if text is None:
            return False
        for width in (2, 3):
            columns = columns_of_text(text, run.rows, run.reader.dialect.delimiter, width)
            found = None if columns is None else run.reader.label_columns(columns)
            if found is not None:
                self._ids += found[0]
                self._labels += found[1]
                return True
        return False

    def _alone(self, record: Record) -> None:
        rows = self._of.labels(record)
        at = len(self._ids)
        self._refused |= {n: row for n, row in enumerate(rows, at) if isinstance(row, Refusal)}
        pairs = [NO_LABEL if isinstance(row, Refusal) else row for row in rows]
        self._ids += [id_ for id_, _ in pairs]
        self._labels += [label for _, label in pairs]
        self.counts.append(len(rows))


class GatheredEvents(_Gathered):
    """The rows of event records."""

    _takes_objects = True

    def __init__(self, of: RecordReader) -> None:
        super().__init__(of)
        self._conversion, self._places = of.rows.conversion, of.passthrough.places
        self._ids: list[str] = []
        self._labels: list[int | None] = []
        self._blocks: list[LineBlock] = []
        self._refused: dict[int, Refusal] = {}
        self._weights: list[str] = []
        self._kept: list[list[str]] = [[] for _ in of.passthrough.places]
        # Rows that come next, not converted yet.
        self._cells: list[Cells] = []

    def take(self, records: Sequence[Record]) -> None:
        """Convert these records, which come next."""
        super().take(records)
        self._convert_cells()

    def columns(self) -> EventColumns:
        """All rows."""
        kept: Sequence[Sequence[str]] | None = self._kept or None
        if self._of.kept_as is not None:
            kept = list(map(_read, self._of.kept_as, self._kept))
        weights = self._weights if any(self._weights) else None
        return EventColumns(self._ids, self._labels, self._blocks, self._refused, weights, kept)

    def _lines(self, run: _Run, content: bytes) -> bool:
        layout = run.layout
        assert layout is not None
        if run.rows < FEWEST_IN_BLOCK:
            text = plain_text(content[:-1])
            if text is None:
                return False
            cells = [line.split(layout.delimiter) if line else [] for line in text.split("\n")]
            self._add_cells(cells if layout.order is None else map(layout.order.row, cells))
            return True
        cut = run.reader.cut(content, run.rows, layout)
        if cut is None:
            return False
        self._add_cut(cut)
        return True

    def _objects(self, run: _Run) -> bool:
        content = BETWEEN_OBJECTS.join([record.value for record in run.records])
        cut = run.reader.cut_objects(content)
        if cut is None or cut.rows != run.rows:
            return False
        self._add_cut(cut)
        return True

    def _add_cut(self, cut: ByteColumns) -> None:
        """Convert rows of which the bytes are there."""
        self._convert_cells()
        for part in cut.parts(MOST_AT_ONCE):
            kept, at = [part[place] for place in self._places], 0
            for block in self._conversion.byte_blocks(part):
                rows = slice(at, at + len(block))
                self._add_block(block, [cells[rows] for cells in kept])
                at += len(block)

    def _list(self, record: Record) -> bool:
        """Convert a record that is a list; False, with nothing done, if its rows are not alike."""
        value = record.value.strip(b" \t\r\n")
        reader = self._of.rows_of(record)
        few = value.count(b"{") < FEWEST_LISTED
        if few or not value.endswith(b"]") or not reader.holds_objects(record.headers):
            return False
        cut = reader.cut_objects(value[1:-1])
        if cut is None or cut.rows > MOST_ROWS:
            return False
        self.counts.append(cut.rows)
        self._add_cut(cut)
        return True

    def _alone(self, record: Record) -> None:
        if record.value[:1] == b"[" and self._list(record):
            return
        cells = self._of.cells_of(record)
        self.counts.append(len(cells))
        self._add_cells(cells)

    def _add_cells(self, cells: Iterable[Cells]) -> None:
        self._cells += cells
        if len(self._cells) >= MOST_IN_BLOCK:
            self._convert_cells()

    def _convert_cells(self) -> None:
        cells, self._cells = self._cells, []
        for at in range(0, len(cells), MOST_IN_BLOCK):
            self._rows(cells[at : at + MOST_IN_BLOCK])

    def _rows(self, cells: Sequence[Cells]) -> None:
        """Convert rows: at once, unless some are refused already or have another width."""
        count, conversion = len(cells), self._conversion
        if set(map(len, cells)) == {conversion.width} and Refusal not in set(map(type, cells)):
            columns = list(zip(*cells, strict=True))
            kept = [columns[at] for at in self._places]
            # However few: one by one they would not be known as plain, nor would their batch.
            self._add_block(conversion.row_block(columns), kept)
        elif count < FEWEST_IN_BLOCK:
            rows = conversion.rows(cells)
            good = [of for of, row in zip(cells, rows, strict=True) if not isinstance(row, Refusal)]
            self._add(block_of(rows), [[of[at] for of in good] for at in self._places])
        else:
            self._rows(cells[: count // 2])
            self._rows(cells[count // 2 :])

    def _add_block(self, block: RowBlock, kept: Sequence[Sequence[str]]) -> None:
        """Add converted rows; ``kept`` has the kept cells of each row, column by column."""
        if block.refused and kept:
            good = [at not in block.refused for at in range(len(block))]
            kept = [list(compress(column, good)) for column in kept]
        self._add(block, kept)

    def _add(self, block: RowBlock, kept: Sequence[Sequence[str]]) -> None:
        """Add converted rows; ``kept`` has the kept cells of each line, column by column."""
        lines = LineBlock(block.text, len(block) - len(block.refused), block.plain)
        reasons = self._of.line_bounds.refused_of(lines)
        if reasons:
            good = [at not in reasons for at in range(lines.count)]
            kept = [list(compress(column, good)) for column in kept]
            refused = {at: Refusal(UNLEARNABLE, "", reason) for at, reason in reasons.items()}
            block = block.without(refused)
            lines = LineBlock(block.text, lines.count - len(reasons), block.plain)
        if block.refused:
            first = len(self._ids)
            self._refused |= {first + at: row for at, row in block.refused.items()}
        self._ids += block.ids
        self._labels += block.labels
        self._weights += block.weights or repeat("", lines.count)
        for column, cells in zip(self._kept, kept, strict=True):
            column.extend(cells)
        if lines.count:
            self._add_lines(lines)

    def _add_lines(self, lines: LineBlock) -> None:
        last = self._blocks[-1] if self._blocks else None
        if last is not None and last.count + lines.count <= MOST_IN_BLOCK:
            plain = last.plain and lines.plain
            lines = LineBlock(last.text + lines.text, last.count + lines.count, plain)
            self._blocks.pop()
        self._blocks.append(lines)


def _read(reading: Callable[[str], str], cells: Sequence[str]) -> list[str]:
    """What each cell is kept as; columns that are sliced repeat their values."""
    known = {cell: reading(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]
