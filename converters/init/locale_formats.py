"""Numbers and times in formats that the converter does not read -> what to do about them.

Cells such as ``1.234,50`` (:mod:`converters.sampling.number_notations`) and ``27.01.2023``
(:mod:`converters.sampling.date_notations`) are no numbers and no times to the converter. They are
recognised, so that they are not treated as categories without a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from converters.cells.refusal import RefusedCellError
from converters.cells.times import is_day_number
from converters.config.toml_text import quoted, readable
from converters.files.rewriting import Original, Rule, rewriting
from converters.sampling.column_sample import ColumnSample
from converters.sampling.date_notations import SUPPORTED, dates_in, is_read, is_time_otherwise
from converters.sampling.file_sample import Sample
from converters.sampling.nearly_numbers import MOST_NUMBERED_CATEGORIES
from converters.sampling.number_notations import MOSTLY, mostly
from converters.sampling.time_formats import possible_formats, told_format, undecided
from converters.show.tables import listed

_AGAIN = ", and run init again."


@dataclass(frozen=True)
class Format:
    """That a column's cells are numbers or times, but not as they are read.

    Attributes:
        because: why it is what it becomes, in words.
        warning: what the person should look at and do; what becomes of the column follows it.
        are_times: whether they are times rather than numbers.
        rule: what a command does to rewrite them, if one rule reads all.
    """

    because: str
    warning: str
    are_times: bool
    rule: Rule | None = None


def format_of(column: ColumnSample) -> Format | None:
    """The other format that most of a column's cells are in, if there is one."""
    odd = Counter({cell: column.distinct[cell] for cell in column.odd})
    notation = mostly(odd, len(column.numbers))
    if notation is not None:
        few = len(column.distinct) <= MOST_NUMBERED_CATEGORIES
        if few and notation.in_units:  # such as 36 months and 60 months
            return None
        means = notation.advice(notation.cells[0])
        return _format(column, "numbers", notation.cells[0], f"{means}{_AGAIN}", notation.rule)
    times = [cell for cell in odd if is_time_otherwise(cell)]
    rows = sum(odd[cell] for cell in times)
    if rows and rows + len(column.numbers) >= MOSTLY * len(column.present):
        unread = [cell for cell in times if not is_read(cell)]
        if not unread:
            return _mostly_times(column, [cell for cell in odd if cell not in times])
        return _unread_times(column, times, unread[0])
    return None


def _unread_times(column: ColumnSample, times: Sequence[str], cell: str) -> Format:
    """What to do about times such as this one."""
    if formats := possible_formats(times):
        why = undecided(formats) or "If they are times: "
        keys = f'kind = "time", zone = "UTC" and {told_format(formats)}'
        return _format(column, "times", cell, f"{why}write {keys} for it.")
    dates = dates_in(times)
    if dates is None:
        return _format(column, "times", cell, f"Supported is {SUPPORTED}: write them so{_AGAIN}")
    said = _format(column, "times", cell, f"{dates.advice(cell)}{_AGAIN}", dates.rule)
    return replace(said, warning=f"{said.warning}{dates.sentinels(column.distinct)}")


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


def command_said(rules: Mapping[str, Rule], names: Sequence[str], original: Original | None) -> str:
    """The one command that rewrites all these columns of a file; empty if there is none."""
    if original is None or not rules:
        return ""
    command = rewriting(original, {names.index(name): rule for name, rule in rules.items()})
    which, target = listed(list(rules), written=quoted), quoted(original.corrected)
    return f"This command writes {which} so, into {target}: {command}"


def command_with_others(sample: Sample, name: str, rule: Rule | None) -> str:
    """The command that rewrites a column without which nothing can be inferred.

    It rewrites all others in another notation too, of which a person would be told next.
    """
    if rule is None:
        return ""
    rules = {name: rule}
    for other, cells in sample.columns.items():
        column = ColumnSample(other, cells, sample.lines)
        found = format_of(column) if other != name and column.present else None
        if found is not None and found.rule is not None:
            rules[other] = found.rule
    original = Original.of(sample.source, sample.csv)
    said = command_said(rules, list(sample.columns), original)
    return f" {said}" if said else ""


def times_instead(
    column: ColumnSample, sample: Sample, pattern: str, refused: RefusedCellError
) -> str:
    """Why a cell of the column is not read as the event's time, and what to do."""
    if refused.reason == "ambiguous-time":
        why = f"could be another time ({refused.cell})"
    elif column.times is not None and pattern in ("", column.time_format):
        return "is before 1970, where no record can be: omit --time."
    else:
        why = "is no time"
    return f"{why}. {_advice(column, sample, pattern)}"


def _advice(column: ColumnSample, sample: Sample, pattern: str) -> str:
    formats = [] if pattern else possible_formats(column.distinct)
    if formats:
        options = " or ".join(f"--time-format {quoted(each)}" for each in formats)
        return f"{undecided(formats)}say it with {options}, or omit --time."
    number = next(filter(is_day_number, column.distinct), "")
    if number:
        return f"{number} is a day number of a spreadsheet: format the cells as dates there."
    dates = dates_in(filter(is_time_otherwise, column.distinct))
    rule = dates.rule if dates is not None else None
    return (
        f"Supported is {SUPPORTED}, or seconds or milliseconds since 1970: say how the cells are "
        "written with --time-format, write all of them so, or omit --time"
        f"{dates.why if dates else ''}.{command_with_others(sample, column.name, rule)}"
    )


def _format(
    column: ColumnSample, what: str, cell: str, advice: str, rule: Rule | None = None
) -> Format:
    held = f"{what} in a notation that is not read, such as {readable(cell)}"
    where = f"in line {column.line_of(cell)}"
    warning = f"column {quoted(column.name)} holds {held} {where}. {advice}"
    return Format(held, warning, what == "times", rule)
