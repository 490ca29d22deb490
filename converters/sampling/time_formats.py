"""The ``format`` that a column of times needs, as its cells show together, and how to say it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime

from converters.cells.refusal import RefusedCellError
from converters.cells.times import USUAL_YEARS, TimeReading, calendar_name, short_calendar
from converters.config.toml_text import quoted, readable
from converters.sampling.date_notations import dates_in

# So many values that all form a calendar time with two digits of the year are no chance: of counts
# since 1970 one in two hundred does.
FEWEST_SHORT = 3
_DIGITS = re.compile(r" *[0-9]{9,20}(?:\.[0-9]+)? *")
_DATE = re.compile(r" *(\d{1,4})([./-])\d{1,2}\2\d{1,4}(.*)", re.ASCII)
_CLOCK = re.compile(r"(,?[ T]+)?(\d{1,2}:\d\d)?(:\d\d)?(\.\d+)?( ?)([AaPp][Mm])? *", re.ASCII)
_COUNTS = {10: "seconds", 16: "microseconds", 19: "nanoseconds"}


def time_format(cells: Collection[str]) -> str:
    """The format without which these cells are not times, or not all read alike; empty for none.

    Args:
        cells: those of a column of times that are not missing.
    """
    if not cells:
        return ""
    if all(map(_DIGITS.fullmatch, cells)):
        return _of_digits(cells)
    found = dates_in(cells)
    if found is None or found.order is None:
        return ""
    pattern = _pattern(found.cells[0], found.order)
    meant = {cell: _read(found.read_as(cell)) for cell in cells}
    reads = all(at is not None and _read(cell, pattern) == at for cell, at in meant.items())
    return pattern if reads else ""


def example(cells: Collection[str], pattern: str = "") -> str:
    """How digits, or cells under a format, are read, behind a semicolon; empty for other times."""
    cell = next(iter(cells), "")
    at = _read(cell, pattern)
    if at is None or not (pattern or _DIGITS.fullmatch(cell)):
        return ""
    return f"; {readable(cell)} is read as {at:%Y-%m-%d %H:%M} UTC"


def warned(name: str, cells: Collection[str], pattern: str = "") -> Iterator[str]:
    """The same for the terminal, where they are no counts since 1970 without more ado."""
    if pattern or calendar_name(next(iter(cells), "")):
        said = example(cells, pattern).removeprefix("; ")
        told = f" (format = {quoted(pattern)})" if pattern else ""
        yield f"in the time column {quoted(name)}, {said}{told}."


def _of_digits(cells: Collection[str]) -> str:
    plain = [cell.strip(" ") for cell in cells]
    calendars = sum(bool(calendar_name(cell)) for cell in plain)
    short = {short_calendar(cell) for cell in plain}
    if calendars < len(plain) and len(plain) >= FEWEST_SHORT and len(short) == 1 and all(short):
        return short.pop()
    lengths = {len(cell.partition(".")[0]) for cell in plain}
    unit = _COUNTS.get(lengths.pop(), "") if len(lengths) == 1 else ""
    if not unit or (unit == "seconds" and calendars in (0, len(plain))):
        return ""
    read = [_read(cell, unit) for cell in plain]
    return unit if all(at is not None and at.year in USUAL_YEARS for at in read) else ""


def _pattern(cell: str, order: tuple[int, int, int]) -> str:
    """The pattern of a date in three numbers, in which these are year, month and day."""
    found = _DATE.fullmatch(cell)
    clock = _CLOCK.fullmatch(found[3]) if found else None
    if found is None or clock is None:
        return ""
    names = dict(zip(order, ("%Y", "%m", "%d"), strict=True))
    date = found[2].join(names[place] for place in range(3))
    if not clock[2]:
        return date
    hours, half = ("%I", "%p") if clock[6] else ("%H", "")
    seconds = "%S" if clock[3] else ""
    return (
        f"{date}{clock[1] or ''}{hours}:%M{seconds and ':'}{seconds}"
        f"{'.%f' if clock[4] else ''}{clock[5] if half else ''}{half}"
    )


def _read(cell: str, pattern: str = "") -> datetime | None:
    try:
        return TimeReading(format=pattern).moment(cell)
    except RefusedCellError:
        return None
