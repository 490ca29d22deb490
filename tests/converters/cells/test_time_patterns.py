"""Patterns as the ``format`` of times: which are refused, and how strictly they read."""

from __future__ import annotations

from typing import Any

import pytest

from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading
from converters.schema.column_rules import wrong_format
from converters.schema.schema import SchemaError
from tests.converters.cells.test_compact_times import read
from tests.support.rows.schemas import build

WRONG = [
    ("%d.%m", r"columns\.at\.format: '%d\.%m' has no year"),
    ("%Y-%Q", r"columns\.at\.format: '%Q' is not read"),
    ("%Y %Z", r"'%Z' is not read"),
    ("%Y-%", r"'%' is not read"),
    ("minutes", 'say "seconds", "milliseconds"'),
    ("%Y %Y", "'%Y' is there twice"),
    ("%Y-%m-%d %H:%M %p", "is not read beside '%H'; write '%Y-%m-%d %I:%M %p'"),
    ("%Y-%m-%d %I:%M", "only with '%p' .* write '%Y-%m-%d %H:%M'"),
    ("%Y-%m-%d %H %I %p", "'%H' and '%I' both say the hour"),
    ("%Y %y-%m-%d", "'%Y' and '%y' both say the year"),
    ("%Y-%m %b", "'%b' and '%m' both say the month"),
    ("%Y%j%m", "'%j' and '%m' both say the day"),
    ("%Y-W%W", "a week says no day without its weekday"),
    ("%Y-%m-%d %W %a", "'%W' and '%d' both say the day"),
    ("%G-%m-%d", "'%G' is the year of a week"),
    ("%Y-W%V-%u", "'%V' is a week of the year '%G'"),
    ("%d.%Y", "there is a day and no month"),
    ("%Y-%m %H:%M", "there is a clock and no day"),
    ("%Y-%m-%d :%M", "there are minutes and no hour"),
    ("%Y-%m-%d %H:%S", "there are seconds and no minutes"),
    ("%Y-%m-%d %H:%M.%f", "there is a fraction and no seconds"),
    ("%Y-%m-%d %H:%M EST", "'EST' is text to the pattern, and no zone: say the column's `zone`"),
    ("%Y-%m-%d %H:%M GMT+2", r"'GMT\+2' is text to the pattern"),
]


@pytest.mark.parametrize(("pattern", "said"), WRONG)
def test_a_format_that_is_none(pattern: str, said: str) -> None:
    """The config's error names the key and what would be right."""
    columns: dict[str, dict[str, Any]] = {
        "at": {"role": "time", "format": pattern},
        "y": {"role": "label"},
        "a": {"kind": "numeric"},
    }
    with pytest.raises(SchemaError, match=said):
        build(columns)


def test_a_format_is_for_times() -> None:
    """Of another column it means nothing."""
    with pytest.raises(SchemaError, match=r"columns\.a\.format means nothing"):
        build({"y": {"role": "label"}, "a": {"kind": "numeric", "format": "seconds"}})


RIGHT = [
    "%d.%m.%Y %I:%M %p",
    "%G-W%V-%u",
    "%Y-W%W-%w",
    "%b-%y",
    "%Y",
    "%Y%j%H%M",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%a %b %d %H:%M:%S UTC %Y",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y-%m-%d %Hh%M",
]


@pytest.mark.parametrize("pattern", RIGHT)
def test_a_pattern_that_says_one_time(pattern: str) -> None:
    """It is taken."""
    assert not wrong_format(pattern)


def test_the_name_of_another_zone_is_text_in_that_zone() -> None:
    """Where the column says its zone."""
    assert not wrong_format("%Y-%m-%d %H:%M EST", "America/New_York")


READ = [
    # A name of UTC says where the time is, whatever the column's zone.
    ("%Y-%m-%dT%H:%M:%SZ", "2024-01-03T09:52:00Z", "2024-01-03T09:52:00"),
    ("%Y-%m-%d %H:%M UTC", "2024-01-03 09:52 UTC", "2024-01-03T09:52:00"),
    ("%a, %d %b %Y %H:%M GMT", "Wed, 03 Jan 2024 09:52 GMT", "2024-01-03T09:52:00"),
    ("%a %b %d %H:%M UTC %Y", "Wed Jan 3 09:52 UTC 2024", "2024-01-03T09:52:00"),
    ("%Y-%m-%dZ", "2024-01-03Z", "2024-01-03T00:00:00"),
    ("%Y-%m-%d %H:%M%z", "2024-01-03 09:52Z", "2024-01-03T09:52:00"),
    ("%Y-%m-%d%z", "2024-01-03+05:00", "2024-01-02T19:00:00"),
    ("%Y%m%d%z", "20240103-0500", "2024-01-03T05:00:00"),
    # Digits that nothing separates keep their zeros.
    ("%d%m%Y", "01122024", "2024-12-01T05:00:00"),
    ("%d%m%Y", "1122024", "ambiguous-time"),
    ("%d%m%Y", "3012024", "ambiguous-time"),
    ("%Y%m%d", "2024113", "ambiguous-time"),
    ("%Y%j", "202413", "ambiguous-time"),
    ("%y%m%d%H%M", "901010000", "ambiguous-time"),
    ("%Y-%m-%d %H%M", "2024-01-03 112", "ambiguous-time"),
    ("%Y-%m-%d %H%M", "2024-1-3 0112", "2024-01-03T06:12:00"),
    ("%b %d %Y", "Jan 3 2024", "2024-01-03T05:00:00"),
    ("%Y%m%d%H%M%S%f", "20240103095200123", "2024-01-03T14:52:00"),
    ("%Y%m%dT%H%M%S%z", "20240103T095200+0200", "2024-01-03T07:52:00"),
    # ISO 8601 in another order of day and month.
    ("%Y-%d-%m %H:%M", "2024-01-03 09:52", "2024-03-01T14:52:00"),
    ("%Y-%d-%m %H:%M", "2024-01-03", "bad-time"),
    ("%Y-%d-%m", "2024-01-13", "bad-time"),
    ("%Y-%d-%m %H:%M", "2024-01-13 09:52", "bad-time"),
    ("%Y-%d-%m %H:%M", "2024-01-03T09:52", "2024-01-03T14:52:00"),
    ("%d-%m-%Y", "2024-01-03", "2024-01-03T05:00:00"),
]


@pytest.mark.parametrize(("pattern", "cell", "expected"), READ)
def test_how_strictly_a_pattern_reads(pattern: str, cell: str, expected: str) -> None:
    """A cell is the time that its writer meant, or refused; the column's zone is New York."""
    assert read(cell, format=pattern, zone="America/New_York") == expected


def test_a_lost_zero_is_told() -> None:
    """With the day that it makes."""
    with pytest.raises(RefusedCellError) as refused:
        TimeReading(format="%d%m%Y").time_ms("1122024")
    assert refused.value.cell == (
        "1122024: 2024-02-11 00:00:00 without the zeros in front that belong there, or "
        "2024-12-01 00:00:00 as 01122024"
    )
