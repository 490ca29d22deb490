"""Measured by another thread, a block behind the one that learns, it is all the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event
from typing import ParamSpec, TypeVar

import numpy as np
import pytest

from learners.evaluation.evaluator import AtOnce, Evaluator
from learners.evaluation.labelled_examples import Measuring
from learners.metrics.arrays import MetricsError
from tests.support.learning.measured_lessons import chosen, corrected, lessons, measured, stored

MEASURING = Measuring(window=40, half_life=3.0, slices=("a",))
Given = ParamSpec("Given")
Result = TypeVar("Result")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of seven lessons."""
    monkeypatch.setattr("learners.evaluation.evaluator.BLOCK", 7)


def beside(evaluator: Evaluator, thread: ThreadPoolExecutor) -> AbstractContextManager[None]:
    """The evaluator measures on the thread meanwhile."""
    return evaluator.beside(thread, measures=True)


@pytest.mark.parametrize("measures", [True, False])
def test_what_is_frozen_is_of_its_moment(measures: bool) -> None:
    """Bytes and summary after each call, with corrections and copies, though more came since."""
    given = lessons(200, 1, slices=1)
    wrong = np.random.default_rng(2).choice(60, 20, replace=False)
    right = corrected(given, wrong)
    at_once, behind, expected, found = Evaluator(MEASURING), Evaluator(MEASURING), [], []
    with ThreadPoolExecutor(1) as thread, behind.beside(thread, measures=measures):
        for begin in range(0, 200, 5):
            for each in (at_once, behind):
                each.take(given.part(slice(begin, begin + 5)))
                if begin == 60:
                    each.correct(wrong, chosen(right, wrong))
                if begin == 100:
                    each.fork("static")
            expected.append((at_once.state(), at_once.summary()))
            found.append(behind.told(whole=True))
        assert behind.count == 200
        assert behind.told().result().state == {}
    for (state, summary), frozen in zip(expected, found, strict=True):
        assert frozen.result().summary == summary
        assert {name: a.tobytes() for name, a in frozen.result().state.items()} == {
            name: a.tobytes() for name, a in state.items()
        }
    assert stored(behind) == stored(at_once)


def test_what_fails_on_the_thread_fails_all_that_follows() -> None:
    """The thread that learns hears of it, and nothing is saved or told any more."""
    bad = lessons(7, 2, slices=1)
    bad.scores["score"][1] = np.nan
    evaluator = measured(MEASURING, lessons(10, 1, slices=1))
    with ThreadPoolExecutor(1) as thread, beside(evaluator, thread):
        evaluator.take(bad)
        frozen = evaluator.told(whole=True)
        for heard in (frozen.result, evaluator.summary, lambda: evaluator.take(bad)):
            with pytest.raises(MetricsError, match="labelled example 11: its 'score' is nan"):
                heard()
    with pytest.raises(MetricsError, match="labelled example 11"):
        evaluator.state()


class Counting(ThreadPoolExecutor):
    """One thread that begins once it is let, and counts what has been given to it."""

    def __init__(self) -> None:
        super().__init__(1)
        self.let, self.given = Event(), 0

    def submit(
        self, act: Callable[Given, Result], /, *given: Given.args, **named: Given.kwargs
    ) -> Future[Result]:
        """As the base class."""
        self.given += 1
        super().submit(self.let.wait, 30)
        return super().submit(act, *given, **named)


def test_the_learner_waits_when_a_block_is_under_way_and_another_is_full() -> None:
    """So that not more than two wait in memory, however slow the thread is."""
    evaluator = Evaluator(MEASURING)
    with ThreadPoolExecutor(1) as learner, Counting() as thread, beside(evaluator, thread):
        taking = [learner.submit(evaluator.take, lessons(7, of, slices=1)) for of in range(3)]
        taking[0].result(30)
        with pytest.raises(TimeoutError):
            taking[1].result(0.05)
        assert thread.given == 1
        thread.let.set()
        taking[2].result(30)
    assert evaluator.summary()["count"] == 21


def test_without_another_thread_it_is_done_when_take_returns() -> None:
    """Errors are those of the call."""
    bad = lessons(7, 2, slices=1)
    bad.scores["score"][1] = np.nan
    with pytest.raises(MetricsError, match="labelled example 1"):
        Evaluator(MEASURING).take(bad)
    assert AtOnce().submit(len, "abc").result() == 3
