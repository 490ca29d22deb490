"""Rows to VW text: compiled equals plain, VW reads what was meant, different rows differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters import cells
from converters.cells import Refusal
from converters.numbers import log1p
from converters.schema import Column, Schema
from converters.vw_text import compile_schema, line, reference
from tests import schemas
from tests.schemas import FLIGHT, accepted, build
from tests.vw_reading import VwReader, float32, ulps_apart

# A cell as it counts: missing, a checked number, a category, or the tokens of a text.
Meaning = None | float | str | tuple[str, ...]


@pytest.fixture(scope="module")
def vw() -> Iterator[VwReader]:
    """Vowpal Wabbit's own parser."""
    reader = VwReader()
    yield reader
    reader.close()


def meaning(column: Column, cell: str) -> Meaning:
    """What the rules say that a good cell means, told without the converter's code."""
    rules = column.settings
    blank = rules.kind == "text" and not cell.split()
    if cell in ("", *rules.missing_values) or blank:
        return None
    if rules.kind == "categorical":
        return cell
    if rules.kind == "text":
        return tuple(cell.split())
    value = float(cell)
    value = value if rules.min is None else max(value, rules.min)
    value = value if rules.max is None else min(value, rules.max)
    value = log1p(value) if rules.transform == "log1p" else value
    return 0.0 if abs(value) < 1e-37 else value


def meanings(schema: Schema, row: Sequence[str]) -> dict[str, Meaning]:
    """What each feature of a good row means."""
    return {
        c.name: meaning(c, cell)
        for c, cell in zip(schema.columns, row, strict=True)
        if c.settings.role == "feature"
    }


def expected_features(schema: Schema, row: Sequence[str]) -> list[tuple[str, str, float]]:
    """(namespace, readable name, value) of each feature that VW should see, sorted."""
    found: list[tuple[str, str, float]] = []
    meant = meanings(schema, row)
    for column in schema.features:
        name, value = cells.escape_name(column.name), meant[column.name]
        space = column.namespace or " "
        if value is None:
            found += [(space, f"{name}=", 1.0)] if column.settings.missing == "indicator" else []
        elif isinstance(value, float):
            found.append((space, name, float32(value)) if value else (space, f"{name}=0", 1.0))
        else:
            tokens = value if isinstance(value, tuple) else (value,)
            found += [(space, f"{name}={cells.escape_value(t)}", 1.0) for t in tokens]
    return found


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
    assert [line("| a:1", label) for label in (1, 0, None)] == ["1 | a:1", "-1 | a:1", "| a:1"]


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
@settings(deadline=None)
def test_compiled_function_equals_the_plain_one(data: st.DataObject) -> None:
    """For any schema and any rows, seen before or not, both functions answer alike."""
    schema = data.draw(schemas.schemas())
    row = schemas.rows_of(schema)
    rows = data.draw(st.lists(st.one_of(row, st.lists(schemas.texts, max_size=4)), max_size=5))
    plain, convert = reference(schema), compile_schema(schema).row
    mixed = [data.draw(st.permutations(r)) for r in rows]
    for cells_ in [*rows, *mixed, *rows]:
        assert convert(cells_) == plain(cells_)


@given(st.data())
@settings(deadline=None)
def test_vw_sees_exactly_the_features_meant(vw: VwReader, data: st.DataObject) -> None:
    """VW finds in a line the features of its cells and no others, under their names, labelled."""
    schema = data.draw(schemas.schemas())
    row = data.draw(schemas.rows_of(schema))
    converted = compile_schema(schema).row(row)
    if isinstance(converted, Refusal):
        return
    (reading,) = vw.read(line(converted[2], converted[1]))
    assert reading.label == {1: 1.0, 0: -1.0, None: None}[converted[1]]
    assert (reading.weight, reading.tag) == (1.0, "")
    expected = sorted((n, vw.hash(name, n), v) for n, name, v in expected_features(schema, row))
    assert sorted((f.namespace, f.hash) for f in reading.features) == [e[:2] for e in expected]
    for feature, (_, _, value) in zip(sorted(reading.features), expected, strict=True):
        assert ulps_apart(feature.value, value) <= 8


def read_back(schema: Schema, text: str) -> dict[str, Meaning]:
    """The meanings that a text holds, read out of it again."""
    held: dict[str, Meaning] = dict.fromkeys(c.name for c in schema.features)
    kinds = {c.name: c.settings.kind for c in schema.features}
    for piece in text.split(" "):
        if piece.startswith("|"):
            continue
        name, separator, escaped = piece.partition("=" if "=" in piece else ":")
        name, value = cells.unescape(name), cells.unescape(escaped)
        if separator == ":":
            held[name] = float.fromhex(value) if "x" in value else float(value)
        elif value and kinds[name] == "text":
            before = held[name]
            held[name] = (*(before if isinstance(before, tuple) else ()), value)
        elif value:
            held[name] = 0.0 if kinds[name] == "numeric" else value
    return held


@given(st.data())
@settings(deadline=None)
def test_different_rows_give_different_text(data: st.DataObject) -> None:
    """What a row means can be read out of its text again, so no two meanings share a text."""
    schema = data.draw(schemas.schemas())
    row = data.draw(schemas.rows_of(schema))
    converted = compile_schema(schema).row(row)
    if not isinstance(converted, Refusal):
        assert read_back(schema, converted[2]) == meanings(schema, row)


def test_zero_tiny_and_missing() -> None:
    """Zero and what VW would drop are one thing; missing and the smallest number are others."""
    schema = build({"y": {"role": "label"}, "a": {"kind": "numeric"}})
    texts = {c: accepted(schema, ["", c])[2] for c in ("0", "-0.0", "1e-38", "1e-37", "", "1")}
    assert texts["0"] == texts["-0.0"] == texts["1e-38"]
    assert len(set(texts.values())) == 4


def test_indicator_of_missing_is_no_category() -> None:
    """No cell of a categorical column gives the text that a missing one gives."""
    columns: schemas.Columns = {
        "y": {"role": "label"},
        "a": {"kind": "categorical", "missing": "indicator", "missing_values": ["NA"]},
    }
    schema = build(columns)
    texts = [accepted(schema, ["", c])[2] for c in ("", "NA", " ", "%20", "=", "0")]
    assert texts == ["| a=", "| a=", "| a=%20", "| a=%2520", "| a==", "| a=0"]


def test_columns_cannot_imitate_each_other() -> None:
    """A name that looks like another column's name and value stays a name."""
    schema = build(
        {"y": {"role": "label"}, "a": {"kind": "categorical"}, "a=b": {"kind": "numeric"}}
    )
    assert accepted(schema, ["", "b:1", ""])[2] == "| a=b%3A1"
    assert accepted(schema, ["", "", "1"])[2] == "| a%3Db:1"
