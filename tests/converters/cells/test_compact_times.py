"""Digits as times: the calendar or a count since 1970, as the usual years decide, or the format."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading, time_ms


def read(cell: str, **reading: Any) -> str:
    """What a cell means, or why it is refused; the quick check agrees."""
    found = TimeReading(**reading)
    try:
        milliseconds = found.time_ms(cell)
    except RefusedCellError as refused:
        with pytest.raises(RefusedCellError, match=refused.reason):
            found.check(cell)
        return refused.reason
    found.check(cell)
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()[:19]


CALENDARS = [
    ("20240103095200", "2024-01-03T09:52:00"),
    ("20240103095200.5", "2024-01-03T09:52:00"),
    ("20240103095200.0", "2024-01-03T09:52:00"),
    ("21050103095200", "2105-01-03T09:52:00"),
    ("202401030952", "2024-01-03T09:52:00"),
    ("202401030952.0", "2024-01-03T09:52:00"),
    ("2024010309", "2024-01-03T09:00:00"),
    ("20240103", "2024-01-03T00:00:00"),
    (" 202401030952 ", "2024-01-03T09:52:00"),
    ("199001010000", "1990-01-01T00:00:00"),
    ("204012312359", "2040-12-31T23:59:00"),
]
COUNTS = [
    ("1704275520", "2024-01-03T09:52:00"),
    ("1704275520.0", "2024-01-03T09:52:00"),
    ("1704275520123", "2024-01-03T09:52:00"),
    ("2024019909", "2034-02-20T03:45:09"),  # no day of any calendar
    ("1704275520000.0", "2024-01-03T09:52:00"),
    ("1704275520123.456", "2024-01-03T09:52:00"),
    ("799113600000.0", "1995-04-29T00:00:00"),
    ("799113600", "1995-04-29T00:00:00"),
    ("799113600000", "1995-04-29T00:00:00"),
    ("323456789012", "1980-04-01T17:06:29"),
    ("1988150400", "2033-01-01T00:00:00"),
    ("0946684800", "2000-01-01T00:00:00"),
    ("946684800000", "2000-01-01T00:00:00"),
    ("99991231", "9999-12-31T00:00:00"),  # for never, and no other time
    ("1601030952", "2020-09-25T10:49:12"),  # a usual year as seconds
]
OFFSETS = [
    ("2024-01-03 09:52:00 UTC", "2024-01-03T09:52:00"),
    ("2024-01-03 09:52:00.5 GMT", "2024-01-03T09:52:00"),
    ("2024-01-03 09:52:00 +0200", "2024-01-03T07:52:00"),
    ("2024-01-03 09:52:00.123456789 +0000 UTC", "2024-01-03T09:52:00"),
    ("2024-01-03 09:52:00 CET", "bad-time"),
    ("2024-01-03 +0200", "bad-time"),
    ("2024-01-03 UTC", "bad-time"),
]
REFUSED = [
    ("20241303095200", "bad-time"),
    ("45292", "bad-time"),  # days of a spreadsheet
    ("45292.5", "bad-time"),
    ("1.70427552E+12", "bad-time"),  # nobody knows which minute
    ("1704275520123456.0", "bad-time"),
    ("20240230095200", "bad-time"),
    ("20240103246000", "bad-time"),
    ("1704275520123456", "bad-time"),
    ("1704275520123456789", "bad-time"),
    ("20240103095200123", "bad-time"),
    ("202401030095200", "bad-time"),  # to Python, the digit in the middle is a separator
    ("2401030952", "ambiguous-time"),
    ("24010309", "ambiguous-time"),  # YYMMDDhh
    ("202400309", "ambiguous-time"),  # YYYYDDDhh
    ("240030952", "ambiguous-time"),  # YYDDDhhmm
    ("301202409", "ambiguous-time"),  # DDMMYYYYhh that lost its first zero
    ("20240030952", "ambiguous-time"),  # YYYYDDDhhmm
    ("17042755200", "ambiguous-time"),  # tenths of a second
    ("2024003095200", "ambiguous-time"),  # YYYYDDDhhmmss
    ("030120240952", "ambiguous-time"),  # DDMMYYYYhhmm
    ("120320200952", "ambiguous-time"),
    ("123120230952", "ambiguous-time"),  # MMDDYYYYhhmm
    ("0512202409", "ambiguous-time"),  # DDMMYYYYhh
    ("170427552012", "ambiguous-time"),  # microseconds, cut to hundredths
    ("17041230201234", "ambiguous-time"),  # and to tenths of milliseconds
    ("253402300799", "ambiguous-time"),  # the end of 9999 in seconds
    ("9999999999", "ambiguous-time"),
    ("2240611200", "ambiguous-time"),  # 2041
    ("2240611200000", "ambiguous-time"),
    ("240103095200", "ambiguous-time"),
    ("196501011200", "ambiguous-time"),
    ("2024010309.5", "ambiguous-time"),
    ("19690103095200", "bad-time"),
    ("202401030952.5", "bad-time"),
]


@pytest.mark.parametrize(("cell", "expected"), [*CALENDARS, *COUNTS, *OFFSETS, *REFUSED])
def test_what_digits_mean(cell: str, expected: str) -> None:
    """Digits that form a calendar time of a usual year are that, others count from 1970."""
    assert read(cell) == expected


def test_an_ambiguous_time_is_refused_with_both_readings() -> None:
    """And with what they are called, so that a person can name the format."""
    with pytest.raises(RefusedCellError) as refused:
        time_ms("2401030952")
    assert refused.value.cell == (
        "2401030952: 2046-01-31 17:02:32 UTC as seconds since 1970, or 2024-01-03 09:52:00 as "
        "YYMMDDhhmm"
    )


@given(st.integers(946_684_800, 1_988_150_399), st.integers(0, 999))
def test_no_count_of_these_years_is_refused(seconds: int, more: int) -> None:
    """Seconds and milliseconds since 1970 of 2000 to 2032 are that, whatever else they form."""
    meant = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    for cell in (f"{seconds}", f"{seconds:010}", f"{seconds}.{more:03}", f"{seconds}{more:03}"):
        assert read(cell) == meant


@given(st.datetimes(datetime(1990, 1, 1), datetime(2040, 12, 31, 23)))  # noqa: DTZ001
def test_an_ordinal_date_is_never_another_year(moment: datetime) -> None:
    """A year, its day and a clock are refused, as they are counts of other years too."""
    for pattern in ("%Y%j%H", "%Y%j%H%M", "%Y%j%H%M%S"):
        assert read(f"{moment:{pattern}}") == "ambiguous-time"
    for pattern in ("%d%m%Y%H%M", "%m%d%Y%H%M"):
        assert read(f"{moment:{pattern}}") in ("ambiguous-time", "bad-time")


DAYS = [
    ("2024-01-03+05:00", "ambiguous-time"),
    ("2024-01-03-05:00", "ambiguous-time"),
    ("20240103-0500", "ambiguous-time"),
    ("20240103+05", "ambiguous-time"),
    ("2024-01-03/04", "bad-time"),  # an interval
    ("2024-01-03.05", "bad-time"),
    ("2024-W01-05:00", "bad-time"),
    ("2024-01-03Z", "2024-01-03T00:00:00"),
    ("20240103Z", "2024-01-03T00:00:00"),
    ("2024-01-03", "2024-01-03T05:00:00"),
    ("2024-W01-3", "2024-01-03T05:00:00"),
    ("2024-01-03 09:52", "2024-01-03T14:52:00"),
    ("2024-01-03t09:52-01:00", "2024-01-03T10:52:00"),
    ("20240103_095200", "2024-01-03T14:52:00"),
    ("20240103-09:52:00.250", "2024-01-03T14:52:00"),
    ("20240103-095200", "2024-01-03T14:52:00"),
]


@pytest.mark.parametrize(("cell", "expected"), DAYS)
def test_an_offset_is_no_clock(cell: str, expected: str) -> None:
    """Of what stands behind a date, only a clock is read as one."""
    assert read(cell, zone="America/New_York") == expected


def test_the_version_before_takes_any_separator() -> None:
    """As it did."""
    assert read("2024-01-03+05:00", converter=2) == "2024-01-03T05:00:00"
    assert read("20240030952", converter=2) == "2611-05-20T14:49:12"
    assert read("24010309", converter=2) == "2401-03-09T00:00:00"


def test_a_calendar_time_is_in_the_zone() -> None:
    """As ISO 8601 without an offset is; a count since 1970 is not."""
    assert read("202401030952", zone="America/New_York") == "2024-01-03T14:52:00"
    assert read("1704275520", zone="America/New_York") == "2024-01-03T09:52:00"


BEFORE = [
    ("202401030952", "1976-05-31T14:30:30"),
    ("20240103095200", "2611-05-21T10:51:35"),
    ("2024010309", "2034-02-20T01:05:09"),
    ("2401030952", "2046-01-31T17:02:32"),
    ("202401030095200", "2024-01-03T09:52:00"),
    ("2024-01-03 09:52:00 UTC", "bad-time"),
]


@pytest.mark.parametrize(("cell", "expected"), BEFORE)
def test_the_version_before_reads_as_it_did(cell: str, expected: str) -> None:
    """A model that was begun under it goes on."""
    assert read(cell, converter=2) == expected


@given(st.datetimes(datetime(1990, 1, 1), datetime(2040, 12, 31, 23)))  # noqa: DTZ001
def test_no_usual_time_is_of_another_year(moment: datetime) -> None:
    """However its digits are written, they are that time, or refused."""
    for pattern in ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H", "%Y%m%d"):
        cell = f"{moment:{pattern}}"
        meant = datetime.strptime(cell, pattern)  # noqa: DTZ007
        assert read(cell) == meant.isoformat()
    # As milliseconds, those before 2000 are of usual years too, and those of 2020 are also the
    # minutes of another: only a column's format can say so.
    if moment.year >= 2000 and moment.year != 2020:
        assert read(f"{moment:%y%m%d%H%M%S}") == "ambiguous-time"


FORMATS = [
    ("%Y/%m/%d", "2012/01/02", "2012-01-02T00:00:00"),
    ("%d.%m.%Y %H:%M", "27.01.2023 18:04", "2023-01-27T18:04:00"),
    ("%d.%m.%Y %H:%M", "2023-01-27T18:04", "2023-01-27T18:04:00"),
    ("%d.%m.%Y %H:%M", "1674842640", "bad-time"),
    ("%d.%m.%Y %H:%M", "202301271804", "bad-time"),
    ("%y%m%d%H%M", "2401030952", "2024-01-03T09:52:00"),
    ("%Y%m%d%H%M%S%z", "20240103095200+0200", "2024-01-03T07:52:00"),
    ("seconds", "2024010309", "2034-02-20T01:05:09"),
    ("seconds", "5", "1970-01-01T00:00:05"),
    ("seconds", "2401030952", "2046-01-31T17:02:32"),
    ("seconds", "soon", "bad-time"),
    ("milliseconds", "202401030952", "1976-05-31T14:30:30"),
    ("microseconds", "1704275520123456", "2024-01-03T09:52:00"),
    ("microseconds", "1704275520123456.0", "2024-01-03T09:52:00"),
    ("milliseconds", "1704275520000.0", "2024-01-03T09:52:00"),
    ("nanoseconds", "1704275520123456789", "2024-01-03T09:52:00"),
    ("nanoseconds", "1.704275520123e+18", "2024-01-03T09:52:00"),
    ("seconds", "9" * 40, "bad-time"),
    ("seconds", "9" * 5000, "bad-time"),
]


@pytest.mark.parametrize(("pattern", "cell", "expected"), FORMATS)
def test_a_format(pattern: str, cell: str, expected: str) -> None:
    """It says what a cell is; besides, ISO 8601 with separators is read, and digits never."""
    assert read(cell, format=pattern) == expected
