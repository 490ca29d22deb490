"""Dates written as the converter does not read them -> what they mean, and what rewrites them.

Cells such as ``27.01.2023`` and ``1/15/2019 8:04 pm`` are no times to the converter: which day
01/02/2019 is, only a column as a whole shows, and sometimes only a person knows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from converters.cells.refusal import RefusedCellError
from converters.cells.times import UTC_TIMES
from converters.config.toml_text import READABLE_LENGTH, readable
from converters.files.rewriting import Rule
from converters.sampling import missing_markers, sentinels

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?(?: ?[ap]\.?m\.?)?"
_DAY, _YEAR = r"(?:0?[1-9]|[12][0-9]|3[01])", r"(?:19|20)[0-9]{2}"
# Of a whole date, the year may be one that stands for none, such as 9999.
_ANY_YEAR = r"(?:0001|1111|1[6-9][0-9]{2}|2[0-9]{3}|3000|9999)"
_DATE = (
    rf"(?:{_DAY}(?P<mark>[./-]){_DAY}(?P=mark)(?:{_ANY_YEAR}|[0-9]{{2}})"
    rf"|{_ANY_YEAR}(?P<other>[./-])(?:0?[1-9]|1[0-2])(?P=other){_DAY}"
    r"|00?(?P<none>[./-])00?(?P=none)0000"
    rf"|(?:0?[1-9]|1[0-2])[./-]{_YEAR}|{_YEAR}[/-](?:0[1-9]|1[0-2])"
    rf"|{_DAY}[ -]?{_MONTH},?[ -]?(?:{_ANY_YEAR}|[0-9]{{2}})|{_MONTH} (?:{_DAY},? )?{_ANY_YEAR})"
)
_TIME = re.compile(rf"{_DATE}(?:,?[ T]{_CLOCK})?|{_CLOCK}", re.IGNORECASE)

# A date in three numbers, and the time behind it.
_NUMBERS = re.compile(
    r" *(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})"
    r"(?:,?[ T]+(\d{1,2}):(\d\d)(:\d\d(?:\.\d+)?)?(?: ?([ap])\.?m\.?)?)? *",
    re.ASCII | re.IGNORECASE,
)
# A month by its English name, with day and year; then the day comes first, as where points are.
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAMED = re.compile(
    rf" *(?:(\d{{1,2}})[ -]?)?({'|'.join(_MONTHS)})[a-z]*\.?,?[ -]?"
    r"(?:(\d{1,2}),? )?(\d{4})(?!\d)",
    re.ASCII | re.IGNORECASE,
)
# Which of them are year, month and day.
_YEAR_FIRST, _DAY_FIRST, _MONTH_FIRST = (0, 1, 2), (2, 1, 0), (2, 0, 1)

SUPPORTED = "ISO 8601, such as 2019-01-15 or 2019-01-15T18:04"


def is_time_otherwise(cell: str) -> bool:
    """Whether a cell that is no time to the converter looks like one, or like a time of day."""
    return len(cell) <= READABLE_LENGTH and bool(_TIME.fullmatch(cell.strip()))


def is_dated(cell: str) -> bool:
    """Whether a cell looks like a time, and not like one of which all digits are zeros."""
    return is_time_otherwise(cell) and any(digit in cell for digit in "123456789")


def is_read(cell: str) -> bool:
    """Whether the converter reads a cell as a time, without a format."""
    try:
        UTC_TIMES.local(cell)
    except RefusedCellError:
        return False
    return True


def _numbers(cell: str) -> re.Match[str] | None:
    def numbered(name: re.Match[str]) -> str:
        month = _MONTHS.index(name[2].lower()) + 1
        return f"{name[1] or name[3]}.{month}.{name[4]}"

    return _NUMBERS.fullmatch(_NAMED.sub(numbered, cell, count=1))


@dataclass(frozen=True)
class DateNotation:
    """How the dates of a column are written.

    Attributes:
        cells: those that are not read as they are, the most frequent first.
        order: which of their numbers are year, month and day; None if one rule does not read them.
        why: why one rule does not, in words.
    """

    cells: Sequence[str]
    order: tuple[int, int, int] | None
    why: str = ""

    def read_as(self, cell: str) -> str:
        """The time that a cell means, as it should be written; the cell if it is none."""
        found = _numbers(cell)
        if found is None or self.order is None:
            return cell
        parts = found[1], found[3], found[4]
        year, month, day = (parts[place].zfill(2) for place in self.order)
        if len(year) != 4 or int(month) > 12 or int(day) > 31:
            return cell
        clock = ""
        if found[5]:
            hour = int(found[5])
            if found[8]:
                hour = hour % 12 + 12 * (found[8] in "pP")
            clock = f"T{hour:02}:{found[6]}{found[7] or ''}"
        return f"{year}-{month}-{day}{clock}"

    def advice(self, cell: str) -> str:
        """What to do with the dates, such as this one, in words."""
        said = f"Supported is {SUPPORTED}: write them so"
        if self.order is not None:
            return f"{said}, this one as {self.read_as(cell)}"
        return f"{said}{self.why}"

    def sentinels(self, cells: Mapping[str, int]) -> str:
        """Which of the cells will be taken for missing once all are so written, as a sentence.

        Args:
            cells: how often each came.
        """
        written = Counter[str]()
        for cell, times in cells.items():
            written[self.read_as(cell)] += times
        found = {*sentinels.dates(written), *missing_markers.words(written)}
        meant = [cell for cell in cells if self.read_as(cell) in found]
        if not meant:
            return ""
        spelt, rows = ", ".join(map(readable, meant)), sum(cells[cell] for cell in meant)
        return f" {spelt} (in {rows:,} rows) is then taken for missing by init."

    @property
    def rule(self) -> Rule | None:
        """What a command does to rewrite the column; None if one rule does not read it."""
        return self.order and Rule(_DEFINED, "d({},{},{})".format(*self.order))


# The same as ``read_as`` does, for a shell; names differ from those for numbers.
_DEFINED = (
    f'D=re.compile(r"{_NUMBERS.pattern}",re.A|re.I);L=re.compile(r"{_NAMED.pattern}",re.A|re.I);'
    f'j=lambda x:"{"".join(_MONTHS)}".find(x.lower())//3+1;'
    'w=lambda c:L.sub(lambda m:f"{m[1] or m[3]}.{j(m[2])}.{m[4]}",c,count=1);'
    "z=lambda t:t.zfill(2);"
    'h=lambda m:m[5] and "T"+z(str(int(m[5])%12+12*(m[8] in "pP")) if m[8] else m[5])+":"+m[6]+'
    '(m[7] or "") or "";'
    'q=lambda m,y,k,d:len(y)==4 and int(k)<13 and int(d)<32 and f"{y}-{z(k)}-{z(d)}{h(m)}";'
    "e=lambda m,o:q(m,*((m[1],m[3],m[4])[i] for i in o));"
    "d=lambda *o:lambda c:(m:=D.fullmatch(w(c))) and e(m,o) or c;"
)


def dates_in(cells: Iterable[str]) -> DateNotation | None:
    """How cells that hold dates in numbers are written; None if some are no such dates."""
    unread = [cell for cell in cells if not is_read(cell)]
    found = list(map(_numbers, unread))
    parts = [(match[1], match[2], match[3], match[4]) for match in found if match is not None]
    if not parts or len(parts) < len(unread):
        return None
    if all(len(first) == 4 and len(last) < 3 for first, _, _, last in parts):
        return DateNotation(unread, _YEAR_FIRST)
    if not all(len(first) < 3 and len(last) == 4 for first, _, _, last in parts):
        return DateNotation(unread, None, ", the year in four digits in all of them")
    order, why = _order([(int(a), int(b)) for a, _, b, _ in parts], {m for _, m, _, _ in parts})
    return DateNotation(unread, order, why)


def _order(
    days: Sequence[tuple[int, int]], marks: Collection[str]
) -> tuple[tuple[int, int, int] | None, str]:
    """Which of day and month comes first, or why that does not show."""
    day_first, month_first = any(a > 12 for a, _ in days), any(b > 12 for _, b in days)
    if day_first and month_first:
        return None, "; in some the day comes first, in others the month"
    if day_first or month_first:
        return _DAY_FIRST if day_first else _MONTH_FIRST, ""
    # Points are between them where the day comes first.
    if marks == {"."}:
        return _DAY_FIRST, ""
    return None, ". None shows whether the day or the month comes first"
