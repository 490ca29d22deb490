"""Numbers and times in formats that the converter does not read -> what to do about them.

Cells such as ``1.234,50`` (:mod:`converters.sampling.number_notations`) and ``27.01.2023`` are no
numbers and no times to the converter: which day 01/02/2019 is, only a person knows. They are
recognised, so that they are not treated as categories without a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from converters.cells.refusal import RefusedCellError
from converters.cells.times import local_time
from converters.config.toml_text import READABLE_LENGTH, quoted, readable
from converters.init.column_decision import Surroundings
from converters.sampling.column_sample import MOST_NUMBERED_CATEGORIES, ColumnSample
from converters.sampling.number_notations import MOSTLY, Notation, mostly

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
class Format:
    """That a column's cells are numbers or times, but not as they are read.

    Attributes:
        because: why it is what it becomes, in words.
        warning: what the person should look at and do; what becomes of the column follows it.
        are_times: whether they are times rather than numbers.
        then: what follows that.
    """

    because: str
    warning: str
    are_times: bool
    then: str = ""


def format_of(column: ColumnSample, surroundings: Surroundings) -> Format | None:
    """The other format that most of a column's cells are in, if there is one."""
    odd = Counter({cell: column.distinct[cell] for cell in column.odd})
    notation = mostly(odd, len(column.numbers))
    if notation is not None:
        few = len(column.distinct) <= MOST_NUMBERED_CATEGORIES
        if few and notation.in_units:  # such as 36 months and 60 months
            return None
        means = notation.advice(notation.cells[0])
        then = command_said(notation, column.name, surroundings)
        return _format(column, "numbers", notation.cells[0], means, then)
    times = [cell for cell in odd if is_time_otherwise(cell)]
    rows = sum(odd[cell] for cell in times)
    if rows and rows + len(column.numbers) >= MOSTLY * len(column.present):
        unread = [cell for cell in times if not _is_read(cell)]
        if not unread:
            return _mostly_times(column, [cell for cell in odd if cell not in times])
        return _format(column, "times", unread[0], f"Supported is {TIMES_READ}: write them so")
    return None


def _mostly_times(column: ColumnSample, others: Sequence[str]) -> Format | None:
    """That a few cells keep a column from being one of times."""
    if not others:
        return None
    rows, cell = sum(column.distinct[other] for other in others), others[0]
    held = f"times but for {rows:,} of {len(column.present):,} cells, such as {readable(cell)}"
    warning = (
        f"column {quoted(column.name)} holds {held} in line {column.line_of(cell)}. Correct them "
        "and run init again, or list them in its missing_values and set its kind."
    )
    return Format(held, warning, are_times=True)


def command_said(notation: Notation, name: str, surroundings: Surroundings) -> str:
    """The command that rewrites a column of the file, in words; empty if there is none."""
    if surroundings.original is None:
        return ""
    command = notation.command(surroundings.original, surroundings.names.index(name))
    written = quoted(surroundings.original.corrected)
    return f" This command writes them so, into {written}: {command}" if command else ""


TIMES_READ = "ISO 8601, such as 2019-01-15 or 2019-01-15T18:04"


def _format(column: ColumnSample, what: str, cell: str, advice: str, then: str = "") -> Format:
    held = f"{what} in a notation that is not read, such as {readable(cell)}"
    where = f"in line {column.line_of(cell)}"
    warning = f"column {quoted(column.name)} holds {held} {where}. {advice}, and run init again."
    return Format(held, warning, what == "times", then)


def _is_read(cell: str) -> bool:
    try:
        local_time(cell, ZoneInfo("UTC"))
    except RefusedCellError:
        return False
    return True


def is_time_otherwise(cell: str) -> bool:
    """Whether a cell that is no time to the converter looks like one, or like a time of day."""
    return len(cell) <= READABLE_LENGTH and bool(_TIME.fullmatch(cell.strip()))
