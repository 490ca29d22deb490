"""What the config may say of CSV: which delimiters and which encodings can be read.

Stands beside :mod:`converters.config.settings`, whose section ``[csv]`` is made of these two, and names
what is wrong where the config is read, before a row is.
"""

from __future__ import annotations

import codecs
from typing import Annotated

from pydantic import AfterValidator

# Quotes and line ends frame rows. A letter, a digit, a sign or a blank would cut cells that need
# no quotes in any other file, and a record that begins with a bracket is looked at as JSON.
_NO_DELIMITERS = '\0\r\n" +-.[{_'
# An escape that an encoding undoes is not its text.
_ASCII = "".join(map(chr, range(128))) + "\\u0041"


def _delimiter(value: str) -> str:
    usable = len(value) == 1 and value.isascii() and not value.isalnum()
    if not usable or value in _NO_DELIMITERS:
        raise ValueError(
            f"{value!r} does not part cells; it should be one character such as a comma, a "
            "semicolon, a tab or a bar"
        )
    return value


def _encoding(value: str) -> str:
    """A codec that gives the ASCII characters back, also when it gets its bytes one by one."""
    try:
        decoder = codecs.getincrementaldecoder(value)()
        pieces = [decoder.decode(bytes([byte])) for byte in _ASCII.encode(value)]
        read = "".join(pieces) + decoder.decode(b"", final=True)
    except (LookupError, ValueError, TypeError):  # none, or one that is not of text
        read = ""
    if read != _ASCII:
        raise ValueError(
            f"{value!r} is no encoding that Python reads CSV in; it should be one such as utf-8, "
            "utf-16, cp1252 or latin-1"
        )
    return value


Delimiter = Annotated[str, AfterValidator(_delimiter)]
Encoding = Annotated[str, AfterValidator(_encoding)]
