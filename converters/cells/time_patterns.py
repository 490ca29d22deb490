"""Patterns of ``strptime`` as a column's ``format``: which are refused, and how strict they are.

``strptime`` takes a pattern that contradicts itself and leaves out what it cannot use (``%p``
beside ``%H``), and numbers without the zeros in front, which where nothing separates them are other
numbers: ``1122024`` is the 1st of December or the 11th of February.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache

# What reads the same everywhere, with the digits of those that are numbers.
_WIDTHS = {
    "Y": "4", "G": "4", "j": "3", "f": "1,6", "u": "1", "w": "1",
    "y": "2", "m": "2", "d": "2", "H": "2", "I": "2", "M": "2", "S": "2", "V": "2", "U": "2",
    "W": "2",
}  # fmt: skip
_DIRECTIVES = frozenset("pzbBaA%").union(_WIDTHS)
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_RUN = re.compile(rf"(?:%[{''.join(_WIDTHS)}]){{2,}}")
# A zone's name, as text.
_UTC_NAME = re.compile(r"%[a-z] *[(\[]?(?:Z|UTC|GMT)(?![a-z+-]|%z)", re.IGNORECASE)
_ZONE_NAME = re.compile(r"%[HIMSfp] *[(\[]?((?:GMT|UTC)[+-]\d[\d:]*|[A-Z]{2,5})(?![A-Za-z])")
_EXAMPLE = 'for example "%d.%m.%Y %H:%M"'
_FORMATS = (
    'say "seconds", "milliseconds", "microseconds" or "nanoseconds", or a pattern of Python\'s '
    f"strptime, {_EXAMPLE}."
)

# Pairs of which one makes the other idle: strptime takes both, and reads one of them.
_YEARS, _MONTHS = frozenset("YyG"), frozenset("mbB")
_WEEKS, _WEEKDAYS = frozenset("UWV"), frozenset("aAuw")
_NEEDS = (
    ("p", "I", "'%p' says AM or PM of hours of twelve, '%I', and is not read beside '%H'"),
    ("I", "p", "'%I' is an hour of twelve, and says the time only with '%p' (AM or PM)"),
    ("d", "mbB", "there is a day and no month"),
    ("M", "HI", "there are minutes and no hour"),
    ("S", "M", "there are seconds and no minutes"),
    ("f", "S", "there is a fraction and no seconds"),
    ("UWV", "aAuw", "a week says no day without its weekday ('%a', '%u' or '%w')"),
    ("V", "G", "'%V' is a week of the year '%G', not of another"),
    ("G", "V", "'%G' is the year of a week, '%V', and of no date"),
    ("HI", "djUWV", "there is a clock and no day"),
)
_CLASHES = (
    (_YEARS, _YEARS, "the year"),
    (_MONTHS, _MONTHS, "the month"),
    (frozenset("HI"), frozenset("HI"), "the hour"),
    (frozenset("j"), _MONTHS | {"d"}, "the day"),
    (_WEEKS, _MONTHS | {"d", "j"} | _WEEKS, "the day"),
)


def wrong_pattern(pattern: str, zone: str = "UTC") -> str:
    """Why a pattern is refused, in words; empty for a good one.

    Args:
        pattern: of ``strptime``.
        zone: where its times are local.
    """
    used = _DIRECTIVE.findall(pattern)
    strange = [f"%{name}" for name in used if name not in _DIRECTIVES]
    if strange:
        names = " (of the names of zones, UTC is read as text, and offsets by '%z')"
        return f"'{strange[0]}' is not read{names if strange[0] == '%Z' else ''}; {_FORMATS}"
    if not _YEARS.intersection(used):
        return f"'{pattern}' has no year; {_FORMATS}"
    if why := _idle(pattern, [name for name in used if name != "%"]):
        return f"'{pattern}' would be read as another time: {why}."
    named = _ZONE_NAME.search(pattern)
    if named and not is_utc(pattern) and (zone == "UTC" or named[1][-1].isdigit()):
        return (
            f"'{named[1]}' is text to the pattern, and no zone: say the column's `zone`, for "
            "example \"America/New_York\", or '%z' for offsets such as +0200."
        )
    sample = datetime(2024, 2, 29, 13, 45, tzinfo=UTC)
    try:
        datetime.strptime(sample.strftime(pattern), pattern)  # noqa: DTZ007
    except (ValueError, re.error) as error:
        return f"'{pattern}' is no pattern ({error}); {_FORMATS}"
    return ""


def _idle(pattern: str, used: list[str]) -> str:
    """What such a pattern would leave out; empty for nothing."""
    twice = [name for name in used if used.count(name) > 1]
    if twice:
        return f"'%{twice[0]}' is there twice"
    for names, others, why in _NEEDS:
        if set(used).intersection(names) and not set(used).intersection(others):
            swapped = {"p": ("%H", "%I"), "I": ("%I", "%H")}.get(names)
            hint = f"; write '{pattern.replace(*swapped)}'" if swapped else ""
            return f"{why}{hint}"
    for ones, idle, what in _CLASHES:
        for name in sorted(ones.intersection(used)):
            if clash := sorted(idle.intersection(used) - {name}):
                return f"'%{name}' and '%{clash[0]}' both say {what}; leave one out"
    return ""


@cache
def is_utc(pattern: str) -> bool:
    """Whether a pattern's text names UTC: its times are in that, whatever the column's zone."""
    return bool(_UTC_NAME.search(pattern))


@cache
def day_before_month(pattern: str) -> bool:
    """Whether a date so written looks like one of ISO 8601 and means another day."""
    order = [name for name in _DIRECTIVE.findall(pattern) if name in "YGymd"]
    return order[:3] in (["Y", "d", "m"], ["y", "d", "m"])


def lost_zeros(pattern: str, cell: str) -> bool:
    """Whether a cell that a pattern reads lacks zeros where nothing separates its numbers."""
    widths = _widths(pattern)
    return widths is not None and widths.fullmatch(cell) is None


@cache
def _widths(pattern: str) -> re.Pattern[str] | None:
    """What has all digits in each row of numbers; None for a pattern without one."""
    if not _RUN.search(pattern):
        return None
    parts, at = [], 0
    for run in _RUN.finditer(pattern):
        parts.append(_loosely(pattern[at : run.start()]))
        parts += [rf"\d{{{_WIDTHS[name]}}}" for name in _DIRECTIVE.findall(run[0])]
        at = run.end()
    parts.append(_loosely(pattern[at:]))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _loosely(between: str) -> str:
    """What ``strptime`` takes for a part of a pattern in which numbers are apart, and more."""
    found = []
    for piece in re.findall(r"%.|\s+|.", between, re.DOTALL):
        if piece[:1] == "%" and piece != "%%":
            found.append(r"\d+" if piece[1] in _WIDTHS else r".+?")
        else:
            found.append(r"\s+" if piece.isspace() else re.escape(piece[-1]))
    return "".join(found)
