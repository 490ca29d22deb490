"""The pieces of all parts of a time column, at one look at each cell.

Which hour of which day a cell says is remembered by what it begins with, so that no ``datetime`` is
made for a row: cells of ISO 8601 by their hour, with an offset or in seconds since 1970 by that
hour in the column's zone. What is not surely such a cell goes the plain way, part by part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from typing import cast
from zoneinfo import ZoneInfo

from converters.cells.categories import PARTS
from converters.cells.feature import Feature
from converters.cells.kind import Pieces
from converters.cells.times import TimeReading

# Hours remembered: those of nearly two years.
REMEMBERED_HOURS = 16_384
# Since 1972 all zones are whole minutes from UTC.
FIRST_YEAR, LAST_YEAR = 1973, 9998

# Characters of the date, and of the hour.
TO_HOUR = 13

_HOUR = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3])"
_CLOCK = r":[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_ISO = re.compile(rf"({_HOUR})({_CLOCK})(Z|[+-][0-9]{{2}}:[0-9]{{2}})?")
# Many without an offset, held apart by line feeds.
_LOCAL = re.compile(rf"(?>(?:{_HOUR}{_CLOCK}\n)*)")
_TO_HOUR = itemgetter(slice(0, TO_HOUR))
# Seconds or milliseconds since 1970, from 2001 to 2030: none is a calendar time too.
_COUNT = re.compile(r"(1[0-8][0-9]{8})(?:[0-9]{3})?")
_COUNTED = {"": (10, 13), "seconds": (10,), "milliseconds": (13,)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE, _HOUR_LONG = timedelta(minutes=1), timedelta(hours=1)


class TimePieces(dict[str, str | None]):
    """The pieces of cells, which it keeps by hours and minutes; None where the plain way decides.

    Args:
        reading: of the column.
        parts: the features, one behind the other in a row's text.
        checked: whether the cells are the times of events, and good even if no part is learned.
    """

    def __init__(self, reading: TimeReading, parts: Sequence[Feature], *, checked: bool) -> None:
        super().__init__()
        self.reading, self.parts, self.checked = reading, tuple(parts), checked
        self._missing = frozenset({""}).union(*(each.missing for each in parts))
        self._counted = _COUNTED.get(reading.format, ())
        # A day's pieces, held apart where those of an hour go; and these.
        self._days: dict[str, list[str]] = {}
        hours = [each for each in self.parts if each.part == "hour"]
        self._hours = {
            f"{hour:02}": "".join([each.write(str(hour)) for each in hours]) for hour in range(24)
        }

    def with_parts(self, other: TimePieces) -> TimePieces:
        """The same with the parts of another one of the column behind its own."""
        parts = (*self.parts, *other.parts)
        return TimePieces(self.reading, parts, checked=self.checked or other.checked)

    def plain(self, cell: str) -> str:
        """The pieces of a cell, part by part.

        Raises:
            RefusedCellError: the cell must not reach a learner.
        """
        if self.checked and cell:
            self.reading.check(cell)
        return "".join([each.plain_piece(cell) for each in self.parts])

    def piece(self, cell: str) -> str:
        """The same, as what its hour or minute gave where that is sure."""
        known: str | None = None
        if cell in self._missing:
            pass
        elif not self.reading.format and (iso := _ISO.fullmatch(cell)):
            hour, clock, offset = iso.groups(default="")
            known = self[hour + offset]
            if known is None and offset:
                known = self[hour + clock[:3] + offset]
        elif len(cell) in self._counted and (count := _COUNT.fullmatch(cell)):
            seconds = int(count[1])
            known = self[f"{seconds // 3600} h"]
            if known is None:
                known = self[f"{seconds // 60} m"]
        return self.plain(cell) if known is None else known

    @cached_property
    def goes_by_hour(self) -> bool:
        """Whether no cell of ISO 8601 is missing, so that its hour may tell its pieces."""
        return not self.reading.format and not any(map(_ISO.fullmatch, self._missing))

    def of_hour(self, hour: str) -> str | None:
        """What all times of an hour, its offset behind it, become; None if not surely the same."""
        return self[hour] if hour[11:TO_HOUR] in self._hours else None

    def sure_clock(self, cell: str) -> str | None:
        """A cell's clock, if all times of its hour and offset become the same; else None."""
        iso = _ISO.fullmatch(cell) if self.goes_by_hour else None
        if iso is None:
            return None
        hour, clock, offset = iso.groups(default="")
        return None if self[hour + offset] is None else clock

    def pieces(self, cells: Sequence[str]) -> Pieces:
        """Those of many cells; they hold no numbers.

        Raises:
            RefusedCellError: one of them must not reach a learner.
        """
        if not self.reading.format and self._missing.isdisjoint(cells):
            joined = "\n".join([*cells, ""])
            if _LOCAL.fullmatch(joined) and joined.count("\n") == len(cells):
                known = list(map(self.__getitem__, map(_TO_HOUR, cells)))
                if None not in known:
                    return cast("list[str]", known), "", True
        return list(map(self.piece, cells)), "", True

    def __missing__(self, key: str) -> str | None:
        if len(self) >= REMEMBERED_HOURS:
            self.clear()
        known = self[key] = self._made(key)
        return known

    def _made(self, key: str) -> str | None:
        """What all cells of an hour or minute become, if they become the same."""
        try:
            if len(key) == TO_HOUR and not key.endswith(" h"):
                return self._hours[key[11:]].join(self._day(key[:10]))
            moment, span = _begin(key)
        except ValueError:
            return None
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            return None
        if moment.tzinfo is not None:
            zone = ZoneInfo(self.reading.zone)
            last = (moment + span - _MICROSECOND).astimezone(zone)
            moment = moment.astimezone(zone)
            # Half an hour from UTC, or where clocks change, an hour becomes two.
            split = span == _HOUR_LONG and moment.minute
            if split or moment.utcoffset() != last.utcoffset():
                return None
        return "".join(self._written(moment, self.parts))

    def _day(self, day: str) -> list[str]:
        """The pieces of a local day.

        Raises:
            ValueError: there is none such, or it is too far from now.
        """
        known = self._days.get(day)
        if known is None:
            moment = datetime.fromisoformat(day)
            if not FIRST_YEAR <= moment.year <= LAST_YEAR:
                raise ValueError
            if len(self._days) >= REMEMBERED_HOURS // 24:
                self._days.clear()
            at = [n for n, each in enumerate(self.parts) if each.part == "hour"]
            apart = [-1, *at, len(self.parts)]
            known = self._days[day] = [
                "".join(self._written(moment, self.parts[first + 1 : last]))
                for first, last in pairwise(apart)
            ]
        return known

    @staticmethod
    def _written(moment: datetime, parts: Sequence[Feature]) -> list[str]:
        return [each.write(PARTS[each.part](moment)) for each in parts]


def _begin(key: str) -> tuple[datetime, timedelta]:
    """The beginning of an hour or minute, local if it has no offset; and how long it is.

    Raises:
        ValueError: there is none such.
    """
    count, _, unit = key.partition(" ")
    if unit in ("h", "m"):
        span = _HOUR_LONG if unit == "h" else _MINUTE
        return _EPOCH + int(count) * span, span
    if key[13:14] == ":":
        return datetime.fromisoformat(key), _MINUTE
    return datetime.fromisoformat(f"{key[:13]}:00{key[13:]}"), _HOUR_LONG
