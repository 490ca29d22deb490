"""Spans of time as a person reads them: one function, so that every command says the same."""

from __future__ import annotations

import pytest

from converters.show.stream_time import DAY_MS, against_clock, days, lasting


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (0, "0 seconds"),
        (1999, "1 second"),
        (119_999, "119 seconds"),
        (120_000.0, "2 minutes"),
        (7_200_000, "2 hours"),
        (2 * DAY_MS - 1, "47 hours"),
        (358 * DAY_MS - 1, "357 days"),
        (213_475 * DAY_MS, "213,475 days"),
    ],
)
def test_a_span_is_told_in_whole_units(span: float, words: str) -> None:
    """Of those that have passed, never rounded up."""
    assert lasting(span) == words


def test_stream_time_is_told_by_the_same_units() -> None:
    """As ``learn`` ends with; ``status`` says it by ``lasting`` itself."""
    assert against_clock(0, 358 * DAY_MS - 1).endswith(
        f", {lasting(358 * DAY_MS - 1)} behind the clock"
    )


def test_one_day_is_no_plural() -> None:
    """The wait of labels, of a day."""
    assert (days(DAY_MS), days(7 * DAY_MS)) == ("1 day", "7 days")
