"""The sums of an evaluation by their definition: one example after the other, in whole numbers.

The plain twin of :mod:`learners.evaluation.measures`, which adds up blocks. It knows no block, no
array of groups, and no merging of periods.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from learners.evaluation.example_costs import UNIT
from learners.evaluation.histograms import AGES
from learners.evaluation.labelled_examples import Lessons, Measuring
from learners.metrics.metrics import log_losses

Key = tuple[str, str, int]


def in_units(cost: float) -> int:
    """A cost as a whole number of the unit."""
    return round(Fraction(cost) * UNIT)


class PlainSums:
    """Sums of each contender by grouping and group; keys are contender, grouping and group.

    Attributes:
        counts: examples by label and score.
        decisions: true negatives, false positives, false negatives and true positives.
        costs: log loss, squared error, the base rate's log loss, and score less label by
            calibration bin, in units.
        served: by contender, the log loss of the served score, in units.
    """

    def __init__(self, measuring: Measuring) -> None:
        self._measuring = measuring
        self.counts: defaultdict[Key, Counter[tuple[bool, float]]] = defaultdict(Counter)
        self.decisions: defaultdict[Key, Counter[int]] = defaultdict(Counter)
        self.costs: defaultdict[Key, Counter[int]] = defaultdict(Counter)
        self.served: Counter[str] = Counter()

    def take(self, lessons: Lessons, sign: int = 1) -> None:
        """Add each example, or subtract it."""
        for at in range(len(lessons)):
            self._take(lessons.part(slice(at, at + 1)), sign)

    def _take(self, one: Lessons, sign: int) -> None:
        losses = {
            name: in_units(float(log_losses(scores + 0.0, one.positive)[0]))
            for name, scores in one.scores.items()
            if not np.isnan(scores[0])
        }
        positive = bool(one.positive[0])
        for name, loss in losses.items():
            score = float(one.scores[name][0])
            self.served[name] += sign * losses["score"]
            for grouping, group in self._groups(one, name):
                key = name, grouping, group
                self.counts[key][positive, score] += sign
                self.decisions[key][(score >= self._measuring.threshold) + 2 * positive] += sign
                self.costs[key][0] += sign * loss
                self.costs[key][1] += sign * in_units((score - positive) * (score - positive))
                self.costs[key][2] += sign * losses["base_rate"]
                self.costs[key][3 + min(int(score * 60), 59) // 4] += sign * in_units(
                    score - positive
                )

    def _groups(self, one: Lessons, name: str) -> Iterator[tuple[str, int]]:
        yield "all", 0
        yield "periods", int(one.arrived[0]) // self._measuring.period_ms
        if name == "score":
            yield "ages", bisect_right(AGES[1:], int(one.known[0] - one.arrived[0]))
            yield "by_lessons", int(one.behind[0]) // 1_000
            for place, codes in enumerate(one.slices):
                yield f"slice@{place}", int(codes[0]) + 1

    def groups(self, name: str, grouping: str) -> list[int]:
        """The groups that were ever in use, in their order."""
        return sorted(group for n, g, group in self.counts if (n, g) == (name, grouping))

    def rows(self, name: str, grouping: str) -> list[dict[str, Any]]:
        """What each group has come to, as :func:`rows_of` reads it from a state."""
        found = []
        for group in self.groups(name, grouping):
            key = name, grouping, group
            labels = Counter[bool]()
            for (positive, _), count in self.counts[key].items():
                labels[positive] += count
            found.append(
                {
                    "labels": (labels[False], labels[True]),
                    "decisions": [self.decisions[key][kind] for kind in range(4)],
                    "costs": [self.costs[key][column] for column in range(18)],
                }
            )
        return found
