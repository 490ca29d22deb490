"""How well one column alone tells the classes apart: a leak does it too well.

A leak is a column that is known only when the label is, such as a flight's arrival time. Learned
from, it makes numbers in testing wonderful and predictions worthless.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

# Fewer labels of a class say nothing about how well a column tells them apart.
FEWEST_OF_A_CLASS = 10

# What honest columns do not reach alone; the classes' rate per value fits the sample more closely
# than a rank does, so more is asked of it.
SUSPECT_RANK_AUC = 0.85
SUSPECT_RATE_AUC = 0.9


def rank_auc(scores: Sequence[float], labels: Sequence[int]) -> float | None:
    """The area under the ROC curve: how often a positive's score is above a negative's.

    Args:
        scores: one a row; ties count half.
        labels: 1 or 0 each.

    Returns:
        A value in 0..1, or None with fewer than ten rows of a class.
    """
    positives = Counter(s for s, label in zip(scores, labels, strict=True) if label)
    negatives = Counter(s for s, label in zip(scores, labels, strict=True) if not label)
    if min(positives.total(), negatives.total()) < FEWEST_OF_A_CLASS:
        return None
    below = 0
    won = 0.0
    for score in sorted(positives.keys() | negatives.keys()):
        won += positives[score] * (below + negatives[score] / 2)
        below += negatives[score]
    return won / (positives.total() * negatives.total())


def rate_auc(values: Sequence[Hashable], labels: Sequence[int]) -> float | None:
    """The same for categories: each value's score is its share of positives."""
    count: dict[Hashable, int] = defaultdict(int)
    positive: dict[Hashable, int] = defaultdict(int)
    for value, label in zip(values, labels, strict=True):
        count[value] += 1
        positive[value] += label
    return rank_auc([positive[v] / count[v] for v in values], labels)


def suspect(rank: float | None, rate: float | None) -> float | None:
    """The AUC by which a column is a suspect, as if high values meant positive; None if it is not.

    Args:
        rank: ``rank_auc`` of a numeric column.
        rate: ``rate_auc`` of a column's categories, or of its being missing.
    """
    if rank is not None and max(rank, 1 - rank) >= SUSPECT_RANK_AUC:
        return max(rank, 1 - rank)
    return rate if rate is not None and rate >= SUSPECT_RATE_AUC else None
