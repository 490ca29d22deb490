"""Contributions against the definition, against shap, and against the served score."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations

import numpy as np
import pytest

from converters.config.learning_settings import ForestSettings, RiverSettings
from converters.convert.to_vw_text import unlabelled
from converters.schema.schema import Schema
from learners import choose
from learners.calibration.adjustment import AdjustedLearner, Adjustment
from learners.calibration.platt import Platt
from learners.explain.baseline import Baseline
from learners.explain.explainer import Explainer, Explanation, finished, logistic, score_log_odds
from learners.explain.row_pieces import RowPieces
from learners.learner import Learner, LearnerSpec
from learners.river.arguments import forest_spec, river_spec
from learners.vw.arguments import vw_spec
from tests.support.explaining.brute_force import brute_force
from tests.support.rows.schemas import Columns, accepted, build

# As the issue bounds it: Vowpal Wabbit sums in float32.
CLOSE = 5e-6
NUMBER = {"kind": "numeric", "features": ["scale", "bins"], "edges": [-1, 0, 1]}
COLUMNS: Columns = {
    "late": {"role": "label"},
    "group": {"role": "protected"},
    **{f"n{at}": NUMBER for at in range(4)},
    **{f"c{at}": {"kind": "categorical", "missing": "indicator"} for at in range(4)},
    "raw": {"kind": "numeric"},
    "flag": {"kind": "boolean"},
    "words": {"kind": "text"},
    "when": {"kind": "time", "parts": ["hour", "weekday"], "zone": "UTC"},
}
NAMES = [name for name in COLUMNS if "kind" in COLUMNS[name]]
CROSSED = [name for name in NAMES if name not in ("words", "when")]


def _schema(interactions: object) -> Schema:
    return build(COLUMNS, learner={"interactions": interactions})


def rows(count: int, seed: int) -> list[list[str]]:
    """Rows with a signal, some of their cells missing."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        numbers = [draw.gauss(0, 1) for _ in range(5)]
        letters = [draw.choice("abcde") for _ in range(4)]
        odds = numbers[0] - numbers[1] * (letters[0] == "a") + (letters[1] < "c") - 0.5
        cells = [
            str(int(draw.random() < 1 / (1 + math.exp(-odds)))),
            draw.choice("fm"),
            *(f"{number:.3f}" for number in numbers[:4]),
            *letters,
            f"{numbers[4]:.3f}",
            draw.choice(["true", "false"]),
            " ".join(draw.choices(["red", "green", "blue"], k=3)),
            f"2024-01-{draw.randrange(1, 29):02}T{draw.randrange(24):02}:00:00",
        ]
        found.append([c if at < 2 or draw.random() < 0.9 else "" for at, c in enumerate(cells)])
    return found


KINDS: dict[str, Callable[[Sequence[tuple[str, str]]], LearnerSpec]] = {
    "vw": lambda pairs: vw_spec("-b 18", pairs),
    "vw --coin": lambda pairs: vw_spec("-b 18 --coin", pairs),
    "vw --l2": lambda pairs: vw_spec("-b 18 --l2 1e-5", pairs),
    "river": lambda pairs: river_spec(RiverSettings(), pairs),
    "arf": lambda _: forest_spec(ForestSettings(model="arf", trees=3, max_nodes=31)),
    "amf": lambda _: forest_spec(ForestSettings(model="amf", trees=3, max_nodes=101)),
}
FORESTS = ("arf", "amf")


@contextmanager
def taught(spec: LearnerSpec, schema: Schema, count: int = 400) -> Iterator[Learner]:
    """A learner that has learned some rows."""
    learner = choose.create(spec)
    heads = {0: "-1 ", 1: "1 "}
    lines = []
    for cells in rows(count, seed=3):
        _, label, text = accepted(schema, cells)
        assert label is not None
        lines.append(heads[label] + unlabelled(text))
    learner.step(lines)
    try:
        yield learner
    finally:
        learner.close()


def lines_of(schema: Schema, count: int, seed: int) -> list[str]:
    """Lines of rows that were not learned."""
    return [unlabelled(accepted(schema, cells)[2]) for cells in rows(count, seed)]


