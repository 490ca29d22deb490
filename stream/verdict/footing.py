"""What every contender stands on: the same labelled rows, in the order in which time had them.

The first part of the rows is shown to ``init`` and trains what is trained once; all are measured on
the rows behind it. A label is known when the file says, and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading
from converters.config.toml_text import quoted
from converters.errors import UsageError
from converters.sampling.time_formats import time_format
from converters.schema.schema import Schema
from learners.selection.progressive import Order
from stream.verdict.columns import CodedColumn, Columns

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Cells from which it is told how a column's times are written.
LOOKED_AT = 10_000
# Of more unreadable cells than this a column is none of times.
MOST_UNREADABLE = 0.5
NO_TIME = "whose time cannot be read"
REPEATED = "with the id of an earlier row"
UNLABELLED = "without a known label"
# Where no month begins, batch models are made anew so many times.
TIMES = 10
# When labels come that never do, in ms.
NEVER = 2.0**62


@dataclass(frozen=True)
class Clock:
    """When events happened and when their labels were known, by a file's own columns.

    Attributes:
        time: the column of the event's time; None where the file's order is all there is.
        time_format: how that is written; empty for what init would guess.
        zone: of times that name none, of labels' too.
        label_time: the column that says when the label was known.
        label_delay: or how many seconds after its event.
    """

    time: str | None = None
    time_format: str = ""
    zone: str = "UTC"
    label_time: str | None = None
    label_delay: float = 0.0


@dataclass(frozen=True)
class Footing:
    """The rows on which contenders are tried.

    Attributes:
        columns: the rows, in order of time; each has a label.
        positive: the class of each.
        first: how many of them are the first part.
        happened: when each event was, in ms; None without a time column.
        known: when each label was, in ms; None where labels come at once.
    """

    columns: Columns
    positive: Bools
    first: int
    happened: Integers | None = None
    known: Integers | None = None

    def __len__(self) -> int:
        return len(self.positive)

    @cached_property
    def labelled(self) -> Integers | None:
        """Before which row each row's label came; None if at once."""
        if self.happened is None or self.known is None:
            return None
        # Labels come before events of the same moment, and behind their own event.
        places = np.searchsorted(self.happened, self.known, side="left")
        return np.maximum(places, np.arange(1, len(self) + 1))

    @property
    def is_late(self) -> bool:
        """Whether a label comes later than the next row."""
        labelled = self.labelled
        return labelled is not None and bool((labelled > np.arange(1, len(self) + 1)).any())

    def order(self, *, at_once: bool = False) -> Order:
        """In which order rows are scored and learned; or as if labels came at once."""
        return Order.of(len(self), None if at_once else self.labelled, self.known)

    @cached_property
    def renewals(self) -> list[int]:
        """The rows before which a batch model is made anew: the first behind the first part is one.

        Then the first of each month, in UTC; or ten in all, where rows have no time or no month.
        """
        if self._months:
            return [self.first, *self._months]
        times = np.linspace(self.first, len(self), TIMES, endpoint=False).astype(np.int64)
        return list(map(int, times))

    @property
    def renewed_when(self) -> str:
        """When that is, in words."""
        return "each month" if self._months else "ten times"

    @cached_property
    def _months(self) -> list[int]:
        """The first row of each month that begins behind the first part."""
        if self.happened is None:
            return []
        days = self.happened[self.first :].astype("datetime64[ms]")
        months = days.astype("datetime64[M]").astype(np.int64)
        begins: list[int] = (self.first + 1 + np.flatnonzero(np.diff(months))).tolist()
        return begins

    def known_at(self, row: int) -> Bools:
        """The rows whose label was known when this one came."""
        labelled = np.arange(1, len(self) + 1) if self.labelled is None else self.labelled
        return labelled <= row

    @cached_property
    def base_rate(self) -> Floats:
        """For each row the share of positives among the labels that were known by then."""
        labelled = np.arange(1, len(self) + 1) if self.labelled is None else self.labelled
        order = np.argsort(labelled, kind="stable")
        counts = np.searchsorted(labelled[order], np.arange(len(self)), side="right")
        positives = np.concatenate(([0], np.cumsum(self.positive[order])))
        return (positives[counts] + 0.5) / (counts + 1.0)


