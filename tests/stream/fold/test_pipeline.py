"""The fold: joins, order, counts and measures, against a slow simulation that is plainly right."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config.learning_settings import (
    CalibrationSettings,
    DuplicateSettings,
    ImbalanceSettings,
    LateLabelSettings,
)
from learners import choose
from learners.calibration.adjustment import Adjuster
from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Measuring
from stream.fold import run_planner
from stream.fold.pipeline import Pipeline
from stream.fold.row_planner import Planner
from stream.fold.scoring import Scoring
from stream.joins.joiner import Joiner
from stream.joins.persistence import SavedJoins
from stream.log.batch import EventRows, LabelRows, batch_of
from tests.support.streams.folds import (
    EVENTS,
    LABELS,
    Drawn,
    batch_with,
    check_counts,
    drawn_records,
    model_bytes,
    narrow,
    narrow_steps,
    policies,
    remembered,
    scores_of,
    steps,
)
from tests.support.streams.simulation import SPEC, Simulation


def pipeline(late: LateLabelSettings, window: int = 5) -> Pipeline:
    """An empty fold."""
    scoring = Scoring(choose.create(SPEC), Adjuster(ImbalanceSettings(), CalibrationSettings()))
    joiner = Joiner(late, DuplicateSettings(window=window), scoring.layout())
    return Pipeline(
        scoring,
        Planner(joiner, late.expired == "negative"),
        Evaluator(Measuring(window=50)),
        SavedJoins(joiner, late.memory),
        lineage=1,
    )


cut_up = st.lists(st.integers(1, 6), min_size=1, max_size=9)


@settings(max_examples=100, deadline=None)
@given(steps, policies, st.integers(0, 8), cut_up)
def test_the_fold_is_the_simulation(
    drawn: Drawn, late: LateLabelSettings, window: int, cuts: list[int]
) -> None:
    """Scores, lessons, measures and counts are those of the row-by-row rules, however cut."""
    check_simulated(drawn, late, window, cuts)


NEGATIVE = LateLabelSettings(wait=3.0, expired="negative")


def one(later: int, kind: str, id_: str) -> tuple[int, tuple[str, list[Any]]]:
    """A record of one row, so many seconds later."""
    rows = {"e": (id_, None, "| x=1"), "l": (id_, 1)}
    return later, (kind, [rows.get(kind, id_)])


@settings(max_examples=200, deadline=None)
@given(narrow_steps, narrow, st.sampled_from([0, 5]), cut_up, st.sampled_from([1, 100]))
# The label of an event that waits, and of one that comes as late after it as may be.
@example([one(0, "e", "a"), one(1, "no l", "a"), one(2, "e", "b")], NEGATIVE, 5, [6], 1)
@example([one(0, "no l", "a"), one(3, "e", "a"), one(3, "e", "b")], NEGATIVE, 5, [6], 100)
@example(
    [one(0, "e", "z"), one(0, "no l", "a"), one(3, "e", "a"), one(3, "e", "b")], NEGATIVE, 5, [1], 1
)
@example(
    [one(0, "no l", "a"), one(2, "e", "a"), one(2, "e", "b"), one(1, "e", "c")], NEGATIVE, 5, [1], 1
)
# A label as late after its event as may be, and later.
@example([one(0, "e", "z"), one(0, "no e", "a"), one(3, "l", "a")], NEGATIVE, 5, [6], 1)
@example(
    [one(0, "e", "z"), one(0, "no e", "a"), one(2, "e", "b"), one(2, "l", "a")], NEGATIVE, 5, [6], 1
)
@example([one(0, "no e", "a"), one(0, "e", "z"), one(3, "l", "a")], NEGATIVE, 5, [1], 100)
def test_what_is_in_quarantine_is_what_the_simulation_leaves_out(
    drawn: Drawn, late: LateLabelSettings, window: int, cuts: list[int], fewest: int
) -> None:
    """Its labels are nobody's, and an event whose label is in it is never learned as negative."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_planner, "FEWEST", fewest)
        check_simulated(drawn, late, window, cuts)


