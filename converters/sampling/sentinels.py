"""Values that stand for a missing one: -9999 among temperatures, 9999-12-31.

Whether such a number or date is one shows beside the others only: it comes again, and lies far
from all of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from statistics import median

from converters.sampling.column_sample import ColumnSample, number_or_nan
from converters.sampling.time_formats import days as days_read

# Nines (or eights, sevens) of two digits or more, those near 99 in questionnaires, the ends of
# integers of so many bits, and what netCDF, Ferret and GDAL fill with.
_NUMBER = re.compile(r"(9{2,12}|8{2,12}|7{2,12}|9{1,3}[678])(\.0*|\.9+)?")
_ENDS = frozenset({32767, 32768, 65535, 2147483647, 2147483648, 4294967295, 2.0**63, 2.0**64})
_FILLED = (1e20, 1e30, 1e34, 1e35, 9.969209968386869e36, 3.4028234663852886e38)
# A number is none of the others if it is further from all of them than half of what they span.
# Above them, where prices end in 99 too, that takes more, or more rows than others have; and for a
# number that came once, much more.
APART, WELL_APART, FAR_APART = 0.5, 2.0, 10.0
FEWEST, OFTEN = 2, 5
FEWEST_OTHERS = 3
# -1 is apart where nothing else is negative, and enough else there is.
VALUES_BESIDE = 10

_DATES = frozenset(
    {
        *("0001-01-01", "1111-11-11", "1600-01-01", "1601-01-01", "1753-01-01", "1800-01-01"),
        *("1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1970-01-01", "2099-12-31"),
        *("2100-01-01", "2199-12-31", "2222-02-22", "2262-04-11", "2999-12-31", "3000-01-01"),
        *("9999-01-01", "9999-09-09", "9999-12-30", "9999-12-31"),
    }
)
_NEVER = ("0001", "9999", "2999", "3000")
_DATE = re.compile(r" *(\d{4}-\d\d-\d\d)(?:[T ].*)?", re.ASCII)
_DAYS_APART = 365
# A date among the others is none of them if it comes so much more often than these.
EN_MASSE, FEWEST_EN_MASSE = 20, 10


def in_sample(column: ColumnSample) -> list[str]:
    """What stands for a missing number or date in a column; -1 is too often a number."""
    if 2 * len(column.numbers) > len(column.present):
        cells = {cell: column.distinct[cell] for cell in column.values}
        return [cell for cell in numbers(cells) if column.values[cell] != -1]
    return dates(column.distinct, column.time_format)


def numbers(cells: Mapping[str, int]) -> list[str]:
    """The numbers that stand for a missing one.

    Args:
        cells: how often each came.
    """
    values = {cell: value for cell in cells if not math.isnan(value := number_or_nan(cell))}
    suspects = {cell for cell, value in values.items() if _may_fill(value)}
    others = [cell for cell in values if cell not in suspects]
    if not suspects or len(others) < FEWEST_OTHERS:
        return []
    low, high = min(map(values.__getitem__, others)), max(map(values.__getitem__, others))
    usual = median(map(cells.__getitem__, others))
    found = {cell for cell in suspects if not low <= values[cell] <= high}
    # What is no sentinel is one of the others: the nearest are looked at first.
    for cell in sorted(found, key=lambda cell: max(low - values[cell], values[cell] - high)):
        value, times = values[cell], cells[cell]
        if value == -1:
            apart = low >= 0 and times >= FEWEST and len(others) >= VALUES_BESIDE
        else:
            apart = _gap(value, low, high) >= _least_gap(
                above=value > high, times=times, usual=usual
            )
        if apart:
            continue
        found.discard(cell)
        low, high = min(low, value), max(high, value)
    return sorted(found)


def _may_fill(value: float) -> bool:
    size = abs(value)
    if size in _ENDS or value == -1 or any(math.isclose(size, f, rel_tol=1e-5) for f in _FILLED):
        return True
    return size < 1e15 and bool(_NUMBER.fullmatch(repr(size).removesuffix(".0")))


def _gap(value: float, low: float, high: float) -> float:
    """How far a number is from all others, in what they span; small ones are near any."""
    gap, span = max(low - value, value - high), high - low
    return gap / (span or max(abs(high), 1.0)) if gap > 1 else 0.0


def _least_gap(*, above: bool, times: int, usual: float) -> float:
    if times < FEWEST:
        return FAR_APART
    return WELL_APART if above and times < OFTEN * usual else APART


def dates(cells: Mapping[str, int], pattern: str = "") -> list[str]:
    """The dates, or times on these, that stand for a missing one; ``cells`` as above.

    Args:
        cells: how often each came.
        pattern: their format, if they have one.
    """
    days = {cell: match[1] for cell in cells if (match := _DATE.fullmatch(cell))}
    if pattern:
        days |= days_read(cells, pattern)
    suspects = {cell for cell, day in days.items() if day in _DATES}
    others = {cell: day for cell, day in days.items() if cell not in suspects}
    if not suspects or not others:
        return []
    low, high = min(others.values()), max(others.values())
    usual = median(cells[cell] for cell in others)
    return sorted(
        cell for cell in suspects if _is_no_date(days[cell], cells[cell], low, high, usual)
    )


def _is_no_date(day: str, times: int, low: str, high: str, usual: float) -> bool:
    if low <= day <= high:
        return times >= max(FEWEST_EN_MASSE, EN_MASSE * usual)
    if day.startswith(_NEVER):
        return True
    near = low if day < low else high
    try:
        gap = abs((date.fromisoformat(day) - date.fromisoformat(near)).days)
    except ValueError:
        return False
    return times >= FEWEST and gap >= _DAYS_APART
