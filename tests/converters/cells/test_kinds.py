"""Kinds and roles of columns by example: what their cells become, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from converters.cells.refusal import Refusal
from converters.convert.row_block import block_of
from converters.convert.to_vw_text import compile_schema, unlabelled
from converters.schema.crossing import CrossingError
from converters.schema.schema import SchemaError
from tests.support.rows.schemas import Columns, accepted, build

LABEL: Columns = {"y": {"role": "label"}}


def text(cell: str, **column: Any) -> str:
    """The features of a row whose one column is called ``a``."""
    return accepted(build(LABEL | {"a": column}), ["1", cell])[2]


def reason(cell: str, **column: Any) -> str:
    """Why such a row is refused."""
    refused = compile_schema(build(LABEL | {"a": column})).row(["1", cell])
    assert isinstance(refused, Refusal), refused
    assert (refused.column, refused.text) == ("a", cell)
    return refused.reason


@pytest.mark.parametrize(("cell", "span"), [("-7", "..0"), ("0", "0..10"), ("9.99", "0..10")])
def test_bucket(cell: str, span: str) -> None:
    """A number becomes the span that it lies in, with the lower edge."""
    assert text(cell, kind="numeric", transform="bucket", edges=[0, 10, 25.5]) == f"| a={span}"


def test_last_bucket_has_no_end() -> None:
    """From the last edge on, all is one bucket; the range still clips or refuses before."""
    column = {"kind": "numeric", "transform": "bucket", "edges": [10]}
    assert text("10", **column) == text("1e30", **column) == "| a=10.."
    assert text("99", **column, max=5) == "| a=..10"
    assert reason("99", **column, max=5, out_of_range="reject") == "out-of-range"


def test_scale() -> None:
    """``scale`` takes the center away and divides."""
    column = {"kind": "numeric", "transform": "scale", "center": 100, "scale": 8}
    assert [text(c, **column) for c in ("120", "100", "96")] == ["| a:2.5", "| a=0", "| a:-0.5"]


def test_scaled_beyond_float32_is_refused() -> None:
    """A cell that only its scale makes infinite is out of range."""
    column = {"kind": "numeric", "transform": "scale", "scale": 1e-30}
    assert reason("1e20", **column) == "out-of-range"


def test_rare_and_unseen_are_kept() -> None:
    """Where the config says nothing, a value is itself, known or not."""
    column = {"kind": "categorical", "values": ["x"], "rare_values": ["r"]}
    assert [text(c, **column) for c in ("x", "r", "new")] == ["| a=x", "| a=r", "| a=new"]


def test_rare_and_unseen_are_grouped() -> None:
    """All rare values are one, and all unseen ones another, which no cell can imitate."""
    column = {"kind": "categorical", "values": ["x"], "rare_values": ["r", "s"]}
    column |= {"rare": "group", "unseen": "group"}
    texts = [text(c, **column) for c in ("x", "r", "s", "new", "%rare", "%unseen")]
    assert texts == ["| a=x", "| a=%rare", "| a=%rare", *["| a=%unseen"] * 3]
    assert text("%rare", kind="categorical") == "| a=%25rare"


@pytest.mark.parametrize(("missing", "expected"), [("drop", "|"), ("indicator", "| a=")])
def test_unseen_is_missing(missing: str, expected: str) -> None:
    """Under ``missing`` an unseen value follows the column's own policy."""
    column = {"kind": "categorical", "values": ["x"], "unseen": "missing", "missing": missing}
    assert text("new", **column) == expected
    assert text("x", **column) == "| a=x"


def test_unseen_and_missing_are_refused_by_name() -> None:
    """Each refusal has a reason of its own."""
    column = {"kind": "categorical", "values": ["x"], "rare_values": ["r"]}
    assert reason("r", **column, rare="reject") == "rare-value"
    assert reason("new", **column, unseen="reject") == "unseen-value"
    assert reason("new", **column, unseen="missing", missing="reject") == "missing-value"


@pytest.mark.parametrize("kind", ["numeric", "categorical", "text", "boolean"])
def test_missing_cells_are_filled(kind: str) -> None:
    """Under ``constant`` a missing cell is read as the filling."""
    column = {"kind": kind, "missing": "constant", "fill_value": "1", "missing_values": ["NA"]}
    assert text("", **column) == text("NA", **column) == text("1", **column) != "|"


def test_booleans() -> None:
    """Spellings of true and false are two values; others are refused."""
    assert [text(c, kind="boolean") for c in ("yes", "1", "T")] == ["| a=true"] * 3
    assert [text(c, kind="boolean") for c in ("no", "0", "off")] == ["| a=false"] * 3
    assert reason("2", kind="boolean") == "not-a-boolean"
    own = {"kind": "boolean", "true_values": ["on time"], "false_values": ["late"]}
    assert (text("on time", **own), reason("yes", **own)) == ("| a=true", "not-a-boolean")


