"""What cells may hold: their escapes, and what a refusal says of one that must not be learned.

VW's parser is silent about everything it cannot read, so nothing that it could misread passes:
names and values are percent-escaped here, numbers are written by :mod:`converters.cells.numbers`.
"""

from __future__ import annotations

import codecs
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


QUOTED_LENGTH = 200
# Each byte is at least a quarter of a character.
_QUOTED_BYTES = 4 * (QUOTED_LENGTH + 1)
# Bytes that are not UTF-8 are decoded to these; those of a transcoded file lie below.
_FIRST_BYTE, _LAST_BYTE = 0xDC00, 0xDCFF

_SHOWING = "freshet-showing"


def quoted(text: str) -> str:
    """Text with what does not print as an escape, cut to :data:`QUOTED_LENGTH` characters."""
    if len(text) <= QUOTED_LENGTH and text.isprintable():
        return text
    shown: list[str] = []
    length = fitting = 0
    for character in text[: QUOTED_LENGTH + 1]:
        piece = character if character.isprintable() else _escaped(character)
        length += len(piece)
        if length > QUOTED_LENGTH:
            return "".join(shown[:fitting]) + "…"
        shown.append(piece)
        fitting += length < QUOTED_LENGTH
    return "".join(shown)


def quoted_bytes(content: bytes) -> str:
    """As :func:`quoted`, of bytes that may not be UTF-8; such are shown in hexadecimal."""
    return quoted(content[:_QUOTED_BYTES].decode("utf-8", _SHOWING))


def _escaped(character: str) -> str:
    code = ord(character)
    if _FIRST_BYTE <= code <= _LAST_BYTE:
        return f"\\x{code - _FIRST_BYTE:02x}"
    return character.encode("unicode_escape").decode("ascii")


def _shown(error: UnicodeError) -> tuple[str, int]:
    """A byte as a surrogate; three of them where the transcoding has put one already."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    at = error.start
    mark = error.object[at : at + 3].decode("utf-8", "surrogatepass") if _is_mark(error) else ""
    return (mark, at + 3) if mark else (chr(_FIRST_BYTE + error.object[at]), at + 1)


def _is_mark(error: UnicodeDecodeError) -> bool:
    lead, *rest = error.object[error.start : error.start + 3]
    return lead == 0xED and len(rest) == 2 and 0xB0 <= rest[0] <= 0xB3 and rest[1] >> 6 == 0b10


codecs.register_error(_SHOWING, _shown)
