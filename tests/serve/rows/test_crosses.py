"""Crossed features are counted before rows are scored, and bounded for each row and each step."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from converters.cells.refusal import Refusal
from converters.config.load import load
from converters.convert.records import RowReader
from converters.convert.row_block import RowBlock, block_of
from converters.schema.schema import Schema, from_settings
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


def lines_of(block: RowBlock) -> list[str | Refusal]:
    """The lines of rows, and refusals in the place of those that have none."""
    lines = iter(block.lines)
    return [block.refused.get(at) or next(lines) for at in range(len(block))]


def test_crosses_are_what_the_features_of_both_columns_multiply_to(schema: Schema) -> None:
    """A text has a feature for each of its words."""
    assert Crosses(schema).count(row(schema, 7, 11)[2]) == 77
    assert Crosses(schema).count(row(schema, 7, 0)[2]) <= 7


def test_each_step_has_a_bounded_number_of_features(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows stay in their order; one with too many is refused, and stands in its place."""
    monkeypatch.setitem(crosses.MOST_TOGETHER, "vw", 130)
    monkeypatch.setitem(crosses.MOST_CROSSES, "vw", 100)
    bad = Refusal("wrong-width", "", "")
    rows = [row(schema, *size) for size in ((6, 6), (7, 7), (4, 4), (10, 10), (11, 11), (1, 1))]
    rows.insert(2, bad)
    steps = list(Crosses(schema).bounded(block_of(rows), "vw"))
    assert [len(step) for step in steps] == [3, 1, 2, 1]
    flat = [each for step in steps for each in lines_of(step)]
    refused = Refusal("too-many-crosses", "", "121 crossed features, not 100")
    assert flat == lines_of(block_of([*rows[:5], refused, rows[6]]))


def wide_schema(tmp_path: Path, *, text: bool) -> Schema:
    """Two namespaces of 25 columns that are crossed; perhaps a text that one is crossed with."""
    columns = [
        f'{n}{i} = {{ kind = "categorical", namespace = "{n}" }}' for n in "ab" for i in range(25)
    ]
    words = ['t = { kind = "text" }'] if text else []
    pairs = '[["t", "a"], ["a", "b"]]' if text else '[["a", "b"]]'
    config = tmp_path / "freshet.toml"
    labels = ['model = "m"', "[label]", 'positive = ["1"]', 'negative = ["0"]', "[learner]"]
    own = [f"interactions = {pairs}", "[columns]", 'y = { role = "label" }']
    config.write_text("\n".join([*labels, *own, *columns, *words]), encoding="utf-8")
    return from_settings(load(config))


def test_a_text_crossed_with_many_columns_is_refused(tmp_path: Path) -> None:
    """Each word meets each of 25 columns, beside the 625 meetings of two namespaces."""
    schema = wide_schema(tmp_path, text=True)
    reader, cells = RowReader(schema), [""] + ["x"] * 50
    long, short = (reader.convert([*cells, "a " * words]) for words in (776, 775))
    refused = Refusal("too-many-crosses", "", "20,025 crossed features, not 20,000")
    steps = Crosses(schema).bounded(block_of([long, short]), "river")
    assert list(chain(*map(lines_of, steps))) == lines_of(block_of([refused, short]))
    missing = reader.convert([""] + [""] * 50 + ["a " * 5_000])
    (step,) = Crosses(schema).bounded(block_of([missing]), "river")
    assert lines_of(step) == lines_of(block_of([missing]))


def test_rows_without_texts_are_cut_by_what_the_schema_crosses(tmp_path: Path) -> None:
    """675 features a row: few rows are a step for river, and a whole block for Vowpal Wabbit."""
    schema = wide_schema(tmp_path, text=False)
    rows = block_of([RowReader(schema).convert(["", *["x"] * 50])] * 128)
    counted = Crosses(schema)
    assert counted.few(rows, "vw")
    assert not counted.few(rows, "river")
    steps = list(counted.bounded(rows, "river"))
    assert max(map(len, steps)) == 10_000 // 675
    assert "".join(step.text for step in steps) == rows.text


def test_rows_of_short_texts_are_one_step_without_counting(schema: Schema) -> None:
    """Their length bounds their words; long ones are counted."""
    assert Crosses(schema).few(block_of([row(schema, 3, 3)] * 128), "vw")
    assert not Crosses(schema).few(block_of([row(schema, 1_500, 1_500)]), "vw")
    assert not Crosses(schema).few(block_of([row(schema, 100, 100)] * 128), "river")
