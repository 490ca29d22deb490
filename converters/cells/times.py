"""Cells to moments: of the stream's clock, and for the parts of a time that are learned from.

A time is ISO 8601 (without an offset it is in the column's zone), digits that form a calendar time
(``YYYYMMDDhhmmss``, ``YYYYMMDDhhmm``, ``YYYYMMDDhh``, ``YYYYMMDD``), seconds since 1970 with 9 to
11 digits, or milliseconds since 1970 with 12 or 13. Which of these a row of digits is, the usual
years decide; digits that could be either are refused with both readings. A column's ``format``
says it for all of its cells.

A local time that comes twice, when clocks are put back, is read as the first; one that clocks
skip when they are put forward is read as if they had not been (:mod:`.local_clock`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from converters.cells.kind import CONVERTER_VERSION
from converters.cells.refusal import RefusedCellError
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
_COUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?")
# The spans of year, month, day, hour, minute, second in digits of these lengths, and what they are
# called.
_PLACES = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
_CALENDARS = {10: "YYYYMMDDhh", 12: "YYYYMMDDhhmm", 14: "YYYYMMDDhhmmss"}
_SHORT = {10: "YYMMDDhhmm", 12: "YYMMDDhhmmss"}
_WHOLE_SECONDS = 14
# strptime's own rule for years of two digits.
_LAST_OF_2000 = 68


@dataclass(frozen=True, slots=True)
class TimeReading:
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
                return _iso(plain, ZoneInfo(self.zone))
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
        if cell[4:5] == "-" and not self.format:
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
                return _in(datetime.strptime(plain, self.format), zone)  # noqa: DTZ007
            if _COUNT.fullmatch(plain):
                return _since_1970(unit(int(plain) if plain.isdigit() else float(plain)))
        except ValueError:
            pass
        if plain[4:5] != "-":
            raise ValueError
        return _iso(plain, zone)


# Of whatever has no column.
UTC_TIMES = TimeReading()


def check_time(cell: str, zone: str = "UTC") -> None:
    """Refuse a cell that :func:`time_ms` refuses."""
    TimeReading(zone).check(cell)


def time_ms(cell: str, zone: str = "UTC", *, after: bool = False) -> int:
    """A time as milliseconds since 1970, as this release reads it; see :class:`TimeReading`."""
    return TimeReading(zone).time_ms(cell, after=after)


def local_time(cell: str, zone: ZoneInfo) -> datetime:
    """A time as the clock and calendar of a zone showed it; see :class:`TimeReading`."""
    return TimeReading(zone.key).local(cell)


def calendar_name(cell: str) -> str:
    """What digits that form a calendar time are called, as they are read; empty for others.

    >>> calendar_name("202401030952"), calendar_name("1704275520")
    ('YYYYMMDDhhmm', '')
    """
    found = _BARE.fullmatch(cell.strip(" "))
    if found is None or len(found[1]) not in _CALENDARS:
        return ""
    name = _CALENDARS[len(found[1])]
    calendar = _calendar(found[1])
    usual = calendar is not None and (
        len(found[1]) == _WHOLE_SECONDS or calendar.year in USUAL_YEARS
    )
    return name if usual else ""


def is_day_number(cell: str) -> bool:
    """Whether a cell is a day of a usual year as spreadsheets count them.

    >>> is_day_number("45292.5"), is_day_number("12.5")
    (True, False)
    """
    found = _BARE.fullmatch(cell.strip(" "))
    if found is None or len(found[1]) != len("45292"):
        return False
    return (_FIRST_DAY + timedelta(days=int(found[1]))).year in USUAL_YEARS


def _in(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def _iso(plain: str, zone: ZoneInfo) -> datetime:
    return _in(datetime.fromisoformat(plain), zone)


def _since_1970(milliseconds: float) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _as_before(plain: str, zone: ZoneInfo) -> datetime:
    """As versions of the converter before read a cell."""
    if _EPOCH_SECONDS.fullmatch(plain):
        return _EPOCH + timedelta(seconds=float(plain))
    if _EPOCH_MILLISECONDS.fullmatch(plain):
        return _since_1970(int(plain))
    return _iso(plain, zone)


def _digits(digits: str, fraction: str, zone: ZoneInfo) -> datetime:
    """What digits mean.

    Raises:
        RefusedCellError: they can be read in two ways.
        ValueError: they are no time.
    """
    size = len(digits)
    if size == 8 and not fraction:
        return _iso(digits, zone)
    calendar = _calendar(digits)
    if size >= _WHOLE_SECONDS:  # as milliseconds, none is of a usual year
        if calendar is None:
            raise ValueError
        return (calendar + timedelta(seconds=float(f"0.{fraction or 0}"))).replace(tzinfo=zone)
    if size < 9 or (fraction and size == len("YYYYMMDDhhmm") and calendar is not None):
        raise ValueError
    usual = calendar is not None and calendar.year in USUAL_YEARS
    if calendar is not None and usual and not fraction:
        return calendar.replace(tzinfo=zone)
    count = float(f"{digits}.{fraction or 0}")
    since = _since_1970(count * 1000 if size < 12 else count)
    other, name = calendar, _CALENDARS
    if not usual and (short := _short(digits)) is not None:
        other, name = short, _SHORT
    if other is not None and (usual or since.year not in USUAL_YEARS):
        unit = "seconds" if size < 12 else "milliseconds"
        raise RefusedCellError(
            "ambiguous-time",
            f"{digits}: {since:%Y-%m-%d %H:%M:%S} UTC as {unit} since 1970, or "
            f"{other:%Y-%m-%d %H:%M:%S} as {name[size]}",
        )
    return since


def _calendar(digits: str) -> datetime | None:
    """The calendar time that digits form, with or without clock; None if they form none."""
    if len(digits) not in _CALENDARS:
        return None
    return _of_parts([int(digits[a:b]) for a, b in _PLACES if b <= len(digits)])


def _short(digits: str) -> datetime | None:
    """The same of digits that begin with two of the year."""
    if len(digits) not in _SHORT:
        return None
    year, *others = (int(digits[at : at + 2]) for at in range(0, len(digits), 2))
    return _of_parts([year + (2000 if year <= _LAST_OF_2000 else 1900), *others])


def _of_parts(parts: list[int]) -> datetime | None:
    year, month, day, hour, minute, second = (*parts, 0, 0)[:6]
    try:
        # The zone comes later.
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return None
