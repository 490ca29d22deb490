"""A whole CSV file -> checked rows in blocks, and as VW text: what ``freshet convert`` does.

A file's columns may be in any order, and fewer than the schema's; they go through the same
converter as the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import BinaryIO, NamedTuple, cast

from converters.cells.refusal import Refusal
from converters.cells.remedies import ReasonCounts
from converters.convert.records import RowReader
from converters.convert.to_vw_text import Row, line
from converters.files.csv_file import CsvFile
from converters.files.framing import csv_line
from converters.schema.schema import Schema

# Says that a block is CSV even if it begins like JSON.
CSV_HEADERS: tuple[tuple[str, bytes], ...] = (("content-type", b"text/csv"),)

# What :func:`converters.convert.to_vw_text.line` puts in front.
_LABELS = {1: "1 ", 0: "-1 "}

REJECT_COLUMNS = ("line", "reason", "column", "text")


class Reject(NamedTuple):
    """A refused row of a file: the line it begins on, and why."""

    line: int
    refusal: Refusal


class Checked(NamedTuple):
    """Rows of a file that follow each other, and the lines they begin on."""

    lines: Sequence[int]
    rows: Sequence[Row | Refusal]


@dataclass
class Tally:
    """How many rows were converted, and how many refused for which reason."""

    converted: int = 0
    refused: ReasonCounts = field(default_factory=ReasonCounts)


def checked(file: CsvFile, schema: Schema) -> Iterator[Checked]:
    """The rows of a file, checked and converted, in order and block by block.

    Raises:
        CsvFileError: the file has a column that the schema does not know, or cannot be framed.
    """
    file.require_known(schema.column_names)
    headers = (*CSV_HEADERS, ("columns", file.dialect.line(file.header).encode()))
    reader = RowReader(schema)
    for lines, rows in file.blocks():
        yield Checked(lines, reader.events(b"\n".join(rows) + b"\n", headers))


def convert(
    file: CsvFile,
    schema: Schema,
    out: BinaryIO,
    reject: Callable[[Sequence[Reject]], None],
    shown: Callable[[int], None],
) -> Tally:
    """Write every good row of a file as a line of VW text, its label in front.

    Args:
        file: the rows.
        schema: what they mean.
        out: where the lines go.
        reject: called with the refused rows of each block that has some.
        shown: called with the rows read so far.
    """
    tally = Tally()
    for lines, rows in checked(file, schema):
        good = without_refused(rows)
        out.write(_text(good))
        tally.converted += len(good)
        if len(good) < len(rows):
            both = zip(lines, rows, strict=True)
            rejects = [Reject(at, row) for at, row in both if isinstance(row, Refusal)]
            tally.refused.add(r.refusal for r in rejects)
            reject(rejects)
        shown(file.rows_read)
    return tally


def without_refused(rows: Sequence[Row | Refusal]) -> Sequence[Row]:
    """The rows that were accepted; mostly all of them."""
    if Refusal in set(map(type, rows)):
        return [row for row in rows if not isinstance(row, Refusal)]
    return cast("Sequence[Row]", rows)


def _text(rows: Sequence[Row]) -> bytes:
    """Rows as lines, each with its label in front; row by row it would be a fifth of it all."""
    if not rows:
        return b""
    _, labels, texts = zip(*rows, strict=True)
    if None in labels:
        lines: Iterable[str] = map(line, texts, labels)
    else:
        lines = map(add, map(_LABELS.__getitem__, labels), texts)
    return "\n".join([*lines, ""]).encode()


def reject_line(rejected: Reject) -> str:
    """A refused row as a row of the rejects file."""
    return csv_line((rejected.line, *rejected.refusal)) + "\n"
