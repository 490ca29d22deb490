"""Local times where clocks change: which moment each row's is, and what a step back means."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from converters.cells.local_clock import Fold, LocalClock, is_skipped, step_back
from converters.cells.times import TimeReading, time_ms
from converters.convert.to_vw_text import compile_schema
from tests.support.rows.schemas import build

NEW_YORK = "America/New_York"
DAY = 86_400


def offset(second: int, zone: str) -> timedelta:
    """How far ahead of UTC a zone's clocks are."""
    return datetime.fromtimestamp(second, ZoneInfo(zone)).utcoffset() or timedelta()


def put_back(zone: str, year: int) -> list[int]:
    """The seconds at which clocks are put back in a year."""
    start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    found = []
    for day in range(start, start + 366 * DAY, DAY):
        old, new = offset(day, zone), offset(day + DAY, zone)
        if new < old:
            seconds = range(day, day + DAY + 1)
            at = bisect_left(seconds, True, key=lambda s: offset(s, zone) != old)
            found.append(seconds[at])
    return found


def spelt(second: int, zone: str) -> str:
    """A moment as a clock on the wall shows it."""
    return datetime.fromtimestamp(second, ZoneInfo(zone)).replace(tzinfo=None).isoformat()


def read(cells: list[str], zone: str, fold: Fold) -> list[float]:
    """The seconds that cells are, one after the other."""
    clock = LocalClock(TimeReading(zone), fold)
    return [clock.time_ms(cell) / 1000 for cell in cells]


@given(
    st.timezone_keys(allow_prefix=False),
    st.integers(1971, 2036),
    st.lists(st.integers(-9_000, 9_000), max_size=20),
    st.integers(0, 364),
)
@example(NEW_YORK, 2024, [-1, 0, 1800], 0)
@example("Australia/Lord_Howe", 2024, [-1200, -600, 600, 1200], 0)
@example("Europe/Berlin", 2024, [-1800, -1800, 1800, 1800], 0)
@example("America/Caracas", 2007, [-900, 900], 0)
@settings(deadline=None)
def test_rows_in_order_are_read_as_they_happened(
    zone: str, year: int, near: list[int], day: int
) -> None:
    """Moments, spelt by any zone's clocks, come back: all of them where the change is seen.

    Without rows just before and at it, a row of the second pass may be read as one of the first,
    but no row is read before the row above it, and none after its moment.
    """
    changes = put_back(zone, year)
    assume(len(changes) < 2 or min(b - a for a, b in pairwise(changes)) > DAY)
    moments = [change + each for change in changes for each in near]
    moments.append(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) + day * DAY)
    seen = sorted([*moments, *changes, *(change - 1 for change in changes)])
    assert read([spelt(each, zone) for each in seen], zone, "order") == seen
    moments.sort()
    found = read([spelt(each, zone) for each in moments], zone, "order")
    assert found == sorted(found)
    for moment, each in zip(moments, found, strict=True):
        twice = {time_ms(spelt(moment, zone), zone, after=after) / 1000 for after in (True, False)}
        assert each in twice
        assert each <= moment


@given(st.datetimes(datetime(1971, 1, 1), datetime(2036, 1, 1)), st.timezone_keys())  # noqa: DTZ001
def test_either_pass_is_the_fold_of_python(local: datetime, zone: str) -> None:
    """The earlier and the later are PEP 495's folds; a skipped time is read the same under both."""
    folds = [
        local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC).timestamp()
        for fold in (0, 1)
    ]
    cell = local.isoformat()
    rounded = [pytest.approx(each, abs=0.001) for each in (folds[0], max(folds))]
    assert [*read([cell], zone, "earlier"), *read([cell], zone, "later")] == rounded
    assert is_skipped(cell, TimeReading(zone)) == (folds[1] < folds[0])


HOUR_TWICE: list[tuple[Fold, str, str]] = [
    ("earlier", "2024-11-03 01:30", "05:30"),
    ("later", "2024-11-03 01:30", "06:30"),
    ("later", "2024-11-03 00:59:59", "04:59"),
    ("later", "2024-03-10 02:30", "07:30"),
    ("earlier", "2024-03-10 02:30", "07:30"),
    ("later", "2024-11-03 02:00", "07:00"),
    ("later", "2024-11-03 01:30-04:00", "05:30"),
    ("earlier", "2024-11-03 01:30-05:00", "06:30"),
    ("later", "1730611800", "05:30"),
]


@pytest.mark.parametrize(("fold", "cell", "expected"), HOUR_TWICE)
def test_only_times_in_doubt_are_read_by_the_fold(fold: Fold, cell: str, expected: str) -> None:
    """Offsets and seconds since 1970 say which moment is meant, and other hours come once."""
    (moment,) = read([cell], NEW_YORK, fold)
    assert f"{datetime.fromtimestamp(moment, UTC):%H:%M}" == expected


def test_the_first_step_back_begins_the_second_pass() -> None:
    """Equal times stay in the pass of the row above; rows of another day say nothing."""
    cells = ["00:59", "01:10", "01:50", "01:50", "01:20", "01:20", "01:59", "02:00"]
    found = read([f"2024-11-03 {cell}" for cell in cells], NEW_YORK, "order")
    passes = [f"{datetime.fromtimestamp(each, ZoneInfo(NEW_YORK)):%Z}" for each in found]
    assert passes == ["EDT", "EDT", "EDT", "EDT", "EST", "EST", "EST", "EST"]
    after_december = read(["2024-12-31 12:00", "2024-11-03 01:10"], NEW_YORK, "order")
    assert after_december[1] == read(["2024-11-03 01:10"], NEW_YORK, "earlier")[0]


