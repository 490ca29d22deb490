"""Times in options and queries: absolute, or how long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from converters.show.asked_times import NotATimeError, asked_moment

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)

ASKED = [
    ("2024-02-29T12:00:00Z", timedelta(days=1)),
    ("20240301115000", timedelta(minutes=10)),
    ("202403011150", timedelta(minutes=10)),
    ("1709294400", timedelta()),
    ("10 minutes ago", timedelta(minutes=10)),
    ("10min ago", timedelta(minutes=10)),
    (" 2 Hours ago ", timedelta(hours=2)),
    ("an hour ago", timedelta(hours=1)),
    ("30 s ago", timedelta(seconds=30)),
    ("1 day ago", timedelta(days=1)),
    ("2 weeks ago", timedelta(weeks=2)),
    ("yesterday", timedelta(days=1)),
    ("now", timedelta()),
]


@pytest.mark.parametrize(("text", "before"), ASKED)
def test_what_was_asked_for(text: str, before: timedelta) -> None:
    """Calendar times are that, digits are no other year's, and words count back from now."""
    assert asked_moment(text, NOW) == NOW - before


@pytest.mark.parametrize("text", ["soon", "", "10 minutes", "-5 days ago", "999999999 weeks ago"])
def test_what_is_no_time(text: str) -> None:
    """It is said what to write."""
    with pytest.raises(NotATimeError, match="is not a time: write it as ISO 8601, or how long ago"):
        asked_moment(text, NOW)


TWO = [
    ("240301120000", r"another time .*1977-08-.* or 2024-03-01 12:00:00 as YYMMDDhhmmss"),
    ("24030112", r"2403-01-12 00:00:00 as YYYYMMDD, or 2024-03-01 12:00:00 as YYMMDDhh\)"),
    ("20240610930", r"2611-.* as seconds since 1970, 2024-03-01 09:30:00 as YYYYDDDhhmm"),
    ("2024-03-01+05:00", r"2024-03-01 at 05:00, or that day at an offset of \+05:00"),
    ("9999999999", r"2286-11-20 17:46:39 UTC as seconds since 1970, after 2040"),
]


@pytest.mark.parametrize(("text", "said"), TWO)
def test_what_could_be_another_time(text: str, said: str) -> None:
    """All readings are told, and what to write."""
    with pytest.raises(NotATimeError, match=f"{said}.*: write it as ISO 8601, for example 2026"):
        asked_moment(text, NOW)
