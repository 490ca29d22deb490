"""Numbers and times in formats that the converter does not read -> what to do about them.

Cells such as ``1.234,50``, ``$5,354.23``, ``12 %``, ``27.01.2023`` are no numbers and no times to
the converter: which of 1.234 and 01/02/2019 is meant, only a person knows. They are recognised
here, so that they are not treated as categories without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from converters.cells.numbers import NUMBER
from converters.config.toml_text import READABLE_LENGTH, quoted, readable
from converters.sampling.column_sample import ColumnSample

# So many of a column's cells say what it holds.
MOSTLY = 0.9

_SIGN = r"[-+\u2212]?"
# A currency: a sign, or a code or word that is common beside amounts.
_UNIT = r"(?:[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|SEK|NOK|DKK|PLN|BRL|kr|Fr\.|zł|R\$)|%|‰)"
_BLANKS = r"[ \u00a0\u202f\u2009]?"
# Groups of three digits: by comma and point, by one of these, by blanks or by apostrophes.
_GROUPED = (
    r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?"
    r"|[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+"
    r"|[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}"
    r"|[1-9][0-9]{0,2}(?:[ \u00a0\u202f\u2009'’][0-9]{3})+(?:[.,][0-9]+)?)"  # noqa: RUF001
)
_DIGITS = r"(?:[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)"
_NUMBER = re.compile(
    rf"{_SIGN}{_BLANKS}{_UNIT}?{_BLANKS}{_SIGN}(?:{_GROUPED}|{_DIGITS})"
    rf"{_BLANKS}{_UNIT}?-?"
)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?(?: ?[ap]\.?m\.?)?"
_DAY, _YEAR = r"(?:0?[1-9]|[12][0-9]|3[01])", r"(?:19|20)[0-9]{2}"
_DATE = (
    rf"(?:{_DAY}(?P<mark>[./-]){_DAY}(?P=mark)(?:{_YEAR}|[0-9]{{2}})"
    rf"|{_YEAR}(?P<other>[./-])(?:0?[1-9]|1[0-2])(?P=other){_DAY}"
    rf"|(?:0?[1-9]|1[0-2])[./-]{_YEAR}|{_YEAR}[/-](?:0[1-9]|1[0-2])"
    rf"|{_DAY}[ -]?{_MONTH},?[ -]?(?:{_YEAR}|[0-9]{{2}})|{_MONTH} (?:{_DAY},? )?{_YEAR})"
)
_TIME = re.compile(rf"{_DATE}(?:,?[ T]{_CLOCK})?|{_CLOCK}", re.IGNORECASE)


@dataclass(frozen=True)
class Notation:
    """That a column's cells are numbers or times, but not as they are read.

    Attributes:
        because: why it is what it becomes, in words.
        warning: what the person should look at and do; what becomes of the column follows it.
        are_times: whether they are times rather than numbers.
    """

    because: str
    warning: str
    are_times: bool


def notation_of(column: ColumnSample) -> Notation | None:
    """The other notation that most of a column's cells are in, if there is one."""
    if _mostly(column, is_number_otherwise):
        cell = next(filter(is_number_otherwise, column.odd))
        means = (
            f"Write them with a point before decimals and nothing else, this one as {read_as(cell)}"
        )
        return _notation(column, "numbers", cell, means)
    if _mostly(column, is_time_otherwise):
        cell = next(filter(is_time_otherwise, column.odd))
        return _notation(column, "times", cell, f"Supported is {TIMES_READ}: write them so")
    return None


TIMES_READ = "ISO 8601, such as 2019-01-15 or 2019-01-15T18:04"


def _notation(column: ColumnSample, what: str, cell: str, advice: str) -> Notation:
    held = f"{what} in a notation that is not read, such as {readable(cell)}"
    where = f"in line {column.line_of(cell)}"
    warning = f"column {quoted(column.name)} holds {held} {where}. {advice}, and run init again."
    return Notation(held, warning, what == "times")


def _mostly(column: ColumnSample, is_so: Callable[[str], bool]) -> bool:
    rows = sum(column.distinct[cell] for cell in column.odd if is_so(cell))
    return rows > 0 and rows + len(column.numbers) >= MOSTLY * len(column.present)


def is_number_otherwise(cell: str) -> bool:
    """Whether a cell looks like a number in another notation than is read."""
    plain = _bare(cell)
    return bool(_NUMBER.fullmatch(plain)) and not NUMBER.fullmatch(cell.strip())


def is_time_otherwise(cell: str) -> bool:
    """Whether a cell that is no time to the converter looks like one, or like a time of day."""
    return len(cell) <= READABLE_LENGTH and bool(_TIME.fullmatch(cell.strip()))


def read_as(cell: str) -> str:
    """The number that such a cell probably means, as it should be written."""
    plain = _bare(cell)
    digits = "".join(c for c in plain if c in "0123456789.,").removeprefix("." * ("Fr." in plain))
    mark = max(".,", key=digits.rfind)
    whole, _, part = digits.rpartition(mark)
    # A comma before three digits parts thousands more often than decimals, and so does a mark
    # that comes again.
    if digits.count(mark) > 1 or (mark == "," and len(part) == 3 and "." not in whole):
        whole, part = whole + part, ""
    elif mark not in digits:
        whole, part = digits, ""
    whole = re.sub("[.,]", "", whole) or "0"
    negative = plain != cell.strip() or re.search("[-\u2212]", plain) is not None
    return f"{'-' if negative else ''}{whole}{'.' if part else ''}{part}"


def _bare(cell: str) -> str:
    """A cell without the brackets by which accountants write negative numbers."""
    plain = cell[: READABLE_LENGTH + 1].strip()
    return plain[1:-1].strip() if plain.startswith("(") and plain.endswith(")") else plain
