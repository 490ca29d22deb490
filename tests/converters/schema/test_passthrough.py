"""Cells kept beside a row for measuring, and the value of decisions, as the config says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from converters.config import load
from converters.errors import UsageError
from converters.schema import schema
from converters.schema.passthrough import Passthrough, passthrough_of, readings

COLUMNS: dict[str, Any] = {
    "id": {"role": "id"},
    "late": {"role": "label"},
    "carrier": {"kind": "categorical"},
    "distance": {"kind": "numeric"},
    "sex": {"role": "protected"},
}


def passthrough(**sections: Any) -> Passthrough:
    """What these sections carry of a row of ``COLUMNS``."""
    values = {
        "model": "m",
        "columns": COLUMNS,
        "label": {"positive": ["1"], "negative": ["0"]},
        **sections,
    }
    settings = load.from_values(values, Path("freshet.toml"))
    return passthrough_of(settings, schema.from_settings(settings))


def test_protected_columns_are_slices_unless_others_are_named() -> None:
    """Protected columns are measured value by value; a list of names takes their place."""
    assert passthrough() == Passthrough(("sex",), (4,))
    assert passthrough(evaluation={"slices": ["carrier"]}) == Passthrough(("carrier",), (2,))
    assert passthrough(evaluation={"slices": []}) == Passthrough()


def test_the_amount_stands_behind_the_slices() -> None:
    """The cell by which an event's values are multiplied comes last."""
    value = {"true_positive": 5, "false_positive": -1, "scale": "distance"}
    found = passthrough(value=value)
    assert found == Passthrough(("sex",), (4, 3), "distance")


def test_values_that_the_learner_cannot_tell_apart_are_one_slice() -> None:
    """36 and 36.0, yes and 1; amounts, missing cells and older models stay as they are."""
    columns = {**COLUMNS, "flag": {"kind": "boolean", "missing_values": ["?"]}}
    sections: dict[str, Any] = {
        "columns": columns,
        "evaluation": {"slices": ["sex", "carrier", "flag"]},
        "value": {"true_positive": 1, "scale": "distance"},
    }
    label = {"positive": ["1"], "negative": ["0"]}
    settings = load.from_values({"model": "m", "label": label, **sections}, Path("freshet.toml"))
    built = schema.from_settings(settings)
    found = readings(built, passthrough_of(settings, built))
    assert found is not None
    rows = (("1.0", "36.0", "yes", "7.0"), ("1", "36", "1.0", "7"), ("True", "", "?", ""))
    kept = [tuple(read(cell) for read, cell in zip(found, row, strict=True)) for row in rows]
    assert kept == [("1", "36", "true", "7.0"), ("1", "36", "true", "7"), ("true", "", "?", "")]
    assert readings(built.read_by(2), passthrough_of(settings, built)) is None


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"evaluation": {"slices": ["carier"]}}, "evaluation.slices: there is no column 'carier'"),
        ({"evaluation": {"slices": ["distance"]}}, "neither categorical nor boolean"),
        ({"value": {"true_positive": 1, "scale": "carrier"}}, "value.scale: the column 'carrier'"),
        ({"value": {"true_positive": -1}}, "acting on a positive event should have a higher value"),
        ({"shadow": [{"name": "static"}]}, "'shadow.0.name' is wrong: 'static' already has"),
        ({"shadow": [{"name": "a", "arg": ""}]}, "there is no key 'shadow.0.arg'; did you mean"),
    ],
)
def test_a_wrong_setting_is_named(sections: dict[str, Any], said: str) -> None:
    """The error names the key and what would be right."""
    with pytest.raises(UsageError, match=said):
        passthrough(**sections)


def test_the_threshold_follows_from_what_decisions_are_worth() -> None:
    """A positive event gains 9 by acting, a negative one loses 1: acting pays from 0.1."""
    values = {
        "model": "m",
        "columns": COLUMNS,
        "label": {"positive": ["1"], "negative": ["0"]},
        "value": {"true_positive": 9, "false_positive": -1},
    }
    path = Path("freshet.toml")
    assert load.from_values(values, path).threshold == 0.1
    assert load.from_values({**values, "serve": {"threshold": 0.3}}, path).threshold == 0.3
    del values["value"]
    assert load.from_values(values, path).threshold == 0.5
