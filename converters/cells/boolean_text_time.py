"""True and false, in whatever spellings the config names."""

from __future__ import annotations

from collections.abc import Sequence

from converters.cells.kind import Kind, Token
from converters.cells.refusal import RefusedCellError
from converters.config.column_settings import ColumnSettings


class Boolean(Kind[bool]):
    """``name=true`` or ``name=false``."""

    def __init__(self, name: str, settings: ColumnSettings) -> None:
        super().__init__(name)
        self._meanings = dict.fromkeys(settings.true_values, True) | dict.fromkeys(
            settings.false_values, False
        )

    def check(self, cell: str) -> bool:
        """What the cell says.

        Raises:
            RefusedCellError: ``not-a-boolean``.
        """
        try:
            return self._meanings[cell]
        except KeyError:
            raise RefusedCellError("not-a-boolean", cell) from None

    def write(self, value: bool) -> str:
        """A category of two values."""
        return f"{self.name}={'true' if value else 'false'}"

    def read(self, tokens: Sequence[Token]) -> bool:
        """What was written."""
        (token,) = tokens
        return token.text == f"{self.name}=true"
