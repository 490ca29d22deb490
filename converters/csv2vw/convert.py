"""A CSV file as csv2vw, the classic script, prints it: what ``convert --csv2vw FLAGS`` does.

The file is read in blocks of whole lines, and a block is printed at once
(:mod:`converters.csv2vw.blocks`) or, where it holds something odd, line by line
(:mod:`converters.csv2vw.row_by_row`). Where Vowpal Wabbit would not read what the CSV file means,
the row is refused; when lenient, what csv2vw prints is printed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, repeat
from typing import BinaryIO

from converters.cells.escaping import quoted
from converters.cells.refusal import RefusedCellError
from converters.convert.whole_file import Reject, Tally
from converters.csv2vw.blocks import Blocks
from converters.csv2vw.flags_and_layout import Csv2vwError, Flags, Layout
from converters.csv2vw.row_by_row import Rows
from converters.files.block_reader import LONGEST_ROW, CsvFileError
from converters.files.compressed import Source
from converters.files.csv_file import STANDARD_INPUT, opened

# Much larger blocks leave the processor's cache.
BLOCK_BYTES = 64 * 1024
# Fewer take longer at once (200 us, whatever there is) than row by row.
FEW_BYTES = 1_500


class Lines:
    """An open file, in blocks of whole lines that end in LF, in bounded memory.

    csv2vw reads text as Python does: a line ends at a line feed, and at a carriage return too,
    which only the lenient form follows.

    Attributes:
        name: how messages call it.
        size: the file's size in bytes, if that is known.
        tell: how many of them have been read, for showing progress.
    """

    def __init__(self, file: Source, name: str, *, lenient: bool) -> None:
        self.name = name
        self.size = file.size
        self.tell = file.tell
        self._file = file
        self._lenient = lenient
        self._begun = b""
        self._ended = False
        self._first = self._next()

    def first(self) -> bytes | None:
        """The first line, without its ending; None in an empty file."""
        return self._first.partition(b"\n")[0] if self._first else None

    def blocks(self, *, skip_first: bool) -> Iterator[bytes]:
        """The lines in order; the last may lack its ending."""
        block = self._first
        if skip_first:
            block = block.partition(b"\n")[2] or self._next()
        while block:
            yield block
            block = self._next()

    def _next(self) -> bytes:
        content, end = bytearray(self._begun), 0
        while not end and not self._ended:
            before = len(content)
            content += self._some()
            end = self._whole(content, before)
            if len(content) - end > LONGEST_ROW:
                raise CsvFileError(
                    f"{self.name} has a line of more than 8 MiB; this is not CSV with line feeds."
                )
        if self._ended:
            end = len(content)
        self._begun = bytes(content[end:])
        del content[end:]
        return self._as_read(bytes(content))

    def _whole(self, content: bytearray, before: int) -> int:
        """Where the last whole line ends, of which something came after so many bytes."""
        end = content.rfind(b"\n", before) + 1
        if end or not self._lenient:
            return end
        # Not one at the very end: the line feed that belongs to it may be still to come.
        return content.rfind(b"\r", max(before - 1, 0), len(content) - 1) + 1

    def _as_read(self, content: bytes) -> bytes:
        if b"\r" not in content:
            return content
        content = content.replace(b"\r\n", b"\n")
        if self._ended and content.endswith(b"\r"):
            content = content[:-1] + b"\n"
        return content.replace(b"\r", b"\n") if self._lenient else content

    def _some(self) -> bytes:
        """A block's worth of bytes, or what is there; nothing only at the end."""
        try:
            more = self._file.read1(BLOCK_BYTES)
        except OSError as error:
            raise CsvFileError(f"{self.name} cannot be read: {error.strerror or error}.") from None
        self._ended = not more
        return more


@contextmanager
def open_lines(path: str, *, lenient: bool) -> Iterator[Lines]:
    """Open a file, or standard input for ``-``; either may be compressed by gzip or zstd.

    Raises:
        CsvFileError: the file cannot be opened.
    """
    with opened(path) as source:
        name = "standard input" if path == STANDARD_INPUT else path
        yield Lines(source, name, lenient=lenient)


class Csv2vw:
    """Prints the lines of one file: many at once, or one by one.

    Attributes:
        classes: the number of each class of labels so far.
    """

    def __init__(self, layout: Layout, flags: Flags, *, lenient: bool) -> None:
        self._rows = Rows(layout, flags, lenient=lenient)
        self._blocks = Blocks(layout, flags, self._rows, lenient=lenient)
        self.classes = self._rows.label.classes

    def printed(
        self, content: bytes, number: int
    ) -> Iterator[tuple[int, bytes | memoryview | Reject]]:
        """What is printed for so many lines at once or for one, or why that one is refused.

        Args:
            content: whole lines; the last may lack its ending.
            number: that of the first, as csv2vw counts them.

        Raises:
            Csv2vwError: csv2vw too would stop at a line, when lenient.
        """
        if not content.endswith(b"\n"):
            content += b"\n"
        block = self._block(content, number)
        if block is not None:
            yield content.count(b"\n"), block
            return
        # A refused row must not make all of its block slow.
        for part in _parts(content):
            block, rows = self._block(part, number), part.count(b"\n")
            if block is None:
                self._blocks.tell_kinds()
                yield from zip(repeat(1), self._rows.printed(part, number), strict=False)
                self._blocks.hear_kinds()
            else:
                yield rows, block
            number += rows

    def _block(self, content: bytes, number: int) -> memoryview | None:
        """Many lines at once; None if they have to be taken row by row."""
        if len(content) < FEW_BYTES:
            return None
        label = self._rows.label
        before = label.kind
        try:
            if printed := self._blocks.printed(content, number):
                return printed
        except (UnicodeDecodeError, RefusedCellError):
            pass
        label.hold(before)
        return None