def check_simulated(drawn: Drawn, late: LateLabelSettings, window: int, cuts: list[int]) -> None:
    """The fold of these steps is the simulation's."""
    records = drawn_records(drawn)
    slow, fold = Simulation(late, window), pipeline(late, window)
    for record in records:
        slow.take(record)
    written, left, at = [], list(records), 0
    while left:
        size = cuts[at % len(cuts)]
        written += fold.take(batch_with(left[:size])).scores
        left, at = left[size:], at + 1
    assert scores_of(written) == slow.scores
    check_counts(fold, slow)
    assert fold.evaluator.summary()["log_loss"] == pytest.approx(log_loss(slow.measured))
    fold.close()
    slow.learner.close()


def log_loss(measured: list[tuple[float, int]]) -> float | None:
    """The mean over lessons, by its definition."""
    if not measured:
        return None
    clipped = [(min(max(s, 1e-7), 1 - 1e-7), y) for s, y in measured]
    return -sum(math.log(s if y else 1 - s) for s, y in clipped) / len(clipped)


@settings(max_examples=30, deadline=None)
@given(steps, policies, st.integers(1, 5), st.integers(1, 5))
def test_cuts_change_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: Drawn,
    late: LateLabelSettings,
    one: int,
    other: int,
) -> None:
    """Two ways to cut the same records give the same model, joins and measures to the last bit."""
    records, states = drawn_records(drawn), []
    folder = tmp_path_factory.mktemp("models")
    for size in (one, other):
        fold = pipeline(late)
        for first in range(0, len(records), size):
            fold.take(batch_with(records[first : first + size]))
        learned = model_bytes(fold.learner, folder)
        report = fold.evaluator.summary()
        states.append((learned, remembered(fold.joiner), fold.counts, report))
        fold.close()
    assert states[0] == states[1]


def test_an_event_is_measured_by_the_score_it_was_given_at_arrival() -> None:
    """Lessons learned between an event and its label do not flatter its score."""
    fold = pipeline(LateLabelSettings())
    arrival = EventRows(EVENTS, 0, 1000, [("a", None, "| x=1")])
    lessons = EventRows(EVENTS, 1, 2000, [("", 1, "| x=1")] * 20)
    label = LabelRows(LABELS, 0, 3000, [("a", 1)])
    fold.take(batch_of([arrival], {}))
    fold.take(batch_of([lessons], {}))
    before = fold.evaluator.summary()["log_loss"] * 20
    fold.take(batch_of([label], {}))
    assert fold.evaluator.summary()["log_loss"] * 21 == pytest.approx(before - math.log(0.5))
    fold.close()


def test_the_static_copy_stops_learning_and_is_measured_on_the_same_events() -> None:
    """From its moment on the copy scores as it did then, while the learner goes on."""
    fold = pipeline(LateLabelSettings())
    fold.static_after = 5000
    fold.take(batch_of([EventRows(EVENTS, n, n * 1000, [("", 1, "| x=1")]) for n in range(10)], {}))
    assert fold.scoring.static is not None
    main = fold.evaluator.summary()
    static = main["static"]
    assert static["count"] == main["count"] == 10
    assert static["log_loss"] > main["log_loss"]
    # Five lessons measured before the copy was taken, as the learner itself; five by the copy.
    early = pipeline(LateLabelSettings())
    early.take(batch_of([EventRows(EVENTS, n, n * 1000, [("", 1, "| x=1")]) for n in range(5)], {}))
    (frozen,) = early.learner.predict(["| x=1"])
    expected = (early.evaluator.summary()["log_loss"] * 5 - 5 * math.log(frozen)) / 10
    assert static["log_loss"] == pytest.approx(expected)
    fold.close()
    early.close()


def test_a_replayed_batch_writes_nothing_and_changes_the_same() -> None:
    """Replay is the same fold with outputs off."""
    record = EventRows(EVENTS, 0, 1000, [("a", 1, "| x=1"), Refusal("bad-label", "late", "?")])
    live, again = pipeline(LateLabelSettings()), pipeline(LateLabelSettings())
    first = live.take(batch_of([record], {}))
    second = again.take(batch_of([record], {}), write=False)
    assert len(first.scores) == len(first.dead_letters) == 1
    assert second.scores == second.dead_letters == []
    assert live.counts == again.counts
    live.close()
    again.close()
