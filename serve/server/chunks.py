"""A body in chunks (RFC 9112, section 7.1): decoded, bounded, and nothing of it becomes a header.

Trailer fields are checked and dropped. What is not data is bounded as Go's net/http does: a chunk
may have 16 bytes beside its data and twice its size, and all chunks together 16 KiB more. Very
small ones are counted, for they are most of the work.
"""

from __future__ import annotations

import re

from serve.server.heads import (
    BAD_FIELD,
    LARGE_HEAD,
    MAX_FIELDS,
    MAX_HEAD,
    MAX_LINE,
    NOT_HTTP,
    TOKEN,
    RefusedError,
)

FREE_BYTES = 16
MAX_EXCESS = 16 * 2**10
# Lines that are handled as they come; a body of more waits for its turn, of a millisecond at most.
LINES_AT_ONCE, LINES_A_TURN = 16, 64
# A few clients stream letter by letter. What sends more such chunks only wants to be work.
SMALL_CHUNK, MOST_SMALL_CHUNKS = 16, 2**18

_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
# No extension may hide a line end; fifteen digits cannot overflow anything.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;%b)?" % _TEXT)
_BEGINNING = re.compile(rb"[0-9A-Fa-f]{0,15}(?:[ \t]*|[ \t]*;%b)\r?" % _TEXT)
_FIELD = re.compile(rb"%b:%b" % (TOKEN, _TEXT))


class Chunks:
    """Decodes one body.

    Attributes:
        complete: whether all of it has been seen.
    """

    def __init__(self) -> None:
        self.complete = False
        self._left = 0  # bytes of the current chunk, with the line end that follows them
        self._excess = self._small = 0
        self._trailing = False
        self._trailer_bytes = self._trailer_fields = 0

    def decode(self, data: bytes, at: int, lines: int) -> tuple[int, bytes]:
        """Decode what can be decoded in so many lines.

        Returns:
            Where it stopped, and the data of chunks up to there.

        Raises:
            RefusedError: this is not a body in chunks, or too much of it is not data.
        """
        parts: list[bytes] = []
        for _ in range(lines):
            if self._left:
                at = self._take(data, at, parts)
                if self._left:
                    break
            end = data.find(b"\r\n", at, at + MAX_LINE + 2)
            if end < 0:
                self._check_unfinished(data, at)
                break
            if self._trailing:
                self._end_trailer(data[at:end])
            else:
                self._begin_chunk(data[at:end])
            at = end + 2
            if self.complete:
                break
        return at, b"".join(parts)

    def _take(self, data: bytes, at: int, parts: list[bytes]) -> int:
        """Take data of the current chunk; where it stopped."""
        if self._left > 2:
            part = data[at : at + self._left - 2]
            parts.append(part)
            self._left -= len(part)
            at += len(part)
        if self._left == 2 and len(data) - at >= 2:
            if data[at : at + 2] != b"\r\n":
                raise _not_chunks("a chunk is longer than its size")
            self._left = 0
            at += 2
        return at

    def _begin_chunk(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            raise _not_chunks("a chunk's size is no hexadecimal number")
        size = int(found[1], 16)
        self._excess = max(0, self._excess + len(line) + 4 - FREE_BYTES - 2 * size)
        if self._excess > MAX_EXCESS:
            raise _not_chunks("too much of it is not data")
        self._small += size < SMALL_CHUNK
        if self._small > MOST_SMALL_CHUNKS:
            raise _not_chunks(f"more than {MOST_SMALL_CHUNKS:,} of them are very small")
        if size:
            self._left = size + 2
        else:
            self._trailing = True

    def _end_trailer(self, line: bytes) -> None:
        if not line:
            self.complete = True
            return
        if not _FIELD.fullmatch(line):
            raise RefusedError(BAD_FIELD, "A field after the body is not 'NAME: VALUE'.")
        self._trailer_fields += 1
        self._trailer_bytes += len(line) + 2
        if self._trailer_fields > MAX_FIELDS or self._trailer_bytes > MAX_HEAD:
            raise _long_trailer()

    def _check_unfinished(self, data: bytes, at: int) -> None:
        """A line that has not come to its end."""
        if len(data) - at > MAX_LINE:
            raise _long_trailer() if self._trailing else _not_chunks("too much of it is not data")
        if not self._trailing and not _BEGINNING.fullmatch(data, at):
            raise _not_chunks("a chunk's size is no hexadecimal number")


def _not_chunks(what: str) -> RefusedError:
    return RefusedError(NOT_HTTP, f"The body in chunks cannot be read: {what}.")


def _long_trailer() -> RefusedError:
    return RefusedError(LARGE_HEAD, "The fields after the body are too many or too long.")
