"""A column of times -> the parts of them that are worth learning from.

Part of :mod:`converters.init.one_column`, and used for the event's own time, which was told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from converters.infer_guess import Guess
from converters.init.decision import Alternative, Surroundings, words
from converters.sampling.column import UNIQUE_FROM_ROWS, ColumnSample

# A part is learned from where the sample saw it come again.
WEEKDAYS_FROM = timedelta(days=14)
MONTHS_FROM = timedelta(days=183)
DEFAULT_ZONE = "UTC"

_TIME_WORDS = frozenset(
    {"time", "date", "datetime", "timestamp", "epoch", "ts", "at", "when", "day", "created"}
)


def are_times(column: ColumnSample) -> bool:
    """Whether a column holds times; of numbers more is asked than that they could be."""
    if column.values and not _TIME_WORDS.intersection(words(column.name)[-1:]):
        return False
    return column.times is not None


def parts_of(
    name: str, times: Collection[datetime], surroundings: Surroundings
) -> tuple[list[str], str]:
    """The parts worth learning from, and why, in words."""
    span = max(times) - min(times)
    found = {
        "hour": ("the time of day varies", len({time.hour for time in times}) > 1),
        "weekday": ("more than two weeks are seen", span > WEEKDAYS_FROM),
        "month": ("more than half a year is seen", span > MONTHS_FROM),
    }
    # A column that is called as a part already is would make two features of one name.
    parts = [p for p, (_, ok) in found.items() if ok and f"{name}.{p}" not in surroundings.names]
    return parts, "; ".join(f"{part}: {found[part][0]}" for part in parts)


def times(column: ColumnSample, surroundings: Surroundings) -> Guess | None:
    """A column of times as a feature; None if no part of it would come again."""
    moments = (column.times or {}).values()
    parts, why = parts_of(column.name, moments, surroundings)
    if not parts:
        return None
    because = f"times, {spanned(moments)}; learned from is what comes again ({why}), {ZONE_SAID}"
    settings = {"parts": parts, "zone": DEFAULT_ZONE}
    each = Alternative({"kind": "categorical"}, "to learn from each cell as it is, if they repeat")
    return Guess("time", because, (each,), settings)


# Between when and where: a cell without an offset is read on that clock too.
ZONE_SAID = (
    "on the clock of zone, in which cells without an offset are read: name the zone of the place"
)


def spanned(moments: Iterable[datetime]) -> str:
    """From when to when."""
    ordered = sorted(moments)
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (ordered[0], ordered[-1]))
    return f"{first} to {last} UTC"


def is_later(column: ColumnSample, surroundings: Surroundings) -> bool:
    """Whether these times always come after the event itself."""
    times = column.times or {}
    both = [
        (times[cell], event)
        for cell, event in zip(column.cells, surroundings.happened, strict=False)
        if cell in times and event is not None
    ]
    return len(both) >= UNIQUE_FROM_ROWS and all(time > event for time, event in both)
