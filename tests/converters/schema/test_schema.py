"""The schema: what columns and labels may say together, and the hash over what decides the text."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from converters.cells.kind import CONVERTER_VERSION, FIRST_CONVERTER, UnknownConverterError
from converters.config import load
from converters.schema import schema
from converters.schema.crossing import CrossingError
from converters.schema.schema import NAMESPACE_LETTERS, Schema, SchemaError

COLUMNS: dict[str, dict[str, Any]] = {
    "key": {"role": "id"},
    "when": {"role": "time"},
    "late": {"role": "label"},
    "note": {"role": "drop"},
    "dist": {"kind": "numeric"},
    "carrier": {"kind": "categorical"},
    "remark": {"kind": "text"},
}


def schema_of(columns: dict[str, dict[str, Any]] | None = None, **more: dict[str, Any]) -> Schema:
    """The schema of these columns (``COLUMNS`` by default) and these sections."""
    label = {"positive": ["1", "yes"], "negative": ["0", "no"]}
    values = {"model": "m", "label": label, "columns": COLUMNS | (columns or {})} | more
    return schema.from_settings(load.from_values(values, Path("freshet.toml")))


def only(columns: dict[str, dict[str, Any]]) -> Schema:
    """The schema of these columns alone."""
    label = {"positive": ["1"], "negative": ["0"]}
    values = {"model": "m", "label": label, "columns": columns}
    return schema.from_settings(load.from_values(values, Path("freshet.toml")))


def test_columns_keep_the_order_of_the_config() -> None:
    """Names and places follow the order in which the config lists the columns."""
    built = schema_of()
    assert built.names == tuple(COLUMNS)
    assert [built.index(role) for role in ("id", "time", "label")] == [0, 1, 2]
    assert [c.name for c in built.features] == ["dist", "carrier", "remark"]


def test_places_of_columns() -> None:
    """Each column's place in the file's rows, or None."""
    built = only({"late": {"role": "label"}, "a": {"kind": "numeric"}, "b": {"kind": "numeric"}})
    order = built.column_names.order(["b", "late"], ",")
    assert (order.width, order.places) == (2, (1, None, 0))
    assert order.row(["2", "1"]) == ["1", "", "2"]


def test_role_that_no_column_has() -> None:
    """Without a time column there is neither a column nor a place of that role."""
    built = only({"late": {"role": "label"}, "a": {"kind": "numeric"}})
    assert built.only("time") is None
    assert built.index("time") is None


def test_labels_are_coded() -> None:
    """Each spelling has its class, and the empty cell is a label not known yet."""
    assert schema_of().label_codes == {"": None, "1": 1, "yes": 1, "0": 0, "no": 0}


def test_missing_labels_are_unknown() -> None:
    """A label column's own spellings of missing mean a label not known yet."""
    built = schema_of({"late": {"role": "label", "missing_values": ["NA"]}})
    assert built.label_codes["NA"] is None


def test_answers_use_the_first_spellings() -> None:
    """The classes are named by the spelling that stands first in the label map."""
    assert schema_of().label_spellings == ("0", "1")


def test_crossed_columns_have_letters_of_their_own() -> None:
    """Columns in interactions get namespaces, each one letter, and others none."""
    built = schema_of(learner={"interactions": [["dist", "carrier"], ["carrier", "remark"]]})
    letters = {c.name: c.namespace for c in built.features}
    assert letters == {"dist": "a", "carrier": "b", "remark": "c"}
    assert built.interactions == (("a", "b"), ("b", "c"))


