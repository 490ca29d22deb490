"""Whether rows are in the order of their time, from when to when, and where nothing happens.

Also whether another time column is always later than the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from converters.cells.refusal import RefusedCellError
from converters.cells.times import local_time, time_ms
from converters.check.column_counts import ColumnPlan
from converters.sampling.leak_suspects import always_later
from converters.sampling.reservoir import RowSample
from converters.schema.schema import Schema

# The time of a row that has none; the event's time is never before 1970.
NO_TIME = -1


@dataclass(frozen=True)
class Gap:
    """The longest time between two rows that follow each other in order."""

    milliseconds: int
    line: int


@dataclass
class Times:
    """The times of the rows.

    Attributes:
        column: the column of role ``time``.
        rows: how many have one.
        first: the earliest, in milliseconds since 1970.
        last: the latest.
        unsorted: how many are earlier than the row before.
        unsorted_line: the line of the first of these.
        gap: the longest step forward, and the line after it.
    """

    column: str
    rows: int = 0
    first: int = 0
    last: int = 0
    unsorted: int = 0
    unsorted_line: int | None = None
    gap: Gap | None = None


class TimeOrder:
    """Takes the cells of all rows, in order.

    Args:
        header: the file's columns.
        schema: what they mean; without a column of role ``time`` nothing is looked at.
    """

    def __init__(self, header: Sequence[str], schema: Schema) -> None:
        time = schema.only("time")
        self._times = Times(time.name) if time and time.name in header else None
        self._place = header.index(self._times.column) if self._times else 0
        self._zone = time.settings.zone if time else ""
        self._before = 0

    def add(self, columns: Sequence[Sequence[str]], lines: Sequence[int]) -> None:
        """Take a block of rows, column by column, and the lines on which they begin."""
        times = self._times
        if times is None:
            return
        cells = columns[self._place]
        known = {cell: self._moment(cell) for cell in dict.fromkeys(cells)}
        timed = np.fromiter(map(known.__getitem__, cells), np.int64, len(cells))
        places = np.flatnonzero(timed != NO_TIME)
        if not len(places):
            return
        timed = timed[places]
        if not times.rows:
            self._before = times.first = times.last = int(timed[0])
        steps = np.diff(timed, prepend=self._before)
        self._before = int(timed[-1])
        times.rows += len(timed)
        times.first = min(times.first, int(timed.min()))
        times.last = max(times.last, int(timed.max()))
        backwards = np.flatnonzero(steps < 0)
        times.unsorted += len(backwards)
        if len(backwards) and times.unsorted_line is None:
            times.unsorted_line = lines[int(places[backwards[0]])]
        longest = int(steps.argmax())
        if steps[longest] > (times.gap.milliseconds if times.gap else 0):
            times.gap = Gap(int(steps[longest]), lines[int(places[longest])])

    def times(self) -> Times | None:
        """What was seen; None if no row has a time."""
        return self._times if self._times and self._times.rows else None

    def _moment(self, cell: str) -> int:
        """Milliseconds since 1970, as :func:`time_ms` gives them, or NO_TIME."""
        try:
            return time_ms(cell, self._zone) if cell else NO_TIME
        except RefusedCellError:
            return NO_TIME


Moments = Sequence[float | None]


def happened(plans: Sequence[ColumnPlan], sample: RowSample) -> Moments:
    """When each sampled row's event was; empty if the file does not say, or nothing needs it."""
    place = next((place for place, plan in enumerate(plans) if plan.role == "time"), None)
    if place is None or not any(map(_learned, plans)):
        return []
    return [_moment(plans[place], cell) for cell in sample.column(place)]


def comes_after(plan: ColumnPlan, cells: Sequence[str], events: Moments) -> bool:
    """Whether these times always come after their events; each row has one cell."""
    if not events or not _learned(plan):
        return False
    return always_later((_moment(plan, cell) for cell in cells), events)


def _learned(plan: ColumnPlan) -> bool:
    return plan.role == "feature" and plan.kind == "time"


def _moment(plan: ColumnPlan, cell: str) -> float | None:
    """Seconds since 1970; None for a cell that holds no time."""
    if plan.is_missing(cell):
        return None
    try:
        return local_time(cell, ZoneInfo(plan.zone)).timestamp()
    except RefusedCellError:
        return None
