"""The fold: joins, order, counts and measures, against a slow simulation that is plainly right."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells import Refusal
from converters.settings import DuplicateSettings, LateLabelSettings
from learners import choose
from learners.base import Learner
from learners.progressive import Progressive
from stream.joiner import Joiner
from stream.log import Place
from stream.pipeline import Pipeline
from stream.planning import Planner
from stream.reading import Batch, EventRows, LabelRows, Taken
from tests.simulation import SECOND, SPEC, Simulation

EVENTS, LABELS = Place("m.events", 0), Place("m.labels", 0)


def no_copy(_: Learner) -> Learner:
    """No test here freezes a copy unless it says so."""
    raise AssertionError


def pipeline(late: LateLabelSettings, window: int = 5) -> Pipeline:
    """An empty fold."""
    return Pipeline(
        choose.create(SPEC),
        Planner(Joiner(late, DuplicateSettings(window=window)), late.expired == "negative"),
        Progressive(50),
        lineage=1,
        copy_learner=no_copy,
    )


ids = st.sampled_from(["", "a", "b", "c", "d", "e", "a-long-id-of-over-16-characters"])
texts = st.sampled_from(["| x=1", "| x=2 y:0.5", "|", "| y:3 |a z=1"])
event_rows = st.lists(
    st.tuples(ids, st.sampled_from([None, None, 0, 1]), texts)
    | st.just(Refusal("bad-label", "late", "?")),
    min_size=1,
    max_size=4,
)
label_rows = st.lists(
    st.tuples(ids.filter(bool), st.sampled_from([0, 1])) | st.just(Refusal("missing-id", "id", "")),
    min_size=1,
    max_size=4,
)
steps = st.lists(
    st.tuples(st.integers(0, 4), st.one_of(st.tuples(st.just("e"), event_rows),
                                           st.tuples(st.just("l"), label_rows))),
    max_size=25,
)  # fmt: skip
policies = st.builds(
    LateLabelSettings,
    wait=st.sampled_from([3.0, 6.0, 100.0]),
    expired=st.sampled_from(["drop", "negative"]),
    max_waiting=st.sampled_from([1, 2, 50]),
)


def records_of(drawn: list[tuple[int, tuple[str, list[object]]]]) -> list[Taken]:
    """The drawn steps as records, time going on."""
    records: list[Taken] = []
    now = 1_000_000
    for offset, (later, (kind, rows)) in enumerate(drawn):
        now += later * SECOND
        if kind == "e":
            records.append(EventRows(EVENTS, offset, now, rows))  # type: ignore[arg-type]
        else:
            records.append(LabelRows(LABELS, offset, now, rows))  # type: ignore[arg-type]
    return records


def model_bytes(learner: Learner, folder: Path) -> str:
    """What the learner knows."""
    learner.save(folder / "model")
    return hashlib.sha256((folder / "model").read_bytes()).hexdigest()


@settings(max_examples=100, deadline=None)
@given(steps, policies, st.integers(0, 8), st.lists(st.integers(1, 6), min_size=1, max_size=9))
def test_the_fold_is_the_simulation(
    drawn: list[tuple[int, tuple[str, list[object]]]],
    late: LateLabelSettings,
    window: int,
    cuts: list[int],
) -> None:
    """Scores, lessons, measures and counts are those of the row-by-row rules, however cut."""
    records = records_of(drawn)
    slow, fold = Simulation(late, window), pipeline(late, window)
    for record in records:
        slow.take(record)
    written, left, at = [], list(records), 0
    while left:
        size = cuts[at % len(cuts)]
        written += fold.take(Batch(left[:size], {})).scores
        left, at = left[size:], at + 1
    lines = [line.split(",") for out in written for line in out.value.decode().split("\n")]
    assert [(i, float(s), int(n)) for _, i, s, n, _ in lines] == slow.scores
    counts = fold.counts
    assert counts.learned == len(slow.measured)
    assert counts.rejected == slow.refused
    assert (counts.duplicates, counts.expired) == (slow.duplicates, slow.expired)
    assert counts.scored_only == slow.scored_only
    assert list(fold.joiner.waiting) == [w[0] for w in slow.waiting]
    assert counts.events == (
        counts.learned + len(fold.joiner.waiting) + counts.expired + counts.scored_only
        + counts.rejected + counts.duplicates
    )  # fmt: skip
    joined = fold.joiner.counts
    assert joined.labels == (
        joined.labels_joined + joined.labels_rejected + joined.labels_duplicates
        + joined.labels_late + joined.labels_expired + len(fold.joiner.labels)
    )  # fmt: skip
    assert fold.progressive.report()["log_loss"] == pytest.approx(log_loss(slow.measured))
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
    drawn: list[tuple[int, tuple[str, list[object]]]],
    late: LateLabelSettings,
    one: int,
    other: int,
) -> None:
    """Two ways to cut the same records give the same model, joins and measures to the last bit."""
    records, states = records_of(drawn), []
    folder = tmp_path_factory.mktemp("models")
    for size in (one, other):
        fold = pipeline(late)
        for first in range(0, len(records), size):
            fold.take(Batch(records[first : first + size], {}))
        learned = model_bytes(fold.learner, folder)
        report = fold.progressive.report()
        states.append((learned, fold.joiner.to_json(), fold.counts, report))
        fold.close()
    assert states[0] == states[1]


def test_an_event_is_measured_by_the_score_it_was_given_at_arrival() -> None:
    """Lessons learned between an event and its label do not flatter its score."""
    fold = pipeline(LateLabelSettings())
    arrival = EventRows(EVENTS, 0, 1000, [("a", None, "| x=1")])
    lessons = EventRows(EVENTS, 1, 2000, [("", 1, "| x=1")] * 20)
    label = LabelRows(LABELS, 0, 3000, [("a", 1)])
    fold.take(Batch([arrival], {}))
    fold.take(Batch([lessons], {}))
    before = fold.progressive.report()["log_loss"] * 20
    fold.take(Batch([label], {}))
    assert fold.progressive.report()["log_loss"] * 21 == pytest.approx(before - math.log(0.5))
    fold.close()


def test_the_static_copy_stops_learning_and_is_measured_on_the_same_events() -> None:
    """From its moment on the copy scores as it did then, while the learner goes on."""
    copies: list[Learner] = []

    def copy(learner: Learner) -> Learner:
        del learner
        copies.append(choose.create(SPEC))
        return copies[0]

    fold = pipeline(LateLabelSettings())
    fold.copy_learner, fold.static_after = copy, 5000
    fold.take(Batch([EventRows(EVENTS, n, n * 1000, [("", 1, "| x=1")]) for n in range(10)], {}))
    assert fold.static is not None
    static, main = fold.static.progressive.report(), fold.progressive.report()
    assert static["count"] == main["count"] == 10
    assert static["log_loss"] > main["log_loss"]
    # Five lessons measured before the copy was taken, as the learner itself; five at one half.
    early = pipeline(LateLabelSettings())
    early.take(Batch([EventRows(EVENTS, n, n * 1000, [("", 1, "| x=1")]) for n in range(5)], {}))
    expected = (early.progressive.report()["log_loss"] * 5 - 5 * math.log(0.5)) / 10
    assert static["log_loss"] == pytest.approx(expected)
    fold.close()
    early.close()


def test_a_replayed_batch_writes_nothing_and_changes_the_same() -> None:
    """Replay is the same fold with outputs off."""
    record = EventRows(EVENTS, 0, 1000, [("a", 1, "| x=1"), Refusal("bad-label", "late", "?")])
    live, again = pipeline(LateLabelSettings()), pipeline(LateLabelSettings())
    first = live.take(Batch([record], {}))
    second = again.take(Batch([record], {}), write=False)
    assert len(first.scores) == len(first.dead_letters) == 1
    assert second.scores == second.dead_letters == []
    assert live.counts == again.counts
    live.close()
    again.close()
