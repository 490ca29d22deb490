"""All that is summed up for one of the scores that are compared, over the whole stream.

Stands between :mod:`.evaluator`, which owns one for each contender, and the sums themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from learners.arithmetic import FloatArray
from learners.evaluation.exact_sums import ExactSums
from learners.evaluation.fading import Faded, Fading, Shares
from learners.evaluation.fixed_point import FixedSums
from learners.evaluation.group_sums import GroupSums
from learners.evaluation.log_odds import LogOddsHistogram
from learners.evaluation.scored import BARS, Scored
from learners.lessons import AnyArray, IntArray

# The grouping that every lesson has been in from the beginning: all its groups are everything.
EVERYTHING = "ages"


@dataclass(frozen=True, slots=True)
class Beside:
    """What is the same for all contenders of some lessons.

    Attributes:
        rows: the lessons' rows by grouping; -1 in one that began after the lesson.
        shares: how much they count in the faded measures.
        peers: log losses of "score" and "base_rate" in units, [2, lesson].
        amounts: by what their values are multiplied; nan where unknown.
        decided: 1 where the decision counts, 0 where it was made under an earlier threshold.
    """

    rows: dict[str, IntArray]
    shares: Shares
    peers: IntArray
    amounts: FloatArray
    decided: IntArray

    def part(self, chosen: IntArray) -> Beside:
        """Those of some of the lessons."""
        return Beside(
            {name: rows[chosen] for name, rows in self.rows.items()},
            self.shares.part(chosen),
            self.peers[:, chosen],
            self.amounts[chosen],
            self.decided[chosen],
        )


class Contender:
    """One contender's sums.

    Args:
        sizes: rows of each grouping.
        scaled: whether events have amounts of their own.
    """

    def __init__(self, sizes: Mapping[str, int], *, scaled: bool) -> None:
        self.histogram = LogOddsHistogram()
        self.bars: IntArray = np.zeros((2, BARS), dtype=np.int64)
        self.groups = {name: GroupSums(size) for name, size in sizes.items()}
        self.faded = Faded()
        self.peers = FixedSums(2, 1)
        self.amounts = ExactSums(4) if scaled else None

    def add(self, lessons: Scored, beside: Beside) -> None:
        """Add lessons."""
        self.histogram.add(lessons.scores, lessons.positive, lessons.bins)
        self._add_linear(lessons, beside, 1)
        for column, losses in enumerate(beside.peers):
            self.peers.add(np.full(losses.size, column), losses)

    def correct(self, old: Scored, new: Scored, before: Beside, after: Beside) -> None:
        """Take lessons back as they were, and add them with their new labels."""
        self.histogram.correct(new.positive, new.bins)
        for lessons, beside, sign in ((old, before, -1), (new, after, 1)):
            self._add_linear(lessons, beside, sign)
            for column, losses in enumerate(beside.peers):
                self.peers.add(np.full(losses.size, column), losses * sign)

    def _add_linear(self, lessons: Scored, beside: Beside, sign: int) -> None:
        np.add.at(self.bars.reshape(-1), lessons.positive * BARS + lessons.bars, sign)
        for name, rows in beside.rows.items():
            there = rows >= 0
            if there.all():
                self.groups[name].add(rows, lessons, sign)
            else:
                self.groups[name].add(rows[there], lessons.part(there), sign)
        self.faded.add(lessons, beside.shares, sign)
        if self.amounts is not None:
            known = np.isfinite(beside.amounts)
            values = np.where(known, beside.amounts, 0.0)
            self.amounts.add(lessons.decisions, values, known * lessons.decided * sign)

    def restart_decisions(self, *, scaled: bool) -> None:
        """Forget what was decided: from here on another threshold or another amount counts."""
        for sums in self.groups.values():
            sums.restart_decisions()
        self.faded.restart_decisions()
        self.amounts = ExactSums(4) if scaled else None

    def rescale(self, count: int, before: Fading, after: Fading) -> None:
        """Go on with another half-life."""
        self.faded.rescale(count, before, after)

    def decided(self) -> list[int]:
        """True negatives, false positives, false negatives, true positives."""
        return self.groups[EVERYTHING].decided()

    def decided_amounts(self) -> list[float]:
        """The sums of amounts of those."""
        return [*map(float, self.decided())] if self.amounts is None else self.amounts.totals()

    def state(self) -> dict[str, AnyArray]:
        """Everything, as named arrays."""
        whole, parts = self.peers.arrays()
        arrays: dict[str, Any] = {"bars": self.bars.copy(), "peers": whole, "peer_parts": parts}
        arrays |= self.histogram.state() | self.faded.state()
        for name, sums in self.groups.items():
            arrays |= {f"{name}.{key}": array for key, array in sums.state().items()}
        if self.amounts is not None:
            arrays["amount_cells"], arrays["amount_sums"] = self.amounts.state()
        return arrays

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state; a grouping that it does not hold begins anew."""
        self.bars = arrays["bars"].astype(np.int64)
        self.peers.restore(arrays["peers"], arrays["peer_parts"])
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
