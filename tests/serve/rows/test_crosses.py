"""Crossed features are counted before rows are scored, and bounded for each row and each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from converters.schema.schema import Schema
from serve.rows import crosses
from serve.rows.crosses import Crosses
from tests.support.serving.served import a_project

TEXT = 'kind = "text"'


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """Two texts that are crossed."""
    folder = Path(tmp_path_factory.mktemp("crosses"))
    return a_project(folder, carrier=TEXT, origin=TEXT).schema


def row(schema: Schema, carrier: int, origin: int) -> Any:
    """A row with texts of so many words."""
    cells = ["f1", "", "", "a " * carrier, "b " * origin, "3", "100", ""]
    return RowReader(schema).convert(cells)


def test_crosses_are_what_the_words_of_both_texts_multiply_to(schema: Schema) -> None:
    """Not those of categories, of which a row has one each."""
    assert Crosses(schema).count(row(schema, 7, 11)[2]) == 77
    assert Crosses(schema).count(row(schema, 7, 0)[2]) <= 7


def test_each_step_has_a_bounded_number_of_crosses(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows stay in their order; one with too many is refused, and stands in its place."""
    monkeypatch.setitem(crosses.MOST_CROSSES, "vw", 100)
    bad = Refusal("wrong-width", "", "")
    rows = [row(schema, *size) for size in ((6, 6), (7, 7), (4, 4), (10, 10), (11, 11), (1, 1))]
    rows.insert(2, bad)
    steps = list(Crosses(schema).bounded(rows, "vw"))
    assert [len(step) for step in steps] == [3, 1, 2, 1]
    flat = [each for step in steps for each in step]
    refused = Refusal("too-many-crosses", "", "121 crossed features, not 100")
    assert flat == [*rows[:5], refused, rows[6]]


def test_where_no_texts_are_crossed_nothing_is_counted(tmp_path: Path) -> None:
    """A text and a category give one cross a word, which the row's length bounds."""
    assert not Crosses(a_project(tmp_path / "one", carrier=TEXT).schema).any
    assert not Crosses(a_project(tmp_path / "none").schema).any
