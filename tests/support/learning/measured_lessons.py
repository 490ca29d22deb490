"""Lessons as a pipeline would make them, for the tests of the evaluation."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Lessons, Measuring, joined
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray

HOUR = 3_600_000


def lessons(count: int, seed: int, *names: str, slices: int = 0) -> Lessons:
    """Scores like a learner's, many of them tied, labels that fit them, and labels that are late.

    Args:
        count: how many.
        seed: of all chance.
        names: contenders beside the two that are always there.
        slices: columns of codes from -1 to 4.
    """
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1.2, 1.0, count)
    tied = random.random(count) < 0.2
    log_odds[tied] = np.round(log_odds[tied], 1)
    scores = {"score": 1 / (1 + np.exp(-log_odds))}
    scores["base_rate"] = np.clip(random.normal(0.3, 0.02, count), 0, 1)
    for name in names:
        scores[name] = 1 / (1 + np.exp(-log_odds - random.normal(0.2, 0.5, count)))
    known = np.arange(count, dtype=np.int64) * 60_000
    arrived = known - random.exponential(6 * HOUR, count).astype(np.int64)
    return Lessons(
        scores,
        random.random(count) < scores["score"],
        np.maximum(np.arange(count) - random.integers(0, 500, count), 0),
        arrived,
        known,
        random.integers(-1, 5, (slices, count)),
        np.ones(count),
    )


def chosen(given: Lessons, at: IntArray) -> Lessons:
    """Some lessons, in any order."""
    return Lessons(
        {name: scores[at] for name, scores in given.scores.items()},
        given.positive[at],
        given.behind[at],
        given.arrived[at],
        given.known[at],
        given.slices[:, at],
        given.amounts[at],
    )


def corrected(given: Lessons, at: IntArray) -> Lessons:
    """All lessons, some with the other label."""
    positive = given.positive.copy()
    positive[at] ^= True
    return replace(given, positive=positive)


def measured(measuring: Measuring, *parts: Lessons) -> Evaluator:
    """An evaluator that took some lessons."""
    evaluator = Evaluator(measuring)
    for part in parts:
        evaluator.take(part)
    return evaluator


def cut(given: Lessons, lengths: Iterable[int]) -> Iterable[Lessons]:
    """The lessons in calls of these lengths, the rest in one."""
    begin = 0
    for length in lengths:
        yield given.part(slice(begin, begin + length))
        begin += length
    yield given.part(slice(begin, None))


def stored(evaluator: Evaluator) -> bytes:
    """The bytes that a checkpoint would hold."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **evaluator.state())
    return file.getvalue()


def reopened(evaluator: Evaluator, measuring: Measuring | None = None) -> Evaluator:
    """The evaluator as a restart finds it, perhaps under another configuration."""
    with np.load(io.BytesIO(stored(evaluator)), allow_pickle=False) as file:
        arrays: dict[str, AnyArray] = dict(file)
    return Evaluator.from_state(measuring or evaluator.measuring, arrays)


__all__ = ["chosen", "corrected", "cut", "joined", "lessons", "measured", "reopened", "stored"]


def assert_areas(found: dict[str, Any], scores: FloatArray, positive: BoolArray) -> None:
    """Both areas are within their stated errors of scikit-learn's, or exact without one."""
    for name, theirs in (("auc", roc_auc_score), ("pr_auc", average_precision_score)):
        error = found.get(f"{name}_error", 0.0)
        assert abs(found[name] - theirs(positive, scores)) <= error + 1e-9