WRONG: list[tuple[dict[str, dict[str, Any]], str]] = [
    ({"dist": {}}, r"columns\.dist\.kind is missing: say numeric, categorical, text"),
    (
        {"key": {"role": "id", "kind": "numeric"}},
        r"columns\.key\.kind: .*'id' is no feature",
    ),
    ({"dist": {"kind": "integer"}}, r"columns\.dist\.kind: 'integer' is how ids are read"),
    (
        {"late": {"role": "label", "kind": "integer"}},
        r"columns\.late\.kind: .*'label' is no feature",
    ),
    ({"more": {"role": "id"}}, "key and more both have the role 'id'"),
    ({"more": {"role": "label"}}, "late and more both have the role 'label'"),
    ({"more": {"role": "time"}}, "when and more both have the role 'time'"),
    ({"dist": {"kind": "numeric", "min": 2, "max": 1}}, r"columns\.dist: min 2\.0 is not below"),
    ({"dist": {"kind": "numeric", "max": -1e39}}, r"columns\.dist\.max is -1e\+39; .*float32"),
    ({"carrier": {"kind": "categorical", "max": 1}}, r"carrier\.max .*nothing for a categorical"),
    ({"remark": {"kind": "text", "transform": "log1p"}}, r"remark\.transform .*nothing for a text"),
    ({"carrier": {"kind": "categorical", "zone": "UTC"}}, r"carrier\.zone means nothing"),
    ({"note": {"role": "drop", "missing": "reject"}}, r"note\.missing .*column of role 'drop'"),
    ({"key": {"role": "id", "missing_values": ["NA"]}}, r"key\.missing_values means nothing"),
    ({"when": {"role": "time", "zone": "Mars/Base"}}, r"when\.zone: there is no time zone 'Mars"),
    ({"when": {"role": "time", "zone": "../etc"}}, r"when\.zone: there is no time zone"),
    ({"when": {"role": "time", "fold": "order"}}, r"when\.fold means nothing without `zone`"),
    ({"more": {"kind": "time", "zone": "UTC", "fold": "later"}}, r"more\.fold means nothing for"),
    ({"late": {"role": "label", "missing_values": ["0"]}}, r"'0' is a class of the label map too"),
    ({"w": {"role": "weight", "max": 1e7}}, r"columns\.w\.max is .*; weights are 0 to 1e\+06"),
    ({"w": {"role": "weight", "min": 1001}}, r"columns\.w\.min is 1001.*name max too"),
    (
        {"w": {"role": "weight", "fill_value": "x"}},
        r"w\.fill_value: 'x' .*refused \(not-a-number\)",
    ),
    (
        {"w": {"role": "weight", "fill_value": "2", "missing": "reject"}},
        r"w\.fill_value: '2' would be refused \(missing-value\)",
    ),
    ({"": {"kind": "numeric"}}, "a column needs a name"),
    ({"a\nb": {"kind": "numeric"}}, "without control characters"),
    ({"a": {"kind": "text", "was": "dist"}}, r"columns\.a\.was: there is a column 'dist'"),
    ({"a": {"kind": "text", "was": "a"}}, r"columns\.a\.was: 'a' is the column's name now"),
    ({"a": {"kind": "text", "was": ["b", ""]}}, r"columns\.a\.was: a former name is blank"),
    ({"a": {"kind": "text", "was": "b\t"}}, r"columns\.a\.was: .* control character"),
    ({"a": {"kind": "text", "was": ["b", "b"]}}, r"columns\.a\.was: 'b' is named twice"),
    (
        {"a": {"kind": "text", "was": ["b", "c"]}, "d": {"role": "drop", "was": "c"}},
        r"columns\.d\.was: 'c' is named in columns\.a too",
    ),
]


@pytest.mark.parametrize(("columns", "said"), WRONG)
def test_contradiction_is_refused(columns: dict[str, dict[str, Any]], said: str) -> None:
    """Columns that contradict themselves or each other are refused by the key's name."""
    with pytest.raises(SchemaError, match=said):
        schema_of(columns)


def test_nothing_to_learn_from() -> None:
    """A schema without a feature is refused."""
    with pytest.raises(SchemaError, match="nothing to learn from"):
        only({"late": {"role": "label"}})


def test_no_way_to_a_label() -> None:
    """A schema with neither label nor id could never learn, and is refused."""
    with pytest.raises(SchemaError, match="no event could ever get its label"):
        only({"a": {"kind": "numeric"}})


@pytest.mark.parametrize("name", ["late", "distance"])
def test_interaction_of_what_is_no_feature(name: str) -> None:
    """Only feature columns can be crossed."""
    with pytest.raises(CrossingError, match=f"names '{name}', which is not a feature"):
        schema_of(learner={"interactions": [["dist", name]]})


