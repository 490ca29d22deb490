"""Gathers labelled examples into blocks, measures them, and reports the results.

The pipeline calls :meth:`Evaluator.take` for each batch,
checkpoints store :meth:`Evaluator.state`, manifests and heartbeats show
:meth:`Evaluator.summary`, reports :meth:`Evaluator.details`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from learners.evaluation.groups import slice_name
from learners.evaluation.labelled_examples import (
    SCORE,
    Lessons,
    Measuring,
    check_shape,
    checked,
    joined,
)
from learners.evaluation.measures import Correction, Measures
from learners.evaluation.results import curve, details, summary
from learners.evaluation.windows import Kept
from learners.metrics.arrays import AnyArray, IntArray, MetricsError

_SLICE = re.compile(r"(^|\.)slice@(\d+)($|\.)")


def for_slices(columns: Sequence[str], arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """The arrays, those of each slice under the place that its column has today."""
    places = {
        old: list(columns).index(name)
        for old, name in enumerate(arrays["slices"].tolist())
        if name in columns
    }
    found: dict[str, AnyArray] = {}
    for key, array in arrays.items():
        named = _SLICE.search(key)
        if named is None:
            found[key] = array
        elif int(named[2]) in places:
            today = slice_name(places[int(named[2])])
            found[key[: named.start()] + named[1] + today + named[3] + key[named.end() :]] = array
    return found


# Lessons wait for each other until so many are there: measuring costs half a millisecond whatever
# the number, which a call with three lessons could not bear. Longer blocks do not fit the CPU's
# cache, and sums of more are no longer exact; see :data:`learners.evaluation.example_costs.UNIT`.
BLOCK = 1 << 14


class Evaluator:
    """The measures of one stream of examples; the one owner of their state.

    Args:
        measuring: what is measured.
    """

    def __init__(self, measuring: Measuring) -> None:
        self.measuring = measuring
        self._measures = Measures(measuring)
        self._forks: dict[str, tuple[str, int]] = {}
        self._waiting: list[Lessons] = []
        self._waiting_count = 0
        self._corrections: list[Correction] = []

    @classmethod
    def from_state(cls, measuring: Measuring, arrays: Mapping[str, AnyArray]) -> Self:
        """Resume from what ``state`` gave, even if other metrics are configured from here on.

        Windows reach as far back as was kept. Decisions at another threshold, or of amounts in
        another column, begin anew; so do periods of another length and slices that are new.

        Raises:
            MetricsError: arrays are missing.
        """
        found = cls(measuring)
        try:
            found._measures.restore(for_slices(measuring.slices, arrays))
            names, numbers = arrays["forks"], arrays["fork_numbers"]
        except KeyError as error:
            raise MetricsError(
                f"The saved measures lack {error}: the snapshot was written by another version of "
                "Freshet. Go on with that version, or make a new model by a backfill."
            ) from error
        for (name, of), number in zip(names.tolist(), numbers.tolist(), strict=True):
            found._forks[name] = of, number
        return found

    @property
    def count(self) -> int:
        """Examples taken: the number of the next one."""
        return self._measures.count + self._waiting_count

    @property
    def contenders(self) -> tuple[str, ...]:
        """Names of the scores that are measured."""
        self._measure()
        return tuple(self._measures.contenders)

    @property
    def forks(self) -> dict[str, int]:
        """Examples that were measured before each copy of another contender was taken."""
        return {name: number for name, (_, number) in self._forks.items()}

    def take(self, lessons: Lessons) -> None:
        """Take examples in the order in which they were learned.

        A contender that is not known begins with these examples.

        Raises:
            MetricsError: columns do not fit each other; or a score is not in [0, 1], which may
                come to light only in a later call, but before anything is reported or saved.
        """
        check_shape(lessons, len(self.measuring.slices))
        self._waiting.append(lessons)
        self._waiting_count += len(lessons)
        if self._waiting_count >= BLOCK:
            self._measure()

    def correct(self, numbers: IntArray, lessons: Lessons) -> None:
        """Labels of examples taken before are corrected.

        Args:
            numbers: of the examples, in the order of learning from 0; each had the other label.
            lessons: with their new labels, and all else as at first.

        Raises:
            MetricsError: columns do not fit each other, or there is no such example.
        """
        check_shape(lessons, len(self.measuring.slices))
        if numbers.shape != (len(lessons),) or (numbers.size and not self._known(numbers)):
            raise MetricsError(
                f"Cannot correct {len(lessons)} examples by the numbers {numbers.tolist()[:3]}...: "
                f"give one for each, below {self.count}."
            )
        if len(lessons):
            self._corrections.append(Correction(numbers, self.count, lessons))

    def _known(self, numbers: IntArray) -> bool:
        return bool(numbers.min() >= 0 and numbers.max() < self.count)

    def fork(self, name: str, of: str = SCORE) -> None:
        """Begin a contender whose past is another's; no example's scores name it before this.

        Raises:
            MetricsError: it is there already, or the other is not.
        """
        self._measure()
        if name in self._measures.contenders or of not in self._measures.contenders:
            raise MetricsError(
                f"Cannot measure '{name}' as a copy of '{of}' among "
                f"{', '.join(self._measures.contenders)}."
            )
        self._measures.fork(name, of)
        self._forks[name] = of, self._measures.count

    def drop(self, name: str) -> None:
        """Forget a contender, one that the configuration no longer names."""
        self._measure()
        self._measures.drop(name)
        self._forks.pop(name, None)

    def _measure(self) -> None:
        """Have everything measured that waits."""
        if not self._waiting and not self._corrections:
            return
        first = self._measures.count
        corrections = [self._checked(c) for c in self._corrections]
        if self._waiting:
            lessons = checked(joined(self._waiting), first)
            ends = _ends(len(lessons))
            for begin, end in zip([0, *ends], ends, strict=False):
                due = [c for c in corrections if c.moment <= first + end]
                corrections = corrections[len(due) :]
                self._measures.take(lessons.part(slice(begin, end)), due)
        if corrections:
            self._measures.take(corrections[0].lessons.part(slice(0)), corrections)
        self._waiting.clear()
        self._waiting_count = 0
        self._corrections.clear()

    def _checked(self, correction: Correction) -> Correction:
        """With the scores of those that were another contender when the examples were learned."""
        lessons, numbers = correction.lessons, correction.numbers
        scores = dict(lessons.scores)
        for name, (of, number) in self._forks.items():
            given = scores.get(name, np.full(len(lessons), np.nan))
            scores[name] = np.where(numbers < number, scores[of], given)
        full = Lessons(
            scores,
            lessons.positive,
            lessons.behind,
            lessons.arrived,
            lessons.known,
            lessons.slices,
            lessons.amounts,
        )
        return Correction(numbers, correction.moment, checked(full, 0))

    def summary(self) -> dict[str, Any]:
        """The measures in short, ready for JSON; see :mod:`learners.evaluation.results`."""
        self._measure()
        return summary(self._measures, self.measuring)

    def details(self, values: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        """Everything, ready for JSON; see :mod:`learners.evaluation.results`.

        Args:
            values: by slice, the text of each code.
        """
        self._measure()
        return details(self._measures, self.measuring, values or {})

    def curve(self) -> dict[str, Any]:
        """The periods joined for a reader; see :func:`learners.evaluation.results.curve`."""
        self._measure()
        return curve(self._measures)

    def window_lessons(self) -> Kept:
        """The examples of the window by count, for comparisons of paired scores."""
        self._measure()
        return self._measures.recent.window()

    def state(self) -> dict[str, AnyArray]:
        """Everything, as arrays for ``np.savez``; the same examples always give the same bits."""
        self._measure()
        names = [[name, of] for name, (of, _) in sorted(self._forks.items())]
        numbers = [number for _, (_, number) in sorted(self._forks.items())]
        return self._measures.state() | {
            "forks": np.array(names, dtype=np.str_).reshape(-1, 2),
            "fork_numbers": np.array(numbers, dtype=np.int64),
        }


@dataclass(frozen=True)
class Frozen:
    """The measures of one moment, to be reported on any thread.

    Attributes:
        state: as :meth:`Evaluator.state` gives it.
        contenders: in their order, which a state does not keep.
    """

    measuring: Measuring
    state: dict[str, AnyArray]
    contenders: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """What :meth:`Evaluator.summary` gave at that moment."""
        found = Evaluator.from_state(self.measuring, self.state).summary()
        each = found["contenders"]
        return found | {
            "contenders": {name: each[name] for name in self.contenders if name in each}
        }


def frozen(evaluator: Evaluator) -> Frozen:
    """The measures as they are now."""
    return Frozen(evaluator.measuring, evaluator.state(), evaluator.contenders)


def _ends(count: int) -> list[int]:
    """Where the blocks of so many examples end; all are about as long."""
    blocks = max(1, -(-count // BLOCK))
    return [count * block // blocks for block in range(1, blocks + 1)]
