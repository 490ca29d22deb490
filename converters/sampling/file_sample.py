"""Rows from all over a CSV file as columns of cells, from which a schema is inferred.

Not its first rows: files of events are in order of time, and what does not change in the first
days, such as the month, would look constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

from pydantic import ValidationError

from converters.cells.escaping import quoted
from converters.cells.refusal import Refusal
from converters.config.settings import CsvSettings
from converters.errors import UsageError
from converters.files.csv_file import CsvFile, CsvFileError, FileRow, is_utf8
from converters.files.rewriting import other_width, width_fault
from converters.sampling.reservoir import MOST_CELLS, Reservoir, judged, lots

# The sample is held in memory, cell by cell: wide rows give fewer of them.
LARGEST_SAMPLE = 64 * 2**20
MOST_ROWS = 200_000
# What is read of a huge file, in a few seconds.
LARGEST_READ = 256 * 2**20
# Delimiters that a command line hardly can hold.
BY_NAME = {"tab": "\t"}

# What is wrong with rows that are left out.
OTHER_WIDTH = "not as many cells as the header has"
OTHER_ENCODING = "not UTF-8: if the file is in another encoding, name it, as in --encoding cp1252"
BADLY_QUOTED = "badly quoted: text behind a closing quote, or a carriage return outside quotes"


@dataclass(frozen=True)
class Sample:
    """The readable ones of the rows that were drawn.

    Attributes:
        source: how messages call the file.
        columns: the cells of each column, by its name, in the file's order.
        lines: the line on which each row begins, rising.
        unreadable: the lines of the drawn rows that cannot be used, by what is wrong, in words.
        rows_read: from how many rows they were drawn.
        whole: whether these are all rows of the file.
        csv: how the file is written.
        limited: whether more rows were asked for than memory should hold.
        added: how many of the rows are there because a first guess would have refused them.
        misread: what helps if the file is not written as ``csv`` says; mostly empty.
        judged: the lines by which columns are judged, each with its lot.
    """

    source: str
    columns: dict[str, list[str]]
    lines: list[int]
    unreadable: dict[str, list[int]]
    rows_read: int
    whole: bool
    csv: CsvSettings
    limited: bool = False
    added: int = 0
    misread: str = ""
    judged: Mapping[int, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.lines)

    @property
    def whole_drawn(self) -> bool:
        """Whether it holds all rows of the file that can be read."""
        unreadable = sum(map(len, self.unreadable.values()))
        return self.whole and self.rows - self.added + unreadable >= self.rows_read

    @property
    def described(self) -> str:
        """How many rows of which, in words."""
        of = f"the {'' if self.whole else 'first '}{self.rows_read:,} rows"
        of = "the one row" if self.whole and self.rows_read == 1 else of
        drawn = self.rows - self.added
        if drawn == self.rows_read and self.whole:
            return of
        more = f", and {self.added:,} more that a first guess would have refused"
        limit = ", as many as memory should hold" if self.limited else ""
        return f"{drawn:,} of {of}{limit}{more if self.added else ''}"

    def with_rows(self, rows: Sequence[tuple[int, Sequence[str]]]) -> Sample:
        """The sample with further rows (line and cells), each at its place in the file."""
        known = set(self.lines)
        new = [(line, cells) for line, cells in rows if line not in known]
        every = [*zip(self.lines, zip(*self.columns.values(), strict=True), strict=True), *new]
        every.sort(key=itemgetter(0))
        lines, columns = _by_column(list(self.columns), every)
        return replace(self, columns=columns, lines=lines, added=self.added + len(new))


def _by_column(
    header: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]
) -> tuple[list[int], dict[str, list[str]]]:
    """The lines of rows, one at least, and the cells of each column."""
    lines, cells = zip(*rows, strict=True)
    return list(lines), dict(zip(header, map(list, zip(*cells, strict=True)), strict=True))


def read_sample(file: CsvFile, limit: int) -> Sample:
    """Draw at most ``limit`` rows; of the same file always the same.

    Args:
        file: the rows, not read yet.
        limit: how many; 0 reads the file to its end however large it is, and draws as many as
            memory should hold.

    Raises:
        CsvFileError: a column has no usable name, the file cannot be framed, or no row be read.
    """
    _check_names(file)
    most = max(1, min(MOST_ROWS, MOST_CELLS // len(file.header)))
    drawn: Reservoir[FileRow] = Reservoir(min(limit or most, most), LARGEST_SAMPLE)
    whole = True
    for row, lot in zip(file.rows(), lots(), strict=False):
        drawn.offer(lot, len(row.content), row)
        if limit and file.bytes_read > LARGEST_READ:
            whole = False
            break
    limited = not 0 < limit <= most and file.rows_read > min(limit or most, most)
    chosen, kept = drawn.kept()
    sample = _readable(file, kept, whole=whole, limited=limited)
    mask = judged(chosen, [len(row.content) for row in kept], len(file.header))
    by = {row.line: int(lot) for row, lot, taken in zip(kept, chosen, mask, strict=True) if taken}
    return replace(sample, judged=by)


def _readable(file: CsvFile, drawn: Sequence[FileRow], *, whole: bool, limited: bool) -> Sample:
    rows: list[tuple[int, list[str]]] = []
    others: list[list[str]] = []
    unreadable: dict[str, list[int]] = {}
    encoding = f"not {file.csv.encoding}, the encoding given: is it another one?"
    if is_utf8(file.csv.encoding):
        encoding = OTHER_ENCODING
    for row in drawn:
        cells = file.dialect.cells_of(row.content)
        if isinstance(cells, Refusal):
            fault = encoding if cells.reason == "not-utf8" else BADLY_QUOTED
            unreadable.setdefault(fault, []).append(row.line)
        elif cells and len(cells) != len(file.header):
            unreadable.setdefault(OTHER_WIDTH, []).append(row.line)
            others.append(cells)
        elif cells:
            rows.append((row.line, cells))
    if not rows and others and len(others) == sum(map(len, unreadable.values())):
        _check_width(file, others)
    if not rows:
        first = min(((lines[0], fault) for fault, lines in unreadable.items()), default=None)
        found = ""
        if first:
            found = f" that can be read; line {first[0]} is the first bad one ({first[1]})"
        said = f"{file.name} has no rows{found}: a schema is inferred from rows. {file.misread}"
        raise CsvFileError(said.rstrip())
    lines, columns = _by_column(file.header, rows)
    return Sample(
        file.name,
        columns,
        lines,
        unreadable,
        file.rows_read,
        whole,
        file.csv,
        limited,
        misread=file.misread,
    )


def _check_width(file: CsvFile, rows: Sequence[Sequence[str]]) -> None:
    """Say what helps if each row has one cell more, or less, than the header."""
    fault = width_fault(file.header, rows)
    # A decimal comma makes two cells of a number, where the delimiter is another one.
    if fault and file.misread:
        said = "its rows have not as many cells as its header"
        raise CsvFileError(f"{file.name}: {said}. {file.misread}")
    if fault:
        raise CsvFileError(f"{file.name}: {other_width(file.name, file.csv, fault)}")


def csv_settings(delimiter: str | None, encoding: str) -> CsvSettings:
    """The settings of a file's CSV, as options of the command line name them.

    Raises:
        UsageError: there is no such delimiter or encoding.
    """
    try:
        if delimiter is None:
            return CsvSettings(encoding=encoding)
        return CsvSettings(delimiter=BY_NAME.get(delimiter, delimiter), encoding=encoding)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        message = wrong["msg"].removeprefix("Value error, ")
        blank = delimiter is not None and not delimiter.strip()
        then = (
            " For blanks, leave it out: init tells a command that writes commas." if blank else ""
        )
        raise UsageError(f"--{wrong['loc'][0]}: {message}.{then}") from None


def _check_names(file: CsvFile) -> None:
    """The same demand as the schema's, in terms of the file."""
    for place, name in enumerate(file.header, 1):
        if any(ord(c) < 32 for c in name):
            raise CsvFileError(
                f"{file.name}: the name of column {place} holds a control character "
                f"({quoted(repr(name))}). {file.misread or 'Rename it.'}"
            )
