"""A file read in blocks of any size gives the records that reading it row by row gives."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from converters.errors import FreshetError
from converters.files.csv_file import CsvFile
from converters.schema.schema import Schema
from stream.produce.file_records import Formed, History, HistoryOptions
from tests.support.rows.file_records_plain import PlainHistory
from tests.support.rows.schemas import build

HEADER = b"id,at,late,carrier,landed\n"
FOLDS = ("earlier", "later", "order")
# Around the hour that comes twice in New York, with one that does not exist in spring.
TIMES = (
    *("2024-11-03 00:30", "2024-11-03 01:10", "2024-11-03 01:40", "2024-11-03 01:20"),
    *("2024-11-03 02:10", "2024-11-03 02:10", "2024-11-03 02:11:30.5", "2024-03-10 02:30"),
    *("1730613600", "1730613600000", "2024-11-03T06:30:00Z", "", "soon", "1969-12-31", "0"),
)
ORDERED = tuple(f"2024-11-04 {minute // 60:02}:{minute % 60:02}" for minute in range(0, 900, 7))
LABELS = ("1", "0", "1", "NA", "", "perhaps")
ODD = ("plain", 'in "quotes"', "a,b", "", "two\nlines", "\ufeff", "é", "\r")


class Slowly(io.BytesIO):
    """A file of which little is read at a time."""

    step = 1

    def read1(self, size: int | None = -1, /) -> bytes:
        """At most so much."""
        return super().read1(self.step)


def cell(text: str) -> str:
    """Quoted, if it has to be."""
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & set('",\n\r') else text


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """A file, mostly in order and plain."""
    times = sorted(draw(st.lists(st.sampled_from(ORDERED), max_size=12)))
    times += draw(st.lists(st.sampled_from(TIMES), max_size=3))
    if draw(st.booleans()):
        times = draw(st.permutations(times))
    rows = []
    for number, at in enumerate(times):
        known = draw(st.sampled_from((*ORDERED, *ORDERED, *TIMES)))
        odd = draw(st.sampled_from(ODD)) if draw(st.integers(0, 9)) == 9 else "AA"
        cells = [str(number), at, draw(st.sampled_from(LABELS)), odd, known]
        rows.append(",".join(map(cell, cells[: draw(st.sampled_from((5, 5, 5, 5, 5, 5, 4)))])))
    text = "".join(f"{row}\n" for row in rows).encode()
    return HEADER + (text if draw(st.booleans()) else text.replace(b"AA", b"\xff", 1))


@st.composite
def asked(draw: st.DrawFn) -> dict[str, Any]:
    """Options of a history."""
    options: dict[str, Any] = {"rows_per_message": draw(st.integers(1, 5))}
    late = draw(st.sampled_from(("", "", "label_delay", "label_time")))
    if late:
        options["score_ahead"] = draw(st.sampled_from((0.0, 600.0, 1e11)))
        options[late] = "landed" if late == "label_time" else draw(st.sampled_from((0.0, 600.0)))
    return options


def told(history: History | PlainHistory) -> tuple[list[Formed], str, str, float]:
    """The records, how they end, and what is said of them."""
    records, end = [], ""
    try:
        for formed in history.records():
            records.append(formed)  # noqa: PERF402  # those before an error count
    except FreshetError as error:
        end = str(error)
    return records, end, history.step_back, history.longest_wait


def schema_of(fold: str) -> Schema:
    """Of times in New York."""
    zone = {"zone": "America/New_York"}
    return build(
        {
            "id": {"role": "id"},
            "at": {"role": "time", "fold": fold} | zone,
            "late": {"role": "label", "missing_values": ["NA"]},
            "carrier": {"kind": "categorical"},
            "landed": {"kind": "time", "parts": ["hour"]} | zone,
        }
    )


@settings(deadline=None)  # the first explanation reads all time zones
@given(contents(), asked(), st.integers(1, 200), st.sampled_from(FOLDS))
def test_blocks_give_the_records_of_single_rows(
    content: bytes, options: dict[str, Any], step: int, fold: str
) -> None:
    """The same records, rows that gave them their times, errors, and remarks."""
    schema = schema_of(fold)
    found = []
    for kind in (History, PlainHistory):
        slowly = Slowly(content)
        slowly.step = step
        file = CsvFile(slowly, "f.csv")
        found.append(told(kind(file, schema, HistoryOptions(**options))))
    assert found[0] == found[1]


def test_a_block_that_is_read_again_is_read_from_its_beginning() -> None:
    """What a block said of the clocks before its odd row was found is forgotten."""
    times = ("2024-11-03 01:10", "2024-11-03 01:40", "2024-11-03 01:20")
    known = ("2024-11-04", "2024-11-04", "soon")
    both = enumerate(zip(times, known, strict=True))
    rows = "".join(f"{number},{at},1,AA,{landed}\n" for number, (at, landed) in both)
    schema = schema_of("order")
    asked = HistoryOptions(1, label_time="landed")
    ways = (
        told(kind(CsvFile(io.BytesIO(HEADER + rows.encode()), "f.csv"), schema, asked))
        for kind in (History, PlainHistory)
    )
    found, plain = ways
    assert found == plain
    assert [formed.record.time for formed in found[0]] == [1_730_610_600_000]  # the first pass
