"""The examples that two versions have both scored, neither having learned from them before.

Checkpoints hold no ids. So examples are told by their record time and label: the same are those of
a time and label of which both versions have equally many. One that one of them has refused drops
out with those of its time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import SCORE
from learners.evaluation.windows import Kept
from learners.metrics.arrays import FloatArray, IntArray
from learners.metrics.metrics import log_losses


@dataclass(frozen=True, slots=True)
class Common:
    """The log losses of two scores of the same examples.

    Attributes:
        count: of the examples.
        log_loss: of the first; nan where there are no examples.
        other_log_loss: of the second.
    """

    count: int
    log_loss: float
    other_log_loss: float


@dataclass(frozen=True, slots=True)
class _Groups:
    """Examples, those with the same key together.

    Attributes:
        keys: rising.
        counts: by key, how many, and how many positive ones.
        losses: by key, the sum of their log losses.
        width: of a key in ms, where keys are periods.
    """

    keys: IntArray
    counts: IntArray
    losses: FloatArray
    width: int = 1


def windows(here: Evaluator, there: Evaluator, contender: str = SCORE) -> Common:
    """Of the last examples, which are kept one by one.

    Args:
        here: the first version's measures; its score is compared.
        there: measures in which the other has scored.
        contender: as which it has.
    """
    return _same(
        _examples(here.window_lessons(), SCORE), _examples(there.window_lessons(), contender)
    )


def curves(here: Evaluator, there: Evaluator) -> Common:
    """Of the periods of event time in which both have equally many examples and positive ones.

    The narrower periods of one are joined to the wider ones of the other.
    """
    both = _periods(here), _periods(there)
    width = max(each.width for each in both)
    if any(width % each.width for each in both):
        return Common(0, np.nan, np.nan)
    return _same(*(_widened(each, width) for each in both))


def _same(here: _Groups, there: _Groups) -> Common:
    """Over the keys of which both have equally many."""
    _, of_here, of_there = np.intersect1d(
        here.keys, there.keys, assume_unique=True, return_indices=True
    )
    equal = (here.counts[of_here] == there.counts[of_there]).all(axis=1)
    of_here, of_there = of_here[equal], of_there[equal]
    count = int(here.counts[of_here, 0].sum())
    losses = here.losses[of_here].sum(), there.losses[of_there].sum()
    return Common(count, *(float(loss) / count if count else np.nan for loss in losses))


def _examples(kept: Kept, contender: str) -> _Groups:
    """By record time and label."""
    scores = kept.scores.get(contender, np.full(kept.positive.size, np.nan))
    given = ~np.isnan(scores)
    positive = kept.positive[given]
    counts = np.stack([np.ones(positive.size, dtype=np.int64), positive], axis=1)
    losses = log_losses(scores[given], positive)
    return _grouped(kept.arrived[given] * 2 + positive, counts, losses)


def _periods(found: Evaluator) -> _Groups:
    """By the beginning of their period."""
    periods = found.details()["periods"]
    starts = np.array([each["start"] for each in periods], dtype=np.int64)
    counts = np.array([[each["count"], each["positives"]] for each in periods], dtype=np.int64)
    means = np.array([each[SCORE]["log_loss"] for each in periods], dtype=np.float64)
    counts = counts.reshape(-1, 2)
    width = min((each["end"] - each["start"] for each in periods), default=1)
    return _grouped(starts, counts, means * counts[:, 0], width)


def _widened(groups: _Groups, width: int) -> _Groups:
    return _grouped(groups.keys // width * width, groups.counts, groups.losses, width)


def _grouped(keys: IntArray, counts: IntArray, losses: FloatArray, width: int = 1) -> _Groups:
    """Those with the same key together."""
    distinct, rows = np.unique(keys, return_inverse=True)
    added = np.zeros((distinct.size, 2), dtype=np.int64)
    np.add.at(added, rows, counts)
    lost = np.zeros(distinct.size)
    np.add.at(lost, rows, losses)
    return _Groups(distinct, added, lost, width)
