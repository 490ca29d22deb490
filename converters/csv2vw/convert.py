"""A CSV file as csv2vw, the classic script, prints it: what ``convert --csv2vw FLAGS`` does.

Follow a file: :mod:`converters.csv2vw.lines` -> whole lines, some 128 KiB at a time ->
:mod:`converters.csv2vw_rows` -> VW text. The first line and the flags (:mod:`csv2vw_flags`) say
which column is what (:mod:`converters.csv2vw_layout`).

csv2vw cuts lines at the separator wherever it stands, decides for each cell whether it is a number,
and escapes nothing. Where Vowpal Wabbit would not read what the CSV file means, the row is refused;
when lenient, what csv2vw prints is printed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO

from converters.cells.refusal import quoted
from converters.convert.whole_file import Reject, Tally
from converters.csv2vw.flags_and_layout import Flags
from converters.csv2vw.lines import Lines
from converters.csv2vw_layout import Csv2vwError, Layout
from converters.csv2vw_rows import Csv2vw

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
