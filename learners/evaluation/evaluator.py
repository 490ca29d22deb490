"""Gathers labelled examples into blocks, measures them, and reports the results.

The pipeline calls :meth:`Evaluator.take` for each batch, checkpoints store what
:meth:`Evaluator.told` gives, heartbeats show its summary, reports :meth:`Evaluator.details`. What
is measured follows from the examples and their order alone, so that another thread may measure
them, a block behind the one that learns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from time import thread_time
from typing import Any, ParamSpec, Self, TypeVar

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


Given = ParamSpec("Given")
Result = TypeVar("Result")


class AtOnce(Executor):
    """Does right away what it is given, on the thread that gives it."""

    def submit(
        self, act: Callable[Given, Result], /, *given: Given.args, **named: Given.kwargs
    ) -> Future[Result]:
        """The result, or the error."""
        done: Future[Result] = Future()
        try:
            done.set_result(act(*given, **named))
        except Exception as error:
            done.set_exception(error)
        return done


AT_ONCE = AtOnce()


@dataclass(frozen=True)
class Told:
    """The measures of one moment.

    Attributes:
        summary: as :meth:`Evaluator.summary` gives it.
        state: as :meth:`Evaluator.state` gives it; empty if it was not asked for.
        seconds: of processor time that these took.
    """

    summary: dict[str, Any]
    state: dict[str, AnyArray]
    seconds: float


class Evaluator:
    """The measures of one stream of examples; the one owner of their state.

    Args:
        measuring: what is measured.
    """

    def __init__(self, measuring: Measuring) -> None:
        self.measuring = measuring
        self._measures = Measures(measuring)
        self._forks: dict[str, tuple[str, int]] = {}
        self._count = 0
        self._waiting: list[Lessons] = []
        self._waiting_count = 0
        self._corrections: list[Correction] = []
        # Each begins when the one before has ended, and fails if that has failed.
        self._last: Future[Any] = AT_ONCE.submit(lambda: None)
        self._measurer: Executor = AT_ONCE
        self._teller: Executor = AT_ONCE

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
        found._count = found._measures.count
        return found

    @contextmanager
    def beside(self, thread: Executor, *, measures: bool) -> Iterator[None]:
        """Meanwhile, let another thread work out what is told of the measures.

        Args:
            thread: does one thing after the other.
            measures: whether it measures, too; no more than a block waits for it.
        """
        self._teller = thread
        self._measurer = thread if measures else AT_ONCE
        try:
            yield
        finally:
            wait([self._last])
            self._teller = self._measurer = AT_ONCE

    @property
    def count(self) -> int:
        """Examples taken: the number of the next one."""
        return self._count

    @property
    def contenders(self) -> tuple[str, ...]:
        """Names of the scores that are measured."""
        return tuple(self._measured().contenders)

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
        self._count += len(lessons)
        if self._waiting_count >= BLOCK:
            self._last.result()
            measured = self._measure(min(self._waiting_count % BLOCK, len(lessons)))
            if self._measurer is AT_ONCE:
                measured.result()

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
        measures = self._measured()
        if name in measures.contenders or of not in measures.contenders:
            raise MetricsError(
                f"Cannot measure '{name}' as a copy of '{of}' among "
                f"{', '.join(measures.contenders)}."
            )
        measures.fork(name, of)
        self._forks[name] = of, measures.count

    def drop(self, name: str) -> None:
        """Forget a contender, one that the configuration no longer names."""
        self._measured().drop(name)
        self._forks.pop(name, None)

    def _measured(self) -> Measures:
        """The measures of everything that was taken, and nobody works on them."""
        self._measure().result()
        return self._measures

    def _measure(self, rest: int = 0) -> Future[Any]:
        """Have everything measured that waits, but for so many of the examples taken last."""
        waiting, corrections = self._waiting, self._corrections
        if waiting or corrections:
            self._waiting, self._waiting_count, self._corrections = [], rest, []
            if rest:
                newest = waiting.pop()
                waiting.append(newest.part(slice(len(newest) - rest)))
                self._waiting.append(newest.part(slice(len(newest) - rest, None)))
            self._submit(self._measurer, lambda: self._add(waiting, corrections))
        return self._last

    def _submit(self, executor: Executor, act: Callable[[], Result]) -> Future[Result]:
        before = self._last

        def after() -> Result:
            before.result()
            return act()

        self._last = found = executor.submit(after)
        return found

    def _add(self, waiting: Sequence[Lessons], given: Sequence[Correction]) -> None:
        first = self._measures.count
        corrections = [self._checked(c) for c in given]
        if waiting:
            lessons = checked(joined(waiting), first)
            ends = _ends(len(lessons))
            for begin, end in zip([0, *ends], ends, strict=False):
                due = [c for c in corrections if c.moment <= first + end]
                corrections = corrections[len(due) :]
                self._measures.take(lessons.part(slice(begin, end)), due)
        if corrections:
            self._measures.take(corrections[0].lessons.part(slice(0)), corrections)

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
        return summary(self._measured(), self.measuring)

    def details(self, values: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        """Everything, ready for JSON; see :mod:`learners.evaluation.results`.

        Args:
            values: by slice, the text of each code.
        """
        return details(self._measured(), self.measuring, values or {})

    def curve(self) -> dict[str, Any]:
        """The periods joined for a reader; see :func:`learners.evaluation.results.curve`."""
        return curve(self._measured())

    def window_lessons(self) -> Kept:
        """The examples of the window by count, for comparisons of paired scores."""
        return self._measured().recent.window()

    def state(self) -> dict[str, AnyArray]:
        """Everything, as arrays for ``np.savez``; the same examples always give the same bits."""
        self._measured()
        return self._state()

    def told(self, *, whole: bool = False) -> Future[Told]:
        """The summary of all that was taken until now; with the state, if the whole is wanted."""

        def tell() -> Told:
            began = thread_time()
            state = self._state() if whole else {}
            found = summary(self._measures, self.measuring)
            return Told(found, state, thread_time() - began)

        self._measure()
        found = self._submit(self._teller, tell)
        self._submit(self._teller, lambda: None)  # what is remembered as the last holds no state
        return found

    def _state(self) -> dict[str, AnyArray]:
        names = [[name, of] for name, (of, _) in sorted(self._forks.items())]
        numbers = [number for _, (_, number) in sorted(self._forks.items())]
        return self._measures.state() | {
            "forks": np.array(names, dtype=np.str_).reshape(-1, 2),
            "fork_numbers": np.array(numbers, dtype=np.int64),
        }


def _ends(count: int) -> list[int]:
    """Where the blocks of so many examples end; all are about as long."""
    blocks = max(1, -(-count // BLOCK))
    return [count * block // blocks for block in range(1, blocks + 1)]
