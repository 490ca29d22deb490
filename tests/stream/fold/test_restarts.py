"""The fold stopped and started again at any place: the same to the last bit, and plainly right."""

from __future__ import annotations

import math
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converters.config.learning_settings import LateLabelSettings
from learners import choose
from learners.snapshots.errors import SnapshotError
from learners.snapshots.store import Snapshot, SnapshotStore
from stream.checkpoints import checkpoint
from stream.checkpoints.same_model import ChangedModelError, check_same
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.resolved_config import ResolvedConfig
from tests.support.streams.folds import (
    EVERYTHING,
    Drawn,
    Records,
    begun_by,
    check_counts,
    context,
    drawn_records,
    model_bytes,
    narrow,
    narrow_steps,
    policies,
    remembered,
    saved_and_loaded,
    steps,
    stream,
    taken,
)
from tests.support.streams.simulation import Simulation

# How many records until the next stop, again and again.
stops = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def folded(
    made_for: ResolvedConfig, records: Records, at: list[int], folder: Path
) -> tuple[Pipeline, list[tuple[str, float, int]]]:
    """The fold of all records with a stop and a start after so many, again and again."""
    fold = new_pipeline(made_for, 1)
    store, scores, left = SnapshotStore(folder), [], list(records)
    for count in cycle(at):
        scores += taken(fold, left[:count])
        left = left[count:]
        if not left:
            return fold, scores
        fold = saved_and_loaded(fold, made_for, store)
    raise AssertionError


@settings(max_examples=25, deadline=None)
@given(steps, policies, st.integers(0, 8), stops)
def test_a_fold_that_is_stopped_again_and_again_is_the_simulation(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: Drawn,
    late: LateLabelSettings,
    window: int,
    at: list[int],
) -> None:
    """Scores, counts and measures are those of the row-by-row rules; labels are used once."""
    made_for = context(late, window)
    records = drawn_records(drawn)
    slow = Simulation(late, window, choose.create(made_for.spec))
    for record in records:
        slow.take(record)
    fold, scores = folded(made_for, records, at, tmp_path_factory.mktemp("snapshots"))
    assert scores == slow.scores
    check_counts(fold, slow)
    used = fold.joiner.counts
    assert used.labels_joined + used.labels_corrected <= used.labels
    clipped = [(min(max(s, 1e-7), 1 - 1e-7), y) for s, y in slow.measured]
    found = fold.evaluator.summary()["log_loss"]
    if clipped:
        expected = -math.fsum(math.log(s if y else 1 - s) for s, y in clipped) / len(clipped)
        assert found == pytest.approx(expected, abs=1e-10)
    fold.close()
    slow.learner.close()


EXPIRES = [(0, ("e", [("a", None, "| x=1")])), (0, ("no l", ["a"])), (4, ("e", [("b", 1, "|")]))]
KNOWN = [(0, ("e", [("z", 1, "|")])), (0, ("no e", ["a"])), (1, ("l", [("a", 1)]))]


@settings(max_examples=40, deadline=None)
@given(narrow_steps, narrow, stops)
@example(EXPIRES, LateLabelSettings(wait=3.0, expired="negative"), [1])
@example(KNOWN, LateLabelSettings(wait=3.0), [1])
def test_what_is_in_quarantine_is_known_after_a_stop(
    tmp_path_factory: pytest.TempPathFactory, drawn: Drawn, late: LateLabelSettings, at: list[int]
) -> None:
    """Its ids are saved, and expire when they would have."""
    made_for, records = context(late, 5), drawn_records(drawn)
    slow = Simulation(late, 5, choose.create(made_for.spec))
    for record in records:
        slow.take(record)
    fold, scores = folded(made_for, records, at, tmp_path_factory.mktemp("snapshots"))
    assert scores == slow.scores
    check_counts(fold, slow)
    fold.close()
    slow.learner.close()


