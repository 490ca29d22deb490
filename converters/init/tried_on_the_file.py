"""A guessed config, tried on every row of its file: what it would refuse, and rows to guess again.

Called by :mod:`converters.init.config_text`. The sample does not hold every cell of the file: a value of
the label or a spelling of missing that is rare would be refused. The rows that show it are added to
the sample, and the guess is made again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from converters.cells.refusal import Refusal
from converters.convert.to_vw_text import compile_schema
from converters.files.csv_file import CsvFile
from converters.init.other_notations import is_number_otherwise
from converters.sampling.rows_of_a_file import Sample
from converters.schema.schema import Schema

# What is tried of a huge file, in a few seconds.
LARGEST_TRIED = 64 * 2**20
# Rows to guess again from: some of each kind of refusal, and not so many as to outweigh the sample.
ROWS_A_REFUSAL = 5
MOST_ROWS = 1_000
# Why a row has no cells to look at, or not as many as the header.
WITHOUT_CELLS = frozenset({"not-utf8", "wrong-width", "text-after-quote", "bare-cr"})

# The line of a row and its cells, or why it has none.
Found = tuple[int, Sequence[str] | Refusal]


@dataclass
class Trial:
    """What happened to the rows of a file under a schema.

    Attributes:
        refused: how many rows were refused, by reason.
        first: the line of the first row refused for each reason.
        rows: some of the refused rows that have all cells: line, cells, and why.
        read: how many rows were tried.
    """

    refused: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, Sequence[str], Refusal]] = field(default_factory=list)
    read: int = 0

    def described(self, told: int = 0) -> str:
        """The refusals in words; rows without cells only if more than were told of already."""
        without = sum(self.refused[reason] for reason in WITHOUT_CELLS)
        return ", ".join(
            f"{count:,} {reason} (first in line {self.first[reason]})"
            for reason, count in self.refused.most_common()
            if without > told or reason not in WITHOUT_CELLS
        )

    def rows_about(self, columns: Collection[str]) -> list[tuple[int, Sequence[str]]]:
        """The line and cells of rows that were refused for a cell of one of these columns."""
        return [(line, cells) for line, cells, why in self.rows if why.column in columns]


def tried(rows: Iterable[Found], schema: Schema) -> Trial:
    """Convert rows whose columns are the schema's, in the schema's order."""
    trial = Trial()
    width = len(schema.columns)
    convert = compile_schema(schema).row
    kinds: Counter[Refusal] = Counter()
    for line, cells in rows:
        trial.read += 1
        refusal = cells if isinstance(cells, Refusal) else convert(cells)
        if not isinstance(refusal, Refusal):
            continue
        trial.refused[refusal.reason] += 1
        trial.first.setdefault(refusal.reason, line)
        if isinstance(cells, Refusal) or len(cells) != width or _knowingly(refusal):
            continue
        if len(trial.rows) < MOST_ROWS and kinds[refusal] < ROWS_A_REFUSAL:
            kinds[refusal] += 1
            trial.rows.append((line, cells, refusal))
    return trial


def _knowingly(refusal: Refusal) -> bool:
    """Whether it is of a number in another notation: more of these would only outweigh others."""
    return refusal.reason == "not-a-number" and is_number_otherwise(refusal.text)


def rows_of_file(file: CsvFile, *, everything: bool) -> Iterator[Found]:
    """The rows of a file not read yet, to its end or as far as a few seconds reach."""
    for row in file.rows():
        yield row.line, file.dialect.cells_of(row.content)
        if not everything and file.bytes_read > LARGEST_TRIED:
            return


def rows_of_sample(sample: Sample) -> Iterator[Found]:
    """The rows of a sample, where the file cannot be read again."""
    return zip(sample.lines, zip(*sample.columns.values(), strict=True), strict=True)
