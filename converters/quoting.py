"""The offending text as refusals and messages quote it: short, and harmless where it is shown.

At the very bottom: whatever quotes a cell, a row or a name does it by this. What comes out holds
nothing that could steer a terminal, end a line, or hide what follows, and is never cut within an
escape. Backslashes are not doubled: it is for eyes, not to be read back.
"""

from __future__ import annotations

import codecs

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