def test_parts_of_a_time() -> None:
    """A time gives its hour, weekday and month on the clock of its zone."""
    column = {"kind": "time", "zone": "America/New_York"}
    expected = "| a.hour=23 a.weekday=mon a.month=12"
    for cell in ("2012-12-31T23:30", "2013-01-01T04:30Z", "1357014600", "1357014600000"):
        assert text(cell, **column) == expected
    assert text("1912-06-01", **column, parts=["year", "day"]) == "| a.year=1912 a.day=1"
    assert reason("soon", **column) == "bad-time"
    assert text("", **column, missing="indicator") == "| a.hour= a.weekday= a.month="


def test_parts_of_the_events_time() -> None:
    """The event's own time gives the parts that it names, and is still checked as a stamp."""
    schema = build(LABEL | {"t": {"role": "time", "zone": "UTC", "parts": ["hour"]}})
    assert accepted(schema, ["1", "2013-01-01T07:00Z"])[2] == "| t.hour=7"
    assert accepted(schema, ["1", ""])[2] == "|"
    refused = compile_schema(schema).row(["1", "1950-01-01"])
    assert refused == Refusal("bad-time", "t", "1950-01-01")


def test_weights() -> None:
    """A weight stands behind the label; 1 and missing are no weight; it is clipped."""
    schema = build(LABEL | {"w": {"role": "weight", "max": 5}, "a": {"kind": "numeric"}})
    weights = {c: accepted(schema, ["1", c, "7"])[2] for c in ("2.5", "1", "", "9", "0", "-1")}
    expected = ["2.5 | a:7", "| a:7", "| a:7", "5 | a:7", "0 | a:7", "0 | a:7"]
    assert list(weights.values()) == expected
    rows = block_of([("", 0, "2.5 | a:7"), ("", None, "2.5 | a:7")])
    assert rows.lines == ["-1 2.5 | a:7", unlabelled("2.5 | a:7")] == ["-1 2.5 | a:7", "| a:7"]


def test_weight_of_a_row_without_one() -> None:
    """``fill_value`` is the weight of a row whose cell is missing."""
    weight = {"role": "weight", "fill_value": 3, "missing_values": ["?"]}
    schema = build(LABEL | {"w": weight, "a": {"kind": "numeric"}})
    assert accepted(schema, ["1", "?", "7"])[2] == "3 | a:7"


@pytest.mark.parametrize("role", ["leak", "protected", "drop"])
def test_what_is_never_learned(role: str) -> None:
    """A leak, a protected and a dropped column change nothing in the text."""
    schema = build(LABEL | {"a": {"kind": "numeric"}, "b": {"role": role}})
    assert {accepted(schema, ["1", "7", cell])[2] for cell in ("", "x", "9")} == {"| a:7"}


@pytest.mark.parametrize(
    ("role", "why"), [("leak", "known only when the label is"), ("protected", "must not decide")]
)
def test_what_must_not_be_learned_is_refused_as_a_feature(role: str, why: str) -> None:
    """Neither a kind nor an interaction can make a feature of it, and the reason is said."""
    columns: Columns = LABEL | {"a": {"kind": "numeric"}, "b": {"role": role}}
    with pytest.raises(CrossingError, match=f"names 'b', which is not a feature.*{why}"):
        build(columns, learner={"interactions": [["a", "b"]]})
    with pytest.raises(SchemaError, match=rf"columns\.b\.kind: .*no feature.*{why}"):
        build(columns | {"b": {"role": role, "kind": "numeric"}})


TIME = {"kind": "time", "zone": "UTC"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"a": {"kind": "numeric", "edges": [1]}}, r"edges means nothing for a numeric.*\"none\""),
    ({"a": {"kind": "numeric", "transform": "bucket"}}, r"a\.edges is missing"),
    ({"a": {"kind": "numeric", "transform": "bucket", "edges": [2, 2]}}, r"edges do not rise"),
    ({"a": {"kind": "numeric", "transform": "bucket", "edges": [1e39]}}, r"finite as float32"),
    ({"a": {"kind": "numeric", "center": 5}}, r"a\.center means nothing"),
    ({"a": {"kind": "numeric", "missing": "constant"}}, r"`fill_value` go together"),
    ({"a": {"kind": "numeric", "fill_value": 1}}, r"`fill_value` go together"),
    ({"a": {"kind": "numeric", "missing": "constant", "fill_value": "x"}}, r"not-a-number"),
    ({"a": {"kind": "text", "missing": "constant", "fill_value": " "}}, r"itself missing"),
    ({"a": {"kind": "categorical", "unseen": "group"}}, r"nothing is unseen"),
    ({"a": {"kind": "categorical", "values": ["x"], "rare": "group"}}, r"nothing is rare"),
    (
        {"a": {"kind": "categorical", "values": ["x"], "rare_values": ["x"]}},
        r"'x' is in values and in rare_values",
    ),
    (
        {"a": {"kind": "boolean", "true_values": ["no"]}},
        r"'no' is in true_values and in false_values",
    ),
    ({"a": {"kind": "boolean", "false_values": []}}, r"each need a spelling"),
    ({"a": {"kind": "time"}}, r"a\.zone is missing: the parts of a time depend"),
    ({"a": {"role": "time", "parts": ["hour"]}}, r"a\.zone is missing"),
    ({"a": TIME | {"parts": []}}, r"a\.parts is empty"),
    ({"a": TIME | {"parts": ["hour", "hour"]}}, r"a\.parts names a part twice"),
    (
        {"a": {"role": "time", "zone": "UTC", "parts": ["hour"], "missing": "constant"}},
        r"a\.missing: the parts of an event's time",
    ),
    ({"a": TIME, "a.hour": {"kind": "numeric"}}, r"there is a column 'a\.hour' too"),
    ({"a": {"kind": "numeric", "namespace": "y"}}, r"'y' is a column"),
    ({"a": {"role": "weight", "min": -1}}, r"weights are 0 to 1e\+06"),
    ({"a": {"role": "weight", "max": 1e7}}, r"weights are 0 to 1e\+06"),
    ({"a": {"role": "weight", "missing": "indicator"}}, r"a missing weight is 1"),
    ({"a": {"role": "weight"}, "b": {"role": "weight"}}, r"a and b both have the role 'weight'"),
    ({"a": {"role": "leak", "min": 3}}, r"a\.min means nothing for a column of role 'leak'"),
]


