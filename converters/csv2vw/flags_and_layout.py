"""The flags of csv2vw, as in ``convert --csv2vw "FLAGS"``, and which column of a file is what.

Spelling, abbreviations and the way numbers without a flag are columns to ignore are the script's.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from converters.errors import FreshetError, UsageError

# How a separator that is one character may be spelt as a regular expression.
_ESCAPED = re.compile(r"\\(\W)")
_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()]")


@dataclass(frozen=True)
class Flags:
    """What csv2vw was asked for; columns count from 0, or from the end with -1.

    Attributes:
        label: the label's column; None prints no label.
        tag: the id's column; None numbers the rows.
        ignored: columns that are no features.
        header: whether the first line names the columns.
        numbered: whether features are called by their columns' numbers.
        drop: whether empty cells and ``0`` are left out.
        binary: whether the label ``0`` becomes ``-1``.
        separator: a regular expression.
        verbose: whether to say which column is what.
    """

    label: int | None = None
    tag: int | None = None
    ignored: tuple[int, ...] = ()
    header: bool = True
    numbered: bool = False
    drop: bool = True
    binary: bool = False
    separator: str = ","
    verbose: bool = False

    @cached_property
    def literal(self) -> str | None:
        """The text that separates cells; None if that needs a regular expression."""
        if self.separator == r"\t":
            return "\t"
        if escaped := _ESCAPED.fullmatch(self.separator):
            return escaped[1]
        return None if _SPECIAL.search(self.separator) else self.separator or None

    def split(self, line: str) -> list[str]:
        """The cells of a line, as csv2vw cuts it."""
        if self.literal:
            return line.split(self.literal)
        # A group of the separator that took no part is None.
        return [cell or "" for cell in re.split(self.separator, line)]


class _Parser(argparse.ArgumentParser):
    """Reports wrong flags as every other command does."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"--csv2vw: {message}. {_KNOWN}")


_KNOWN = (
    "csv2vw's flags are -l COLUMN, -i COLUMN, -b, -e, -n, -H, -s SEPARATOR, -v, and the numbers of "
    "columns to ignore; columns count from 0, or from the end with -1."
)


