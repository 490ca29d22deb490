"""The rows on which ways to learn are tried: a stretch of the file, as dense as its stream is.

The sample is thin: what comes again within hours, and how many rows a late label misses, cannot be
seen in one row of thirty. So the first rows of the file are taken, if they are in order of time and
hold both classes, and else the sample's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import Refusal, RefusedCellError
from converters.cells.times import TimeReading
from converters.config.toml_text import quoted
from converters.init.declared import InferError
from converters.init.trial import Origin
from converters.sampling.column_sample import ColumnSample
from converters.sampling.file_sample import Sample
from converters.schema.schema import Schema

# Rows on which ways are tried, fewer of many columns; fewer than the least, or so few of a class,
# tell nothing.
MOST_ROWS, MOST_CELLS = 10_000, 3_000_000
FEWEST_ROWS = 500
FEWEST_OF_A_CLASS = 50
# A file is in order of time if so few of its rows are earlier than the one before.
OUT_OF_ORDER = 0.01

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Cells = Sequence[str]


@dataclass(frozen=True)
class Stretch:
    """Rows with a label, in order of time.

    Attributes:
        cells: of each row.
        positive: the class of each.
        labelled: before which row each one's label came; None if labels come at once.
        of_sample: whether they are the sample's, and not the file's first ones.
    """

    cells: Sequence[Cells]
    positive: Bools
    labelled: Sequence[int] | None = None
    of_sample: bool = False

    @property
    def is_enough(self) -> bool:
        """Whether something can be told by them."""
        rarer = min(int(self.positive.sum()), int((~self.positive).sum()))
        return len(self.cells) >= FEWEST_ROWS and rarer >= FEWEST_OF_A_CLASS


def stretch(origin: Origin, sample: Sample, schema: Schema, label_time: str | None) -> Stretch:
    """The rows to try ways on.

    Args:
        origin: where the sample was drawn.
        sample: the sample.
        schema: what was inferred of it.
        label_time: the column that says when the label was known, if any.

    Raises:
        InferError: a cell of ``label_time`` is no time; names it and its line.
    """
    reader = _Reader(sample, schema, label_time)
    if origin.reopened is not None and not sample.whole_drawn:
        first = reader.first(origin)
        if first is not None and first.is_enough:
            return first
    columns = sample.columns.values()
    rows = list(zip(sample.lines, zip(*columns, strict=True), strict=True))
    return reader.in_order(rows, of_sample=True)


class _Reader:
    """Reads labels and times of rows as a schema says."""

    def __init__(self, sample: Sample, schema: Schema, label_time: str | None) -> None:
        self._label_at, self._time_at = schema.index("label"), schema.index("time")
        self._codes, self._times, self._width = schema.label_codes, schema.times, len(schema.names)
        self._most = min(MOST_ROWS, MOST_CELLS // self._width)
        self._late_at = None if label_time is None else schema.names.index(label_time)
        self._name = label_time or ""
        if label_time is not None:
            cells = sample.columns[label_time]
            spelt = ColumnSample(label_time, cells, sample.lines).time_format
            self._late = TimeReading(format=spelt)

    def first(self, origin: Origin) -> Stretch | None:
        """The file's first rows; None if they are not in order of time."""
        rows = list(islice(self._readable(origin), self._most))
        times = self._happened(rows)
        if len(rows) > 1 and float((np.diff(times) < 0).mean()) > OUT_OF_ORDER:
            return None
        return self.in_order(rows)

    def in_order(self, rows: Sequence[tuple[int, Cells]], *, of_sample: bool = False) -> Stretch:
        """Those with a label in order of time, every so many if they are many."""
        known = [row for row in rows if self._code(row[1]) is not None]
        order = np.argsort(self._happened(known), kind="stable").tolist()
        taken = [known[at] for at in order[:: -(-len(order) // self._most) or 1]]
        positive = np.array([self._code(cells) == 1 for _, cells in taken], np.bool_)
        return Stretch([cells for _, cells in taken], positive, self._labelled(taken), of_sample)

    def _readable(self, origin: Origin) -> Iterator[tuple[int, Cells]]:
        for line, cells in origin.rows():
            if isinstance(cells, Refusal) or len(cells) != self._width:
                continue
            if self._code(cells) is not None:
                yield line, cells

    def _code(self, cells: Cells) -> int | None:
        assert self._label_at is not None
        try:
            return self._codes[cells[self._label_at]]
        except KeyError:
            return None

    def _happened(self, rows: Sequence[tuple[int, Cells]]) -> Floats:
        """When each row's event was, in seconds; zero where that is not known."""
        if self._time_at is None:
            return np.zeros(len(rows))
        return np.array([self._seconds(cells[self._time_at]) for _, cells in rows], np.float64)

    def _seconds(self, cell: str) -> float:
        try:
            return self._times.time_ms(cell) / 1000 if cell else 0.0
        except RefusedCellError:
            return 0.0

    def _labelled(self, rows: Sequence[tuple[int, Cells]]) -> list[int] | None:
        """Before which row each row's label came; None if labels are not known to be late."""
        if self._late_at is None or self._time_at is None:
            return None
        known = np.array([self._known(line, cells[self._late_at]) for line, cells in rows])
        # Labels come before events of the same moment, and behind their own event.
        places = np.searchsorted(self._happened(rows), known, side="left")
        late: list[int] = np.maximum(places, np.arange(1, len(rows) + 1)).tolist()
        return late

    def _known(self, line: int, cell: str) -> float:
        try:
            return self._late.time_ms(cell) / 1000 if cell else float("inf")
        except RefusedCellError as refused:
            raise InferError(
                f"--label-time names the column {quoted(self._name)}, which holds {quoted(cell)} "
                f"in line {line}: no time ({refused.reason})."
            ) from None