@pytest.mark.parametrize(("columns", "said"), WRONG)
def test_contradictions_are_refused(columns: Columns, said: str) -> None:
    """What contradicts itself, or would do nothing, is refused by the key's name."""
    with pytest.raises(SchemaError, match=said):
        build(LABEL | {"some": {"kind": "numeric"}} | columns)


def test_log1p_of_scaled_extremes() -> None:
    """Transformed values keep the doubles that the one implementation gives."""
    assert text("1e30", kind="numeric", transform="log1p") == f"| a:{math.log1p(1e30)!r}"


@pytest.mark.parametrize("zone", ["Berlin", "Europe/Berln"])
def test_wrong_zone_says_what_may_be_meant(zone: str) -> None:
    """A zone that there is not gets the nearest that there is."""
    with pytest.raises(SchemaError, match="did you mean 'Europe/Berlin'"):
        build(LABEL | {"a": {"kind": "time", "zone": zone}})


def test_wrong_width_is_shown_in_its_own_delimiter() -> None:
    """Cells that hold commas are told apart."""
    schema = build(LABEL | {"a": {"kind": "text"}}, csv={"delimiter": ";"})
    refused = compile_schema(schema).row(["1", "3,5", "x"])
    assert refused == Refusal("wrong-width", "", "3 cells, not 2: 1;3,5;x")


SCALED = {"kind": "numeric", "features": ["scale", "bins"], "center": 10, "scale": 4, "clip": 2}


@pytest.mark.parametrize(
    ("cell", "features"),
    [
        ("12", "a=10..25.5 a:0.5"),
        ("10", "a=10..25.5"),
        ("-3", "a=..0 a:-2"),
        ("1e30", "a=25.5.. a:2"),
        ("10.0001", "a=10..25.5"),
        ("9.9998", "a=0..10"),
        ("11.33333", "a=10..25.5 a:0.3333"),
        ("", "a="),
    ],
)
def test_scale_and_bins(cell: str, features: str) -> None:
    """A number gives its span and what is left of it once scaled; missing has its own feature."""
    assert text(cell, **SCALED, edges=[0, 10, 25.5]) == f"| {features}"


def test_features_alone() -> None:
    """Any one of them may be alone; a missing cell can say nothing where the config says so."""
    assert text("11", kind="numeric", features=["scale"], center=10, scale=4) == "| a:0.25"
    assert text("10", kind="numeric", features=["scale"], center=10, scale=4) == "| a=0"
    assert text("11", kind="numeric", features=["bins"], edges=[0]) == "| a=0.."
    assert text("3", kind="numeric", features=["raw", "bins"], edges=[0]) == "| a=0.. a:3"
    assert text("0", kind="numeric", features=["bins", "log1p"], edges=[0]) == "| a=0.."
    assert text("", kind="numeric", features=["bins"], edges=[0], missing="drop") == "|"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"features": ["scale", "raw"]}, "too many: name one of raw, log1p and scale, and bins"),
        ({"features": ["bins", "bins"], "edges": [1]}, "are too many"),
        ({"features": ["bins"]}, "edges is missing: say where bins begin"),
        ({"features": ["bins"], "edges": [2, 1]}, "edges do not rise"),
        (
            {"features": ["bins"], "edges": [1], "clip": 2},
            'clip means nothing .*features = ."bins"',
        ),
        ({"features": ["scale"], "edges": [1]}, "edges means nothing"),
        ({"features": ["scale"], "transform": "scale"}, "takes the place of `transform`"),
        ({"transform": "scale", "clip": 2}, 'clip means nothing .*transform = "scale"'),
    ],
)
def test_features_that_contradict(settings: Columns, why: str) -> None:
    """A setting that would do nothing, or two numbers that VW would add up, is refused."""
    with pytest.raises(SchemaError, match=why):
        build({"y": {"role": "label"}, "a": {"kind": "numeric", **settings}})