def parse(text: str) -> Flags:
    """Read flags as a shell and csv2vw would.

    Raises:
        UsageError: csv2vw does not know one of them, or it makes no sense.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--csv2vw: {str(error).lower()} in {text!r}. {_KNOWN}") from None
    found, others = _parser().parse_known_args(words)
    ignored = tuple(map(_column, others))
    try:
        separator = re.compile(found.separator)
    except re.error as error:
        raise UsageError(
            f"--csv2vw: the separator {found.separator!r} is not a regular expression ({error}). "
            "A backslash takes a character as it is."
        ) from None
    return Flags(**(vars(found) | {"ignored": ignored, "separator": separator.pattern}))


def _column(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise UsageError(
            f"--csv2vw: {word!r} is neither a flag of csv2vw nor the number of a column to ignore. "
            f"{_KNOWN} The CSV file comes before --csv2vw."
        ) from None


def _parser() -> _Parser:
    parser = _Parser(prog="csv2vw", add_help=False)
    parser.add_argument("-v", "--verbose", dest="verbose", action="store_true")
    parser.add_argument("-s", "--sep", "--separator", dest="separator", default=",")
    parser.add_argument("-H", "--hdr", "--header", dest="header", action="store_false")
    parser.add_argument("-e", "--empty", dest="drop", action="store_false")
    parser.add_argument("-n", "--num", "--numeric", dest="numbered", action="store_true")
    parser.add_argument("-b", "--binary", dest="binary", action="store_true")
    parser.add_argument("-i", "--id", "--idcol", dest="tag", type=int)
    parser.add_argument("-l", "-L", "--label", "--labelcol", dest="label", type=int)
    return parser


_NAME_SYNTAX = re.compile(r"[\x00-\x20\x7f:|]")
_EQUALS = re.compile("=")


class Csv2vwError(FreshetError):
    """A file cannot be converted as csv2vw does without being misread, or at all."""


@dataclass(frozen=True)
class Layout:
    """Which column of a file is what.

    Attributes:
        names: what each column is called in the output.
        called: what each column is called in messages.
        features: the columns that are features.
        label: the label's column, if it has one.
        tag: the id's column, if it has one.
    """

    names: Sequence[str | int]
    called: Sequence[str]
    features: Sequence[int]
    label: int | None
    tag: int | None

    @classmethod
    def of(cls, first: bytes | None, flags: Flags, name: str, *, lenient: bool) -> Layout | None:
        """The layout that a file's first line gives; None if there is none, where csv2vw is silent.

        Raises:
            Csv2vwError: a column is out of range, or the line would be misread.
        """
        if first is None:
            if lenient:
                return None
            raise Csv2vwError(f"{name} is empty; csv2vw would print nothing. --lenient does so.")
        try:
            cells = flags.split(first.decode())
        except UnicodeDecodeError:
            raise Csv2vwError(f"{name}, row 1: not UTF-8. Convert it, as by iconv.") from None
        width = len(cells)
        label = _place(flags.label, width, "label (-l)", name)
        tag = _place(flags.tag, width, "id (-i)", name)
        ignored = {_place(column, width, "column to ignore", name) for column in flags.ignored}
        features = [i for i in range(width) if i not in {label, tag, *ignored}]
        named = flags.header and not flags.numbered
        layout = cls(
            names=cells if named else range(width),
            called=cells if flags.header else [str(i) for i in range(width)],
            features=features,
            label=label,
            tag=tag,
        )
        if not lenient:
            _check(layout, cells, flags, name)
        return layout

    def described(self) -> Iterator[str]:
        """Which column is what, for -v."""
        for what, place in (("label", self.label), ("id", self.tag)):
            yield f"{what}: {'none' if place is None else json.dumps(self.called[place])}"
        yield f"features: {', '.join(json.dumps(self.called[i]) for i in self.features)}"


def _place(column: int | None, width: int, what: str, name: str) -> int | None:
    if column is None or 0 <= column < width:
        return column
    if -width <= column < 0:
        return width + column
    raise Csv2vwError(
        f"{name}, row 1: the {what} is column {column}, which is out of range: the line has "
        f"{width} cell{'s' * (width > 1)}, counted from 0, or from the end with -1. csv2vw stops "
        "here. If cells are separated by something else than a comma, say so by -s."
    )


def _check(layout: Layout, cells: Sequence[str], flags: Flags, name: str) -> None:
    """Refuse a first line after which nothing could be read as it is meant."""
    pattern = re.compile(flags.separator)
    if flags.literal is None and (pattern.groups or pattern.match("")):
        _refuse(name, "", "the separator has groups, or fits between any two characters")
    if cells[0].startswith("\ufeff"):
        _refuse(name, cells[0], "a byte order mark, which csv2vw takes for part of the cell")
    for cell in cells:
        if "\r" in cell:
            _refuse(name, cell, "a carriage return, where csv2vw would begin a new row")
        if cell.startswith('"'):
            _refuse(name, cell, "a quoted cell, and csv2vw knows no quotes")
    if not layout.features:
        _refuse(name, "", "no column is left as a feature; if cells are separated by something "
                "else than a comma, say so by -s")  # fmt: skip
    if flags.header and not flags.numbered:
        _check_names([cells[i] for i in layout.features], name)


def _check_names(names: Sequence[str], name: str) -> None:
    counts = Counter(names)
    for column in names:
        if not column:
            _refuse(name, column, "a feature without a name")
        if _NAME_SYNTAX.search(column):
            _refuse(name, column, "a blank, control character, ':' or '|' in a feature's name")
        if counts[column] > 1:
            _refuse(name, column, "two features of the same name")
        # x=1 of the column x, and the feature x=1 itself, would be one to Vowpal Wabbit.
        if any(column[: sign.start()] in counts for sign in _EQUALS.finditer(column)):
            _refuse(name, column, "a feature's name that could be another with its value")


def _refuse(name: str, cell: str, why: str) -> None:
    where = f", column {json.dumps(cell)}" if cell else ""
    raise Csv2vwError(
        f"{name}, row 1{where}: {why}. Correct the line, or print what csv2vw prints by --lenient."
    )
