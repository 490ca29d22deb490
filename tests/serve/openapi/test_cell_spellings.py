"""The document's cells, numbers and truth values among them: what it allows is taken."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from converters.cells.refusal import Refusal, RefusedCellError
from converters.cells.times import time_ms
from converters.convert.records import RowReader
from serve.openapi.cell_schema import TIME, cell_schema
from tests.support.rows.schemas import Columns, build

VALUES: list[Any] = [
    *(36, 36.0, 36.5, 1, 0, 1.0, 0.0, -0.0, 1.1, True, False, 2**53, 2**53 + 1, 1e15, -7, 10**18),
    *("36", "36.0", "36.00", "TRUE", "true", "1.1", "1.10", "007", "+7", "7.0", "x", "", None),
    *("1", "0", "-7", "-7.0", "yes"),
]
SETTINGS: list[dict[str, Any]] = [
    {"role": "id"},
    {"role": "id", "kind": "integer"},
    {"kind": "boolean"},
    {"kind": "boolean", "true_values": ["J", "1.0"], "false_values": ["N"]},
    {"kind": "categorical", "values": ["36.0", "True"], "unseen": "reject"},
    {"kind": "categorical", "values": ["1.1", "1.10"], "unseen": "reject", "missing": "reject"},
    {"kind": "categorical", "missing_values": ["-7", "true"], "missing": "reject"},
    {"kind": "categorical", "values": ["a"], "rare_values": ["36"], "rare": "reject"},
]
MUST = [(0, 36.0), (0, 10**18), (1, "007"), (1, 36.0), (2, True), (2, 1.0), (3, False), (3, 1)]
MUST += [(4, 36), (4, True), (5, 1.1), (6, "x"), (7, "a")]


def allows(settings: dict[str, Any], value: object) -> bool:
    """Whether the document allows the value; if so, it has to be taken."""
    columns: Columns = {"c": settings, "y": {"role": "label"}, "n": {"kind": "numeric"}}
    of = build(columns)
    schema = cell_schema(of.columns[0], of.label_codes, None)
    allowed = bool(Draft202012Validator(schema).is_valid(value))
    (row,) = RowReader(of).events(orjson.dumps({"c": value}))
    assert not (allowed and isinstance(row, Refusal)), (settings, value, row)
    return allowed


@pytest.mark.parametrize("settings", SETTINGS)
def test_what_the_document_allows_is_taken(settings: dict[str, Any]) -> None:
    """Of every column, and of it something is allowed."""
    found = [allows(settings, value) for value in VALUES]
    assert any(found)


@pytest.mark.parametrize(("place", "value"), MUST)
def test_the_document_knows_the_spellings(place: int, value: object) -> None:
    """JSON's numbers and truth values are allowed where they are one of the listed cells."""
    assert allows(SETTINGS[place], value)


@pytest.mark.parametrize("bounds", [each for each in TIME if each["type"] != "string"], ids=str)
def test_bounds_of_times_are_true_on_both_sides(bounds: dict[str, int]) -> None:
    """What the schema allows at its ends is taken, and what lies beyond them is refused."""
    low, high = bounds["minimum"], bounds["maximum"]
    for allowed in (low, low + 1, high - 1, high):
        time_ms(str(allowed))
    for beyond in (low - 1, high + 1):
        with pytest.raises(RefusedCellError):
            time_ms(str(beyond))
