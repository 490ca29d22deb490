"""Everything that is measured of a stream of labelled examples; the owner of all sums.

Takes whole blocks; the sums are per contender, a score that is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from learners.evaluation.example_costs import (
    BARS,
    DECISIONS,
    UNDECIDED,
    UNIT,
    ExactSums,
    Labels,
    Rows,
    Scored,
    loss_units,
    scored,
)
from learners.evaluation.fading import ExponentiallyWeighted, Fading, Shares
from learners.evaluation.group_sums import GroupSums
from learners.evaluation.groups import ALL, SIDE_BY_SIDE, Grouped, Move
from learners.evaluation.histograms import Delays, LogOddsHistogram, delay_steps
from learners.evaluation.labelled_examples import ALWAYS, BASE_RATE, SCORE, Lessons, Measuring
from learners.evaluation.windows import Recent
from learners.metrics.arrays import AnyArray, FloatArray, IntArray


@dataclass(frozen=True)
class Beside:
    """What is the same for all contenders of some examples.

    Attributes:
        rows: the examples' rows by grouping; -1 in one that began after the example.
        shares: how much they count in the faded measures.
        served: log losses of the served score, in units.
        amounts: by what their values are multiplied; nan where unknown.
    """

    rows: dict[str, IntArray]
    shares: Shares
    served: FloatArray
    amounts: FloatArray

    @cached_property
    def placed(self) -> dict[str, Rows]:
        """The rows, as sums by them need them."""
        return {name: Rows.of(rows) for name, rows in self.rows.items()}

    @cached_property
    def loss_served(self) -> int:
        """The served score's log loss of all."""
        return int(self.served.sum())

    def part(self, chosen: IntArray) -> Beside:
        """The values of some of the examples."""
        return Beside(
            {name: rows[chosen] for name, rows in self.rows.items()},
            self.shares.part(chosen),
            self.served[chosen],
            self.amounts[chosen],
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
        self.faded = ExponentiallyWeighted()
        self.amounts = ExactSums(DECISIONS) if scaled else None

    @property
    def all(self) -> GroupSums:
        """The sums over everything: one group."""
        return self.groups[ALL]

    def add(self, lessons: Scored, beside: Beside) -> None:
        """Add examples."""
        self.histogram.add(lessons.marks, lessons.positive, lessons.bins)
        self._add_linear(lessons, beside, 1)

    def correct(self, old: Scored, new: Scored, before: Beside, after: Beside) -> None:
        """Take examples back as they were, and add them with their new labels."""
        self.histogram.correct(new.positive, new.bins)
        for lessons, beside, sign in ((old, before, -1), (new, after, 1)):
            self._add_linear(lessons, beside, sign)

    def _add_linear(self, lessons: Scored, beside: Beside, sign: int) -> None:
        bars = np.bincount(lessons.positive * BARS + lessons.bars, minlength=2 * BARS)
        self.bars += sign * bars.reshape(2, BARS)
        self.served += beside.loss_served * sign
        for name, sums in self.groups.items():
            rows = beside.placed[name]
            sums.add(rows, lessons if rows.there is None else lessons.part(rows.there), sign)
        self.faded.add(lessons, beside.shares, sign)
        if self.amounts is not None:
            known = np.isfinite(beside.amounts) & (lessons.decisions != UNDECIDED)
            self.amounts.add(lessons.decisions[known], beside.amounts[known], sign)

    def counts(self) -> tuple[int, int]:
        """Examples and positive ones."""
        negatives, positives = self.bars.sum(axis=1).tolist()
        return negatives + positives, positives

    def restart_decisions(self, *, scaled: bool) -> None:
        """Forget what was decided: from here on another threshold or another amount counts."""
        for sums in self.groups.values():
            sums.restart_decisions()
        self.faded.restart_decisions()
        self.amounts = ExactSums(DECISIONS) if scaled else None

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
        """Resume from a state; a grouping that it lacks starts from zero."""
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


@dataclass(frozen=True, slots=True)
class Correction:
    """Examples whose label was corrected.

    Attributes:
        numbers: of the examples, in the order of learning from 0.
        moment: examples taken before the correction.
        lessons: with their new labels and all else as at first.
    """

    numbers: IntArray
    moment: int
    lessons: Lessons


class Measures:
    """All sums, and the last examples.

    Attributes:
        count: examples measured.
        contenders: by name.
        grouped: the groupings.
        recent: the last examples.
        delays: how long labels took.
        fading: the weights of the faded measures.
        decided_from: the number of the first example decided under today's threshold.
        without_amount: examples since then whose amount is not known.
    """

    def __init__(self, measuring: Measuring) -> None:
        self._measuring = measuring
        self.count = 0
        self.grouped = Grouped(measuring)
        self.contenders: dict[str, Contender] = {}
        for name in ALWAYS:
            self._begin(name)
        self.recent = Recent(measuring)
        self.delays = Delays()
        self.fading = Fading(measuring.half_life)
        self.decided_from = 0
        self.without_amount = 0

    def _begin(self, name: str) -> None:
        sizes = self.grouped.sizes()
        if name != SCORE:
            sizes = {grouping: sizes[grouping] for grouping in SIDE_BY_SIDE}
        self.contenders[name] = Contender(sizes, scaled=bool(self._measuring.scale))

    def take(self, lessons: Lessons, corrections: Sequence[Correction]) -> None:
        """Measure the next examples, and corrections of any up to them."""
        if len(lessons):
            self._add(lessons)
        before = self.count
        self.count += len(lessons)
        for correction in corrections:
            self._correct(correction, before)
        self._close_chunks(before)

    def _add(self, lessons: Lessons) -> None:
        numbers = np.arange(self.count, self.count + len(lessons))
        for name in lessons.scores:
            if name not in self.contenders:
                self._begin(name)
        chunks = numbers // self.fading.chunk - self.count // self.fading.chunk
        shares = Shares(chunks, self.fading.weights(numbers))
        steps = delay_steps(lessons)
        of, beside = self._scored(lessons, steps, numbers, shares)
        for name, (chosen, costs) in of.items():
            part = beside if chosen is None else beside.part(chosen)
            self.contenders[name].add(costs, part)
        self.recent.append(lessons)
        self.delays.add(steps, lessons.positive, 1)
        self.without_amount += int(np.count_nonzero(~np.isfinite(lessons.amounts)))

    def _scored(
        self, lessons: Lessons, steps: IntArray, numbers: IntArray, shares: Shares
    ) -> tuple[dict[str, tuple[IntArray | None, Scored]], Beside]:
        """What the examples cost each contender that scored them, and what is the same for all."""
        decided = None if numbers.min() >= self.decided_from else numbers >= self.decided_from
        base = loss_units(lessons.scores[BASE_RATE], lessons.positive)
        labels, threshold = Labels(lessons.positive, base, decided), self._measuring.threshold
        of: dict[str, tuple[IntArray | None, Scored]] = {}
        for name, scores in lessons.scores.items():
            lacking = np.isnan(scores)
            if lacking.any():
                at = np.flatnonzero(~lacking)
                of[name] = at, scored(scores[at], labels.part(at), threshold)
            else:
                losses = base if name == BASE_RATE else None
                of[name] = None, scored(scores, labels, threshold, losses)
        rows = self.grouped.rows(lessons, steps, numbers, self._move)
        return of, Beside(rows, shares, of[SCORE][1].losses, lessons.amounts)

    def _move(self, grouping: str, move: Move) -> None:
        for contender in self.contenders.values():
            if grouping in contender.groups:
                contender.groups[grouping].place(move.rows, move.size)

    def _correct(self, correction: Correction, before: int) -> None:
        numbers, new = correction.numbers, correction.lessons
        old = new.relabelled()
        chunk = self.fading.chunk
        into = np.full(numbers.size, correction.moment // chunk - before // chunk)
        moments = np.full(numbers.size, correction.moment)
        shares = Shares(into, self.fading.weights_at(numbers, moments))
        steps = delay_steps(new)
        was, beside_was = self._scored(old, steps, numbers, shares)
        now, beside_now = self._scored(new, steps, numbers, shares)
        for name, (chosen, costs) in now.items():
            if chosen is None:
                parts = beside_was, beside_now
            else:
                parts = beside_was.part(chosen), beside_now.part(chosen)
            if name in self.contenders:
                self.contenders[name].correct(was[name][1], costs, *parts)
        self.recent.correct(numbers, new.positive)
        self.delays.add(steps, old.positive, -1)
        self.delays.add(steps, new.positive, 1)

    def _close_chunks(self, before: int) -> None:
        chunks = self.count // self.fading.chunk - before // self.fading.chunk
        for contender in self.contenders.values():
            contender.faded.close(chunks, self.fading.decay)

    def fork(self, name: str, of: str) -> None:
        """Begin a contender whose past is another's."""
        self._begin(name)
        self.contenders[name].restore(self.contenders[of].state())
        self.recent.fork(name, of)

    def drop(self, name: str) -> None:
        """Forget a contender."""
        self.contenders.pop(name, None)
        self.recent.drop(name)

    def state(self) -> dict[str, AnyArray]:
        """Everything, as named arrays."""
        counts = [self.count, self.decided_from, self.without_amount]
        arrays: dict[str, AnyArray] = {
            "counts": np.array(counts, dtype=np.int64),
            "contenders": np.array(sorted(self.contenders)),
            "decided": np.array([self._measuring.threshold, self.fading.half_life]),
            "scale": np.array([self._measuring.scale]),
            "slices": np.array(self._measuring.slices, dtype=np.str_),
        }
        arrays |= self.grouped.state() | self.recent.state() | self.delays.state()
        for name in sorted(self.contenders):
            held = self.contenders[name].state()
            arrays |= {f"by.{name}.{key}": array for key, array in held.items()}
        return arrays

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Resume from a state; what is measured differently now starts with the next example."""
        self.count, self.decided_from, self.without_amount = map(int, arrays["counts"])
        fresh = self.grouped.restore(arrays, self.count)
        for name in arrays["contenders"].tolist():
            self._begin(name)
            held = under(f"by.{name}", arrays)
            self.contenders[name].restore(
                {key: a for key, a in held.items() if key.split(".")[0] not in fresh}
            )
        self.recent.restore(arrays)
        self.delays.restore(arrays)
        threshold, half_life = map(float, arrays["decided"])
        self._go_on_with(threshold, half_life, str(arrays["scale"][0]))

    def _go_on_with(self, threshold: float, half_life: float, scale: str) -> None:
        measuring = self._measuring
        if (threshold, scale) != (measuring.threshold, measuring.scale):
            self.decided_from, self.without_amount = self.count, 0
            for contender in self.contenders.values():
                contender.restart_decisions(scaled=bool(measuring.scale))
        if half_life != measuring.half_life:
            before = Fading(half_life)
            for contender in self.contenders.values():
                contender.faded.rescale(self.count, before, self.fading)
