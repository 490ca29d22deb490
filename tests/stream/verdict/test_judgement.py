"""The sentence: use it or not, and why, for each way in which contenders can stand."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from learners.metrics.arrays import FloatArray
from stream.verdict.columns import Columns
from stream.verdict.footing import Footing
from stream.verdict.judgement import Use, verdict
from stream.verdict.outcome import Contender, outcome

ROWS, FIRST = 6_000, 1_000
DRAW = np.random.default_rng(3)
POSITIVE = DRAW.random(ROWS) < 0.4
# How well log-odds tell the classes apart: from no better than the share of positives on.
QUALITY = {
    "none": 0.0,
    "poor": 0.5,
    "good": 1.0,
    "better": 1.5,
    "sure": 1.0,
}
# By how much log-odds are too large.
TOO_SURE = {"sure": 4.0}
# How far log-odds are off, of scores that know nothing: worse than the share of positives.
BY_CHANCE = {"wrong": 0.6, "less wrong": 0.2}


SAID = {
    "LightGBM once": "trained anew",
    "renewed copy": "such a copy, taken anew each month",
}


def scores(quality: str) -> FloatArray:
    """Scores that are right on average, and tell the classes apart so well."""
    strength = QUALITY.get(quality, 0.0)
    noise = np.random.default_rng(len(quality)).normal(0, 1, ROWS)
    share = np.log(0.4 / 0.6)
    spread = strength * (np.where(POSITIVE, 0.5, -0.5) * strength + noise)
    spread += BY_CHANCE.get(quality, 0.0) * noise
    found: FloatArray = 1 / (1 + np.exp(-(share + TOO_SURE.get(quality, 1.0) * spread)))
    return found


def judged(
    others: dict[str, str] | None = None, rows: int = ROWS, timed: bool = True, late: bool = True
) -> tuple[Use, str]:
    """The verdict over a proposal that is good, unless told, and others of some quality."""
    standing = {"base_rate": "none", "frozen_copy": "poor", "proposal": "good"} | (others or {})
    names = {"raw_VW": "raw VW"} | {name: name.replace("_", " ") for name in standing}
    order = ["proposal", *(name for name in standing if name != "proposal")]
    contenders = [
        Contender(
            names[name],
            SAID.get(names[name], ""),
            scores(standing[name])[:rows],
            is_choice=name != "labels_at_once",
        )
        for name in order
    ]
    columns = Columns({}, np.arange(rows), Counter())
    found = outcome(Footing(columns, POSITIVE[:rows], FIRST), contenders, None)
    judged = verdict(found, timed=timed, late=late)
    return judged.use, " ".join((judged.sentence, *judged.notes))


@pytest.mark.parametrize(
    ("others", "use", "said"),
    [
        ({}, Use.YES, r"Use it: learning on makes it better than its frozen copy by \.?0\.\d+ of"),
        ({"raw_VW": "poor"}, Use.YES, "it is better than base rate and raw VW"),
        ({"LightGBM_monthly": "good"}, Use.YES, "It cannot be told apart from LightGBM monthly"),
        ({"LightGBM_once": "better"}, Use.NO, "LightGBM, trained anew, is better than the"),
        ({"LightGBM_once": "better"}, Use.NO, "Learning on pays nevertheless: the proposal is"),
        ({"your_scores": "better"}, Use.NO, "Keep your own scores: they are better"),
        ({"river": "better"}, Use.YES, r'river \(learner.kind = "river"\) is better than the'),
        ({"frozen_copy": "better"}, Use.NO, "Do not learn on row by row: the frozen copy"),
        ({"renewed_copy": "poor"}, Use.YES, r"better than base rate and renewed copy\.$"),
        ({"renewed_copy": "good"}, Use.YES, r"Taking it anew each month would do as well\.$"),
        ({"frozen_copy": "good"}, Use.NO, "no drift shows in these rows"),
        (
            {"frozen_copy": "good", "labels_at_once": "better"},
            Use.NO,
            "Learning on gains nothing here: labels come too late",
        ),
        ({"proposal": "none", "frozen_copy": "none"}, Use.NO, "columns do not tell the classes"),
        (
            {"proposal": "none", "frozen_copy": "none", "labels_at_once": "good"},
            Use.NO,
            "Do not use it: labels come too late",
        ),
    ],
)
def test_what_to_do_and_why(others: dict[str, str], use: Use, said: str) -> None:
    """Who is better for sure decides; what only explains never does."""
    found, sentence = judged(others)
    assert found == use, sentence
    assert re.search(said, sentence), sentence


def test_who_is_no_better_than_the_base_rate_is_never_advised() -> None:
    """The proposal may be so bad that anything is better, the share of positives too."""
    use, sentence = judged({"proposal": "wrong", "frozen_copy": "wrong", "river": "less wrong"})
    assert use == Use.NO
    assert sentence.startswith("Do not use it: the columns do not tell the classes apart")


def test_order_without_probabilities_is_no_verdict() -> None:
    """Scores that are all too sure tell the classes apart, and yet are no better than the rate."""
    sure = {"proposal": "sure", "frozen_copy": "sure"}
    use, sentence = judged(sure)
    assert use == Use.OPEN
    assert "orders events better than chance (AUC 0." in sentence


def test_too_few_rows_decide_nothing() -> None:
    """However the contenders stand."""
    use, sentence = judged(rows=FIRST + 900)
    assert use == Use.OPEN
    assert "Too few rows to tell: behind the first part there are 900 labels" in sentence


def test_labels_that_are_taken_to_be_known_at_once_are_told() -> None:
    """They flatter what learns on; who has named no time may have rows in any order."""
    assert "name --time, and --label-time or --label-delay" in judged(timed=False, late=False)[1]
    assert "If labels come later, name --label-time" in judged(late=False)[1]
    assert "--label-delay" not in judged()[1]
