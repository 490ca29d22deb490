"""Cells of times: the quick check of them, and the parts of the hours that are remembered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.kind import CONVERTER_VERSION, FIRST_CONVERTER
from converters.cells.refusal import RefusedCellError
from converters.cells.times import UTC_TIMES, TimeReading, time_ms
from converters.convert.row_block import block_of
from converters.convert.to_vw_text import compile_schema, reference
from converters.pieces.time_pieces import FIRST_YEAR, TimePieces
from converters.schema.schema import Schema
from tests.support.rows import schemas
from tests.support.rows.schemas import PARTS, build

# Clocks that change by half an hour, at a minute past midnight, over a day; half an hour from UTC.
ZONES = [
    *("UTC", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"),
    *("Asia/Kolkata", "Asia/Kathmandu", "Africa/Monrovia", "Europe/Dublin", "America/Sao_Paulo"),
]
LABEL = {"role": "label"}
FORMATS = ["", "", "", "seconds", "milliseconds", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M"]
CHANGES = [
    *("2013-03-10T06:30", "2013-11-03T05:30", "2006-10-29T02:20", "2006-04-02T03:20"),
    *("2011-12-30T09:30", "1972-01-07T00:10", "2013-04-06T14:40", "2013-10-27T00:45"),
    *("1969-12-31T23:30", "2001-09-09T01:40", "2030-03-17T17:40", "9999-12-31T23:00"),
]
moments = st.one_of(
    st.sampled_from(CHANGES).map(datetime.fromisoformat),
    st.datetimes(datetime.fromisoformat("1960-01-01"), datetime.fromisoformat("2040-01-01")),
)
offsets = st.sampled_from(["", "", "", "Z", "+00:00", "+05:30", "-03:30", "+14:00", "-00:44"])


def _since_1970(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


WRITTEN: list[Callable[[datetime], str]] = [
    lambda at: f"{at:%Y-%m-%d %H:%M:%S}",
    lambda at: f"{at:%Y-%m-%dT%H:%M:%S}",
    lambda at: f"{at:%Y-%m-%d %H:%M}",
    lambda at: f"{at:%Y-%m-%dT%H:%M:%S.%f}",
    lambda at: f"{at:%Y-%m-%d %H:%M:%S},5",
    lambda at: f"{at:%Y%m%d%H%M%S}",
    lambda at: f"{at:%d/%m/%Y %H:%M}",
    lambda at: f"{at:%Y-%m-%d}",
    lambda at: str(_since_1970(at)),
    lambda at: str(1000 * _since_1970(at) + at.microsecond // 1000),
]
BROKEN: list[Callable[[str], str]] = [
    lambda cell: f" {cell}",
    lambda cell: cell + "\n",
    lambda cell: f"{cell}\n{cell}",
    lambda cell: cell + " UTC",
    lambda cell: cell.replace(":0", ":6"),
    lambda cell: cell.replace("-0", "-9"),
    lambda cell: cell.replace("T1", "T3").replace(" 1", " 3"),
    lambda cell: cell.replace("0", "\u0660", 1),
    lambda cell: cell.replace("T", "_"),
    lambda cell: cell[:-1],
    lambda _: "",
    lambda _: "2013-01-01 10:00:00",
]


@st.composite
def near_each_other(draw: st.DrawFn) -> list[str]:
    """Cells of some hours, mostly in one notation."""
    written, offset, start = draw(st.sampled_from(WRITTEN)), draw(offsets), draw(moments)
    cells = []
    for after in draw(st.lists(st.integers(-3600, 7200), min_size=1, max_size=12)):
        try:
            moment = start + timedelta(seconds=after, milliseconds=after % 7)
        except OverflowError:
            moment = start
        cells.append(written(moment) + offset)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(cells) - 1))
        cells[at] = draw(st.sampled_from(BROKEN))(cells[at])
    return cells


@st.composite
def timed_schemas(draw: st.DrawFn) -> Schema:
    """A schema whose second column is a time, that of the events or another."""
    time: dict[str, Any] = {"zone": draw(st.sampled_from(ZONES))}
    time["parts"] = draw(st.permutations(PARTS))[: draw(st.integers(1, len(PARTS)))]
    time["format"] = draw(st.sampled_from(FORMATS))
    time |= draw(st.sampled_from([{"role": "time"}, {"kind": "time"}]))
    if "kind" in time:
        time["missing_values"] = draw(st.sampled_from([[], ["2013-01-01 10:00:00"]]))
        time["missing"] = draw(st.sampled_from(["drop", "indicator", "reject"]))
    columns = {"y": LABEL, "t": time, "c": {"kind": "categorical"}}
    crossed = draw(st.sampled_from([[], [["c", f"t.{time['parts'][-1]}"]]]))
    built = build(columns, learner={"interactions": crossed})
    return built.read_by(draw(st.sampled_from([FIRST_CONVERTER, CONVERTER_VERSION])))


@settings(schemas.UNHURRIED, max_examples=300)
@given(timed_schemas(), st.lists(near_each_other(), min_size=1, max_size=3))
def test_hours_remembered_give_what_each_cell_gives(
    schema: Schema, blocks: list[list[str]]
) -> None:
    """In every zone, notation and version, alone and in blocks, refused cells too."""
    plain, by_row, by_block = reference(schema), compile_schema(schema), compile_schema(schema)
    for cells in blocks:
        rows = [["1", cell, "x"] for cell in cells]
        expected = list(map(plain, rows))
        assert list(map(by_row.row, rows)) == expected
        block = by_block.row_block(list(zip(*rows, strict=True)))
        assert (block.lines, block.refused) == (
            block_of(expected).lines,
            block_of(expected).refused,
        )
        assert [by_block.block([[c] for c in row])[0] for row in rows] == expected


@pytest.mark.parametrize(
    ("zone", "offset", "kept"),
    [("UTC", "", 2), ("America/New_York", "Z", 2), ("UTC", "Z", 2), ("Asia/Kolkata", "Z", 122)],
)
def test_a_time_is_read_once_an_hour(
    monkeypatch: pytest.MonkeyPatch, zone: str, offset: str, kept: int
) -> None:
    """However many rows and parts there are; once a minute half an hour from UTC."""
    schema = build({"t": {"kind": "time", "zone": zone}, "y": LABEL})
    pieces = TimePieces(TimeReading(zone), schema.features, checked=True)
    cells = [f"2024-02-03 {10 + n // 60}:{n % 60:02}:07{offset}" for n in range(120)]
    expected = [pieces.plain(cell) for cell in cells]
    monkeypatch.setattr(TimeReading, "moment", lambda *_: pytest.fail("a cell was read"))
    assert list(map(pieces.piece, cells)) == pieces.pieces(cells)[0] == expected
    assert len(pieces) == kept


def test_clocks_that_change_within_an_hour() -> None:
    """In Newfoundland they did at a minute past midnight, of an hour by winter's offset."""
    zone = "America/St_Johns"
    schema = build({"t": {"kind": "time", "zone": zone, "parts": ["hour", "day"]}, "y": LABEL})
    pieces = TimePieces(TimeReading(zone), schema.features, checked=True)
    cells = [f"2006-10-28T23:{minute:02}-03:30" for minute in (0, 1, 30, 59, 0)]
    assert pieces.pieces(cells)[0] == list(map(pieces.plain, cells))
    assert len(set(map(pieces.piece, cells))) == 2


def test_many_cells_of_a_block_stay_apart() -> None:
    """A cell that is two times is none."""
    pieces = TimePieces(TimeReading(), (), checked=True)
    time = "2013-01-01 10:00"
    assert pieces.pieces([time, time]) == (["", ""], "", True)
    with pytest.raises(RefusedCellError):
        pieces.pieces([f"{time}\n{time}"])


def test_zones_are_whole_minutes_from_utc() -> None:
    """So that a minute of UTC is one minute of each zone."""
    for name in available_timezones():
        zone = ZoneInfo(name)
        for year in range(FIRST_YEAR, 2038):
            for month in (1, 7):
                offset = datetime(year, month, 1, tzinfo=UTC).astimezone(zone).utcoffset()
                assert offset is not None
                assert offset.total_seconds() % 60 == 0, (name, year)


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
