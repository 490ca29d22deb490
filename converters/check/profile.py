"""One pass over a file: every row through the very converter, and counted on the way.

Between :mod:`.cell_blocks` and what looks at the result, :mod:`converters.check.columns`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from converters.cells.refusal import Refusal
from converters.check.cells import UNKNOWN, CellBlock, ColumnPlan, cell_blocks, plans
from converters.check.class_balance import Balance, Balancer, Weights
from converters.check.column_counts import ColumnCounter, Totals
from converters.check.time_order import TimeOrder, Times
from converters.convert.to_vw_text import compile_schema
from converters.convert.whole_file import Reject
from converters.files.csv_file import CsvFile
from converters.sampling.reservoir import RowSample, Sampled
from converters.sampling.sketches import Estimate, HashSample, hashes_of_bytes
from converters.schema.schema import Schema

# Different rows, and different ids, that are told apart exactly: 12 bytes each.
COUNTED_ROWS = 393_216
# How many refused rows are shown for each reason and column.
SHOWN_REJECTS = 3

Shown = Callable[[int], None]
Reasons = Counter[tuple[str, str]]


@dataclass
class Rejects:
    """The refused rows: how many for which reason and column, and the first of each."""

    counts: Reasons = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[Reject]] = field(default_factory=dict)

    def add(self, rejects: Sequence[Reject]) -> None:
        """Take refused rows, in order."""
        for reject in rejects:
            key = (reject.refusal.reason, reject.refusal.column)
            self.counts[key] += 1
            first = self.examples.setdefault(key, [])
            if len(first) < SHOWN_REJECTS:
                first.append(reject)


@dataclass(frozen=True)
class Profile:
    """What one pass over a file has found.

    Attributes:
        source: how messages call the file.
        rows: how many it has.
        rejects: those that are refused.
        plans: what each column of the file is.
        totals: what the whole file holds in each.
        absent: the config's columns that the file lacks.
        repeated: how many rows equal another before them.
        balance: the classes, if there is a label column.
        weights: their sums, if there is a weight column.
        times: the rows' times, if there are any.
        sample: some rows.
        sampled: which.
    """

    source: str
    rows: int
    rejects: Rejects
    plans: Sequence[ColumnPlan]
    totals: Sequence[Totals]
    absent: Sequence[str]
    repeated: Estimate
    balance: Balance | None
    weights: Weights | None
    times: Times | None
    sample: RowSample
    sampled: Sampled


def read_profile(file: CsvFile, schema: Schema, shown: Shown) -> Profile:
    """Read a file to its end.

    Args:
        file: the rows.
        schema: what they mean.
        shown: called with the rows read so far.

    Raises:
        CsvFileError: the file cannot be framed.
    """
    reader = _Reader(file.header, schema)
    for block in cell_blocks(file):
        reader.take(block)
        shown(file.rows_read)
    return reader.profile(file, schema)


class _Reader:
    def __init__(self, header: Sequence[str], schema: Schema) -> None:
        self._plans = plans(header, schema)
        self._counters = [
            ColumnCounter(plan, len(header), COUNTED_ROWS if plan.role == "id" else 0)
            for plan in self._plans
        ]
        self._convert = _converter(header, schema)
        self._balancer = Balancer(header, schema)
        self._repeats = HashSample(COUNTED_ROWS)
        self._sample = RowSample(schema.delimiter)
        self._rejects = Rejects()
        time = schema.only("time")
        self._time_at = header.index(time.name) if time and time.name in header else None
        self._order = TimeOrder(time.name, time.settings.zone) if time else None

    def take(self, block: CellBlock) -> None:
        """Convert and count a block."""
        rejects = [*block.refused, *self._converted(block)]
        self._rejects.add(sorted(rejects, key=lambda reject: reject.line))
        rows = len(block.texts)
        if not rows:
            return
        labels = self._balancer.add(block.columns, rows)
        classes = self._balancer.classes(labels)
        longest = max(map(len, block.texts))
        for counter, cells in zip(self._counters, block.columns, strict=True):
            counter.add(cells, classes, longest)
        self._repeats.add(hashes_of_bytes(block.texts), np.ones(rows, np.int64))
        self._sample.offer(block.texts, labels)
        if self._order is not None and self._time_at is not None:
            self._order.add(block.columns[self._time_at], block.lines)

    def profile(self, file: CsvFile, schema: Schema) -> Profile:
        """What was found."""
        return Profile(
            file.name,
            file.rows_read,
            self._rejects,
            self._plans,
            [counter.totals() for counter in self._counters],
            [name for name in schema.names if name not in file.header],
            self._repeats.repeats(),
            self._balancer.balance(),
            self._balancer.weights(),
            None if self._order is None else self._order.times(),
            self._sample,
            self._sample.sampled(),
        )

    def _converted(self, block: CellBlock) -> list[Reject]:
        """The rows that the converter refuses."""
        if not block.texts:
            return []
        rows = self._convert(block.columns)
        if Refusal not in set(map(type, rows)):
            return []
        both = zip(block.lines, rows, strict=True)
        return [Reject(line, row) for line, row in both if isinstance(row, Refusal)]


def _converter(
    header: Sequence[str], schema: Schema
) -> Callable[[Sequence[Sequence[str]]], Sequence[object]]:
    """The converter of blocks whose columns stand as in the file; those it lacks are missing."""
    convert = compile_schema(schema).block
    places = [header.index(name) if name in header else None for name in schema.names]

    def converted(columns: Sequence[Sequence[str]]) -> Sequence[object]:
        empty = ("",) * len(columns[0])
        return convert([empty if place is None else columns[place] for place in places])

    return converted


def unknown(profile: Profile) -> list[str]:
    """The file's columns that the config does not name."""
    return [plan.name for plan in profile.plans if plan.role == UNKNOWN]
