"""Cells of a column that hardly mean what they say: numbers written otherwise, missing values.

What is told names the cells, counts them, and says what reads them: a command or a config line.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from converters.cells.escaping import quoted
from converters.cells.refusal import RefusedCellError
from converters.check.column_counts import ColumnPlan
from converters.check.data_report import Odd
from converters.check.respelt import Level, Said
from converters.check.time_order import odd_years
from converters.config.toml_text import READABLE_LENGTH, readable, value
from converters.sampling import missing_markers, sentinels
from converters.sampling.column_sample import number_or_nan
from converters.sampling.date_notations import DateNotation, dates_in, is_time_otherwise
from converters.sampling.nearly_numbers import (
    LEADING_ZERO,
    MOST_NUMBERED_CATEGORIES,
    beside,
    is_postal,
    shown,
)
from converters.sampling.number_notations import (
    MOSTLY,
    Notation,
    is_number_otherwise,
    mostly,
    notation_in,
)
from converters.sampling.time_formats import possible_formats, told_format, undecided
from converters.show.tables import counted, percent

# Of kinds that take no other cell, a word for missing refuses its row.
_REFUSING = ("numeric", "boolean", "time")
_SHOWN = 5
# A line for the config with more spellings than these would hardly be written.
_MOST_LISTED = 50


def odd_cells(
    plan: ColumnPlan,
    present: Mapping[str, int],
    refused: Mapping[str, int],
    missing_as: Mapping[str, int],
) -> Odd:
    """What a person should know of a column's cells.

    Args:
        plan: the column.
        present: how often each cell came that is not missing; perhaps in a sample.
        refused: how many rows each cell refused that is none of the column's kind.
        missing_as: how often each spelling of missing came.
    """
    if plan.hidden or plan.role in ("id", "label", "unknown"):
        return Odd()
    taken = list(_counted_as_missing(missing_as))
    if not present:
        return Odd(taken)
    notation = _notation(plan, present) or _dates(plan, present)
    formats = possible_formats(present) if isinstance(notation, DateNotation) else []
    said = [] if notation is None else [_told(plan, notation, present, formats)]
    if plan.role != "drop":
        said += [*_as_categories(plan, present), *_sentinels(plan, present, refused), *taken]
        said += odd_years(plan, present)
    return Odd(said, None if notation is None or formats else notation.rule)


def _notation(plan: ColumnPlan, present: Mapping[str, int]) -> Notation | None:
    """The other notation of a column that is read as numbers, or of one that could be."""
    if plan.numeric:
        odd = Counter({c: n for c, n in present.items() if number_or_nan(c) != number_or_nan(c)})
        # Its own unit is known by most of what is refused.
        found = mostly(odd, 0)
        otherwise = found.cells if found else [cell for cell in odd if is_number_otherwise(cell)]
        return notation_in(otherwise, present.keys() - odd.keys()) if otherwise else None
    if len(present) <= MOST_NUMBERED_CATEGORIES or plan.kind not in ("categorical", None):
        return None
    if plan.role not in ("feature", "drop", "leak"):
        return None
    plain = {cell for cell in present if number_or_nan(cell) == number_or_nan(cell)}
    odd = Counter({cell: times for cell, times in present.items() if cell not in plain})
    return mostly(odd, sum(present[cell] for cell in plain))


def _dates(plan: ColumnPlan, present: Mapping[str, int]) -> DateNotation | None:
    """The other notation of a column of times, or of one that could be."""
    of_times = plan.kind == "time" or plan.role == "time"
    if not of_times and (plan.kind not in ("categorical", None) or plan.role == "weight"):
        return None
    others = (cell for cell in present if is_time_otherwise(cell))
    found = dates_in(cell for cell in others if not (of_times and _is_read(plan, cell)))
    if found is None:
        return None
    rows = sum(present[cell] for cell in found.cells)
    return found if of_times or rows >= MOSTLY * sum(present.values()) else None


def _is_read(plan: ColumnPlan, cell: str) -> bool:
    """Whether the column's own format reads a cell."""
    try:
        plan.times.moment(cell)
    except RefusedCellError:
        return False
    return True


def _told(
    plan: ColumnPlan,
    notation: Notation | DateNotation,
    present: Mapping[str, int],
    formats: Sequence[str],
) -> Said:
    cell = notation.cells[0]
    rows = sum(present[cell] for cell in notation.cells)
    what = ("number", "numbers") if isinstance(notation, Notation) else ("date", "dates")
    advice = f"{notation.advice(cell)}."
    if formats:
        keys = (
            "" if "time" in (plan.kind, plan.role) else 'kind = "time", zone = "UTC", '
        ) + told_format(formats)
        advice = f"{undecided(formats)}write for [columns] {quoted(plan.name)}: {keys}"
        advice = advice[:1].upper() + advice[1:]
    said = f"holds {counted(rows, *what)} in another notation, such as {readable(cell)}. {advice}"
    if plan.numeric or plan.kind == "time" or plan.role == "time":
        return "problem", "other-notation", said
    return "warning" if plan.learned else "note", "other-notation", said


