"""The measures of groups, from their sums.

Stands between :mod:`.group_sums` and the reports of :mod:`.details`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learners.evaluation.group_sums import BASE, FIRST_GAP, LOSS, SQUARE, GroupSums
from learners.lessons import IntArray
from learners.metrics.areas import average_precision, roc_area
from learners.metrics.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class GroupMeasures:
    """What some groups have come to, one entry a group; nan where undefined."""

    count: IntArray
    positives: IntArray
    log_loss: FloatArray
    base_rate_log_loss: FloatArray
    brier: FloatArray
    ece: FloatArray
    auc: FloatArray
    auc_error: FloatArray
    pr_auc: FloatArray
    pr_auc_error: FloatArray
    decisions: IntArray


def group_measures(groups: GroupSums) -> GroupMeasures:
    """All measures of all groups."""
    negatives, positives, mixed = groups.by_label()
    count = negatives.sum(axis=1) + positives.sum(axis=1)
    sums = groups.sums()
    return GroupMeasures(
        count,
        positives.sum(axis=1),
        _means(sums[:, LOSS], count),
        _means(sums[:, BASE], count),
        _means(sums[:, SQUARE], count),
        _means(np.abs(sums[:, FIRST_GAP:]).sum(axis=1), count),
        *roc_area(negatives, positives, mixed),
        *average_precision(negatives, positives, mixed),
        groups.decisions,
    )


def _means(sums: FloatArray, count: IntArray) -> FloatArray:
    blank = np.full(count.size, np.nan)
    means: FloatArray = np.divide(sums, count, out=blank, where=count > 0)
    return means
