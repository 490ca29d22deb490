"""The ``format`` that a column of times needs, as its cells show together, and how to say it.

Candidates are made of the shape of one cell (its numbers, the names in it, its clock) and tried on
all: one is taken only where it is certain which number is the day and which the month.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from converters.cells.refusal import RefusedCellError
from converters.cells.times import USUAL_YEARS, TimeReading, calendar_name
from converters.config.toml_text import quoted, readable

# So many values that all form a calendar time with two digits of the year are no chance: of counts
# since 1970 one in two hundred does. Counts that are usual times as well take more, and must go
# from one day to another: within a minute, all of them do.
FEWEST_SHORT, FEWEST_AGAINST_COUNTS, A_DAY = 3, 10, 10_000
# Every day of a month; taken for two digits of a year, they go from 2001 on.
_WHOLE_MONTH = 28
# Longer cells are no times.
LONGEST = 64
_DIGITS = re.compile(r" *[0-9]{6,20}(?:\.[0-9]+)? *")
_COUNTS = {10: "seconds", 12: "milliseconds", 16: "microseconds", 19: "nanoseconds"}
# Those that are read without a format too, but for some that form a calendar time.
_USUAL_COUNTS = ("seconds", "milliseconds")
# What digits of such lengths may be, besides what they are read as without a format.
_COMPACT: dict[int, Sequence[str]] = {
    6: ("%y%m%d", "%d%m%y", "%m%d%y", "%Y%m"),
    7: ("%Y%j",),
    8: ("%d%m%Y", "%m%d%Y"),
    9: ("%Y%j%H",),
    10: ("%y%m%d%H%M",),
    11: ("%Y%j%H%M",),
    12: ("%y%m%d%H%M%S", "%d%m%Y%H%M", "%m%d%Y%H%M"),
    13: ("%Y%j%H%M%S",),
    14: ("%d%m%Y%H%M%S", "%m%d%Y%H%M%S"),
    17: ("%Y%m%d%H%M%S%f",),
    20: ("%Y%m%d%H%M%S%f",),
}
_PIECES = re.compile(
    r"(?P<clock>(?<!\d)\d{1,2}:\d\d(?P<second>:\d\d(?P<part>\.\d{1,6})?)?(?!\d))"
    r"(?P<blank> *)(?P<half>[ap]m\b)?(?P<zone>[+-]\d\d:?\d\d\b)?"
    r"|(?P<number>\d+)|(?P<name>[a-z]+)|(?P<blanks> +)|(?P<mark>[-./,:_])|(?P<other>.)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# The longest that strptime reads as short names.
_SHORT_NAME = 3
# Dates in three numbers, by the digits of the first and the last; which of two or more reads a
# column, its cells must show.
_OF_THREE: dict[tuple[bool, bool], Sequence[tuple[str, ...]]] = {
    (True, False): (("%Y", "%m", "%d"),),
    (False, True): (("%d", "%m", "%Y"), ("%m", "%d", "%Y")),
    (False, False): (("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d")),
}


def time_format(cells: Collection[str]) -> str:
    """The format without which these cells are not times, or not all read alike; empty for none.

    Args:
        cells: those of a column of times that are not missing.
    """
    found = possible_formats(cells)
    return found[0] if len(found) == 1 else ""


def possible_formats(cells: Collection[str]) -> list[str]:
    """The formats each of which reads all these cells; none where they need none."""
    if not cells:
        return []
    if all(map(_DIGITS.fullmatch, cells)):
        return _of_digits([cell.strip(" ") for cell in cells])
    unread = next((cell for cell in cells if _read(cell) is None), "")
    if not unread:
        return []
    found: dict[str, str] = {}
    for pattern in _patterns(unread):
        # The same order of numbers: names are all short, or all long.
        order = pattern.replace("%B", "%b").replace("%A", "%a")
        if order not in found and _reads(pattern, cells):
            found[order] = pattern
    formats = _plausible(list(found.values()), cells)
    # Points are between them where the day comes first.
    return formats[:1] if any(pattern.startswith("%d.%m.%Y") for pattern in formats) else formats


def needs_a_name(pattern: str) -> bool:
    """Whether other things than times are written so too, such as versions and numbers of bills."""
    return "%j" in pattern or ("%y" in pattern and not {"%b", "%B"} & {*re.findall("%.", pattern)})


def told_format(formats: Sequence[str]) -> str:
    """The config's key for one of these formats.

    >>> told_format(["%d/%m/%Y", "%m/%d/%Y"])
    'format = "%d/%m/%Y" or "%m/%d/%Y"'
    """
    return f"format = {' or '.join(map(quoted, formats))}"


def undecided(formats: Sequence[str]) -> str:
    """Why none of these formats was taken, as the beginning of a sentence; empty if there is one.

    >>> undecided(["%d/%m/%Y", "%m/%d/%Y"])
    'None shows whether the day or the month comes first: '
    """
    if len(formats) < 2:
        return ""
    year = any("%y" in pattern for pattern in formats)
    which = "which number is the year" if year else "whether the day or the month comes first"
    return f"None shows {which}: "


def example(cells: Collection[str], pattern: str = "") -> str:
    """How digits, or cells under a format, are read, behind a semicolon; empty for other times."""
    cell = next((cell for cell in cells if _read(cell) is None), next(iter(cells), ""))
    at = _read(cell, pattern)
    if at is None or not (pattern or _DIGITS.fullmatch(cell)):
        return ""
    return f"; {readable(cell)} is read as {at:%Y-%m-%d %H:%M} UTC"


def warned(name: str, cells: Collection[str], pattern: str = "") -> Iterator[str]:
    """The same for the terminal, where they are no counts since 1970 without more ado."""
    odd = [cell for cell in cells if _unusual(cell, pattern)] if are_digits(cells) else []
    if odd or pattern or calendar_name(next(iter(cells), "")):
        said = example(odd or cells, pattern).removeprefix("; ")
        told = f" ({told_format([pattern])})" if pattern else ""
        yield f"in the time column {quoted(name)}, {said}{told}."


def _unusual(cell: str, pattern: str) -> bool:
    at = _read(cell, pattern)
    return at is not None and at.year not in USUAL_YEARS


def are_digits(cells: Collection[str]) -> bool:
    """Whether all cells are digits, which could be a number as well as a time."""
    return bool(cells) and all(map(_DIGITS.fullmatch, cells))


def days(cells: Collection[str], pattern: str) -> dict[str, str]:
    """The day of each cell that a format reads, as ISO 8601 writes it."""
    read = ((cell, _read(cell, pattern)) for cell in cells)
    return {cell: at.date().isoformat() for cell, at in read if at is not None}


def _of_digits(plain: Sequence[str]) -> list[str]:
    lengths = {len(cell.partition(".")[0]) for cell in plain}
    size = lengths.pop() if len(lengths) == 1 else 0
    calendars = sum(bool(calendar_name(cell)) for cell in plain)
    as_read = all(at is not None and at.year in USUAL_YEARS for at in map(_read, plain))
    settled = as_read and calendars in (0, len(plain))
    if len(plain) >= FEWEST_SHORT and calendars < len(plain) and not (settled and size in (8, 14)):
        compact = [p for p in _COMPACT.get(size, ()) if _reads(p, plain, usual=True)]
        whole = [int(cell) for cell in plain if cell.isdigit()]
        sure = len(whole) >= FEWEST_AGAINST_COUNTS and max(whole) - min(whole) >= A_DAY
        if compact and (sure or not settled):
            return _plausible(compact, plain)
    unit = _COUNTS.get(size, "")
    if not unit or (unit in _USUAL_COUNTS and calendars in (0, len(plain))):
        return []
    return [unit] if _reads(unit, plain, usual=True) else []


def _patterns(cell: str) -> list[str]:
    """The patterns that a cell's shape allows; the day first where that may be."""
    if len(cell) > LONGEST:
        return []
    numbers: list[str] = []
    pieces: list[str] = []
    named = False
    for found in _PIECES.finditer(cell.strip(" ")):
        if found["number"]:
            numbers.append(found["number"])
            pieces.append("\0")
            continue
        piece = _piece(found)
        named = named or piece == "\1"
        pieces.append(piece)
    text = "".join(pieces)
    if "\3" in text or not numbers:
        return []
    return [filled for places in _places(numbers, named=named) for filled in _filled(text, places)]


