"""Files are scored in blocks: every row as it would be by itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from converters.cells.refusal import Refusal
from converters.config import load
from converters.convert.records import RowReader
from converters.convert.to_vw_text import unlabelled
from converters.files.csv_file import open_csv
from converters.files.framing import csv_line
from converters.schema import schema as schemas
from converters.schema.schema import Schema
from learners import choose
from learners.learner import Learner
from learners.line_bounds import UNLEARNABLE, RefusedLinesError
from learners.versions import score_file as scoring
from learners.versions.score_file import score_file

CONFIG = {
    "model": "m",
    "columns": {
        "key": {"role": "id"},
        "late": {"role": "label"},
        "worth": {"role": "weight", "max": 50},
        "size": {"kind": "numeric"},
        "carrier": {"kind": "categorical"},
    },
    "label": {"positive": ["1, or so"], "negative": ["0"]},
    "csv": {"delimiter": ";"},
    # Which takes no weight above 1 in what it learns.
    "learner": {"args": "--coin"},
}
HEADER = "carrier;size;key;late;worth"
GOOD = ["UA;3;k1;0;", "AA;-7.5;k,2;;", "DL;0;k3;1, or so;2.5", "é;1e-5;;;40", "UA;;\ufeffk5;0;1"]
PLAIN = [*GOOD * 8, "UA;x;k6;0;", "UA;1e16;k7;0;", "", "UA;3;k8;yes;", "UA;3;k9", "UA;1e17;;;9"]
REFUSED = ["UA;x;k6;0;", "UA;1e16;k7;0;"]
QUOTED = [*PLAIN * 8, '"U""A";3;"k\n1";0;', '"A;A";2;"k;2";"1, or so";', '"x;1;k;0;"y;']


@pytest.fixture
def schema() -> Schema:
    """One with a weight, and labels and ids that need quotes."""
    return schemas.from_settings(load.from_values(CONFIG, Path("freshet.toml")))


@pytest.fixture
def learner(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> Iterator[Learner]:
    """One that has learned a little, in place of a version's."""
    settings = load.from_values(CONFIG, Path("freshet.toml"))
    spec = choose.spec_for(settings.learner, schema.interactions)
    with closing(choose.create(spec)) as learner:
        learner.step(["1 | size:3 carrier=UA", "-1 | size:9 carrier=AA"] * 20)

        class Loaded:
            def __init__(self, *_: Any) -> None: ...

            def __enter__(self) -> Learner:
                return learner

            def __exit__(self, *_: object) -> None: ...

        monkeypatch.setattr(scoring, "loaded", Loaded)
        yield learner


def one_by_one(schema: Schema, learner: Learner, file: Path) -> str:
    """The answers to rows that are converted and scored alone."""
    written = ["line,id,score,label,reason,column"]
    reader = RowReader(schema)
    with open_csv(str(file), load.from_values(CONFIG, file).csv) as opened:
        order = reader.order(opened.header)
        assert order is not None
        for at, content in opened.rows():
            cells = opened.dialect.cells_of(content)
            named = cells if isinstance(cells, Refusal) else order.row(cells)
            row = named if isinstance(named, Refusal) else reader.convert(named)
            if not isinstance(row, Refusal):
                try:
                    (score,) = learner.predict([unlabelled(row[2])])
                except RefusedLinesError as error:
                    row = Refusal(UNLEARNABLE, "", error.reasons[0])
            if isinstance(row, Refusal):
                written.append(csv_line((at, "", "", "", row.reason, row.column)))
            else:
                label = schema.label_spellings[score >= 0.5]
                written.append(csv_line((at, row[0], repr(score), label, "", "")))
    return "\n".join([*written, ""])


@pytest.mark.parametrize("lines", [GOOD, PLAIN, QUOTED, REFUSED])
def test_a_file_is_scored_as_each_of_its_rows(
    schema: Schema, learner: Learner, tmp_path: Path, lines: list[str]
) -> None:
    """Scores, ids and labels with commas, refusals of any kind, and their counts."""
    file, output = tmp_path / "rows.csv", tmp_path / "scores.csv"
    dice = random.Random(len(lines))
    rows = [dice.choice(lines) for _ in range(700)]
    file.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    settings = load.from_values(CONFIG, file)
    version: Any = None
    count, refused, cells = score_file(settings, schema, version, str(file), str(output))
    found = output.read_text(encoding="utf-8")
    assert found == one_by_one(schema, learner, file)
    assert count + refused.total == 700
    assert cells.rows >= count
    reasons = {UNLEARNABLE, "not-a-number", "wrong-width", "bad-label", "empty-row"}
    assert lines in (GOOD, REFUSED) or reasons <= set(refused.reasons)
    assert found.count("1, or so") == found.count('"1, or so"')
    assert ("1, or so" in found) == (lines is not REFUSED)
