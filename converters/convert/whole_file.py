"""A whole CSV file -> checked rows in blocks, and as VW text: what ``freshet convert`` does.

A file's columns may be in any order, and fewer than the schema's; they go through the same
converter as the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import BinaryIO, NamedTuple

from converters.cells.refusal import Refusal
from converters.cells.remedies import ReasonCounts
from converters.convert.records import RowReader
from converters.convert.row_block import MOST_AT_ONCE, MOST_IN_BLOCK, Row, RowBlock
from converters.convert.to_vw_text import Conversion
from converters.files.csv_file import Block, CsvFile, CsvFileError
from converters.files.framing import csv_line
from converters.schema.schema import Schema

# Says that a block is CSV even if it begins like JSON.
CSV_HEADERS: tuple[tuple[str, bytes], ...] = (("content-type", b"text/csv"),)

# Rows of more bytes together are converted, however few they are.
MOST_GATHERED = 2**19

REJECT_COLUMNS = ("line", "reason", "column", "text")


class Reject(NamedTuple):
    """A refused row of a file: the line it begins on, and why."""

    line: int
    refusal: Refusal


class Checked(NamedTuple):
    """Rows of a file that follow each other, and the lines they begin on."""

    lines: Sequence[int]
    rows: RowBlock


@dataclass
class Tally:
    """How many rows were converted, and how many refused for which reason."""

    converted: int = 0
    refused: ReasonCounts = field(default_factory=ReasonCounts)


def checked(
    file: CsvFile, schema: Schema, conversion: Conversion | None = None
) -> Iterator[Checked]:
    """The rows of a file, checked and converted, in order and block by block.

    Args:
        file: the rows.
        schema: what they mean.
        conversion: that of the schema, if it is compiled already.

    Raises:
        CsvFileError: the file has a column that the schema does not know, or cannot be framed.
    """
    file.require_known(schema.column_names)
    headers = (*CSV_HEADERS, ("columns", file.dialect.line(file.header).encode()))
    reader = RowReader(schema, None, conversion)
    of = reader.conversion
    layout = reader.csv_layout(b"", headers)
    assert layout is not None  # as the headers say
    for lines, rows in _parts(file.blocks()):
        content = b"\n".join([*rows, b""])
        cut = reader.cut(content, len(rows), layout)
        if cut is not None:
            blocks = list(of.byte_blocks(cut))
        else:
            cells = list(reader.event_rows(content, headers)[0])
            starts = range(0, len(cells), MOST_IN_BLOCK)
            blocks = [of.block_of_rows(cells[at : at + MOST_IN_BLOCK]) for at in starts]
        for at, block in zip(count(0, MOST_IN_BLOCK), blocks, strict=False):
            yield Checked(lines[at : at + MOST_IN_BLOCK], block)


def rows_with_cells(
    file: CsvFile, schema: Schema
) -> Iterator[tuple[int, list[str] | Refusal, Row | Refusal]]:
    """Each row of a file: the line it begins on, its cells in the schema's order, and what it is.

    Slower than :func:`checked`, which has no cells any more; raises what that raises.
    """
    file.require_known(schema.column_names)
    headers = (*CSV_HEADERS, ("columns", file.dialect.line(file.header).encode()))
    reader = RowReader(schema, None)
    for lines, rows in _parts(file.blocks()):
        cells = list(reader.event_rows(b"\n".join([*rows, b""]), headers)[0])
        yield from zip(lines, cells, reader.conversion.rows(cells), strict=True)


def _parts(blocks: Iterable[Block]) -> Iterator[Block]:
    """The rows of blocks in blocks of as many as are converted at once, or of fewer long ones."""
    lines: list[int] = []
    rows: list[bytes] = []
    size = 0
    try:
        for more_lines, more in blocks:
            lines += more_lines
            rows += more
            size += sum(map(len, more))
            # Long rows must not gather in the memory.
            rest = len(rows) % MOST_AT_ONCE if size <= MOST_GATHERED else 0
            whole = len(rows) - rest
            if not whole:
                continue
            for at in range(0, whole, MOST_AT_ONCE):
                end = min(at + MOST_AT_ONCE, whole)
                yield Block(lines[at:end], rows[at:end])
            del lines[:whole], rows[:whole]
            size = sum(map(len, rows))
    except CsvFileError:
        if rows:
            yield Block(lines, rows)
        raise
    if rows:
        yield Block(lines, rows)


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
        out.write(rows.text.encode())
        tally.converted += len(rows) - len(rows.refused)
        if rows.refused:
            rejects = [Reject(lines[at], rows.refused[at]) for at in sorted(rows.refused)]
            tally.refused.add(rows.refused.values())
            reject(rejects)
        shown(file.rows_read)
    return tally


def reject_line(rejected: Reject) -> str:
    """A refused row as a row of the rejects file."""
    return csv_line((rejected.line, *rejected.refusal)) + "\n"