def _piece(found: re.Match[str]) -> str:
    """A part of a cell as a pattern has it: marks for numbers, names of months and of weekdays."""
    if found["clock"]:
        hours = "%I" if found["half"] else "%H"
        second = (":%S" if found["second"] else "") + (".%f" if found["part"] else "")
        half, zone = "%p" if found["half"] else "", "%z" if found["zone"] else ""
        return f"{hours}:%M{second}{found['blank'] and ' '}{half}{zone}"
    if found["blanks"]:
        return " "
    if found["mark"]:
        return found["mark"]
    name = (found["name"] or "").lower()
    if name[:_SHORT_NAME] in _MONTHS:
        return "\1"
    if name[:_SHORT_NAME] in _WEEKDAYS:
        return "\2"
    return "T" if name == "t" else "\3"


def _places(numbers: Sequence[str], *, named: bool) -> Sequence[tuple[str, ...]]:
    """What the numbers of a date may be, one after the other."""
    sizes = [len(number) for number in numbers]
    four = [size == 4 for size in sizes]
    if any(size > 2 and not is_four for size, is_four in zip(sizes, four, strict=True)):
        if sizes == [4, 3]:
            return [("%Y", "%j")]
        return [(compact,) for compact in _COMPACT.get(sizes[0], ())] if len(sizes) == 1 else []
    if len(sizes) == 3 and not named:
        return _OF_THREE.get((four[0], four[2]), ()) if not four[1] else ()
    if len(sizes) == 2 and any(four):
        other = "%d" if named else "%m"
        return [("%Y", other) if four[0] else (other, "%Y")] if not all(four) else []
    if len(sizes) == 2:
        return [("%d", "%y")] if named else []
    return [("%Y",)] if named and four == [True] else []


