"""How names, values and refused texts are escaped: for Vowpal Wabbit, and for people's eyes.

VW's parser is silent about everything that it cannot read, so nothing that it could misread
passes: names and values are percent-escaped, numbers written by :mod:`converters.cells.numbers`.
"""

from __future__ import annotations

import re

# The feature that VW adds to every line.
CONSTANT = "Constant"

# What VW takes for syntax, and "^", with which its audit sets off a namespace.
_ESCAPED_IN_VALUES = {c: f"%{c:02X}" for c in (*range(33), 127, *map(ord, ":|%^"))}
_SYNTAX = re.compile(r"[\x00-\x20\x7f:|%^]")
_ESCAPED_IN_NAMES = _ESCAPED_IN_VALUES | {ord("="): "%3D"}


def escape_value(text: str) -> str:
    """Percent-escape what VW would take for syntax; texts that differ stay different."""
    # Few texts need it, and looking takes a fifth of translating.
    return text.translate(_ESCAPED_IN_VALUES) if _SYNTAX.search(text) else text


# What holds texts apart in lines is no syntax there.
_ESCAPED_IN_LINES = {code: escape for code, escape in _ESCAPED_IN_VALUES.items() if code != 10}
_SYNTAX_IN_LINES = re.compile(r"[\x00-\x09\x0b-\x20\x7f:|%^]")


def escape_lines(lines: str) -> str:
    """As :func:`escape_value`, of each of many texts that line feeds hold apart."""
    return lines.translate(_ESCAPED_IN_LINES) if _SYNTAX_IN_LINES.search(lines) else lines


def escape_name(text: str) -> str:
    """As :func:`escape_value`, and ``=``, which separates a name from its value.

    Two kinds of names have their first character escaped: that of the feature which VW adds to
    every line, and numerals, whose number VW takes for their hash: ``5`` and ``05`` would share a
    weight.
    """
    if text == CONSTANT or (text.isdecimal() and text.isascii()):
        return f"%{ord(text[0]):02X}{text[1:]}"
    return text.translate(_ESCAPED_IN_NAMES)


QUOTED_LENGTH = 200
# Each byte is at least a quarter of a character.
_QUOTED_BYTES = 4 * (QUOTED_LENGTH + 1)
# A byte that is not UTF-8 is decoded to a surrogate, and in a transcoded file it already is one
# (:mod:`converters.files.csv_file`), whose own three bytes are not valid UTF-8 either.
_FIRST_BYTE, _LAST_BYTE = 0xDC00, 0xDCFF
_TRANSCODED = re.compile("\udced[\udcb0-\udcb3][\udc80-\udcbf]")


def quoted(text: str) -> str:
    """Text with what does not print as an escape, cut to :data:`QUOTED_LENGTH` characters."""
    # Most is plain, and each row of a request may be refused: character by character, a long one
    # takes longer than all else that is done with its row.
    if (beginning := text[: QUOTED_LENGTH + 1]).isprintable():
        return text if len(text) <= QUOTED_LENGTH else f"{text[: QUOTED_LENGTH - 1]}…"
    shown: list[str] = []
    length = fitting = 0
    for character in beginning:
        piece = character if character.isprintable() else _escaped(character)
        length += len(piece)
        if length > QUOTED_LENGTH:
            return "".join(shown[:fitting]) + "…"
        shown.append(piece)
        fitting += length < QUOTED_LENGTH
    return "".join(shown)


def quoted_bytes(content: bytes) -> str:
    """As :func:`quoted`, of bytes that may not be UTF-8; such are shown in hexadecimal."""
    text = content[:_QUOTED_BYTES].decode("utf-8", "surrogateescape")
    return quoted(_TRANSCODED.sub(_one_surrogate, text))


def _one_surrogate(escaped: re.Match[str]) -> str:
    return escaped[0].encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")


def _escaped(character: str) -> str:
    code = ord(character)
    if _FIRST_BYTE <= code <= _LAST_BYTE:
        return f"\\x{code - _FIRST_BYTE:02x}"
    return character.encode("unicode_escape").decode("ascii")
