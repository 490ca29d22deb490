"""What cells may hold: their escapes, and what a refusal says of one that must not be learned.

The lowest step of the conversion: the kinds of columns (:mod:`converters.cells.kind_of`) stand on it. VW's
parser is silent about everything it cannot read, so nothing that it could misread passes: names
and values are percent-escaped here, numbers are written by :mod:`converters.cells.numbers`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# What an id may have in characters: each is kept as it is while its event waits, and written
# beside its score.
MOST_ID = 1_024

# The feature that VW adds to every line.
CONSTANT = "Constant"

# What VW takes for syntax, and "^", with which its audit sets off a namespace.
_ESCAPED_IN_VALUES = {c: f"%{c:02X}" for c in (*range(33), 127, *map(ord, ":|%^"))}
_SYNTAX = re.compile(r"[\x00-\x20\x7f:|%^]")
_ESCAPED_IN_NAMES = _ESCAPED_IN_VALUES | {ord("="): "%3D"}


class Refusal(NamedTuple):
    """Why a row was refused: a stable reason, the column (or empty), and the offending text."""

    reason: str
    column: str
    text: str


class RefusedCellError(ValueError):
    """A cell that must not reach a learner; turned into a :class:`Refusal` with its column."""

    def __init__(self, reason: str, cell: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cell = cell


def escape_value(text: str) -> str:
    """Percent-escape what VW would take for syntax; :func:`unescape` gives the text back."""
    # Hardly a text needs it, and looking takes a fifth of translating.
    return text.translate(_ESCAPED_IN_VALUES) if _SYNTAX.search(text) else text


def escape_name(text: str) -> str:
    """As :func:`escape_value`, and ``=``, which separates a name from its value.

    Two kinds of names have their first character escaped: that of the feature which VW adds to
    every line, and numerals, whose number VW takes for their hash: ``5`` and ``05`` would share a
    weight.
    """
    if text == CONSTANT or (text.isdecimal() and text.isascii()):
        return f"%{ord(text[0]):02X}{text[1:]}"
    return text.translate(_ESCAPED_IN_NAMES)


def unescape(text: str) -> str:
    """Undo :func:`escape_value` and :func:`escape_name`."""
    return re.sub(r"%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)
