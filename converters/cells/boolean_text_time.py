"""True and false, in whatever spellings the config names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from converters.cells.kind import Kind, Token
from converters.cells.refusal import RefusedCellError, escape_value, unescape
from converters.cells.times import local_time
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


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

PARTS: Mapping[str, Callable[[datetime], str]] = {
    "hour": lambda moment: str(moment.hour),
    "weekday": lambda moment: _WEEKDAYS[moment.weekday()],
    "month": lambda moment: str(moment.month),
    "day": lambda moment: str(moment.day),
    "year": lambda moment: str(moment.year),
}


class TimePart(Kind[str]):
    """``name.hour=13``, ``name.weekday=mon`` or ``name.month=2``, as categories.

    Args:
        name: the feature's name, which ends with the part's.
        part: a key of :data:`PARTS`.
        zone: the zone's name; cells with an offset are brought into it, others are in it.
    """

    def __init__(self, name: str, part: str, zone: str) -> None:
        super().__init__(name)
        self._part = PARTS[part]
        self._zone = ZoneInfo(zone)

    def check(self, cell: str) -> str:
        """The part's value.

        Raises:
            RefusedCellError: ``bad-time``.
        """
        return self._part(local_time(cell, self._zone))

    def write(self, value: str) -> str:
        """A category: hours and months go in circles and are no amounts."""
        return f"{self.name}={value}"

    def read(self, tokens: Sequence[Token]) -> str:
        """The part's value."""
        (token,) = tokens
        return token.text.removeprefix(f"{self.name}=")
