"""A CSV file as csv2vw, the classic script, prints it: what ``convert --csv2vw FLAGS`` does.

Follow a file: :mod:`converters.csv2vw.lines` -> whole lines, some 128 KiB at a time ->
:mod:`converters.csv2vw.convert` -> VW text. The first line and the flags (:mod:`csv2vw_flags`) say
which column is what (:mod:`converters.csv2vw.flags_and_layout`).

csv2vw cuts lines at the separator wherever it stands, decides for each cell whether it is a number,
and escapes nothing. Where Vowpal Wabbit would not read what the CSV file means, the row is refused;
when lenient, what csv2vw prints is printed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, repeat
from typing import BinaryIO

from converters.cells.refusal import Refusal, RefusedCellError, quoted
from converters.convert.whole_file import Reject, Tally
from converters.csv2vw.blocks import Blocks
from converters.csv2vw.cells import MOST_REMEMBERED, Feature, Label, check_tag
from converters.csv2vw.flags_and_layout import Csv2vwError, Flags, Layout
from converters.csv2vw.lines import Lines

# Fewer take longer at once (200 us, whatever there is) than row by row.
FEW_BYTES = 1_500
LEAST_REMEMBERED = 64


class Csv2vw:
    """Turns the lines of one file into what csv2vw prints for them.

    Attributes:
        label: the label column; its classes are the file's so far.
    """

    def __init__(self, layout: Layout, flags: Flags, *, lenient: bool) -> None:
        room = MOST_REMEMBERED // (len(layout.features) + 1)
        # So many columns, and too few cells of each would be remembered to be of use.
        room *= room >= LEAST_REMEMBERED
        self.label = Label(room, binary=flags.binary, lenient=lenient)
        self._features = [
            Feature(layout.names[i], room, drop=flags.drop, lenient=lenient)
            for i in layout.features
        ]
        self._layout = layout
        self._flags = flags
        self._lenient = lenient
        others = (layout.label, layout.tag)
        self._needed = max((*layout.features, *(i for i in others if i is not None)), default=-1)
        self._blocks = Blocks(layout, flags, self._features, self.label, lenient=lenient)

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
                yield from zip(repeat(1), self.rows(part, number), strict=False)
            else:
                yield rows, block
            number += rows

    def _block(self, content: bytes, number: int) -> memoryview | None:
        """Many lines at once; None if they have to be taken row by row."""
        if len(content) < FEW_BYTES:
            return None
        before = self.label.kind
        try:
            if printed := self._blocks.printed(content, number):
                return printed
        except (UnicodeDecodeError, RefusedCellError):
            pass
        self.label.hold(before)
        return None

    def rows(self, content: bytes, number: int) -> Iterator[bytes | Reject]:
        """The text of each of the lines, or why it is refused.

        Raises:
            Csv2vwError: csv2vw too would stop at a line, when lenient.
        """
        self._blocks.tell_kinds()
        for at, line in enumerate(content.removesuffix(b"\n").split(b"\n"), number):
            before = self._kinds()
            printed = self._row(line, at)
            if isinstance(printed, str):
                yield printed.encode()
            else:
                self._restore(before)
                yield Reject(at + 1, printed)
        self._blocks.hear_kinds()

    def _row(self, line: bytes, number: int) -> str | Refusal:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            shown = quoted(line.decode("utf-8", "backslashreplace"))
            if self._lenient:
                raise Csv2vwError(
                    f"Row {number + 1} is not UTF-8, where csv2vw stops too: {json.dumps(shown)}. "
                    "Convert the file, as by iconv."
                ) from None
            return Refusal("not-utf8", "", shown)
        cells = self._flags.split(text)
        if self._lenient:
            self._check_reach(cells, text, number)
        elif wrong := self._wrong_row(cells, text):
            return wrong
        layout, at = self._layout, -1
        try:
            if layout.tag is not None and not self._lenient:
                at = layout.tag
                check_tag(cells[at])
            written = []
            for at, feature in zip(layout.features, self._features, strict=True):
                written.append(feature[cells[at]])
            at = -1 if layout.label is None else layout.label
            label = " " if layout.label is None else self.label[cells[at]]
        except RefusedCellError as refused:
            return Refusal(refused.reason, layout.called[at], quoted(refused.cell))
        tag = number if layout.tag is None else cells[layout.tag]
        return f"{label}{tag}|{''.join(written)}\n"

    def _wrong_row(self, cells: list[str], text: str) -> Refusal | None:
        width = len(self._layout.names)
        if "\r" in text:
            return Refusal("bare-cr", "", quoted(text))
        for called, cell in zip(self._layout.called, cells, strict=False):
            if cell[:1] == '"':
                return Refusal("quote", called, quoted(cell))
        if not text:
            return Refusal("empty-row", "", "")
        if len(cells) != width:
            return Refusal("wrong-width", "", quoted(f"{len(cells)} cells, not {width}: {text}"))
        return None

    def _check_reach(self, cells: list[str], text: str, number: int) -> None:
        if len(cells) <= self._needed:
            raise Csv2vwError(
                f"Line {number}: [{quoted(text)}]: Bad input (expecting {len(self._layout.names)} "
                f"fields, found {len(cells)}): here csv2vw stops, counting lines from 0. Mend "
                "the line, or without --lenient set it aside by --rejects FILE."
            )

    def _kinds(self) -> list[bool | None]:
        return [column.kind for column in (*self._features, self.label)]

    def _restore(self, kinds: list[bool | None]) -> None:
        """Forget the kinds that columns took from rows that are refused or taken again."""
        for column, kind in zip((*self._features, self.label), kinds, strict=True):
            column.hold(kind)


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
        reject: called with refused rows; all goes on then as if they were not in the file, but
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
            raise Csv2vwError(_told(text, lines.name, done.tally.converted))
        else:
            done.tally.refused[text.refusal.reason] += 1
            reject([text])
        shown(done.tally.converted + done.tally.refused.total())
    return replace(done, classes=converter.label.classes)


def _texts(
    converter: Csv2vw, lines: Lines, *, header: bool
) -> Iterator[tuple[int, bytes | memoryview | Reject]]:
    """The text of so many rows at once, or of single ones and why others are refused."""
    number = 1 if header else 0
    for content in lines.blocks(skip_first=header):
        for rows, text in converter.printed(content, number):
            number += rows
            yield rows, text


def _told(refused: Reject, name: str, before: int) -> str:
    line, (reason, column, text) = refused
    where = f", column '{column}'" if column else ""
    return (
        f'{name}, row {line} (the first line is row 1){where}: {reason}: "{text}" '
        f"({MEANINGS[reason]}). {before:,} rows were converted before it. Mend it, set such rows "
        "aside by --rejects FILE, or print what csv2vw prints by --lenient; without --csv2vw every "
        "cell is checked and escaped."
    )


def described(done: Done, flags: Flags) -> Iterator[str]:
    """What has to be said besides how many rows were converted."""
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
