"""Rows to VW text: what a row becomes, and that Vowpal Wabbit reads what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.convert.row_block import block_of
from converters.convert.to_vw_text import compile_schema
from converters.schema.schema import Schema
from tests.support.learning.vw_reading import VwReader, float32, ulps_apart
from tests.support.rows import schemas
from tests.support.rows.meanings import meanings, weight, written_features
from tests.support.rows.schemas import FLIGHT, accepted, build


@pytest.fixture(scope="module")
def vw() -> Iterator[VwReader]:
    """Vowpal Wabbit's own parser."""
    reader = VwReader()
    yield reader
    reader.close()


def expected_features(schema: Schema, row: Sequence[str]) -> list[tuple[str, str, float]]:
    """(namespace, readable name, value) of each feature that VW should see."""
    meant = meanings(schema, row)
    return [
        (feature.namespace or " ", name, float32(value))
        for feature in schema.features
        for name, value in written_features(feature, meant[feature.name])
    ]


def test_row_becomes_text() -> None:
    """A row is its id, its label, and its features as VW text."""
    row = ["k1", "2013-01-01", "yes", "x|y", "1400", "U A", "late: fog"]
    expected = "| dist:1400 carrier=U%20A remark=late%3A remark=fog"
    assert accepted(build(FLIGHT), row) == ("k1", 1, expected)


def test_row_without_anything() -> None:
    """A row of empty cells has neither id nor label, and only what the policies add."""
    assert accepted(build(FLIGHT), [""] * 7) == ("", None, "| remark=")


def test_row_of_missing_cells_alone() -> None:
    """Where every feature is missing, the text is an empty namespace, which VW accepts."""
    schema = build({"y": {"role": "label"}, "a": {"kind": "numeric"}})
    assert accepted(schema, ["1", ""]) == ("", 1, "|")


def test_crossed_columns_stand_in_their_namespaces() -> None:
    """Columns in interactions come last, each in its own namespace."""
    schema = build(FLIGHT, learner={"interactions": [["carrier", "remark"]]})
    text = accepted(schema, ["", "", "", "", "7", "UA", "a b"])[2]
    assert text == "| dist:7 |a carrier=UA |b remark=a remark=b"


def test_label_stands_in_front() -> None:
    """A lesson is the text with 1 or -1 in front; without a label it is the text itself."""
    rows = block_of([("", label, "| a:1") for label in (1, 0, None)])
    assert rows.lines == ["1 | a:1", "-1 | a:1", "| a:1"]


def test_unknown_label_spelling_counts_as_not_known() -> None:
    """A label cell that the label column lists as missing gives no label."""
    schema = build(FLIGHT | {"late": {"role": "label", "missing_values": ["NA"]}})
    assert accepted(schema, ["", "", "NA", "", "", "", ""])[1] is None


REFUSALS = [
    (2, "2", Refusal("bad-label", "late", "2")),
    (2, " 1", Refusal("bad-label", "late", " 1")),
    (1, "soon", Refusal("bad-time", "when", "soon")),
    (4, "far", Refusal("not-a-number", "dist", "far")),
    (4, "inf", Refusal("not-finite", "dist", "inf")),
]


@pytest.mark.parametrize(("place", "cell", "refusal"), REFUSALS)
def test_bad_cell_refuses_the_row(place: int, cell: str, refusal: Refusal) -> None:
    """A bad cell refuses its row, with the reason, the column and the cell."""
    row = ["k", "", "1", "", "1", "a", "b"]
    row[place] = cell
    assert compile_schema(build(FLIGHT)).row(row) == refusal


@pytest.mark.parametrize("row", [[], [""]])
def test_empty_row(row: list[str]) -> None:
    """A row without cells is refused as empty."""
    assert compile_schema(build(FLIGHT)).row(row) == Refusal("empty-row", "", "")


@pytest.mark.parametrize("width", [2, 6, 8])
def test_wrong_width(width: int) -> None:
    """A row with too few or too many cells is refused, and says how many."""
    refused = compile_schema(build(FLIGHT)).row(["x"] * width)
    assert refused == Refusal("wrong-width", "", f"{width} cells, not 7: " + ",".join("x" * width))


@given(st.data())
@settings(schemas.UNHURRIED, max_examples=70)
def test_vw_sees_exactly_the_features_meant(vw: VwReader, data: st.DataObject) -> None:
    """VW finds in a line the features of its cells and no others, under their names, labelled."""
    schema = data.draw(schemas.schemas())
    row = data.draw(schemas.rows_of(schema))
    converted = compile_schema(schema).row(row)
    if isinstance(converted, Refusal):
        return
    (reading,) = vw.read(*block_of([converted]).lines)
    assert reading.label == {1: 1.0, 0: -1.0, None: None}[converted[1]]
    counts = 1.0 if converted[1] is None else weight(schema, row)
    assert ulps_apart(reading.weight, float32(counts)) <= 8
    assert reading.tag == ""
    expected = sorted((n, vw.hash(name, n), v) for n, name, v in expected_features(schema, row))
    assert sorted((f.namespace, f.hash) for f in reading.features) == [e[:2] for e in expected]
    for feature, (_, _, value) in zip(sorted(reading.features), expected, strict=True):
        assert ulps_apart(feature.value, value) <= 8


def test_names_that_vw_would_read_as_numbers_are_escaped(vw: VwReader) -> None:
    """VW takes a numeral's number for its hash; columns of one number get weights of their own."""
    columns: schemas.Columns = {n: {"kind": "numeric"} for n in ("5", "05", "5x", "Constant")}
    text = accepted(build({"y": {"role": "label"}} | columns), ["", "1", "1", "1", "1"])[2]
    assert text == "| %35:1 %305:1 5x:1 %43onstant:1"
    (unescaped,), (reading,) = vw.read("| 5:1 05:1"), vw.read(text)
    assert [len({f.hash for f in read.features}) for read in (unescaped, reading)] == [1, 4]
