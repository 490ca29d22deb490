"""Objects that are written alike are cut to what parsing them gives, or not at all."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.objects.alike_objects import AlikeObjects
from converters.objects.json_columns import ALL_LITERALS, Literals, Shape
from converters.objects.json_rows import object_cells
from converters.schema.schema import Schema
from tests.support.rows import schemas
from tests.support.rows.schemas import build
from tests.support.serving.alike_lists import alike_lists

NAMED: schemas.Columns = {
    "key": {"role": "id"},
    "at": {"role": "time"},
    "late": {"role": "label"},
    "dist": {"kind": "numeric", "min": 0, "was": ["far"]},
    "code": {"kind": "categorical", "values": ["1", "7"], "unseen": "group"},
    "carrier": {"kind": "categorical"},
}
STRICT, LENIENT = build(NAMED), build(NAMED, record={"extra": "ignore"})
KEYS = (*NAMED, "far", "other", "é")


def pairs(content: bytes) -> list[list[tuple[str, Any]]] | None:
    """The members of the objects of a list, in their order; None if it is none."""
    try:
        orjson.loads(b"[%b]" % content)
        found = json.loads(b"[%b]" % content, object_pairs_hook=list)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def plain_cells(of: Schema, content: bytes) -> list[list[str] | Refusal]:
    """The cells of each object as it is parsed."""
    rows = orjson.loads(b"[%b]" % content)
    return [object_cells(row, of.column_names, of.numbers, of.whole) for row in rows]


def cut_cells(of: Schema, objects: AlikeObjects, literals: Literals, content: bytes) -> Any:
    """The cells of each object as it is cut; None if it is not."""
    cut = objects.cut(content)
    if cut is None or of.column_names.unknown(cut.keys):
        return None
    cells = Shape.of(cut.keys, of.column_names).cut_cells(cut, literals)
    return None if cells is None else [cells.row(at) for at in range(cells.rows)]


@schemas.UNHURRIED
@given(st.lists(alike_lists(KEYS), min_size=1, max_size=3))
def test_values_are_those_that_parsing_gives(lists: list[str]) -> None:
    """Whatever a list holds; and what was cut before has no influence."""
    objects = AlikeObjects()
    for content in (text.encode("utf-8", "surrogatepass") for text in lists):
        cut = objects.cut(content)
        if cut is None:
            continue
        parsed = pairs(content)
        assert parsed is not None or not all(cut.quoted)
        columns = [cut.values[at] for at in range(len(cut.keys))]
        for number, row in enumerate(parsed or ()):
            assert tuple(key for key, _ in row) == cut.keys
            for (_, value), column, quoted in zip(row, columns, cut.quoted, strict=True):
                if quoted:
                    assert column[number] == (value or "")
                else:
                    assert json.loads(column[number], object_pairs_hook=list) == value


@pytest.mark.parametrize("of", [STRICT, LENIENT])
@schemas.UNHURRIED
@given(st.lists(alike_lists(KEYS), min_size=1, max_size=3))
def test_cells_are_those_of_single_objects(of: Schema, lists: list[str]) -> None:
    """Each equal to what the plain way gives; what that refuses is not cut."""
    objects, literals = AlikeObjects(), Literals(of.numbers, of.whole)
    for content in (text.encode("utf-8", "surrogatepass") for text in lists):
        found = cut_cells(of, objects, literals, content)
        if found is not None:
            assert found == plain_cells(of, content)


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":"), (",\n ", " : ")])
def test_what_programs_write_is_cut(separators: tuple[str, str]) -> None:
    """Texts, numbers, words, and null among any of them; and lists on lines of their own."""
    rows: list[dict[str, Any]] = [
        {
            "key": 10**n,
            "at": f"2024-01-0{n + 1}",
            "dist": [1.5, 2, 1000, -4, 2.5e-5][n],
            "carrier": ["UA", "é", "x" * 40, "", "null"][n],
            "code": [True, 7, False, 12, 0][n],
            "late": 1,
        }
        for n in range(5)
    ]
    rows += [dict.fromkeys(rows[0], None) | {"key": 3, "late": 0}]
    for indent in (None, 2):
        text = json.dumps(rows, ensure_ascii=False, separators=separators, indent=indent)
        content = text[1:-1].encode()
        found = cut_cells(STRICT, AlikeObjects(), Literals(STRICT.numbers, STRICT.whole), content)
        assert found is not None
        assert found == plain_cells(STRICT, content)


def test_what_is_remembered_of_many_columns_is_bounded() -> None:
    """Three hundred columns of numbers that drift keep no more than a few."""
    literals = Literals()
    for n in range(60):
        for column in range(300):
            written = [f"{n * 10 + at}.25" for at in range(20)] * 3
            assert literals.cells(f"c{column}", written) == written
    known = sum(map(len, literals._known.values()))
    assert known <= ALL_LITERALS + 300 * 20
