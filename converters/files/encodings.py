"""The bytes of a file in another encoding -> the same text in UTF-8, while it is read.

Rows are framed in UTF-8 only. A byte that the encoding does not know becomes a mark that is not
valid in UTF-8: its row is refused like any other that cannot be read, and its neighbours live.
:mod:`converters.cells.refusal` shows the byte.
"""

from __future__ import annotations

import codecs

from converters.files.compressed import Readable

# What the marks are made of: surrogates, which no text holds and which are not valid in UTF-8.
FIRST_MARK = 0xDC00

_MARKING = "freshet-marking"


class EncodingError(OSError):
    """A file is not text in the encoding that was named."""


class Transcoder:
    """An open file, read as UTF-8.

    Args:
        file: open for reading bytes.
        encoding: in which they are text.
    """

    def __init__(self, file: Readable, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(_MARKING)
        self._ended = False

    def read1(self, size: int, /) -> bytes:
        """Some of the text; nothing only at its end.

        Raises:
            OSError: the file cannot be read, or is no text in this encoding at all.
        """
        while not self._ended:
            content = self._file.read1(size)
            self._ended = not content
            if text := self._decoded(content):
                return text.encode("utf-8", "surrogatepass")
        return b""

    def _decoded(self, content: bytes) -> str:
        try:
            return self._decoder.decode(content, final=self._ended)
        except UnicodeError as error:
            raise EncodingError(
                f"it is not in the encoding '{self._encoding}' that csv.encoding (or --encoding) "
                f"names ({error})"
            ) from None


def is_utf8(encoding: str) -> bool:
    """Whether files in an encoding need no transcoding."""
    return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}


def _marked(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    unread = error.object[error.start : error.end]
    return "".join(chr(FIRST_MARK + byte) for byte in unread), error.end


codecs.register_error(_MARKING, _marked)