def test_more_crossed_columns_than_letters() -> None:
    """VW has a namespace for each letter and no more."""
    names = [f"c{i}" for i in range(len(NAMESPACE_LETTERS) + 1)]
    pairs = [list(pair) for pair in pairwise(names)]
    with pytest.raises(CrossingError, match="crosses 53 columns"):
        schema_of({n: {"kind": "numeric"} for n in names}, learner={"interactions": pairs})


def test_label_in_both_classes() -> None:
    """One spelling cannot be positive and negative."""
    with pytest.raises(SchemaError, match="'1' is named as positive and as negative"):
        schema_of(label={"positive": ["1"], "negative": ["0", "1"]})


def test_empty_label_is_no_class() -> None:
    """The empty cell means that the label is not known, so it cannot be a class."""
    with pytest.raises(SchemaError, match="empty cell"):
        schema_of(label={"positive": ["1"], "negative": [""]})


CHANGES: list[dict[str, Any]] = [
    {"columns": {"dist": {"kind": "numeric", "max": 5}}},
    {"columns": {"dist": {"kind": "categorical"}}},
    {"columns": {"carrier": {"kind": "categorical", "missing": "indicator"}}},
    {"columns": {"more": {"kind": "numeric"}}},
    {"columns": {"when": {"role": "time", "zone": "Europe/Berlin"}}},
    {"learner": {"interactions": [["dist", "carrier"]]}},
    {"label": {"positive": ["1", "yes", "ja"], "negative": ["0", "no"]}},
    {"csv": {"delimiter": ";"}},
    {"columns": {"carrier": {"kind": "categorical", "was": "airline"}}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_hash_sees_what_decides_the_text(change: dict[str, Any]) -> None:
    """Whatever could change a row's text changes the hash."""
    assert schema_of(**change).hash != schema_of().hash


def test_hash_of_a_schema_stays() -> None:
    """Models of earlier releases keep theirs; former columns are no part of it."""
    stored = {
        2: "8f79852fbcc7ea6176d6705bac93607587cb59a0b360ddfd6a5519efc51b63ad",
        3: "d1c5a16ee3ef2f057cb4c1e4aa4309a18d1cd9f8fc8abcf84134731c71a6b66d",
    }
    assert stored.keys() == set(range(FIRST_CONVERTER, CONVERTER_VERSION + 1))
    for converter, expected in stored.items():
        built = schema_of().read_by(converter)
        assert built.hash == expected
        assert replace(built, former=frozenset({"gone"})).hash == expected


@pytest.mark.parametrize("converter", [0, 1, CONVERTER_VERSION + 1, None, "2"])
def test_a_version_of_the_converter_that_is_not_known(converter: Any) -> None:
    """The release is named as the cause, with the versions that it has."""
    with pytest.raises(UnknownConverterError, match=rf"by version {converter} .* versions 2, 3\."):
        schema_of().read_by(converter)


def test_hash_sees_the_order_of_columns() -> None:
    """The same columns in another order are another schema."""
    assert only(dict(reversed(COLUMNS.items()))).hash != only(COLUMNS).hash


def test_hash_ignores_what_decides_nothing() -> None:
    """Where the server listens, or how labels are listed, is not part of the schema."""
    label = {"positive": ["yes", "1"], "negative": ["no", "0"]}
    assert schema_of(serve={"port": 1}, label=label).hash == schema_of().hash
    local = {"role": "time", "zone": "Europe/Berlin"}
    folds = [schema_of({"when": local | {"fold": fold}}) for fold in ("earlier", "later", "order")]
    assert {built.hash for built in folds} == {schema_of({"when": local}).hash}


def test_hash_is_the_same_everywhere() -> None:
    """The hash follows from the content alone; models of another hash are not gone on with."""
    built = only({"y": {"role": "label"}, "a": {"kind": "numeric", "max": 2.5}})
    assert built.read_by(2).hash.startswith("6814a1ff55758e99")
