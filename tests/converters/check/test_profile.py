"""What ``freshet check`` counts over a whole file, against plain counting."""

from __future__ import annotations

import io
import math
import random
import statistics
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.check.profile import read_profile
from converters.convert.whole_file import checked as converted
from converters.files.csv_file import CsvFile
from converters.schema.schema import Schema
from tests.support.rows.check_files import LABELLED, checked, codes, column, content, report_on
from tests.support.rows.schemas import FLIGHT, Columns, build

DICE = random.Random(5)
COLUMNS: Columns = {
    "id": {"role": "id"},
    "late": {"role": "label", "missing_values": ["?"]},
    "x": {"kind": "numeric", "min": 0, "max": 50, "missing_values": ["NA"]},
    "c": {"kind": "categorical", "values": ["a", "b"], "rare_values": ["r"]},
    "note": {"kind": "text"},
    "w": {"role": "weight"},
    "gone": {"role": "drop"},
}


def row(number: int) -> list[str]:
    """A row that has something of everything."""
    return [
        f"k{number}",
        DICE.choice(["1", "0", "0", "0", "", "?"]),
        DICE.choice(["NA", "", "far", *(repr(DICE.gauss(20, 20)) for _ in range(20))]),
        DICE.choice(["a", "a", "a", "b", "r", "new", ""]),
        DICE.choice([" ", "", "some words", "more, with comma"]),
        DICE.choice(["", "2", "0.5"]),
        DICE.choice(["same", ""]),
    ]


ROWS = [row(number) for number in range(3000)]
REPORT = checked(COLUMNS, ROWS)


def refusals(content: bytes, schema: Schema) -> Counter[tuple[str, str]]:
    """What the converter refuses, by reason and column."""
    blocks = converted(CsvFile(io.BytesIO(content), "rows.csv"), schema)
    refused = [row for block in blocks for row in block.rows.refused.values()]
    return Counter((row.reason, row.column) for row in refused)


def test_rows_and_refusals_are_the_converters() -> None:
    """All rows are counted, and those refused by reason and column as ``convert`` refuses them."""
    expected = refusals(content(list(COLUMNS), ROWS), build(COLUMNS))
    found = {(group.reason, group.column): group.rows for group in REPORT.rejects}
    assert (REPORT.rows, found) == (3000, dict(expected))
    assert REPORT.rejected == expected.total() > 0


def test_the_first_refused_rows_are_shown() -> None:
    """Each reason shows its first rows by line and text."""
    (group,) = REPORT.rejects
    bad = [(at, row[2]) for at, row in enumerate(ROWS, 2) if row[2] == "far"]
    assert [(example.line, example.text) for example in group.examples] == bad[:3]
    assert group.share == group.rows / 3000


pieces = st.sampled_from(
    [
        *(b"k,2013-01-01,1,n,7,UA,r", b'"a\nb",,0,,"1",",",', b",,,,x,,", b"", b"x", b"a\rb,,,,,,"),
        *(b"\xff,,,,,,", b'"a"b,,,,,,', b"\xef\xbb\xbfk,,1,,,,", b"k,soon,1,,,,", b",,2,,,,\r"),
    ]
)


