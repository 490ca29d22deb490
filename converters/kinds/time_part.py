"""What is learned from a time: one part of it, such as the hour, on the clock of a zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from converters.cells.kind import Kind, Token
from converters.cells.times import local_time

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
