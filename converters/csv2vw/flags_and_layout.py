"""The flags of csv2vw, the classic script, as they stand in ``convert --csv2vw "FLAGS"``.

First step of :mod:`converters.csv2vw.convert`: text as typed after the script's name -> :class:`Flags`.
Spelling, abbreviations and the way numbers without a flag are columns to ignore are the script's.
"""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from converters.errors import UsageError

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
    """Tells of wrong flags as every other command does."""

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
            f"{_KNOWN} The CSV file stands before --csv2vw."
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
