"""Free text as the bag of its tokens, cut at blanks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from converters.cells.kind import Kind, Token
from converters.cells.refusal import RefusedCellError, escape_value, unescape

# The tokens of a cell of 8 MiB took half a gigabyte; a novel has as many.
MOST_TOKENS = 100_000


class Text(Kind[tuple[str, ...]]):
    """``name=token name=token …``, in the order of the text."""

    blank_is_missing: ClassVar[bool] = True  # a text of blanks alone holds no token

    def check(self, cell: str) -> tuple[str, ...]:
        """The tokens; any text has some, unless it is all blank.

        Raises:
            RefusedCellError: ``text-too-long``.
        """
        tokens = cell.split(maxsplit=MOST_TOKENS)
        if len(tokens) > MOST_TOKENS:
            raise RefusedCellError("text-too-long", cell)
        return tuple(tokens)

    def write(self, value: tuple[str, ...]) -> str:
        """Each token, escaped; one that repeats counts twice."""
        return " ".join([f"{self.name}={escape_value(token)}" for token in value])

    def read(self, tokens: Sequence[Token]) -> tuple[str, ...]:
        """The tokens in order."""
        return tuple(unescape(token.text.removeprefix(f"{self.name}=")) for token in tokens)