@dataclass(frozen=True)
class Ordered:
    """Rows in order of time, with or without a label.

    Attributes:
        columns: the rows.
        happened: when each event was, in ms; None without a time column.
        known: when each label was, in ms; None where labels come at once.
    """

    columns: Columns
    happened: Integers | None = None
    known: Integers | None = None

    def without(self, bad: Bools, why: str) -> Ordered:
        """The rows that are not bad; the others are counted."""
        good = ~bad
        happened = None if self.happened is None else self.happened[good]
        known = None if self.known is None else self.known[good]
        return Ordered(self.columns.without(bad, why), happened, known)

    def footing(self, schema: Schema, shown: int) -> Footing:
        """The rows with a label, of which so many of all rows are the first part."""
        codes = codes_of(self.columns, schema)
        first = int((codes[:shown] >= 0).sum())
        found = self.without(codes < 0, UNLABELLED)
        return Footing(found.columns, codes[codes >= 0] == 1, first, found.happened, found.known)


def in_order(columns: Columns, clock: Clock, identity: str | None = None) -> Ordered:
    """Rows in order of time, each id once.

    Args:
        columns: the rows.
        clock: when events and labels were.
        identity: the column of the ids, if there is one.

    Raises:
        UsageError: hardly a cell of a column of times is one; names it.
    """
    if clock.time is None:
        found = Ordered(columns)
    else:
        happened = _times(columns, clock.time, TimeReading(clock.zone, clock.time_format))
        bad = np.isnan(happened)
        columns, happened = columns.without(bad, NO_TIME), happened[~bad]
        order = np.argsort(happened, kind="stable")
        columns, happened = columns.taken(order), happened[order]
        found = Ordered(columns, happened.astype(np.int64), _known(columns, happened, clock))
    if identity is None:
        return found
    return found.without(repeated(found.columns, identity), REPEATED)


def _known(columns: Columns, happened: Floats, clock: Clock) -> Integers | None:
    """When each label was known, in ms; None if at once."""
    if clock.label_time is not None:
        known = _times(columns, clock.label_time, TimeReading(clock.zone))
        return np.where(np.isnan(known), NEVER, known).astype(np.int64)
    if clock.label_delay:
        return (happened + 1000.0 * clock.label_delay).astype(np.int64)
    return None


def _times(columns: Columns, name: str, given: TimeReading) -> Floats:
    """When a column of each row says, in ms; nan where that is no time."""
    column, pattern = columns.by_name[name], given.format
    reading = given._replace(format=pattern or _format_of(column))
    read = np.array([_time(cell, reading) for cell in column.values], np.float64)
    found = read[column.codes]
    if len(found) and np.isnan(found).mean() > MOST_UNREADABLE:
        bad = column.values[int(np.flatnonzero(np.isnan(read))[-1])]
        such = f", such as {quoted(bad)}" if bad else ": they are empty"
        how = f" --time-format says {pattern!r}." if pattern else ""
        raise UsageError(
            f"The column {quoted(name)} is to hold times, and most of its cells are none{such}. "
            f"Name another column, or write them in one notation, such as ISO 8601.{how}"
        )
    return found


def _format_of(column: CodedColumn) -> str:
    return time_format([cell for cell in column.values[:LOOKED_AT] if cell])


def _time(cell: str, reading: TimeReading) -> float:
    try:
        return float(reading.time_ms(cell)) if cell else np.nan
    except RefusedCellError:
        return np.nan


def repeated(columns: Columns, name: str) -> Bools:
    """Rows whose id an earlier one has; an empty one is none."""
    column = columns.by_name[name]
    _, firsts = np.unique(column.codes, return_index=True)
    bad = np.ones(len(columns), np.bool_)
    bad[firsts] = False
    empty = [code for code, value in enumerate(column.values) if not value]
    bad[np.isin(column.codes, empty)] = False
    return bad


def codes_of(columns: Columns, schema: Schema) -> NDArray[np.int8]:
    """The class of each row, 1 or 0; -1 where it has no label that the schema knows."""
    at = schema.index("label")
    assert at is not None
    column = columns.by_name[schema.names[at]]
    code = _coding(schema)
    return np.array([code(cell) for cell in column.values], np.int8)[column.codes]


def _coding(schema: Schema) -> Callable[[str], int]:
    def code(cell: str) -> int:
        try:
            found = schema.label_codes[cell]
        except KeyError:
            return -1
        return -1 if found is None else found

    return code
