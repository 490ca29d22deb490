"""The quick check of time cells, against the conversion that it saves."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from converters.cells.refusal import RefusedCellError
from converters.cells.times import UTC_TIMES, time_ms


@given(
    st.one_of(
        st.text(max_size=24),
        st.datetimes().map(str),
        st.datetimes(timezones=st.timezones()).map(lambda t: t.isoformat()),
        st.integers(0, 10**15).map(str),
        st.sampled_from(["1970-01-01", "1969-12-31T23:00-02:00", "9999-12-31", "20130101"]),
    )
)
def test_the_quick_check_of_a_time_is_the_slow_one(cell: str) -> None:
    """A time cell passes the check exactly if it can be turned into a record time."""

    def refused(check: Callable[[str], object]) -> bool:
        try:
            check(cell)
        except RefusedCellError:
            return True
        return False

    assert refused(UTC_TIMES.check) == refused(time_ms)