def _filled(text: str, places: Sequence[str]) -> Iterator[str]:
    for place in places:
        text = text.replace("\0", place, 1)
    for month, weekday in (("%b", "%a"), ("%B", "%A"), ("%b", "%A"), ("%B", "%a")):
        yield text.replace("\1", month).replace("\2", weekday)


def _plausible(formats: list[str], cells: Collection[str]) -> list[str]:
    """Those under which no 28 years pass in fewer different days, as where a day is read as one."""
    short = [pattern for pattern in formats if "%y" in pattern]
    if len(short) < 2:
        return formats
    odd = set()
    for pattern in short:
        read = [at for at in (_read(cell, pattern) for cell in cells) if at is not None]
        years, dates = {at.year for at in read}, {at.day for at in read}
        if len(years) >= _WHOLE_MONTH > len(dates):
            odd.add(pattern)
    return [pattern for pattern in formats if pattern not in odd] or formats


def _reads(pattern: str, cells: Collection[str], *, usual: bool = False) -> bool:
    """Whether a format reads all cells; of two digits of the year, as one of the usual years."""
    usual = usual or "%y" in pattern
    read = (_read(cell, pattern) for cell in cells)
    return all(at is not None and (not usual or at.year in USUAL_YEARS) for at in read)


def _read(cell: str, pattern: str = "") -> datetime | None:
    try:
        return TimeReading(format=pattern).moment(cell)
    except RefusedCellError:
        return None
