"""What an explanation takes, in single scores: 13 columns, all pairs of them crossed.

A single score is one row's text to its probability, by the call that a request of one row makes.
Both are of processor time, in turn; an explanation's is for each row of its baseline.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from time import process_time
from typing import Any

from benchmarks.table import Measured, spread
from converters.cells.refusal import Refusal
from converters.config import load
from converters.convert.row_block import LABELLED
from converters.convert.to_vw_text import compile_schema
from converters.schema.schema import Schema, from_settings
from learners import choose
from learners.explain.baseline import Baseline
from learners.explain.explainer import Explainer, finished
from learners.explain.row_pieces import RowPieces
from learners.learner import Learner
from learners.vw.arguments import vw_spec
from tests.support import ROOT

COLUMNS, TAUGHT, EXPLAINED, PAIRS = 13, 20_000, 200, 9
MOST = 30.0


def run() -> list[Measured]:
    """The table's lines about explanations."""
    schema, lines = _rows()
    with _taught(schema, lines) as learner:
        return [_line(schema, lines, learner, rows) for rows in (1, 50)]


def _line(schema: Schema, lines: list[str], learner: Learner, rows: int) -> Measured:
    cuts, few = RowPieces(schema), lines[: EXPLAINED if rows == 1 else EXPLAINED // 20]
    explainer = Explainer(learner, cuts, Baseline("file", tuple(map(cuts.cut, lines[-rows:]))))

    def explain() -> None:
        for line in few:
            finished(explainer.explain(line))

    def score() -> None:
        for line in few:
            learner.predict([line])

    times = [(_seconds(explain) / rows, _seconds(score, 20)) for _ in range(PAIRS)]
    found = spread(ours / theirs for ours, theirs in times)
    each = sorted(ours for ours, _ in times)[PAIRS // 2] * rows / len(few)
    return Measured(
        f"an explanation of {COLUMNS} columns, baseline of {rows}",
        *(found.median, "single scores for each of its rows", f"< {MOST:g}", found.median < MOST),
        f"{found.span}; {1000 * each:.2f} ms a row of processor time",
    )


def _seconds(act: Callable[[], None], times: int = 1) -> float:
    begun = process_time()
    for _ in range(times):
        act()
    return (process_time() - begun) / times


def _rows() -> tuple[Schema, list[str]]:
    """Rows as they are learned, and their schema."""
    number = {"kind": "numeric", "features": ["scale", "bins"], "edges": [-1, 0, 1]}
    columns: dict[str, Any] = {"late": {"role": "label"}}
    columns |= {f"n{at}": number for at in range(5)}
    columns |= {f"c{at}": {"kind": "categorical"} for at in range(COLUMNS - 5)}
    config = {
        "model": "explained",
        "label": {"positive": ["1"], "negative": ["0"]},
        "columns": columns,
        "learner": {"interactions": [list(pair) for pair in combinations(list(columns)[1:], 2)]},
    }
    schema = from_settings(load.from_values(config, ROOT / "freshet.toml"))
    draw, convert = random.Random(1), compile_schema(schema).row
    lines = []
    for _ in range(TAUGHT):
        numbers = [draw.gauss(0, 1) for _ in range(5)]
        words = [draw.choice("abcdefgh") for _ in range(COLUMNS - 5)]
        label = str(int(numbers[0] - numbers[1] + (words[0] == "a") > draw.gauss(0, 1)))
        row = convert([label, *(f"{value:.3f}" for value in numbers), *words])
        assert not isinstance(row, Refusal)
        lines.append(row[2])
    return schema, lines


@contextmanager
def _taught(schema: Schema, lines: list[str]) -> Iterator[Learner]:
    learner = choose.create(vw_spec("", schema.interactions))
    learner.step([LABELLED[number % 2] + line for number, line in enumerate(lines)])
    try:
        yield learner
    finally:
        learner.close()