def test_a_label_is_known_after_its_event() -> None:
    """In order, a label time in doubt is the moment that is not before the event."""
    clock = LocalClock(TimeReading(NEW_YORK), "order")
    event = clock.time_ms("2024-11-03 01:50")
    assert clock.later_time_ms("2024-11-03 01:20", clock.last) == event + 30 * 60_000
    assert clock.later_time_ms("2024-11-03 01:55", clock.last) == event + 5 * 60_000
    assert clock.time_ms("2024-11-03 01:55") == event + 5 * 60_000


def test_parts_are_those_of_both_passes() -> None:
    """What is learned from a time is what the clock showed, whichever pass it is."""
    time = {"kind": "time", "zone": NEW_YORK, "parts": ["hour", "weekday"]}
    convert = compile_schema(build({"late": {"role": "label"}, "t": time})).row
    cells = ("2024-11-03 01:30", "2024-11-03 01:30-04:00", "2024-11-03 01:30-05:00")
    assert len({convert(["1", cell]) for cell in cells}) == 1


EXPLAINED = [
    ("2024-11-03 01:59", "2024-11-03 01:00", NEW_YORK, "2024-11-03", "from 02:00 to 01:00"),
    ("2024-11-03 00:59", "2024-11-03 00:30", "America/Havana", "2024-11-03", "from 01:00 to 00:00"),
    ("2024-04-07 02:40", "2024-04-07 02:10", "Australia/Sydney", "04-07", "from 03:00 to 02:00"),
    ("2024-04-07 01:59", "2024-04-07 01:31", "Australia/Lord_Howe", "04-07", "from 02:00 to 01:30"),
    ("2007-12-09 02:59", "2007-12-09 02:40", "America/Caracas", "12-09", "from 03:00 to 02:30"),
    (
        "2018-02-17 23:50",
        "2018-02-17 23:10",
        "America/Sao_Paulo",
        "",
        "from 00:00 to 2018-02-17 23",
    ),
]


@pytest.mark.parametrize(("above", "cell", "zone", "day", "change"), EXPLAINED)
def test_the_hour_that_comes_twice_is_told(
    above: str, cell: str, zone: str, day: str, change: str
) -> None:
    """Where, when, from what to what; and what the three ways out are."""
    said = step_back(above, cell, "at", TimeReading(zone), "earlier")
    assert said is not None
    assert f"clocks of {zone} were put back {change}" in said
    assert day in said
    second = datetime.fromtimestamp(time_ms(cell, zone, after=True) / 1000, ZoneInfo(zone))
    for way in (
        '`fold = "order"`',
        second.isoformat(),
        f'tz_localize("{zone}", ambiguous="infer")',
    ):
        assert way in said
    # Under UTC, or in a zone whose clocks were not changed, some zone is named that explains it.
    for wrong in ("UTC", "Asia/Tokyo"):
        guessed = step_back(above, cell, "at", TimeReading(wrong), "earlier")
        assert guessed is not None
        assert "If these are local times" in guessed
        assert '`zone = "' in guessed


@pytest.mark.parametrize(
    ("above", "cell"),
    [
        ("2024-11-03 02:01", "2024-11-03 00:59"),
        ("2024-11-04 01:59", "2024-11-04 01:00"),
        ("2024-11-03 03:30", "2024-11-03 01:30"),
        ("2024-11-03T01:59-05:00", "2024-11-03T01:00-05:00"),
        ("1730613540", "1730610000"),
        ("1970-01-01 12:30", "1970-01-01 12:10"),
    ],
)
@pytest.mark.parametrize("zone", [NEW_YORK, "UTC"])
def test_other_steps_back_are_not_explained(above: str, cell: str, zone: str) -> None:
    """What no change of the clocks makes is out of order."""
    assert step_back(above, cell, "at", TimeReading(zone), "earlier") is None


def test_a_second_step_back_and_a_skipped_time_are_told() -> None:
    """Under `order` one step back is the change; a time that never was is read an hour later."""
    again = step_back("2024-11-03 01:40", "2024-11-03 01:30", "at", TimeReading(NEW_YORK), "order")
    assert again is not None
    assert "the first step back there begins its second pass" in again
    skipped = step_back(
        "2024-03-10 02:30", "2024-03-10 03:00", "at", TimeReading(NEW_YORK), "earlier"
    )
    assert skipped is not None
    assert "There was no 2024-03-10 02:30" in skipped
    assert "put forward from 02:00 to 03:00. It is read as 2024-03-10T03:30:00-04:00" in skipped


def test_the_line_of_pandas_writes_the_offsets() -> None:
    """What the message says to run gives times that are read as the file's order would be."""
    cells = [f"2024-11-03 {clock}" for clock in ("00:59", "01:10", "01:50", "01:20", "02:00")]
    said = step_back(cells[2], cells[3], "at", TimeReading(NEW_YORK), "earlier")
    assert said is not None
    line = said[said.index('df["at"]') : said.rindex(")")]
    names: dict[str, object] = {"pd": pd, "df": pd.DataFrame({"at": cells})}
    exec(line, names)  # the message's own
    _, *written = names["df"].to_csv(index=False).splitlines()  # type: ignore[attr-defined]
    assert read(written, NEW_YORK, "earlier") == read(cells, NEW_YORK, "order")