def _parts(content: bytes) -> Iterator[bytes]:
    """Some eighths of a block of whole lines."""
    first = 0
    while first < len(content):
        stop = content.find(b"\n", first + len(content) // 8) + 1 or len(content)
        yield content[first:stop]
        first = stop


MEANINGS = {
    "wrong-width": "more or fewer cells than the first line has",
    "empty-row": "a blank line",
    "not-utf8": "bytes that are not UTF-8",
    "bare-cr": "a carriage return within a line, where csv2vw would begin a new row",
    "quote": "a quoted cell, and csv2vw knows no quotes",
    "vw-syntax": "a blank, control character, ':' or '|' (or a quote before an id), which Vowpal "
    "Wabbit takes for syntax",
    "mixed-column": "a number in a column of other text, or the reverse; csv2vw prints the one as "
    "x:5 and the other as x=NA",
    "not-a-number": "csv2vw takes it for a number, and Vowpal Wabbit does not read it as that",
    "not-finite": "a number that is not finite, which spoils a model for good",
    "out-of-range": "a number so small or so large that Vowpal Wabbit loses it",
    "bad-label": "a zero that -b does not turn into -1, since it is not written 0",
    "too-many-classes": "another class after 100,000; this is no column of classes",
}

# How many classes are named in the end.
SHOWN_CLASSES = 10


@dataclass(frozen=True)
class Done:
    """What became of a file.

    Attributes:
        tally: how many rows were converted and refused.
        classes: the number of each class of labels.
        layout: which column was what; None if the file was empty.
    """

    tally: Tally
    classes: dict[str, int]
    layout: Layout | None


def convert(
    lines: Lines,
    flags: Flags,
    out: BinaryIO,
    reject: Callable[[Sequence[Reject]], None] | None,
    shown: Callable[[int], None],
    *,
    lenient: bool = False,
) -> Done:
    """Write what csv2vw prints for a file.

    Args:
        lines: the file.
        flags: csv2vw's.
        out: where the text goes.
        reject: called with refused rows; the rest is converted as if they were not in the file, but
            for the numbers of rows. None stops at the first.
        shown: called with the rows read so far.
        lenient: print what csv2vw prints, even what Vowpal Wabbit misreads.

    Raises:
        Csv2vwError: a row is refused and ``reject`` is None, the first line cannot be used, or
            csv2vw too would stop here.
    """
    done = Done(Tally(), {}, Layout.of(lines.first(), flags, lines.name, lenient=lenient))
    if done.layout is None:
        return done
    converter = Csv2vw(done.layout, flags, lenient=lenient)
    for rows, text in _texts(converter, lines, header=flags.header):
        if not isinstance(text, Reject):
            out.write(text)
            done.tally.converted += rows
        elif reject is None:
            raise Csv2vwError(_stopped_by(text, lines.name, done.tally.converted))
        else:
            done.tally.refused.add((text.refusal,))
            reject([text])
        shown(done.tally.converted + done.tally.refused.total)
    return replace(done, classes=converter.classes)


def _texts(
    converter: Csv2vw, lines: Lines, *, header: bool
) -> Iterator[tuple[int, bytes | memoryview | Reject]]:
    """The text of so many rows at once, or of single ones and why others are refused."""
    number = 1 if header else 0
    for content in lines.blocks(skip_first=header):
        for rows, text in converter.printed(content, number):
            number += rows
            yield rows, text


def _stopped_by(refused: Reject, name: str, before: int) -> str:
    line, (reason, column, text) = refused
    where = f", column '{column}'" if column else ""
    return (
        f'{name}, row {line} (the first line is row 1){where}: {reason}: "{text}" '
        f"({MEANINGS[reason]}). {before:,} rows were converted before it. Correct it, set such "
        "rows aside by --rejects FILE, or print what csv2vw prints by --lenient; without --csv2vw "
        "every cell is checked and escaped."
    )


def described(done: Done, flags: Flags) -> Iterator[str]:
    """What to report besides how many rows were converted."""
    if done.layout is not None and flags.verbose:
        yield from done.layout.described()
    if flags.label is None:
        yield "warning: without -l COLUMN no line has a label."
    if done.classes:
        named = islice(done.classes.items(), SHOWN_CLASSES)
        shown = ", ".join(f"{json.dumps(quoted(name))} is {number}" for name, number in named)
        more = len(done.classes) - SHOWN_CLASSES
        yield (
            "warning: labels are classes, numbered as csv2vw does in order of their first "
            f"appearance: {shown}{f', and {more:,} more' if more > 0 else ''}. In a file whose "
            "rows come in another order they are numbered otherwise, which flips signs from file "
            "to file. Write numbers for labels instead."
        )
