"""Cells to moments: of the stream's clock, and for the parts of a time that are learned from.

A time is ISO 8601 (without an offset it is in the column's zone), digits that form a calendar time
(``YYYYMMDDhhmmss``, ``YYYYMMDDhhmm``, ``YYYYMMDDhh``, ``YYYYMMDD``), seconds since 1970 with 9 to
11 digits, or milliseconds since 1970 with 12 or 13. Which of these a row of digits is, the usual
years decide; digits that could be another time, and dates of ISO 8601 behind which an offset could
be a clock, are refused with the readings. A column's ``format`` says it for all of its cells.

A local time that comes twice, when clocks are put back, is read as the first; one that clocks
skip when they are put forward is read as if they had not been (:mod:`.local_clock`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from converters.cells.kind import CONVERTER_VERSION
from converters.cells.refusal import RefusedCellError
from converters.cells.time_patterns import day_before_month, is_utc, lost_zeros
from converters.config.column_settings import ColumnSettings

# Digits look like any number; times of events lie here.
USUAL_YEARS = range(1990, 2041)
# Names of formats -> a count of such units since 1970, in milliseconds.
UNITS: dict[str, Callable[[float], float]] = {
    "seconds": lambda count: count * 1000,
    "milliseconds": lambda count: count,
    "microseconds": lambda count: count / 1000,
    "nanoseconds": lambda count: count / 1_000_000,
}
# The first version of the converter that reads digits as calendar times.
COMPACT_FROM = 3

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Where spreadsheets count days from, since they take 1900 for a leap year.
_FIRST_DAY = datetime(1899, 12, 30, tzinfo=UTC)
# As versions of the converter before that read them.
_EPOCH_SECONDS = re.compile(r"[0-9]{9,11}(?:\.[0-9]+)?")
_EPOCH_MILLISECONDS = re.compile(r"[0-9]{12,14}")
_BARE = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
# Ruby, BigQuery, and Go: behind a clock, with blanks.
_BEHIND_CLOCK = re.compile(
    r"(.*:[0-9]{2}(?:\.[0-9]+)?) (?:([+-][0-9]{2}:?[0-9]{2})(?: UTC)?|UTC|GMT)"
)
_COUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?")
# The spans of year, month, day, hour, minute, second in digits of these lengths, and what they are
# called.
_PLACES = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
_CALENDARS = {8: "YYYYMMDD", 10: "YYYYMMDDhh", 12: "YYYYMMDDhhmm", 14: "YYYYMMDDhhmmss"}
_DAY = 8
# Their years where they have eight or fourteen digits: of births too. Digits of other times begin
# with others, such as 2101 for the January of 2021.
_CENTURIES = {8: range(1800, 2101), 14: range(1800, 10_000)}
# As what else digits may have been written: patterns and what they are called, by their digits.
_NOTATIONS = {
    8: (("%y%m%d%H", "YYMMDDhh"), ("%d%m%Y", "DDMMYYYY"), ("%m%d%Y", "MMDDYYYY")),
    9: (("%Y%j%H", "YYYYDDDhh"), ("%y%j%H%M", "YYDDDhhmm")),
    10: (
        ("%y%m%d%H%M", "YYMMDDhhmm"),
        ("%d%m%Y%H", "DDMMYYYYhh"),
        ("%m%d%Y%H", "MMDDYYYYhh"),
    ),
    11: (("%Y%j%H%M", "YYYYDDDhhmm"), ("%y%j%H%M%S", "YYDDDhhmmss")),
    12: (
        ("%y%m%d%H%M%S", "YYMMDDhhmmss"),
        ("%d%m%Y%H%M", "DDMMYYYYhhmm"),
        ("%m%d%Y%H%M", "MMDDYYYYhhmm"),
    ),
    13: (("%Y%j%H%M%S", "YYYYDDDhhmmss"),),
    14: (("%d%m%Y%H%M%S", "DDMMYYYYhhmmss"), ("%m%d%Y%H%M%S", "MMDDYYYYhhmmss")),
}
_FINER = {
    11: ("tenths of a second", 100.0),
    12: ("hundredths of a second", 10.0),
    14: ("tenths of a millisecond", 0.1),
}
_ORDINAL_SECONDS = 13
# What is written for never, in seconds.
_LAST_DAY, _LAST_SECOND = "253402214400", "253402300799"
# Between the date and the clock; with seconds, as no offset has them, after a hyphen too.
_SEPARATORS = "Tt _"
_APART = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}-W[0-9]{2}(?:-[0-9])?|[0-9]{4}W[0-9]{2,3})"
    r"(?:[Tt _].+|-[0-9]{2}(?::[0-9]{2}:|[0-9]{2}(?=[0-9]))[0-9]{2}.*|(?P<utc>[Zz]))?"
)
_OFFSET = re.compile(r"(?P<date>[0-9-]{8,10})(?P<sign>[+-])(?P<clock>[0-9]{2}(?::?[0-9]{2})?)")


class TimeReading(NamedTuple):
    """How a column's times are read.

    Attributes:
        zone: where a time without an offset is local.
        format: one of :data:`UNITS`, or a pattern of ``strptime``; empty for none.
        converter: the version of the converter.
    """

    zone: str = "UTC"
    format: str = ""
    converter: int = CONVERTER_VERSION

    @classmethod
    def of(cls, settings: ColumnSettings, converter: int = CONVERTER_VERSION) -> TimeReading:
        """That of a column."""
        return cls(settings.zone, settings.format, converter)

    def moment(self, cell: str) -> datetime:
        """What a cell means; before 1970 too.

        Raises:
            RefusedCellError: ``bad-time``, or ``ambiguous-time`` with both readings.
        """
        plain = cell.strip(" ")
        try:
            if self.format:
                return self._formatted(plain)
            if self.converter < COMPACT_FROM:
                return _as_before(plain, ZoneInfo(self.zone))
            bare = _BARE.fullmatch(plain)
            if bare is None:
                return _spelt(plain, ZoneInfo(self.zone))
            return _digits(bare[1], (bare[2] or "").rstrip("0"), ZoneInfo(self.zone))
        except RefusedCellError:
            raise
        except (ValueError, OverflowError):
            raise RefusedCellError("bad-time", cell) from None

    def time_ms(self, cell: str, *, after: bool = False) -> int:
        """A cell as milliseconds since 1970.

        Args:
            cell: the time.
            after: read a local time that a change of the clocks makes ambiguous by the offset
                after the change (PEP 495's ``fold=1``), not by the one before.

        Raises:
            RefusedCellError: as :meth:`moment`; ``bad-time`` also for times before 1970, which no
                log can stamp.
        """
        if self.converter < COMPACT_FROM and _EPOCH_SECONDS.fullmatch(cell.strip(" ")):
            return round(float(cell) * 1000)
        moment = self.moment(cell)
        try:
            if after:
                moment = moment.replace(fold=1)
            milliseconds = round(moment.astimezone(UTC).timestamp() * 1000)
        except (ValueError, OverflowError):
            raise RefusedCellError("bad-time", cell) from None
        if milliseconds < 0:
            raise RefusedCellError("bad-time", cell)
        return milliseconds

    def check(self, cell: str) -> None:
        """Refuse what :meth:`time_ms` refuses, at a tenth of its cost for most that it takes."""
        # Of digits alone ISO 8601 means others than are read.
        if cell[4:5] == "-" and cell[10:11] in _SEPARATORS and not self.format:
            try:
                # Whatever the offset, it is neither before 1970 nor beyond what can be computed.
                if 1970 < datetime.fromisoformat(cell).year < 9999:
                    return
            except ValueError:
                pass
        self.time_ms(cell)

    def local(self, cell: str) -> datetime:
        """A cell as the clock and calendar of the zone showed it; before 1970 too.

        Raises:
            RefusedCellError: as :meth:`moment`.
        """
        try:
            return self.moment(cell).astimezone(ZoneInfo(self.zone))
        except OverflowError:
            raise RefusedCellError("bad-time", cell) from None

    def _formatted(self, plain: str) -> datetime:
        """By the format, or as ISO 8601 with separators, which nothing else can mean."""
        zone, unit = ZoneInfo(self.zone), UNITS.get(self.format)
        try:
            if unit is None:
                return self._by_pattern(plain, zone)
            if _COUNT.fullmatch(plain):
                return _since_1970(unit(int(plain) if plain.isdigit() else float(plain)))
        except RefusedCellError:
            raise
        except ValueError:
            pass
        # A date without its clock would be another day in the pattern's order.
        if plain[4:5] != "-" or (day_before_month(self.format) and plain[10:11] not in ("T", "t")):
            raise ValueError
        return _spelt(plain, zone)

    def _by_pattern(self, plain: str, zone: ZoneInfo) -> datetime:
        read = datetime.strptime(plain, self.format)  # noqa: DTZ007
        if lost_zeros(self.format, plain):
            raise RefusedCellError("ambiguous-time", _both(plain, read, self.format))
        return _in(read, UTC if is_utc(self.format) else zone)


# Of whatever has no column.
UTC_TIMES = TimeReading()


def time_ms(cell: str, zone: str = "UTC", *, after: bool = False) -> int:
    """A time as milliseconds since 1970, as this release reads it; see :class:`TimeReading`."""
    return TimeReading(zone).time_ms(cell, after=after)


def calendar_name(cell: str) -> str:
    """What digits that form a calendar time are called, as they are read; empty for others.

    >>> calendar_name("202401030952"), calendar_name("1704275520")
    ('YYYYMMDDhhmm', '')
    """
    found = _BARE.fullmatch(cell.strip(" "))
    if found is None or len(found[1]) not in _CALENDARS or len(found[1]) == _DAY:
        return ""
    calendar = _calendar(found[1])
    years = _CENTURIES.get(len(found[1]), USUAL_YEARS)
    usual = calendar is not None and calendar.year in years
    return _CALENDARS[len(found[1])] if usual else ""


def is_day_number(cell: str) -> bool:
    """Whether a cell is a day of a usual year as spreadsheets count them.

    >>> is_day_number("45292.5"), is_day_number("12.5")
    (True, False)
    """
    found = _BARE.fullmatch(cell.strip(" "))
    if found is None or len(found[1]) != len("45292"):
        return False
    return (_FIRST_DAY + timedelta(days=int(found[1]))).year in USUAL_YEARS


def _in(moment: datetime, zone: tzinfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def _iso(plain: str, zone: ZoneInfo) -> datetime:
    """ISO 8601; Python takes any character before the clock, an offset's sign too."""
    if plain[4:5] == "-" and plain[10:11] in _SEPARATORS:
        return _in(datetime.fromisoformat(plain), zone)
    found = _APART.fullmatch(plain)
    if found is not None and found["utc"]:
        return datetime.fromisoformat(found["date"]).replace(tzinfo=UTC)
    if found is not None:
        return _in(datetime.fromisoformat(plain), zone)
    offset = _OFFSET.fullmatch(plain)
    if offset is None:
        raise ValueError
    day, sign, clock = datetime.fromisoformat(offset["date"]), offset["sign"], offset["clock"]
    raise RefusedCellError(
        "ambiguous-time",
        f"{plain}: {day:%Y-%m-%d} at {clock}, or that day at an offset of {sign}{clock}",
    )


def _spelt(plain: str, zone: ZoneInfo) -> datetime:
    """ISO 8601, or what databases and programs write for it: a blank before its offset, or UTC."""
    try:
        return _iso(plain, zone)
    except ValueError:
        found = _BEHIND_CLOCK.fullmatch(plain)
        if found is None:
            raise
        return _iso(found[1] + (found[2] or "+00:00"), zone)


def _since_1970(milliseconds: float) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _as_before(plain: str, zone: ZoneInfo) -> datetime:
    """As versions of the converter before read a cell."""
    if _EPOCH_SECONDS.fullmatch(plain):
        return _EPOCH + timedelta(seconds=float(plain))
    if _EPOCH_MILLISECONDS.fullmatch(plain):
        return _since_1970(int(plain))
    return _in(datetime.fromisoformat(plain), zone)


def _digits(digits: str, fraction: str, zone: ZoneInfo) -> datetime:
    """What digits mean.

    Raises:
        RefusedCellError: they can be read in two ways.
        ValueError: they are no time.
    """
    size = len(digits)
    calendar = _calendar(digits)
    if size in _CENTURIES:  # as seconds or milliseconds, none is of a usual year
        if calendar is None or (size == _DAY and fraction):
            raise ValueError
        others = [] if calendar.year in _CENTURIES[size] else _others(digits, lost=False)
        if others:
            raise _ambiguous(digits, [_told(calendar, _CALENDARS[size]), *others])
        return (calendar + timedelta(seconds=float(f"0.{fraction or 0}"))).replace(tzinfo=zone)
    if size not in range(9, 14) or (fraction and size == 12 and calendar is not None):
        raise ValueError
    usual = calendar is not None and calendar.year in USUAL_YEARS
    if calendar is not None and usual and not fraction:
        return calendar.replace(tzinfo=zone)
    count = float(f"{digits}.{fraction or 0}")
    since = _since_1970(count * 1000 if size < 12 else count)
    others = [] if calendar is None else [_told(calendar, _CALENDARS[size])]
    plausible = since.year in USUAL_YEARS
    if not plausible or (size == _ORDINAL_SECONDS and int(digits[:4]) in USUAL_YEARS):
        others += _others(digits, lost=not plausible)
        certain = not others and since.year <= USUAL_YEARS[-1]
    else:
        certain = not usual
    if not certain:
        unit = "seconds" if size < 12 else "milliseconds"
        raise _ambiguous(digits, [f"{since:%Y-%m-%d %H:%M:%S} UTC as {unit} since 1970", *others])
    return since


def _others(digits: str, *, lost: bool) -> list[str]:
    """What else digits may be, of a usual year: with the zero too that they may have ``lost``."""
    found = []
    for pattern, name in _NOTATIONS.get(len(digits), ()):
        found += [_told(at, name) for at in _noted(digits, pattern)]
    for pattern, name in _NOTATIONS.get(len(digits) + 1, ()) if lost else ():
        lacks = f"{name} without its first zero"
        found += [_told(at, lacks) for at in _noted(f"0{digits}", pattern)]
    if len(digits) in _FINER:
        unit, milliseconds = _FINER[len(digits)]
        at = _since_1970(int(digits) * milliseconds)
        found += [_told(at, f"{unit} since 1970")] if at.year in USUAL_YEARS else []
    if len(digits) == len(_LAST_SECOND) and _LAST_DAY <= digits <= _LAST_SECOND:
        found.append("the last day of the year 9999 in seconds since 1970")
    return found


def _noted(digits: str, pattern: str) -> Iterator[datetime]:
    """The time of a usual year that digits are by a pattern of as many digits, if they are one."""
    with suppress(ValueError):
        at = datetime.strptime(digits, pattern)  # noqa: DTZ007
        if at.year in USUAL_YEARS:
            yield at


def _told(moment: datetime, name: str) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} as {name}"


def _ambiguous(digits: str, readings: Sequence[str]) -> RefusedCellError:
    last = f", or {readings[-1]}" if len(readings) > 1 else f", after {USUAL_YEARS[-1]}"
    first = readings[:-1] if len(readings) > 1 else readings
    return RefusedCellError("ambiguous-time", f"{digits}: {', '.join(first)}{last}")


def _both(plain: str, read: datetime, pattern: str) -> str:
    """How digits can be read that lack zeros in front."""
    readings = [f"{plain}: {read:%Y-%m-%d %H:%M:%S} without the zeros in front that belong there"]
    with suppress(ValueError):
        at = datetime.strptime(f"0{plain}", pattern)  # noqa: DTZ007
        readings.append(f"{at:%Y-%m-%d %H:%M:%S} as 0{plain}")
    return ", or ".join(readings)


def _calendar(digits: str) -> datetime | None:
    """The calendar time that digits form, with or without clock; None if they form none."""
    if len(digits) not in _CALENDARS:
        return None
    parts = [int(digits[a:b]) for a, b in _PLACES if b <= len(digits)]
    year, month, day, hour, minute, second = (*parts, 0, 0, 0)[:6]
    try:
        # The zone comes later.
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return None
