"""What the compiled conversion remembers: enough to be fast, and never more than a bound."""

from __future__ import annotations

import random

import pytest

from converters import vw_text
from converters.cells import Refusal
from converters.schema import Schema
from converters.vw_text import compile_schema, reference
from tests.schemas import FLIGHT, accepted, build


def test_memory_of_pieces_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a column has seen many values it forgets them, and converts as before."""
    monkeypatch.setattr(vw_text, "REMEMBERED_PIECES", 3)
    schema = build(FLIGHT)
    convert, plain = compile_schema(schema), reference(schema)
    dice = random.Random(7)
    for _ in range(200):
        row = ["", f"20{dice.randrange(10, 30)}-01-01", "1", "", str(dice.randrange(9)), "a", "b"]
        assert convert(row) == plain(row)


def remembered(monkeypatch: pytest.MonkeyPatch, rows: list[list[str]]) -> list[int]:
    """How many pieces each column's memory holds after these rows."""
    made: list[dict[str, str]] = []
    remembering = vw_text._remembering

    def spy(schema: Schema, known: list[dict[str, str]]) -> object:
        made.extend(known)
        return remembering(schema, known)

    monkeypatch.setattr(vw_text, "_remembering", spy)
    convert = compile_schema(build(FLIGHT))
    for row in rows:
        convert(row)
    return [len(memory) for memory in made]


def test_pieces_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each column remembers its pieces once each, and never more than the bound."""
    monkeypatch.setattr(vw_text, "REMEMBERED_PIECES", 5)
    rows = [["", "2013-01-01", "1", "", str(i % 12), str(i % 4), "x"] for i in range(100)]
    dist, carrier, remark = remembered(monkeypatch, rows)
    assert 1 <= dist <= 5
    assert (carrier, remark) == (4, 1)


def test_long_cells_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell longer than the bound is converted alike, but not kept."""
    longest = "x" * vw_text.LONGEST_REMEMBERED
    rows = [["", "", "1", "", "1", c, "t"] for c in (longest, longest + "x", longest + "x")]
    assert remembered(monkeypatch, rows)[1] == 1
    schema = build(FLIGHT)
    assert accepted(schema, rows[1])[2] == f"| dist:1 carrier={longest}x remark=t"


def test_refused_cells_are_not_remembered() -> None:
    """A row is refused as often as it comes, also between good ones."""
    convert = compile_schema(build(FLIGHT))
    good, bad = ["", "", "1", "", "1", "a", "b"], ["", "", "1", "", "inf", "a", "b"]
    assert [isinstance(convert(r), Refusal) for r in (bad, good, bad, good)] == [True, False] * 2
