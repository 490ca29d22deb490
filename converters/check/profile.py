"""One pass over a file: every row through the converter itself, and counted on the way.

:func:`read_profile` reads blocks of cells, column by column. They are those that
:meth:`converters.convert.records.RowReader.event_rows` makes of the same bytes; blocks are larger
than those of the file, since what follows works on whole columns. Memory does not grow with the
file: what is counted exactly while it is small is estimated beyond, and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from converters.cells.refusal import Refusal, wrong_width
from converters.check.class_balance import Balance, Balancer, Weights
from converters.check.column_counts import ColumnCounter, ColumnPlan, Totals, plans
from converters.check.time_order import TimeOrder, Times
from converters.convert.to_vw_text import compile_schema
from converters.convert.whole_file import Reject
from converters.files.csv_file import Block, CsvFile
from converters.files.framing import Dialect, columns_of, plain_text
from converters.files.rewriting import Original
from converters.sampling.reservoir import RowSample, Sampled
from converters.sampling.sketches import Estimate, HashSample, hashes_of_bytes
from converters.schema.schema import Schema

# Blocks of so many rows cost numpy's calls little, and of so many characters hold some MB.
ROWS_A_BLOCK = 1_024
CHARACTERS_A_BLOCK = 2**20
# Different rows, and different ids, that are counted exactly: 12 bytes each.
COUNTED_ROWS = 393_216
# How many refused rows are shown for each reason and column.
SHOWN_REJECTS = 3

# Reasons of cells that are none of their column's kind, and how many spellings are counted.
NOT_OF_ITS_KIND = frozenset({"not-a-number", "not-finite", "not-a-boolean", "bad-time"})
MOST_SPELLINGS = 1_000

Shown = Callable[[int], None]
Reasons = Counter[tuple[str, str]]


class CellBlock:
    """Rows that follow each other.

    Attributes:
        columns: the cells of each of the file's columns, of the rows that have as many as these.
        lines: the line on which each of these rows begins.
        texts: each of these rows as one line of CSV, the same for all rows of the same cells.
        refused: the other rows.
        sizes: the bytes of each row of either sort, in the file's order.
        bad: the places of the others among these.
    """

    def __init__(self, width: int) -> None:
        self.columns: list[list[str]] = [[] for _ in range(width)]
        self.lines: list[int] = []
        self.texts: list[bytes] = []
        self.refused: list[Reject] = []
        self.sizes: list[int] = []
        self.bad: set[int] = set()
        self._characters = 0

    @property
    def full(self) -> bool:
        """Whether it should take no more."""
        rows = len(self.lines) + len(self.refused)
        return rows >= ROWS_A_BLOCK or self._characters >= CHARACTERS_A_BLOCK

    def add(self, block: Block, dialect: Dialect) -> None:
        """Take a block of the file."""
        value = b"\n".join(block.rows)
        self._characters += len(value)
        if self._add_plain(block.lines, value, dialect.delimiter):
            self.texts += block.rows
        else:
            self._add_each(block.lines, value, dialect)
        self.sizes += map(len, block.rows)

    def _add_plain(self, lines: Sequence[int], value: bytes, delimiter: str) -> bool:
        """Take rows that are lines of the header's width, 5x as fast as row by row; else false."""
        text = plain_text(value)
        cut = text and columns_of(text.split("\n"), delimiter, len(self.columns))
        if not cut:
            return False
        for column, cells in zip(self.columns, cut, strict=True):
            column.extend(cells)
        self.lines += lines
        return True

    def _add_each(self, lines: Sequence[int], value: bytes, dialect: Dialect) -> None:
        width = len(self.columns)
        good = []
        rows = zip(lines, dialect.cells(value + b"\n"), strict=True)
        for place, (line, cells) in enumerate(rows, len(self.sizes)):
            if isinstance(cells, Refusal) or len(cells) != width:
                self.bad.add(place)
            if isinstance(cells, Refusal):
                self.refused.append(Reject(line, cells))
            elif len(cells) != width:
                self.refused.append(Reject(line, wrong_width(cells, width)))
            else:
                good.append(cells)
                self.lines.append(line)
                self.texts.append(dialect.line(cells).encode())
        for column, more in zip(self.columns, zip(*good, strict=True), strict=False):
            column.extend(more)


