"""What explanations rely on, of every learner: log-odds, and what single columns add to them.

Run by ``tests/learners/test_contract.py`` beside the other promises.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from learners.explain.baseline import Baseline
from learners.explain.explainer import Explainer, finished, logistic
from learners.explain.row_pieces import RowPieces
from learners.learner import LearnerSpec, LineBlock
from learners.metrics.metrics import CLIP
from tests.support.explaining.brute_force import brute_force
from tests.support.learning.learner_samples import (
    labelled_lines,
    learning,
    unlabelled,
)
from tests.support.rows.schemas import build

# As the issue bounds it: Vowpal Wabbit sums in float32.
CLOSE = 5e-6
# The columns of the samples' lines; what stands for a missing number there is no column's.
SCHEMA = build(
    {
        "late": {"role": "label"},
        "dist": {"kind": "numeric"},
        "tail": {"kind": "categorical"},
        "p": {"kind": "numeric"},
        "city": {"kind": "categorical"},
        "hour": {"kind": "categorical"},
        "size": {"kind": "numeric"},
    },
    learner={"interactions": [["city", "hour"], ["hour", "size"]]},
)


def log_odds_are_those_of_scores(spec: LearnerSpec, _folder: Path) -> None:
    """Their logistic function is the score; asking for them teaches nothing."""
    lines = labelled_lines(200)
    probes = [unlabelled(line) for line in labelled_lines(60, seed=8)]
    with learning(spec, lines) as learner, learning(spec, lines) as left_alone:
        found = learner.log_odds([LineBlock("\n".join([*probes, ""]), len(probes))])
        scores = [min(max(score, CLIP), 1 - CLIP) for score in learner.predict(probes)]
        assert list(map(logistic, found)) == pytest.approx(scores, abs=2.0**-23)
        assert learner.step(lines) == left_alone.step(lines)


def columns_add_up(spec: LearnerSpec, _folder: Path) -> None:
    """Contributions are those of the definition, and lead from each baseline to the score."""
    lines, cuts = labelled_lines(300), RowPieces(SCHEMA)
    probes = [unlabelled(line) for line in labelled_lines(8, seed=8)]
    with learning(spec, lines) as learner:
        for rows in ([cuts.nothing], [cuts.cut(line) for line in probes[4:]]):
            explainer = Explainer(learner, cuts, Baseline("file", tuple(rows)))
            for line in probes[:4]:
                found = finished(explainer.explain(line))
                of_columns = math.fsum(found.contributions) + found.other
                assert of_columns == pytest.approx(found.log_odds - found.baseline, abs=1e-9)
                assert logistic(found.log_odds) == pytest.approx(found.score, abs=2.0**-23)
                each = [brute_force(learner, cuts, found.pieces, other) for other in rows]
                wanted = [math.fsum(of) / len(each) for of in zip(*each, strict=True)]
                assert found.contributions == pytest.approx(wanted, abs=CLOSE)


EXPLANATION_PROMISES = (log_odds_are_those_of_scores, columns_add_up)