def _baseline(cuts: RowPieces, schema: Schema, kind: str) -> Baseline:
    if kind == "missing":
        missing = ["", "f", *[""] * len(NAMES)]
        return Baseline("missing", (cuts.cut(unlabelled(accepted(schema, missing)[2])),))
    return Baseline("typical", tuple(map(cuts.cut, lines_of(schema, 2, seed=8))))


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_are_shapley_values(kind: str) -> None:
    """As the definition says over all coalitions of 12 columns; those drawn, within their error."""
    schema = _schema([list(pair) for pair in combinations(CROSSED, 2)])
    cuts = RowPieces(schema)
    assert len(cuts.columns) == 12
    (line,) = lines_of(schema, 1, seed=15)
    with taught(KINDS[kind](schema.interactions), schema) as learner:
        adjusted = AdjustedLearner(learner, Adjustment(2.0, Platt(0.8, -0.3)))
        for against in ("missing", "rows"):
            baseline = _baseline(cuts, schema, against)
            row = cuts.cut(line)
            values = [brute_force(learner, cuts, row, other) for other in baseline.rows]
            wanted = [math.fsum(each) / len(values) for each in zip(*values, strict=True)]
            for served in (learner, adjusted):
                found = finished(Explainer(served, cuts, baseline).explain(line))
                _check(found, wanted, kind)
                assert [found.score] == served.predict([line])
                assert (found.adjustment != 0) == (served is adjusted)


def _check(found: Explanation, wanted: Sequence[float], kind: str) -> None:
    """The contributions are those wanted, and add up to the score."""
    if kind in FORESTS:
        assert found.errors is not None
        each = zip(found.contributions, wanted, found.errors, strict=True)
        assert max(abs(value - mean) / (error or CLOSE) for value, mean, error in each) < 5
        assert max(found.errors) < 0.5
    else:
        assert found.errors is None
        assert found.contributions == pytest.approx(wanted, abs=CLOSE)
    total = found.baseline + math.fsum(found.contributions) + found.other
    assert total == pytest.approx(found.log_odds, abs=1e-9)
    served = score_log_odds(found.score)
    assert found.log_odds + found.adjustment == pytest.approx(served, abs=CLOSE)


@pytest.mark.skipif(sys.platform != "linux", reason="shap has no wheels for older Macs")
def test_a_linear_model_is_explained_as_by_shap() -> None:
    """With numbers alone and no crosses, shap's exact values of the linear model."""
    names = [f"x{at}" for at in range(5)]
    columns = {"late": {"role": "label"}, **{name: {"kind": "numeric"} for name in names}}
    schema = build(columns)
    cuts, draw = RowPieces(schema), np.random.default_rng(4)
    numbers = draw.normal(size=(300, 5)).round(4)
    lines = [unlabelled(accepted(schema, ["", *map(repr, row.tolist())])[2]) for row in numbers]
    labels = np.where(numbers @ [1, -2, 0.5, 0, 0.2] + draw.normal(size=300) > 0, "1 ", "-1 ")
    learner = choose.create(vw_spec("", []))
    learner.step([label + line for label, line in zip(labels, lines, strict=True)])
    weights = learner.weights_of(lines[0])
    model = np.array([weights[name] for name in names]), weights["Constant"]
    import shap

    wanted = shap.LinearExplainer(model, numbers[:50])(numbers[200:210]).values
    explainer = Explainer(learner, cuts, Baseline("file", tuple(map(cuts.cut, lines[:50]))))
    found = [finished(explainer.explain(line)).contributions for line in lines[200:210]]
    learner.close()
    assert np.array(found) == pytest.approx(wanted, abs=CLOSE)


def test_ten_thousand_rows_add_up() -> None:
    """Every row's contributions lead from the baseline to the score that is served."""
    schema = _schema("pairs")
    cuts = RowPieces(schema)
    with taught(KINDS["vw"](schema.interactions), schema, 5_000) as learner:
        baseline = Baseline("typical", tuple(map(cuts.cut, lines_of(schema, 1, seed=8))))
        explainer = Explainer(learner, cuts, baseline)
        worst = 0.0
        for line in lines_of(schema, 10_000, seed=12):
            found = finished(explainer.explain(line))
            reached = found.baseline + math.fsum(found.contributions) + found.adjustment
            worst = max(worst, abs(logistic(reached) - found.score))
            assert abs(found.log_odds - found.baseline - math.fsum(found.contributions)) < CLOSE
    assert worst < 2.0**-23  # a score is a float32
    assert "group" not in cuts.columns