def cell_blocks(file: CsvFile) -> Iterator[CellBlock]:
    """All rows of a file, in order.

    Raises:
        CsvFileError: the file cannot be framed to its end.
    """
    gathered = CellBlock(len(file.header))
    for block in file.blocks():
        gathered.add(block, file.dialect)
        if gathered.full:
            yield gathered
            gathered = CellBlock(len(file.header))
    if gathered.lines or gathered.refused:
        yield gathered


@dataclass
class Rejects:
    """The refused rows.

    Attributes:
        counts: how many for which reason and column.
        examples: the first of each.
        spellings: how many rows each cell refused that its column's kind does not read, by column;
            of very many different ones the first.
    """

    counts: Reasons = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[Reject]] = field(default_factory=dict)
    spellings: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, rejects: Sequence[Reject]) -> None:
        """Take refused rows, in order."""
        for reject in rejects:
            key = (reject.refusal.reason, reject.refusal.column)
            self.counts[key] += 1
            first = self.examples.setdefault(key, [])
            if len(first) < SHOWN_REJECTS:
                first.append(reject)
            if reject.refusal.reason in NOT_OF_ITS_KIND:
                known = self.spellings.setdefault(reject.refusal.column, Counter())
                if reject.refusal.text in known or len(known) < MOST_SPELLINGS:
                    known[reject.refusal.text] += 1


@dataclass(frozen=True)
class Profile:
    """What one pass over a file has found.

    Attributes:
        source: how messages call the file.
        original: the file, if a command can read it.
        rows: how many it has.
        rejects: those that are refused.
        plans: what each column of the file is.
        totals: what the whole file holds in each.
        absent: the config's columns that the file lacks.
        renamed: each former name by which the file calls a column -> its name now.
        repeated: how many rows equal another before them.
        balance: the classes, if there is a label column.
        weights: their sums, if there is a weight column.
        times: the rows' times, if there are any.
        sample: some rows.
        sampled: which.
    """

    source: str
    original: Original | None
    rows: int
    rejects: Rejects
    plans: Sequence[ColumnPlan]
    totals: Sequence[Totals]
    absent: Sequence[str]
    renamed: Mapping[str, str]
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
    reader = _Reader(schema.column_names.now(file.header), schema)
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
        self._refused = _refusing(header, schema)
        self._balancer = Balancer(header, schema)
        self._repeats = HashSample(COUNTED_ROWS)
        self._sample = RowSample(schema.delimiter)
        self._rejects = Rejects()
        self._order = TimeOrder(header, schema)

    def take(self, block: CellBlock) -> None:
        """Convert and count a block."""
        rejects = [*block.refused, *self._refused(block)]
        self._rejects.add(sorted(rejects, key=lambda reject: reject.line))
        rows = len(block.texts)
        if not rows:
            self._sample.offer((), np.zeros(0, np.int8), block.sizes, block.bad)
            return
        labels, classes = self._balancer.add(block.columns, rows)
        longest = max(map(len, block.texts))
        for counter, cells in zip(self._counters, block.columns, strict=True):
            counter.add(cells, classes, longest)
        self._repeats.add(hashes_of_bytes(block.texts), np.ones(rows, np.int64))
        self._sample.offer(block.texts, labels, block.sizes, block.bad)
        self._order.add(block.columns, block.lines)

    def profile(self, file: CsvFile, schema: Schema) -> Profile:
        """What was found."""
        named = dict(zip(file.header, self._plans, strict=True))
        return Profile(
            file.name,
            Original.of(file.name, file.csv),
            file.rows_read,
            self._rejects,
            self._plans,
            [counter.totals() for counter in self._counters],
            [name for name in schema.names if name not in {plan.name for plan in self._plans}],
            {name: plan.name for name, plan in named.items() if name != plan.name},
            self._repeats.repeats(),
            self._balancer.balance(),
            self._balancer.weights(),
            self._order.times(),
            self._sample,
            self._sample.sampled(len(file.header)),
        )


def _refusing(header: Sequence[str], schema: Schema) -> Callable[[CellBlock], Iterator[Reject]]:
    """Gives the rows of a block that the converter refuses; columns the file lacks are missing."""
    convert = compile_schema(schema).row_block
    places = [header.index(name) if name in header else None for name in schema.names]

    def refused(block: CellBlock) -> Iterator[Reject]:
        empty = ("",) * len(block.lines)
        rows = convert([empty if place is None else block.columns[place] for place in places])
        yield from (Reject(block.lines[at], refusal) for at, refusal in rows.refused.items())

    return refused
