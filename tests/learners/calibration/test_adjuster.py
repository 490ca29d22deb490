"""The adjuster as a fold: what a score becomes hangs on the lessons before it alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.config.learning_settings import CalibrationSettings, ImbalanceSettings
from learners import choose
from learners.calibration.adjustment import (
    AdjustedLearner,
    Adjuster,
    Adjustment,
    AdjustmentError,
    adjusted,
)
from learners.metrics.arrays import BoolArray, FloatArray
from learners.vw.arguments import vw_spec
from tests.support.learning.exact_metrics import score_metrics

PLAIN = ImbalanceSettings()
METHODS = ["platt", "isotonic"]


def adjuster(method: str, imbalance: ImbalanceSettings = PLAIN) -> Adjuster:
    """One with a small window, refitted often."""
    told = CalibrationSettings.model_validate({"method": method, "window": 100, "every": 40})
    return Adjuster(imbalance, told)


@dataclass(frozen=True)
class Stream:
    """Lines in order; some are lessons, of themselves or of an earlier line.

    Attributes:
        raw: each line's score.
        of: for each line the line whose label it brings, or -1.
    """

    raw: FloatArray
    of: list[int]
    positive: BoolArray

    def taken(self, by: Adjuster, first: int, last: int) -> FloatArray:
        """What the lines from ``first`` to before ``last`` are served as."""
        at = [line for line in range(first, last) if self.of[line] >= 0]
        told = [self.of[line] for line in at]
        return by.adjust(
            self.raw[first:last],
            np.array([line + 1 - first for line in at], np.int64),
            self.raw[told],
            self.positive[told],
        )

    @property
    def size(self) -> int:
        """How many lines."""
        return self.raw.size


def made_stream(size: int, seed: int = 0) -> Stream:
    """A third of the lines bring no label, a third their own, a third that of an earlier line."""
    random = np.random.default_rng(seed)
    raw = random.random(size).astype(np.float32).astype(np.float64)
    of = [
        (-1, line, int(random.integers(0, line + 1)))[random.integers(0, 3)] for line in range(size)
    ]
    return Stream(raw, of, random.random(size) < raw**2)


def plainly_served(stream: Stream, method: str, inflation: float) -> list[float]:
    """Line by line, refitting from the whole past at every 40th lesson."""
    from learners.calibration.isotonic import Isotonic
    from learners.calibration.platt import Platt, log_odds

    served, seen = [], []
    fit: Platt | Isotonic | None = None
    for line in range(stream.size):
        served.append(Adjustment(inflation, fit).apply([float(stream.raw[line])])[0])
        if stream.of[line] < 0:
            continue
        seen.append(stream.of[line])
        if len(seen) % 40 == 0:
            last = seen[-100:]
            scores = np.array(Adjustment(inflation).apply(stream.raw[last].tolist()))
            if method == "platt":
                fit = Platt.fit(log_odds(scores), stream.positive[last], fit)
            else:
                fit = Isotonic.fit(scores, stream.positive[last])
    return served


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_the_fold_is_the_plain_loop(method: str, weight: float) -> None:
    """Every line has the score that a slow, obvious loop over lines and lessons gives it."""
    stream = made_stream(600)
    one = adjuster(method, ImbalanceSettings(positive_weight=weight))
    assert stream.taken(one, 0, 600).tolist() == plainly_served(stream, method, weight)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(METHODS), st.lists(st.integers(0, 500), max_size=12), st.integers(0, 3))
def test_cuts_and_restarts_change_nothing(method: str, cuts: list[int], seed: int) -> None:
    """However lines are cut into calls, with a save and a load at each, the bits are the same."""
    stream = made_stream(500, seed)
    whole = adjuster(method)
    expected = stream.taken(whole, 0, 500)
    one, parts = adjuster(method), []
    places = [0, *sorted(cuts), 500]
    for first, last in pairwise(places):
        parts.append(stream.taken(one, first, last))
        saved, one = one.state(), adjuster(method)
        one.restore(saved)
    assert np.concatenate(parts).tobytes() == expected.tobytes()
    assert one.frozen().to_json() == whole.frozen().to_json()
    assert {n: a.tobytes() for n, a in one.state().items()} == {
        n: a.tobytes() for n, a in whole.state().items()
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_frozen_adjustment_serves_what_the_fold_serves(method: str) -> None:
    """Servers give a raw score the same bits as the fold at the moment of the snapshot."""
    stream = made_stream(500)
    one = adjuster(method, ImbalanceSettings(negative_share=0.25))
    stream.taken(one, 0, 400)
    frozen = Adjustment.from_json(one.frozen().to_json())
    unlabelled = Stream(stream.raw, [-1] * 500, stream.positive)
    assert frozen.apply(stream.raw.tolist()) == unlabelled.taken(one, 0, 500).tolist()


def test_nothing_is_fitted_to_one_class() -> None:
    """Until both classes have come the score stays as it is; after that the last fit stays."""
    one, raw = adjuster("isotonic"), np.linspace(0.1, 0.9, 80)
    ends, none = np.arange(1, 81), np.zeros(80, np.bool_)
    assert one.adjust(raw, ends, raw, none).tolist() == raw.tolist()
    one.adjust(raw, ends, raw, raw > 0.5)
    fitted = one.frozen()
    assert fitted.changes
    one.adjust(np.tile(raw, 2), np.arange(1, 161), np.tile(raw, 2), np.tile(none, 2))
    assert one.frozen().to_json() != fitted.to_json()
    last = one.frozen()
    one.adjust(raw, ends, raw, none)
    assert one.frozen() is last


def test_an_adjuster_of_nothing_says_so() -> None:
    """Without weights and calibration no score changes and nothing is saved."""
    one = adjuster("none")
    assert not one.changes
    assert one.state() == {}
    assert adjuster("none", ImbalanceSettings(positive_weight=2)).changes
    assert not adjuster("none", ImbalanceSettings(positive_weight=2, correct=False)).changes
    assert adjuster("platt").changes


def test_a_state_of_another_method_is_refused() -> None:
    """A window of log-odds is not taken for one of scores."""
    with pytest.raises(AdjustmentError, match=r"calibration\.method = 'isotonic'"):
        adjuster("isotonic").restore(adjuster("platt").state())


@pytest.mark.parametrize("method", METHODS)
def test_calibration_mends_scores_that_are_too_sure(method: str) -> None:
    """Served scores have less log loss and calibration error than the raw ones they come from."""
    random = np.random.default_rng(2)
    z = random.normal(-1, 1, 6_000)
    raw = 1 / (1 + np.exp(-2 * z))
    positive = random.random(6_000) < 1 / (1 + np.exp(-z))
    told = CalibrationSettings.model_validate({"method": method, "window": 2_000, "every": 500})
    served = Adjuster(PLAIN, told).adjust(raw, np.arange(1, 6_001), raw, positive)
    before, after = (score_metrics(s[1_000:], positive[1_000:]) for s in (raw, served))
    assert after["log_loss"] < before["log_loss"] - 0.03
    assert after["ece"] < before["ece"] / 2


def test_an_adjusted_learner_serves_and_saves(tmp_path: Path) -> None:
    """Its scores are the served ones, the file it saves is the learner's own."""
    learner = choose.create(vw_spec("", ()))
    learner.step(["1 | a=b", "-1 | a=c"] * 20)
    adjustment = Adjustment(10.0)
    served = adjusted(learner, {"adjustment": adjustment.to_json()})
    assert isinstance(served, AdjustedLearner)
    assert adjusted(learner, {}) is learner
    assert served.predict(["| a=b", "|"]) == adjustment.apply(learner.predict(["| a=b", "|"]))
    assert served.weights_of("| a=b") == learner.weights_of("| a=b")
    served.save(tmp_path / "one")
    learner.save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    served.close()
