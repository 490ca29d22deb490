"""Whether rows are in the order of their time, from when to when, and where nothing happens.

Also whether another time column is always later than the event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import time as now

import numpy as np
from numpy.typing import NDArray

from converters.cells.local_clock import MOST_EXPLAINED, LocalClock, is_skipped, skipped, step_back
from converters.cells.refusal import RefusedCellError
from converters.cells.times import USUAL_YEARS
from converters.check.column_counts import ColumnPlan
from converters.check.respelt import Said
from converters.config.column_settings import ColumnSettings
from converters.config.toml_text import readable
from converters.sampling.leak_suspects import always_later
from converters.sampling.reservoir import RowSample
from converters.sampling.time_formats import are_digits
from converters.schema.schema import Schema
from converters.show.stream_time import AHEAD_MS

# The time of a row that has none; the event's time is never before 1970.
NO_TIME = -1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Gap:
    """The longest time between two rows that follow each other in order."""

    milliseconds: int
    line: int


@dataclass
class Changed:
    """Rows in whose times a change of the clocks shows.

    Attributes:
        line: the first of them.
        said: what it is, and what to do.
        rows: how many.
    """

    line: int
    said: str
    rows: int = 0


@dataclass
class Times:
    """The times of the rows.

    Attributes:
        column: the column of role ``time``.
        rows: how many have one.
        first: the earliest, in milliseconds since 1970.
        last: the latest.
        unsorted: how many are earlier than the row before, and no change of the clocks is why.
        unsorted_line: the line of the first of these.
        clocks: those that are earlier, and a change of the clocks is why.
        skipped: those whose time does not exist, since the clocks were put forward.
        gap: the longest step forward, and the line after it.
        future: how many are further ahead of the clock than a log takes.
        future_line: the line of the first of these.
    """

    column: str
    rows: int = 0
    first: int = 0
    last: int = 0
    unsorted: int = 0
    unsorted_line: int | None = None
    clocks: Changed | None = None
    skipped: Changed | None = None
    gap: Gap | None = None
    future: int = 0
    future_line: int | None = None

    @property
    def in_order(self) -> bool:
        """Whether no row seems earlier than the row before."""
        return not self.unsorted and self.clocks is None


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
        self._settings = time.settings if time else ColumnSettings(role="time")
        self._clock = LocalClock(schema.times, self._settings.fold)
        self._reading = schema.times
        self._before, self._above = 0, ""
        self._latest = round(now() * 1000) + AHEAD_MS

    def add(self, columns: Sequence[Sequence[str]], lines: Sequence[int]) -> None:
        """Take a block of rows, column by column, and the lines on which they begin."""
        times = self._times
        if times is None:
            return
        cells = columns[self._place]
        timed = self._read(cells)
        places = np.flatnonzero(timed != NO_TIME)
        if not len(places):
            return
        if len(places) < len(cells):
            there = places.tolist()
            cells, lines = [cells[at] for at in there], [lines[at] for at in there]
            timed = timed[places]
        if not times.rows:
            self._before = times.first = times.last = int(timed[0])
        steps = np.diff(timed, prepend=self._before)
        self._before = int(timed[-1])
        times.rows += len(timed)
        times.first = min(times.first, int(timed.min()))
        times.last = max(times.last, int(timed.max()))
        if len(future := np.flatnonzero(timed > self._latest)):
            times.future += len(future)
            times.future_line = times.future_line or lines[int(future[0])]
        self._count_backwards(times, np.flatnonzero(steps < 0), [self._above, *cells], lines)
        self._count_skipped(times, cells, lines)
        self._above = cells[-1]
        longest = int(steps.argmax())
        if steps[longest] > (times.gap.milliseconds if times.gap else 0):
            times.gap = Gap(int(steps[longest]), lines[longest])

    def times(self) -> Times | None:
        """What was seen; None if no row has a time."""
        return self._times if self._times and self._times.rows else None

    def _read(self, cells: Sequence[str]) -> NDArray[np.int64]:
        """The times of a block, or NO_TIME."""
        if self._settings.fold == "order":
            return np.fromiter(map(self._moment, cells), np.int64, len(cells))
        known = {cell: self._moment(cell) for cell in dict.fromkeys(cells)}
        return np.fromiter(map(known.__getitem__, cells), np.int64, len(cells))

    def _moment(self, cell: str) -> int:
        """Milliseconds since 1970, as the clock gives them, or NO_TIME."""
        try:
            return self._clock.time_ms(cell) if cell else NO_TIME
        except RefusedCellError:
            return NO_TIME

    def _count_backwards(
        self,
        times: Times,
        places: Iterable[int],
        cells: Sequence[str],
        lines: Sequence[int],
    ) -> None:
        """Count the rows at these places; the cell of each stands behind that of the row before."""
        settings = self._settings
        for place in places:
            above, cell = cells[place : place + 2]
            said = None
            if times.unsorted < MOST_EXPLAINED:
                said = step_back(above, cell, times.column, self._reading, settings.fold)
            if said is None:
                times.unsorted += 1
                times.unsorted_line = times.unsorted_line or lines[place]
            else:
                times.clocks = times.clocks or Changed(lines[place], said)
                times.clocks.rows += 1

    def _count_skipped(self, times: Times, cells: Sequence[str], lines: Sequence[int]) -> None:
        if self._settings.zone == "UTC":
            return
        odd = {cell for cell in dict.fromkeys(cells) if is_skipped(cell, self._reading)}
        for cell, line in zip(cells, lines, strict=True) if odd else ():
            if cell in odd:
                if times.skipped is None:
                    said = skipped(cell, times.column, self._reading)
                    times.skipped = Changed(line, said)
                times.skipped.rows += 1


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
    return always_later((_moment(plan, cell, latest=True) for cell in cells), events)


def time_span(plan: ColumnPlan, cells: Iterable[str]) -> tuple[str, str] | None:
    """From when to when a column of times reads these cells; None for another column."""
    if "time" not in (plan.kind, plan.role):
        return None
    read = [at for at in (_moment(plan, cell) for cell in cells) if at is not None]
    if not read:
        return None
    first, last = (
        f"{_EPOCH + timedelta(seconds=at):%Y-%m-%d %H:%M}" for at in (min(read), max(read))
    )
    return first, last


def odd_years(plan: ColumnPlan, cells: Collection[str]) -> Iterator[Said]:
    """That a column of digits is read as times of hardly any event."""
    if "time" not in (plan.kind, plan.role) or not are_digits(cells):
        return
    moments = ((cell, _moment(plan, cell)) for cell in cells)
    read = {cell: _EPOCH + timedelta(seconds=at) for cell, at in moments if at is not None}
    odd = [cell for cell, at in read.items() if at.year not in USUAL_YEARS]
    if odd:
        first, last = USUAL_YEARS[0], USUAL_YEARS[-1]
        said = (
            f"is read as times outside {first} to {last}: {readable(odd[0])} as "
            f"{read[odd[0]]:%Y-%m-%d %H:%M}. If they are others, set its `format`: seconds, "
            'milliseconds, microseconds, nanoseconds, or a pattern such as "%d%m%Y".'
        )
        yield "warning", "implausible-years", said


def _learned(plan: ColumnPlan) -> bool:
    return plan.role == "feature" and plan.kind == "time"


def _moment(plan: ColumnPlan, cell: str, *, latest: bool = False) -> float | None:
    """Seconds since 1970, of a time that comes twice the latest; None for a cell without one."""
    if plan.is_missing(cell):
        return None
    try:
        moment = plan.times.local(cell)
    except RefusedCellError:
        return None
    first = moment.timestamp()
    return max(first, moment.replace(fold=1).timestamp()) if latest else first
