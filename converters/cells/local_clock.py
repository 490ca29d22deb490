"""Local times on either side of a change of the clocks, read row after row.

Where clocks are put back, an hour comes twice, and its times name two moments each; where they are
put forward, an hour is skipped, and its times name none. A time with an offset, or since 1970, is
never in doubt.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from converters.cells.escaping import quoted
from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading

Fold = Literal["earlier", "later", "order"]


# Rows in the order of their times share them with their neighbours, by the minute or the day, and
# reading one takes half of the time of making a row a part of a record.
REMEMBERED_TIMES = 1_024


class LocalClock:
    """Reads a column's times in the order of its rows.

    Args:
        reading: how the column's times are read.
        fold: which of its two moments a time is that comes twice: the earlier, the later, or the
            one that keeps the rows in order.

    Attributes:
        last: the time of the latest row.
    """

    def __init__(self, reading: TimeReading, fold: Fold = "earlier") -> None:
        self._time_ms = lru_cache(REMEMBERED_TIMES)(reading.time_ms)
        self._fold = fold
        self.last = 0

    def time_ms(self, cell: str) -> int:
        """The time of the next row, in milliseconds since 1970.

        Raises:
            RefusedCellError: ``bad-time``.
        """
        self.last = self._read(cell, self.last)
        return self.last

    def later_time_ms(self, cell: str, last: int) -> int:
        """A time that is not before that of a row: when its label was known.

        Raises:
            RefusedCellError: ``bad-time``.
        """
        return self._read(cell, last)

    def times_ms(self, cells: Sequence[str]) -> list[int] | None:
        """The times of the next rows; None, and nothing is read, if one of them has none."""
        last = self.last
        try:
            times = list(map(self._time_ms if self._fold == "earlier" else self.time_ms, cells))
        except RefusedCellError:
            self.last = last
            return None
        self.last = times[-1] if times else last
        return times

    def later_times_ms(self, cells: Sequence[str], lasts: Sequence[int]) -> list[int] | None:
        """Times each of which is not before that of its row; None if a cell says none."""
        try:
            if self._fold == "earlier":
                return list(map(self._time_ms, cells))
            return list(map(self._read, cells, lasts))
        except RefusedCellError:
            return None

    def _read(self, cell: str, last: int) -> int:
        before = self._time_ms(cell)
        if self._fold == "earlier":
            return before
        after = self._time_ms(cell, after=True)
        if after <= before:  # not in doubt, or skipped
            return before
        # Rows of another day say nothing of which pass this is.
        second = before < last < after + (after - before)
        return after if self._fold == "later" or second else before


def is_skipped(cell: str, reading: TimeReading) -> bool:
    """Whether clocks were put forward over this time; it is read as if they had not been."""
    if reading.zone == "UTC":
        return False
    return reading.time_ms(cell, after=True) < reading.time_ms(cell)


def step_back(above: str, cell: str, column: str, reading: TimeReading, fold: Fold) -> str | None:
    """Why a row's time seems to be before that of the row above it, and what to do.

    Args:
        above: the time cell of the row above.
        cell: the row's.
        column: their column's name.
        reading: how its times are read.
        fold: how times that come twice are read.

    Returns:
        Sentences; None unless a change of the clocks explains it.
    """
    if _comes_again(above, cell, reading):
        return _told(cell, column, reading, fold)
    time_ms = reading.time_ms
    if is_skipped(above, reading) and time_ms(above, after=True) <= time_ms(cell):
        return skipped(above, column, reading)
    if time_ms(above) - time_ms(cell) > LONGEST_REPEATED_MS:
        return None
    places = (reading._replace(zone=zone) for zone in _places())
    guess = next((place for place in places if _comes_again(above, cell, place)), None)
    return None if guess is None else _told(cell, column, guess, None)


def skipped(cell: str, column: str, reading: TimeReading) -> str:
    """What a time is that clocks skip, and what to do."""
    read = datetime.fromtimestamp(reading.time_ms(cell) / 1000, ZoneInfo(reading.zone))
    return (
        f"There was no {cell.strip()}: {_change(cell, reading)}. It is read as {read.isoformat()}. "
        f"Set the `zone` of the column '{quoted(column)}' to that of the clock which wrote it (one "
        "without daylight saving, if it was not put forward), or write each time with its offset."
    )


# A file with so many rows out of order is unsorted, whatever clocks do; to look for the time zone
# that could explain one takes some milliseconds.
MOST_EXPLAINED = 20
# Clocks of Antarctica/Vostok were put back that far in 1994; others by three hours at most.
LONGEST_REPEATED_MS = 7 * 3_600_000
# Names of time zones begin with these, but for aliases; some that messages name first.
_AREAS = frozenset(
    {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian"}
    | {"Pacific"}
)
_FIRST = ("America/New_York", "Europe/Berlin", "Europe/London", "Australia/Sydney")


@lru_cache(maxsize=1)
def _places() -> Mapping[str, ZoneInfo]:
    """All time zones that are called after a place; held, since to read them takes 0.1 s."""
    others = {zone for zone in available_timezones() if zone.partition("/")[0] in _AREAS}
    return {zone: ZoneInfo(zone) for zone in (*_FIRST, *sorted(others.difference(_FIRST)))}


def _comes_again(above: str, cell: str, reading: TimeReading) -> bool:
    """Whether a time comes twice in a zone, and the second time is not before the row above."""
    try:
        before, after = reading.time_ms(cell), reading.time_ms(cell, after=True)
        return before < after >= reading.time_ms(above)
    except RefusedCellError:  # before 1970, in that zone
        return False


def _told(cell: str, column: str, reading: TimeReading, fold: Fold | None) -> str:
    """What the hour is, and what to do; the fold is None if the zone is only guessed."""
    name, zone = quoted(column), reading.zone
    second = reading.time_ms(cell, after=True) / 1000
    local = datetime.fromtimestamp(second, ZoneInfo(zone))
    frame = f'df["{name}"]'
    offsets = (
        f"write each time with its offset, as in {local.isoformat()} (in pandas: {frame} = "
        f'pd.to_datetime({frame}).dt.tz_localize("{zone}", ambiguous="infer"))'
    )
    hour = f"the hour that comes twice: {_change(cell, reading)}"
    if fold == "order":
        return (
            f'This is {hour}. Under `fold = "order"` the first step back there begins its second '
            "pass, and this is another one: sort the rows of each pass by time, or "
            f"{offsets}."
        )
    order = "if its rows are in the order in which they happened, set"
    asked = f"`fold = \"order\"` for the column '{name}' in the config, or {offsets}."
    sorting = "Sorting the file would mix the two passes"
    if fold is not None:
        return f"This is {hour}. {sorting}: {order} {asked}"
    return (
        f"If these are local times, this may be {hour}. {sorting}: {order} "
        f'`zone = "{zone}"`, or the zone that it is, and {asked}'
    )


def _change(cell: str, reading: TimeReading) -> str:
    """The change of the clocks that repeats or skips a time, in words."""
    zone, time_ms = reading.zone, reading.time_ms

    def offset(second: int) -> timedelta:
        return datetime.fromtimestamp(second, ZoneInfo(zone)).utcoffset() or timedelta()

    first, last = sorted((time_ms(cell) // 1000, time_ms(cell, after=True) // 1000))
    old, new = offset(first), offset(last)
    seconds = range(first, last + 1)
    at = seconds[bisect_left(seconds, True, key=lambda second: offset(second) != old)]
    shown, then = (datetime.fromtimestamp(at, UTC) + each for each in (old, new))
    way = "back" if new < old else "forward"
    day = "" if then.date() == shown.date() else f"{then:%Y-%m-%d} "
    return (
        f"on {shown:%Y-%m-%d} the clocks of {zone} were put {way} from {shown:%H:%M} to "
        f"{day}{then:%H:%M}"
    )