# The first event is measured without the score that a caller was given; the second has one.
GIVEN_LATER = [(0, ("e", [("a", 1, "| x=1")])), (0, ("e", [("b", None, "| x=1")]))]
BOTH = [*GIVEN_LATER, (0, ("l", [("b", 0)])), (0, ("e", [("c", 1, "|")]))]


@settings(max_examples=6, deadline=None)
@given(steps, policies, stops)
@example(GIVEN_LATER, LateLabelSettings(wait=3.0), [1])
@example(BOTH, LateLabelSettings(wait=3.0), [1])
@example(BOTH, LateLabelSettings(wait=3.0), [2])
def test_stops_change_no_bit_of_anything(
    tmp_path_factory: pytest.TempPathFactory, drawn: Drawn, late: LateLabelSettings, at: list[int]
) -> None:
    """With shadows, a frozen copy, slices, value and calibration too."""
    made_for = context(late, 5, **EVERYTHING)
    records, found = drawn_records(drawn), []
    folder = tmp_path_factory.mktemp("snapshots")
    for stop in (at, [len(records) + 1]):
        fold, scores = folded(made_for, records, stop, folder)
        models = [s.learner for s in fold.scoring.shadows if s.learner is not None]
        assert len(models) == 4
        state = {name: array.tobytes() for name, array in fold.evaluator.state().items()}
        adjusting = [fold.scoring.adjuster, *(s.adjuster for s in fold.scoring.shadows)]
        found.append(
            (
                scores,
                [model_bytes(learner, folder) for learner in (fold.learner, *models)],
                remembered(fold.joiner),
                fold.counts,
                state,
                [{n: a.tobytes() for n, a in each.state().items()} for each in adjusting],
                fold.scoring.slices.values,
            )
        )
        fold.close()
    for one, other in zip(*found, strict=True):
        assert one == other


def test_a_checkpoint_of_an_older_release_stops_the_learner(tmp_path: Path) -> None:
    """It is not taken for a damaged one, which would be given up: the way out is said."""
    made_for = context(LateLabelSettings(), 5)
    old = Snapshot(tmp_path, {"batches": 3, "sample": []}, tmp_path)
    with pytest.raises(SnapshotError, match="backfill log --fresh"):
        checkpoint.load(made_for, old, 1)


def test_what_is_measured_otherwise_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The settings by name; that the frozen copy stays; the shadows that are gone or others."""
    first = context(
        LateLabelSettings(),
        5,
        evaluation={"window": 50, "static_after": "1970-01-01T00:16:50"},
        shadow=[{"name": "gone"}],
    )
    fold = new_pipeline(first, 1)
    taken(fold, stream(20))
    assert fold.scoring.static is not None
    assert fold.scoring.static.since is not None
    then = context(LateLabelSettings(), 5, evaluation={"window": 60, "static_after": "1970-01-02"})
    loaded = saved_and_loaded(fold, first, SnapshotStore(tmp_path / "snapshots"), then)
    assert loaded.scoring.static is not None
    assert loaded.scoring.static.since == fold.scoring.static.since >= 1_010_000
    loaded.close()
    said = capsys.readouterr().err
    assert "settings='static_after, window'" in said
    assert "taken_at=1970-01-01T00:16:50" in said
    assert "shadows=gone" in said


@pytest.mark.parametrize(
    "section",
    [
        {"calibration": {"method": "platt"}},
        {"imbalance": {"negative_share": 0.5}},
        {"late_labels": {"allow_corrections": True}},
    ],
)
def test_what_is_learned_otherwise_is_refused(section: dict[str, Any]) -> None:
    """Set or taken away: a learner does not go on with a model that was made without it."""
    plain, other = context(LateLabelSettings(), 5), context(LateLabelSettings(), 5, **section)
    for before, now in ((plain, other), (other, plain)):
        for kept in (True, False):
            check_same(before, begun_by(before, kept=kept))
            with pytest.raises(ChangedModelError, match=f"created with: {next(iter(section))}"):
                check_same(now, begun_by(before, kept=kept))
