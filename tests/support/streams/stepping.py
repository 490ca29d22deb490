"""A file that is read as a pipe is: a few bytes at a time."""

from __future__ import annotations

import io


class Stepping(io.BytesIO):
    """A file that gives a few bytes at a time, as a pipe does."""

    def __init__(self, content: bytes, step: int) -> None:
        super().__init__(content)
        self._step = step

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next few bytes."""
        return super().read1(self._step)
