"""Time cells: which texts are times, and which moment they mean."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.cells.refusal import RefusedCellError
from converters.cells.times import time_ms

TIMES = [
    ("1970-01-01", 0),
    ("2013-01-01T05:00:00Z", 1357016400000),
    ("2013-01-01 05:00:00.123Z", 1357016400123),
    ("2013-01-01T05:00:00+05:00", 1356998400000),
    ("1357016400", 1357016400000),
    ("1357016400.25", 1357016400250),
    ("1357016400250", 1357016400250),
    (" 1357016400 ", 1357016400000),
]


@pytest.mark.parametrize(("cell", "milliseconds"), TIMES)
def test_times(cell: str, milliseconds: int) -> None:
    """ISO 8601, seconds and milliseconds since 1970 are times."""
    assert time_ms(cell) == milliseconds


def test_time_without_offset_is_in_the_zone() -> None:
    """A time that names no offset is local to the column's zone; one that does, is not."""
    assert time_ms("2013-01-01T05:00:00", "America/New_York") == 1357034400000
    assert time_ms("2013-01-01T05:00:00Z", "America/New_York") == 1357016400000


@pytest.mark.parametrize(
    "cell", ["soon", "", "2013", "13-01-01", "2013-02-30", "99", "1e9", "1969-12-31", "٣" * 10]
)
def test_no_time(cell: str) -> None:
    """What is no time, or before 1970, is refused."""
    with pytest.raises(RefusedCellError) as refused:
        time_ms(cell)
    assert (refused.value.reason, refused.value.cell) == ("bad-time", cell)


@given(st.text())
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """No text makes the reading of times fail in another way."""
    with contextlib.suppress(RefusedCellError):
        assert time_ms(text) >= 0
