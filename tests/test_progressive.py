"""Progressive validation: right numbers, and the same bits however the stream is cut."""

from __future__ import annotations

import io
import json
import math
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.metrics import LogLoss
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from learners.arithmetic import FloatArray
from learners.lessons import IntArray, Labels, MetricsError, Scores
from learners.metrics import score_metrics
from learners.progressive import Progressive

scores_of_any_kind = (
    st.sampled_from([0.0, -0.0, 0.5, 1.0]) | st.floats(0, 1) | st.floats(0, 1, width=16)
)
streams = st.lists(st.tuples(scores_of_any_kind, st.integers(0, 1)), max_size=80)
cuttings = st.lists(st.sampled_from([0, 1, 1, 2, 3, 20]), max_size=80)


def stream(count: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Lessons like a real learner's: float32 scores, many of them tied, labels that fit them."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1.2, 1.0, count)
    tied = random.random(count) < 0.2
    log_odds[tied] = np.round(log_odds[tied], 1)
    scores = (1 / (1 + np.exp(-log_odds))).astype(np.float32).astype(np.float64)
    return scores, (random.random(count) < scores).astype(np.int64)


def fed(scores: Scores, labels: Labels, window: int = 1_000) -> Progressive:
    """Metrics that took the lessons in one call."""
    metrics = Progressive(window)
    metrics.take(scores, labels)
    return metrics


def stored(metrics: Progressive) -> bytes:
    """The bytes that a snapshot would hold."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **metrics.state())
    return file.getvalue()


def reopened(metrics: Progressive, window: int) -> Progressive:
    """The metrics as a restart finds them."""
    with np.load(io.BytesIO(stored(metrics)), allow_pickle=False) as arrays:
        return Progressive.from_state(window, arrays)


@settings(max_examples=40, deadline=None)
@given(streams, cuttings, st.integers(1, 90), st.data())
def test_cutting_and_stopping_change_no_bit(
    lessons: list[tuple[float, int]], lengths: list[int], window: int, data: st.DataObject
) -> None:
    """Any cutting into calls, with reports and restarts anywhere, leaves the same bytes."""
    scores, labels = [score for score, _ in lessons], [label for _, label in lessons]
    with patch("learners.progressive.BLOCK", 7):
        whole, cut = Progressive(window), Progressive(window)
        whole.take(scores, labels)
        begin = 0
        for length in [*lengths, len(lessons)]:
            cut.take(scores[begin : begin + length], labels[begin : begin + length])
            begin += length
            match data.draw(st.sampled_from(["go on", "go on", "report", "restart"])):
                case "report":
                    cut.report()
                case "restart":
                    cut = reopened(cut, window)
        assert stored(cut) == stored(whole)
        assert cut.report() == whole.report()


def test_long_streams_keep_their_bits_over_cuttings() -> None:
    """Thirty thousand lessons, one call or thousands, arrays or lists, leave the same bytes."""
    scores, labels = stream(30_000, seed=1)
    scores *= 0.99  # sums of scores with float32's 24 bits are exact, and would prove nothing
    whole, cut = fed(scores, labels), Progressive(1_000)
    random, begin = np.random.default_rng(2), 0
    while begin < scores.size:
        end = begin + int(
            random.choice([0, 1, 2, 3, 50, 9_000], p=[0.1, 0.3, 0.3, 0.2, 0.09, 0.01])
        )
        cut.take(scores[begin:end].tolist(), labels[begin:end].tolist())
        begin = end
    assert stored(cut) == stored(whole)


def test_negative_zero_is_zero() -> None:
    """Where a call ended does not show in which of the two zeros is remembered."""
    whole, cut = fed([0.0, -0.0], [0, 1]), fed([0.0], [0])
    cut.report()
    cut.take([-0.0], [1])
    assert stored(cut) == stored(whole)


def test_cumulative_metrics_are_right() -> None:
    """Over the whole stream: scikit-learn's numbers, the AUC within its stated error."""
    scores, labels = stream(40_000, seed=3)
    report = fed(scores, labels).report()
    assert report["count"] == 40_000
    assert report["positives"] == labels.sum()
    assert report["base_rate"] == labels.mean()
    assert report["log_loss"] == pytest.approx(log_loss(labels, scores), abs=1e-12)
    assert report["brier"] == pytest.approx(brier_score_loss(labels, scores), abs=1e-12)
    assert report["ece"] == pytest.approx(score_metrics(scores, labels)["ece"], abs=1e-12)
    assert abs(report["auc"] - roc_auc_score(labels, scores)) <= report["auc_error"]


def test_cumulative_auc_is_off_by_less_than_promised() -> None:
    """For scores spread as a learner's are, bound and error stay under 1e-4."""
    random = np.random.default_rng(12)
    scores = 1 / (1 + np.exp(-random.normal(-1.2, 0.7, 40_000).astype(np.float32)))
    labels = (random.random(40_000) < scores).astype(np.int64)
    report = fed(scores, labels).report()
    assert abs(report["auc"] - roc_auc_score(labels, scores)) <= report["auc_error"]
    assert 0 < report["auc_error"] < 1e-4


def test_log_loss_is_rivers() -> None:
    """The cumulative log loss is what river's metric says, lesson by lesson."""
    scores, labels = stream(2_000, seed=4)
    theirs = LogLoss()
    for score, label in zip(scores.tolist(), labels.tolist(), strict=True):
        theirs.update(bool(label), score)
    assert fed(scores, labels).report()["log_loss"] == pytest.approx(theirs.get(), abs=1e-12)


def test_window_is_exact() -> None:
    """The window's metrics are scikit-learn's over exactly the last lessons."""
    scores, labels = stream(20_000, seed=5)
    window = fed(scores, labels, window=3_000).report()["window"]
    last_scores, last_labels = scores[-3_000:], labels[-3_000:]
    assert window["count"] == 3_000
    assert window["base_rate"] == last_labels.mean()
    assert window["log_loss"] == pytest.approx(log_loss(last_labels, last_scores), abs=1e-9)
    assert window["brier"] == pytest.approx(brier_score_loss(last_labels, last_scores), abs=1e-9)
    assert window["auc"] == pytest.approx(roc_auc_score(last_labels, last_scores), abs=1e-9)
    assert window["ece"] == score_metrics(last_scores, last_labels)["ece"]


def test_base_rate_learner_is_prequential() -> None:
    """Its loss is that of (positives + 1) / (count + 2) before each lesson, window included."""
    _, labels = stream(1_500, seed=6)
    losses, positives = [], 0
    for count, label in enumerate(labels.tolist()):
        rate = (positives + 1) / (count + 2)
        losses.append(-math.log(rate if label else 1 - rate))
        positives += label
    report = fed(np.full(1_500, 0.5), labels, window=100).report()
    assert report["base_rate_log_loss"] == pytest.approx(math.fsum(losses) / 1_500, abs=1e-12)
    found = report["window"]["base_rate_log_loss"]
    assert found == pytest.approx(math.fsum(losses[-100:]) / 100, abs=1e-12)


def test_a_window_over_everything_equals_the_cumulative_metrics() -> None:
    """While the window holds the whole stream, sums agree with it to the last bit."""
    report = fed(*stream(900, seed=7), window=1_000).report()
    for name in ("count", "base_rate", "log_loss", "brier", "ece"):
        assert report["window"][name] == report[name]


def test_no_lessons_give_an_empty_report() -> None:
    """Before the first lesson counts are 0 and everything else is None."""
    means = ("base_rate", "log_loss", "auc", "brier", "ece", "base_rate_log_loss")
    expected = {"count": 0, "positives": 0, "auc_error": None} | dict.fromkeys(means)
    assert Progressive(10).report() == expected | {"window": {"count": 0} | dict.fromkeys(means)}


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_auc(label: int) -> None:
    """With one class the AUC is None and the rest is there, ready for JSON."""
    report = fed(np.array([0.0, 1.0, 0.5]), np.full(3, label)).report()
    assert report["auc"] is report["auc_error"] is report["window"]["auc"] is None
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["log_loss"] == pytest.approx((-math.log(1e-7) + math.log(2)) / 3, abs=1e-7)


def test_a_bad_lesson_is_never_saved() -> None:
    """A score that is no number stops report and state, naming the lesson."""
    metrics = fed(*stream(8_192, seed=8))
    metrics.take([0.5, math.nan], [1, 1])
    with pytest.raises(MetricsError, match="lesson 8,193: its score is nan"):
        metrics.state()
    with pytest.raises(MetricsError, match="lesson 8,193"):
        metrics.report()


def test_lengths_must_agree() -> None:
    """A call with more scores than labels is refused, and nothing of it is taken."""
    metrics = Progressive(10)
    with pytest.raises(MetricsError, match="2 scores with 1 labels"):
        metrics.take([0.5, 0.5], [1])
    assert metrics.report()["count"] == 0


def test_a_shorter_window_keeps_the_newest() -> None:
    """Restored with a shorter window, it holds the newest lessons; the totals stay."""
    scores, labels = stream(500, seed=9)
    restored = reopened(fed(scores, labels), window=50)
    assert restored.window == 50
    assert restored.report() == fed(scores, labels, window=50).report()


def test_an_incomplete_state_is_refused() -> None:
    """A state without one of its arrays is refused by the array's name."""
    arrays = fed(*stream(10, seed=10)).state()
    del arrays["auc_bins"]
    with pytest.raises(MetricsError, match="lack auc_bins"):
        Progressive.from_state(10, arrays)


def test_a_window_without_lessons_is_refused() -> None:
    """A window of no lessons is an error that says what would be right."""
    with pytest.raises(MetricsError, match="take 1 or more"):
        Progressive(0)


def test_an_early_state_is_small() -> None:
    """The histogram of a hundred lessons takes 20 bytes a lesson in a checkpoint at most."""
    state = fed(*stream(100, seed=11)).state()
    assert sum(state[name].nbytes for name in state if name.startswith("auc_")) <= 2_000
