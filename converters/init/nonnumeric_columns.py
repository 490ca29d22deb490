"""A column without numbers -> booleans, categories, free text or times, each a :class:`Guess`.

Also which categories are rare, and which parts of a time recur.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from converters.cells.spellings import Spellings
from converters.config.toml_text import READABLE_LENGTH, quoted, readable
from converters.init.column_decision import Alternative, Guess, Surroundings, percent, words
from converters.sampling.column_sample import ColumnSample
from converters.sampling.date_notations import is_dated, is_read
from converters.sampling.leak_suspects import always_later
from converters.sampling.nearly_numbers import are_few, shown
from converters.sampling.time_formats import are_digits, example, needs_a_name, warned

# Free text: several blanks a cell, and hardly a cell twice.
TEXT_BLANKS = 2.0
TEXT_UNIQUE = 0.8

# A value with fewer rows in the sample is rare. Values are listed in the file only if they are
# few, and only of a sample in which a rare one had its chance.
RARE_ROWS = 5
MOST_LISTED = 12
RARE_FROM_ROWS = 1_000
FEWEST_RARE = 2

# Values are known, so that others are told as unseen, where they are no more than a line of the
# config holds, and no larger share of coming rows will bring others: by Good and Turing, of as
# many as have a value here that no other row has.
MOST_KNOWN = 100
UNSEEN_SHARE = 0.01

# So many times as many moments as other spellings make a column of times.
TIMES_A_SPELLING = 3

CATEGORIES = Alternative({"kind": "categorical"}, "to learn from each spelling as it is")


def boolean(column: ColumnSample) -> Guess:
    """A column of truth values."""
    counts = ", ".join(f"{readable(v)} {n:,} times" for v, n in sorted(column.distinct.items()))
    because = f"true and false as {counts}; any other cell refuses its row"
    return Guess("boolean", because, (CATEGORIES,))


def is_text(column: ColumnSample) -> bool:
    """Whether cells are free text."""
    hardly_repeats = len(column.distinct) / len(column.present) >= TEXT_UNIQUE
    return _blanks(column) >= TEXT_BLANKS and hardly_repeats


def text(column: ColumnSample) -> Guess:
    """A column of free text."""
    because = f"free text, {_blanks(column) + 1:.0f} words a cell: each word is learned from"
    whole = Alternative({"kind": "categorical"}, "to learn from whole cells")
    return Guess("text", because, (whole,))


def categories(column: ColumnSample) -> Guess:
    """A column of categories."""
    rows = len(column.present)
    most, count = column.distinct.most_common(1)[0]
    because = (
        f"{len(column.distinct):,} distinct, most often {readable(most)} ({percent(count / rows)})"
    )
    text_instead = Alternative({"kind": "text"}, "to learn from each word")
    others = (text_instead,) if _blanks(column) >= TEXT_BLANKS / 2 else ()
    rare = sorted(value for value, n in column.distinct.items() if n < RARE_ROWS)
    if rows < RARE_FROM_ROWS or len(rare) < FEWEST_RARE:
        return with_known(column, Guess("categorical", because, others))
    if len(column.distinct) <= MOST_LISTED and max(map(len, column.distinct)) <= READABLE_LENGTH:
        return _with_rare(column, because, rare)
    because += (
        f"; {len(rare):,} values have fewer than {RARE_ROWS} rows here; they and values never seen "
        "are kept as they are"
    )
    return with_known(column, Guess("categorical", because, others))


def with_known(column: ColumnSample, guess: Guess) -> Guess:
    """A column of categories whose known values the config lists, if they are not too many.

    Each is listed in the spelling that would count if none were: features stay what they are.
    """
    single = sum(n == 1 for n in column.distinct.values())
    plainest = Spellings({}).of
    known = sorted({plainest(cell) for cell in column.distinct})
    if (
        len(known) > MOST_KNOWN
        or single > UNSEEN_SHARE * len(column.present)
        or max(map(len, known)) > READABLE_LENGTH
    ):
        because = "these are too many, or too few rows, to tell values never seen from them"
        return replace(guess, because=f"{guess.because}; {because}")
    because = "another value is kept as it is, and counted as unseen"
    settings = {**guess.settings, "values": known}
    return replace(guess, because=f"{guess.because}; {because}", settings=settings)


def _with_rare(column: ColumnSample, because: str, rare: list[str]) -> Guess:
    common = sorted(column.distinct.keys() - set(rare))
    settings: dict[str, Any] = {"values": common, "rare_values": rare, "rare": "group"}
    because += (
        f"; those with fewer than {RARE_ROWS} rows here count as one value; a value in neither "
        "list is kept as it is, unless the policy `unseen` says otherwise"
    )
    kept = Alternative({"kind": "categorical"}, "to keep each rare value as it is")
    return Guess("categorical", because, (kept,), settings)


def _blanks(column: ColumnSample) -> float:
    return sum(len(cell.split()) - 1 for cell in column.present) / len(column.present)


# A part is learned from where it recurs in the sample.
WEEKDAYS_FROM = timedelta(days=14)
MONTHS_FROM = timedelta(days=183)
DEFAULT_ZONE = "UTC"

_TIME_WORDS = frozenset(
    {"time", "date", "datetime", "timestamp", "epoch", "ts", "at", "when", "day", "created"}
    | {"updated", "modified", "dt", "dob", "unixtime"}
)
# What may stand behind such a word: units and zones.
_TIME_ENDINGS = frozenset(
    {"s", "sec", "secs", "seconds", "ms", "msec", "millis", "milliseconds", "us", "micros"}
    | {"microseconds", "ns", "nanos", "nanoseconds", "utc", "gmt", "unix", "local"}
)


def is_called_a_time(name: str) -> bool:
    """Whether a name ends in a word for a time, perhaps with its unit or zone."""
    spelt = words(name)
    while len(spelt) > 1 and spelt[-1] in _TIME_ENDINGS:
        spelt.pop()
    return bool(_TIME_WORDS.intersection(spelt[-1:]))


def are_times(column: ColumnSample) -> bool:
    """Whether a column holds times; of numbers more is asked than that they could be."""
    named = is_called_a_time(column.name)
    if not named and (column.values or needs_a_name(column.time_format)):
        return False
    # Numbers of which only some are calendar times count something else: orders, from a day on.
    if column.values and column.time_format in ("seconds", "milliseconds"):
        return False
    return column.times is not None


def time_settings(column: ColumnSample, parts: Sequence[str]) -> dict[str, Any]:
    """Those by which parts of a column of times are learned from."""
    pattern = column.time_format
    return ({"format": pattern} if pattern else {}) | {"parts": parts, "zone": DEFAULT_ZONE}


def parts_of(
    name: str, times: Collection[datetime], surroundings: Surroundings
) -> tuple[list[str], str]:
    """The parts to learn from, and why, in words."""
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
    read = example(column.distinct, column.time_format)
    because = (
        f"times, {spanned(moments)}{read}; recurring parts become features ({why}), {ZONE_SAID}"
    )
    each = Alternative({"kind": "categorical"}, "to learn from each cell as it is, if they repeat")
    said = warned(column.name, column.distinct, column.time_format)
    told = tuple(said) if are_digits(column.distinct) else ()
    return Guess("time", because, (each,), time_settings(column, parts), told)


def times_but_for_few(column: ColumnSample, surroundings: Surroundings) -> Guess | None:
    """A column of times with a few other spellings, which count as missing; else None."""
    if 2 * len(column.values) > len(column.distinct):
        return None
    strange = [cell for cell in column.distinct if not (is_read(cell) or is_dated(cell))]
    moments = len(column.distinct) - len(strange)
    if not strange or moments < TIMES_A_SPELLING * len(strange):
        return None
    rows = sum(column.distinct[cell] for cell in strange)
    if not are_few(strange, rows, len(column.present) - rows):
        return None
    rest = replace(column, sentinels={*column.sentinels, *strange})
    guess = times(rest, surroundings) if are_times(rest) else None
    if guess is None:
        return None
    held, line = f"{rows:,} of {len(column.present):,} cells", column.line_of(strange[0])
    because = f"{guess.because}; {held} are no times and taken for missing: {shown(strange)}"
    warning = (
        f"column {quoted(column.name)} holds times but for {held} ({shown(strange)}, first in line "
        f"{line}); these are taken for missing."
    )
    warnings = (*guess.warnings, warning)
    return replace(guess, because=because, warnings=warnings, as_missing=tuple(strange))


# What a part of a time depends on.
ZONE_SAID = "in the time zone `zone`, also that of cells without an offset: set it to the local one"


def spanned(moments: Iterable[datetime]) -> str:
    """From when to when."""
    ordered = sorted(moments)
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (ordered[0], ordered[-1]))
    return f"{first} to {last} UTC"


def is_later(column: ColumnSample, surroundings: Surroundings) -> bool:
    """Whether these times always come after the event itself."""
    seconds = {cell: time.timestamp() for cell, time in (column.times or {}).items()}
    events = [event.timestamp() if event else None for event in surroundings.happened]
    return bool(events) and always_later(map(seconds.get, column.cells), events)