def _counted_as_missing(missing_as: Mapping[str, int]) -> Iterator[Said]:
    """Which spellings the config takes for missing, but for those that everybody knows."""
    if told := missing_markers.told(missing_as):
        yield "note", "missing-values", f"{_held(told, missing_as)}, counted as missing."


def _as_categories(plan: ColumnPlan, present: Mapping[str, int]) -> Iterator[Said]:
    """That a column of categories holds numbers, but for words that mean missing and the like."""
    if plan.kind != "categorical" or plan.known or is_postal(plan.name):
        return
    saying = missing_markers.words(present)
    rest = {cell: rows for cell, rows in present.items() if cell not in {*saying}}
    values = {cell: number_or_nan(cell) for cell in rest}
    values = {cell: number for cell, number in values.items() if not math.isnan(number)}
    distinct = len(set(values.values()))
    if distinct <= MOST_NUMBERED_CATEGORIES or any(LEADING_ZERO.fullmatch(c) for c in values):
        return
    found = beside(rest, values)
    if found is None or not (saying or found.taken):
        return
    rows, total = sum(map(rest.__getitem__, values)), sum(present.values())
    missing = value(sorted({*plan.missing, *saying, *found.taken} - {""}))
    said = (
        f"is a category of {len(present):,} values, and {rows:,} of {total:,} cells "
        f"({percent(rows / total)}) are numbers, {distinct:,} different ones; the others are "
        f"{shown([*saying, *found.taken])}. If they measure something, write for [columns] "
        f'{quoted(plan.name)}: kind = "numeric", missing_values = {missing}'
    )
    yield "warning", "numbers-as-categories", said


def _sentinels(
    plan: ColumnPlan, present: Mapping[str, int], refused: Mapping[str, int]
) -> Iterator[Said]:
    """Cells that stand for a missing value and are taken for one like others."""
    counts = Counter(present) | Counter(refused)
    words = [word for word in missing_markers.words(counts) if word not in plan.known]
    if plan.kind in (None, "text"):
        words = []
    strange = sorted({*_strange(refused, counts)} - {*words}) if plan.kind in _REFUSING else []
    far = _far(plan, present)
    if plan.role == "time":
        then = "If that is no time, take these rows out: each event needs its own."
    else:
        missing = value(sorted({*plan.missing, *words, *strange, *far} - {""}))
        then = (
            f"If that means missing, write for [columns] {quoted(plan.name)}: "
            f"missing_values = {missing}"
        )
    if words and plan.kind in _REFUSING:
        said = f"{_held(words, counts)}, whose rows are refused. {then}"
        yield "problem", "sentinels", said
    elif words:
        said = f"{_held(words, present)}, read as categories like others. {then}"
        yield "note", "sentinels", said
    if strange:
        yield "warning", "sentinels", f"{_held(strange, counts)}, whose rows are refused. {then}"
    if far:
        # -1 may be a number like others where these happen to be above it.
        sure = plan.kind != "categorical" and any(number_or_nan(cell) != -1 for cell in far)
        level: Level = "warning" if sure else "note"
        yield level, "sentinels", f"{_held(far, present)}, far from all others. {then}"


def _strange(refused: Mapping[str, int], counts: Mapping[str, int]) -> Iterator[str]:
    """The cells that refuse their rows and are no numbers or times in another notation."""
    found = [
        cell
        for cell in refused
        if len(cell) <= READABLE_LENGTH
        and not (is_number_otherwise(cell) or is_time_otherwise(cell))
    ]
    yield from sorted(found, key=lambda cell: (-counts[cell], cell))[:_MOST_LISTED]


def _far(plan: ColumnPlan, present: Mapping[str, int]) -> list[str]:
    """The numbers, or dates, that stand for a missing one."""
    if plan.kind == "time" or plan.role == "time":
        return sentinels.dates(present, plan.times.format)
    if plan.numeric or plan.kind == "categorical":
        return sentinels.numbers(present)
    return []


def _held(found: Sequence[str], present: Mapping[str, int]) -> str:
    rows = sum(present[cell] for cell in found)
    spelt = ", ".join(map(readable, found[:_SHOWN]))
    if len(found) > _SHOWN:
        spelt += f" and {len(found) - _SHOWN:,} others"
    return f"holds {spelt} in {counted(rows, 'row', 'rows')}"