@given(st.lists(pieces, max_size=12), st.booleans(), st.integers(1, 5))
@settings(deadline=None)
def test_any_bytes_are_refused_as_by_the_converter(
    rows: list[bytes], reverse: bool, together: int
) -> None:
    """Whatever the rows, and however they fall into blocks, check refuses what convert refuses."""
    schema = build(FLIGHT)
    names = [*reversed(FLIGHT)] if reverse else [*FLIGHT]
    file = b"\n".join([",".join(names).encode(), *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("converters.check.profile.ROWS_A_BLOCK", together)
        profile = read_profile(CsvFile(io.BytesIO(file), "rows.csv"), schema, lambda _: None)
    assert profile.rejects.counts == refusals(file, schema)
    assert profile.totals[0].rows <= profile.rows


def test_a_long_row_lends_no_cell_to_a_short_one() -> None:
    """Rows too long and too short are refused, though together they have cells enough."""
    found = report_on(b"late,x\n1,2\n1,2,3\n0\n0,5\n", build(LABELLED))
    assert [(group.reason, group.rows) for group in found.rejects] == [("wrong-width", 2)]
    assert [example.line for example in found.rejects[0].examples] == [3, 4]
    assert [value.text for value in column(found, "x").top] == ["2", "5"]


def test_missing_cells_are_counted() -> None:
    """Missing is the empty cell, the column's own spellings, and in text a blank."""
    missing = {
        "late": sum(row[1] in ("", "?") for row in ROWS),
        "x": sum(row[2] in ("", "NA") for row in ROWS),
        "c": sum(row[3] == "" for row in ROWS),
        "note": sum(not row[4].strip() for row in ROWS),
        "gone": sum(row[6] == "" for row in ROWS),
    }
    assert {name: column(REPORT, name).missing for name in missing} == missing
    assert column(REPORT, "x").missing_share == missing["x"] / 3000


def test_values_are_counted() -> None:
    """Values, their shares of the rows that have one, and their share of positive labels."""
    c = column(REPORT, "c")
    counts = Counter(row[3] for row in ROWS if row[3])
    labels = {
        value: [row[1] for row in ROWS if row[3] == value and row[1] in ("0", "1")]
        for value in counts
    }
    found = {value.text: (value.rows, value.positive_rate) for value in c.top}
    assert found == {
        value: (rows, statistics.fmean(label == "1" for label in labels[value]))
        for value, rows in counts.items()
    }
    assert [value.rows for value in c.top] == sorted(counts.values(), reverse=True)
    assert math.isclose(sum(value.share for value in c.top), 1)
    assert (c.distinct.count, c.distinct.exact, c.unseen) == (4, True, counts["new"])


def test_numbers_are_summarised() -> None:
    """Least, largest, mean, quantiles, and how many lie outside the range."""
    values = sorted(float(row[2]) for row in ROWS if row[2] not in ("", "NA", "far"))
    numbers = column(REPORT, "x").numbers
    assert numbers is not None
    assert (numbers.min, numbers.max) == (values[0], values[-1])
    assert numbers.mean == pytest.approx(statistics.fmean(values), rel=1e-11)
    assert numbers.out_of_range == sum(not 0 <= value <= 50 for value in values)
    assert dict(numbers.quantiles)[0.5] == statistics.median_low(values)
    assert dict(numbers.quantiles)[0.25] == values[math.ceil(len(values) / 4) - 1]


def test_rare_values_are_those_under_a_twentieth() -> None:
    """Values that fewer than 5 % of the rows hold are rare: how many, and the share of rows."""
    cells = ["often"] * 80 + ["edge"] * 5 + [f"v{i}" for i in range(15)]
    rare = column(
        checked({**LABELLED, "c": {"kind": "categorical"}}, [(1, 1, c) for c in cells]), "c"
    ).rare
    assert (rare.values.count, round(rare.share, 9)) == (15, 0.15)


def test_classes_and_weights_are_summed() -> None:
    """Labels by class, and weights by class; a missing weight is 1."""
    assert REPORT.balance is not None
    assert REPORT.weights is not None
    labels = Counter(row[1] for row in ROWS)
    assert (REPORT.balance.positive, REPORT.balance.negative) == (labels["1"], labels["0"])
    assert REPORT.balance.unknown == labels[""] + labels["?"]
    weights = {label: sum(float(r[5] or 1) for r in ROWS if r[1] == label) for label in "10"}
    assert (REPORT.weights.positive, REPORT.weights.negative) == (weights["1"], weights["0"])
    assert REPORT.weights.total == sum(float(r[5] or 1) for r in ROWS)


def test_repeats_are_counted() -> None:
    """Rows equal to one before them, and ids that came before, however the rows are quoted."""
    rows = [["a", 1, "x,y"], ["b", 0, "z"], ["a", 0, "q"], ["b", 0, "z"]]
    columns: Columns = {"id": {"role": "id"}, "late": {"role": "label"}, "c": {"kind": "text"}}
    file = content(list(columns), rows) + b'"b",0,"z"\n'
    found = report_on(file, build(columns))
    assert found.repeated_ids is not None
    assert (found.repeated_rows.count, found.repeated_ids.count) == (2, 3)
    assert {"repeated-ids:id"} == codes(found, "problem")
    assert "repeated-rows" in codes(found, "warning")


def test_cells_that_join_alike_are_not_the_same_row() -> None:
    """A comma within a cell is not one between cells."""
    columns: Columns = {**LABELLED, "a": {"kind": "text"}, "b": {"kind": "text"}}
    found = checked(columns, [(1, 1, "p,q", "r"), (1, 1, "p", "q,r")])
    assert found.repeated_rows.count == 0


def test_two_runs_are_equal() -> None:
    """The same file gives the same report."""
    assert checked(COLUMNS, ROWS) == REPORT


def test_order_changes_only_what_depends_on_it() -> None:
    """Rows in another order give the same counts, values, numbers and classes."""
    shuffled = checked(COLUMNS, DICE.sample(ROWS, len(ROWS)))
    assert (shuffled.balance, shuffled.repeated_rows) == (REPORT.balance, REPORT.repeated_rows)
    for before, after in zip(REPORT.columns, shuffled.columns, strict=True):
        assert (before.missing, before.distinct, before.top) == (
            (after.missing, after.distinct, after.top)
        )
        assert (before.numbers, before.rare, before.unseen) == (
            (after.numbers, after.rare, after.unseen)
        )


def test_picture_tells_missing_cells_from_what_is_no_number() -> None:
    """A refused cell of a numeric column has a bar of its own, and is not called missing."""
    columns: Columns = {"late": {"role": "label"}, "n": {"kind": "numeric", "missing": "indicator"}}
    rows: list[list[object]] = [[i % 2, ["", "x", i, i][i % 4]] for i in range(400)]
    shares = {bar.text: bar.first for bar in column(checked(columns, rows), "n").bars}
    assert shares["missing"] == shares["not a number"] == 0.25
