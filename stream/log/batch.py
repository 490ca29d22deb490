"""What a reader gives to the fold: the rows of many records, column by column, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import CellCounts
from converters.convert.label_rows import LabelRow
from converters.convert.row_block import block_of
from converters.convert.to_vw_text import Row
from learners.learner import LineBlock
from learners.line_bounds import joined
from stream.log.contract import Place
from stream.log.fingerprint import Mark
from stream.log.signed_scores import Served


class EventRows(NamedTuple):
    """The rows of one event record.

    ``passthrough`` has the cells of each row that are kept for measuring, if the config names
    any; an empty tuple for a refused row. ``first`` is the number of the first row in the record,
    ``served`` are the scores that callers were given, by the row's place in ``rows``.
    """

    place: Place
    offset: int
    time: int
    rows: list[Row | Refusal]
    passthrough: list[tuple[str, ...]] | None = None
    first: int = 0
    served: Mapping[int, Served] = MappingProxyType({})


class LabelRows(NamedTuple):
    """The rows of one label record."""

    place: Place
    offset: int
    time: int
    rows: list[LabelRow | Refusal]
    first: int = 0


Taken = EventRows | LabelRows


class Head(NamedTuple):
    """A record of a batch, without its rows.

    Attributes:
        place, offset, time: where it is in the log, and its time in ms.
        rows: how many it has, refused ones too.
        labels: whether they are labels.
        first: the number of the first of them in the record; not 0 only of a corrected row.
    """

    place: Place
    offset: int
    time: int
    rows: int
    labels: bool = False
    first: int = 0


class LeftOut(NamedTuple):
    """Records in quarantine, one after the other and of one time: read for their ids alone.

    Attributes:
        before: how many of the batch's records come before them.
        labels: whether they are labels.
        time: of the records, ms.
        rows: how many rows they have.
        ids: those of the rows that can be read.
    """

    before: int
    labels: bool
    time: int
    rows: int
    ids: list[str]


@dataclass(frozen=True)
class EventColumns:
    """The event rows of a batch, in the order of its records.

    A *line* is a row that is not refused; see :class:`~converters.convert.row_block.RowBlock`.

    Attributes:
        ids: of each row; empty where it has none or is refused.
        labels: of each row; None where it is not known yet, or the row is refused.
        blocks: the lines, in blocks of any size.
        refused: the refused rows by their places.
        weights: of each line; None where none has one.
        passthrough: for each cell that is kept for measuring, that of each line; None for no cell.
        served: the scores that callers were given for some of the rows, by their places.
    """

    ids: Sequence[str] = ()
    labels: Sequence[int | None] = ()
    blocks: Sequence[LineBlock] = ()
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    weights: Sequence[str] | None = None
    passthrough: Sequence[Sequence[str]] | None = None
    served: Mapping[int, Served] = field(default_factory=dict)

    @cached_property
    def lines(self) -> list[str]:
        """The lines one by one."""
        found: list[str] = []
        for block in self.blocks:
            found += block.lines
        return found

    @cached_property
    def _line_numbers(self) -> list[int]:
        """For each row how many lines come before it."""
        ones = (at not in self.refused for at in range(len(self.ids)))
        return list(accumulate(ones, initial=0))

    def line_of(self, row: int) -> int:
        """How many lines come before a row: the place of its own, if it is not refused."""
        return self._line_numbers[row] if self.refused else row

    def row(self, at: int) -> Row | Refusal:
        """A row by itself."""
        if at in self.refused:
            return self.refused[at]
        line = self.line_of(at)
        text = self.lines[line]
        features = text[text.index("|") :]
        return (
            self.ids[at],
            self.labels[at],
            (self.weights[line] if self.weights else "") + features,
        )

    def kept(self, at: int) -> tuple[str, ...]:
        """The kept cells of a row; none of a refused one."""
        if at in self.refused or self.passthrough is None:
            return ()
        line = self.line_of(at)
        return tuple(column[line] for column in self.passthrough)


@dataclass(frozen=True)
class LabelColumns:
    """The label rows of a batch, in the order of its records.

    Attributes:
        ids: of each row; empty for a refused one.
        labels: 1 or 0; 0 for a refused one.
        refused: the refused rows by their places.
    """

    ids: Sequence[str] = ()
    labels: Sequence[int] = ()
    refused: Mapping[int, Refusal] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Records that are processed together.

    Attributes:
        records: in merged order, without those in quarantine, but with rows that were corrected
            in their place, each by itself.
        cut: the next offset of every partition after this batch.
        ends: where the partitions were last known to end, for measuring the lag.
        replayed: whether the journal already lists this batch, so that no outputs are written.
        crc32: checksum of the log's own records among these.
        marks: the last record of each partition that has some here.
        pinned: the version that is pinned and scored with too, if any; of a replayed batch, as the
            journal has it.
        cells: how many cells of its accepted event rows are absent or unseen.
        events: the rows of the event records.
        labels: those of the label records.
        left_out: what is in quarantine, in its order.
        guided: whether it is a replay's: a batch of the lineage before it, taken again.
        corrected: how many of the records are corrected rows.
        ignored: how many records said what callers were given and are not believed, by why.
        features: the names of features that its reader had not met before.
    """

    records: Sequence[Head]
    cut: Mapping[Place, int]
    ends: Mapping[Place, int] = field(default_factory=dict)
    replayed: bool = False
    crc32: int = 0
    marks: Mapping[Place, Mark] = field(default_factory=dict)
    pinned: int | None = None
    cells: CellCounts = field(default_factory=CellCounts)
    events: EventColumns = field(default_factory=EventColumns)
    labels: LabelColumns = field(default_factory=LabelColumns)
    left_out: Sequence[LeftOut] = field(default_factory=list)
    guided: bool = False
    corrected: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    features: Sequence[str] = field(default_factory=list)

    @property
    def own(self) -> int:
        """How many of the records are the log's own."""
        return len(self.records) - self.corrected

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the log was read."""
        return not (self.records or self.left_out)

    @cached_property
    def firsts(self) -> list[int]:
        """For each record the place of its first row among the rows of its kind."""
        found, counts = [], [0, 0]
        for record in self.records:
            found.append(counts[record.labels])
            counts[record.labels] += record.rows
        return found

    def taken(self, at: int) -> Taken:
        """A record by itself, row by row."""
        place, offset, time, count, labels, first = self.records[at]
        rows = range(self.firsts[at], self.firsts[at] + count)
        if labels:
            of = self.labels
            found = [of.refused.get(n) or (of.ids[n], of.labels[n]) for n in rows]
            return LabelRows(place, offset, time, found, first)
        events = self.events
        kept = None if events.passthrough is None else [events.kept(n) for n in rows]
        served = {n - rows.start: events.served[n] for n in rows if n in events.served}
        return EventRows(place, offset, time, list(map(events.row, rows)), kept, first, served)


def columns_of(records: Sequence[Taken]) -> tuple[list[Head], EventColumns, LabelColumns]:
    """The records of a batch that were converted one by one."""
    heads: list[Head] = []
    rows: list[Row | Refusal] = []
    kept: list[tuple[str, ...]] = []
    labels: list[LabelRow | Refusal] = []
    passthrough, served = False, dict[int, Served]()
    for record in records:
        heads.append(
            Head(*record[:3], len(record.rows), isinstance(record, LabelRows), record.first)
        )
        if isinstance(record, LabelRows):
            labels += record.rows
            continue
        served |= {len(rows) + at: given for at, given in record.served.items()}
        rows += record.rows
        if record.passthrough is not None:
            passthrough = True
            good = zip(record.rows, record.passthrough, strict=True)
            kept += [cells for row, cells in good if not isinstance(row, Refusal)]
    block = block_of(rows)
    events = EventColumns(
        block.ids,
        block.labels,
        # Whole, a batch sent again would keep its lines parsed all at once: 31 KB each.
        joined(block.lines),
        block.refused,
        block.weights,
        list(map(list, zip(*kept, strict=True))) if passthrough else None,
        served,
    )
    refused = {at: row for at, row in enumerate(labels) if isinstance(row, Refusal)}
    pairs = [("", 0) if isinstance(row, Refusal) else row for row in labels]
    return heads, events, LabelColumns([i for i, _ in pairs], [c for _, c in pairs], refused)


def batch_of(
    records: Sequence[Taken], cut: Mapping[Place, int], pinned: int | None = None
) -> Batch:
    """A batch of records that were converted one by one."""
    heads, events, labels = columns_of(records)
    return Batch(heads, cut, pinned=pinned, events=events, labels=labels)
