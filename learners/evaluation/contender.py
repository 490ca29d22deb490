"""All that is summed up for one of the scores that are compared, over the whole stream.

Stands between :mod:`.evaluator`, which owns one for each contender, and the sums themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learners.evaluation.exact_sums import ExactSums
from learners.evaluation.fading import Faded, Fading, Shares
from learners.evaluation.fixed_point import UNIT
from learners.evaluation.group_sums import DECISIONS, GroupSums
from learners.evaluation.grouped import ALL
from learners.evaluation.histograms import LogOddsHistogram
from learners.evaluation.scored import BARS, Scored
from learners.lessons import AnyArray, IntArray
from learners.metrics.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Beside:
    """What is the same for all contenders of some lessons.

    Attributes:
        rows: the lessons' rows by grouping; -1 in one that began after the lesson.
        shares: how much they count in the faded measures.
        served: log losses of the served score, in units.
        amounts: by what their values are multiplied; nan where unknown.
        decided: 1 where the decision counts, 0 where it was made under an earlier threshold.
    """

    rows: dict[str, IntArray]
    shares: Shares
    served: FloatArray
    amounts: FloatArray
    decided: IntArray

    def part(self, chosen: IntArray) -> Beside:
        """Those of some of the lessons."""
        return Beside(
            {name: rows[chosen] for name, rows in self.rows.items()},
            self.shares.part(chosen),
            self.served[chosen],
            self.amounts[chosen],
            self.decided[chosen],
        )


class Contender:
    """One contender's sums.

    Args:
        sizes: rows of each grouping in which it is measured.
        scaled: whether events have amounts of their own.
    """

    def __init__(self, sizes: Mapping[str, int], *, scaled: bool) -> None:
        self.histogram = LogOddsHistogram()
        self.bars: IntArray = np.zeros((2, BARS), dtype=np.int64)
        # The log loss of the served score on the lessons that this one has scored, in units.
        self.served = 0
        self.groups = {name: GroupSums(size, ordered=name != ALL) for name, size in sizes.items()}
        self.faded = Faded()
        self.amounts = ExactSums(DECISIONS) if scaled else None

    @property
    def all(self) -> GroupSums:
        """The sums over everything: one group."""
        return self.groups[ALL]

    def add(self, lessons: Scored, beside: Beside) -> None:
        """Add lessons."""
        self.histogram.add(lessons.scores, lessons.positive, lessons.bins)
        self._add_linear(lessons, beside, 1)

    def correct(self, old: Scored, new: Scored, before: Beside, after: Beside) -> None:
        """Take lessons back as they were, and add them with their new labels."""
        self.histogram.correct(new.positive, new.bins)
        for lessons, beside, sign in ((old, before, -1), (new, after, 1)):
            self._add_linear(lessons, beside, sign)

    def _add_linear(self, lessons: Scored, beside: Beside, sign: int) -> None:
        np.add.at(self.bars.reshape(-1), lessons.positive * BARS + lessons.bars, sign)
        self.served += int(beside.served.sum()) * sign
        for name, sums in self.groups.items():
            rows = beside.rows[name]
            if rows.size and rows.min() < 0:
                there = rows >= 0
                sums.add(rows[there], lessons.part(there), sign)
            else:
                sums.add(rows, lessons, sign)
        self.faded.add(lessons, beside.shares, sign)
        if self.amounts is not None:
            known = np.isfinite(beside.amounts)
            values = np.where(known, beside.amounts, 0.0)
            self.amounts.add(lessons.decisions, values, known * lessons.decided * sign)

    def counts(self) -> tuple[int, int]:
        """Lessons and positive ones."""
        negatives, positives = self.bars.sum(axis=1).tolist()
        return negatives + positives, positives

    def restart_decisions(self, *, scaled: bool) -> None:
        """Forget what was decided: from here on another threshold or another amount counts."""
        for sums in self.groups.values():
            sums.restart_decisions()
        self.faded.restart_decisions()
        self.amounts = ExactSums(DECISIONS) if scaled else None

    def rescale(self, count: int, before: Fading, after: Fading) -> None:
        """Go on with another half-life."""
        self.faded.rescale(count, before, after)

    def decided(self) -> list[int]:
        """True negatives, false positives, false negatives and true positives."""
        decided: list[int] = self.all.decisions[0].tolist()
        return decided

    def decided_amounts(self) -> Sequence[float]:
        """The sums of amounts of those."""
        return self.decided() if self.amounts is None else self.amounts.totals()

    def state(self) -> dict[str, AnyArray]:
        """Everything, as named arrays."""
        arrays: dict[str, AnyArray] = {
            "bars": self.bars.copy(),
            "served": np.array(divmod(self.served, UNIT), dtype=np.int64),
        }
        arrays |= self.histogram.state() | self.faded.state()
        for name, sums in self.groups.items():
            arrays |= {f"{name}.{key}": array for key, array in sums.state().items()}
        if self.amounts is not None:
            arrays["amount_cells"], arrays["amount_sums"] = self.amounts.state()
        return arrays

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state; a grouping that it does not hold begins anew."""
        self.bars = arrays["bars"].astype(np.int64)
        whole, part = arrays["served"].tolist()
        self.served = whole * UNIT + part
        self.histogram.restore(arrays)
        self.faded.restore(arrays)
        for name, sums in self.groups.items():
            held = under(name, arrays)
            if held:
                sums.restore(held)
        if self.amounts is not None and "amount_cells" in arrays:
            self.amounts.restore(arrays["amount_cells"], arrays["amount_sums"])


def under(name: str, arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """The arrays whose names begin with a name and a dot, without those."""
    start = f"{name}."
    return {key[len(start) :]: array for key, array in arrays.items() if key.startswith(start)}
