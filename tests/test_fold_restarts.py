"""The fold stopped and started again at any place: the same to the last bit, and plainly right."""

from __future__ import annotations

import math
import sys
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.settings import LateLabelSettings
from learners import choose
from learners.snapshot import Snapshot, SnapshotError, SnapshotStore
from stream import checkpoint
from stream.context import Context
from stream.pipeline import Pipeline
from stream.reading import Taken
from tests.folds import (
    check_counts,
    context,
    model_bytes,
    policies,
    records_of,
    remembered,
    saved_and_loaded,
    steps,
    taken,
)
from tests.simulation import Simulation

Drawn = list[tuple[int, tuple[str, list[Any]]]]
# How many records until the next stop, again and again.
stops = st.lists(st.integers(1, 9), min_size=1, max_size=6)

# Everything that stands beside a learner at once.
EVERYTHING: dict[str, Any] = {
    "evaluation": {"window": 50, "slice_values": 2, "static_after": "1970-01-01T00:16:50"},
    "value": {"true_positive": 5, "false_positive": -1, "scale": "amount"},
    "imbalance": {"positive_weight": 2, "negative_share": 0.5},
    "calibration": {"method": "platt", "window": 100, "every": 10},
    "shadow": [{"name": "small", "args": "-b 12"}, {"name": "wet", "kind": "river"}],
}


def folded(
    made_for: Context, records: list[Taken], at: list[int], folder: Path
) -> tuple[Pipeline, list[tuple[str, float, int]]]:
    """The fold of all records with a stop and a start after so many, again and again."""
    fold = checkpoint.new_pipeline(made_for, 1)
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
    records = records_of(drawn)
    slow = Simulation(late, window, choose.create(made_for.spec))
    for record in records:
        slow.take(record)
    fold, scores = folded(made_for, records, at, tmp_path_factory.mktemp("snapshots"))
    assert scores == slow.scores
    check_counts(fold, slow)
    used = fold.joiner.counts
    assert used.labels_joined + used.labels_corrected <= sum(
        1 for record in records for row in record.rows
    )
    clipped = [(min(max(s, 1e-7), 1 - 1e-7), y) for s, y in slow.measured]
    found = fold.evaluator.summary()["log_loss"]
    if clipped:
        expected = -math.fsum(math.log(s if y else 1 - s) for s, y in clipped) / len(clipped)
        assert found == pytest.approx(expected, abs=1e-10)
    fold.close()
    slow.learner.close()


@settings(max_examples=6, deadline=None)
@given(steps, policies, stops)
def test_stops_change_no_bit_of_anything(
    tmp_path_factory: pytest.TempPathFactory, drawn: Drawn, late: LateLabelSettings, at: list[int]
) -> None:
    """With shadows, a frozen copy, slices, value and calibration too."""
    made_for = context(late, 5, **EVERYTHING)
    records, found = records_of(drawn), []
    folder = tmp_path_factory.mktemp("snapshots")
    for stop in (at, [len(records) + 1]):
        fold, scores = folded(made_for, records, stop, folder)
        models = [s.learner for s in fold.scoring.shadows if s.learner is not None]
        assert len(models) == 2
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


def test_a_shadow_that_fails_leaves_the_learner_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scores stop, its trouble is told, also after a restart; all else is the same."""
    records = records_of([(1, ("e", [("", n % 2, "| x=1")] * 3)) for n in range(40)])
    alone = checkpoint.new_pipeline(context(LateLabelSettings(), 5), 1)
    scores = taken(alone, records)
    made_for = context(LateLabelSettings(), 5, shadow=[{"name": "weak", "kind": "river"}])
    fold = checkpoint.new_pipeline(made_for, 1)
    given = taken(fold, records[:20])
    broken = fold.scoring.shadows[0].learner

    def fail(lines: list[str]) -> list[float]:
        del lines
        raise MemoryError("no room")

    monkeypatch.setattr(broken, "step", fail)
    given += taken(fold, records[20:30])
    fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path / "snapshots"))
    given += taken(fold, records[30:])
    assert given == scores
    assert model_bytes(fold.learner, tmp_path) == model_bytes(alone.learner, tmp_path)
    assert fold.scoring.shadows[0].trouble == "MemoryError: no room"
    measured = checkpoint.metrics(fold)
    assert measured["contenders"]["weak"]["count"] == 60
    assert measured["count"] == 120
    assert measured["shadow_troubles"] == {"weak": "MemoryError: no room"}
    fold.close()
    alone.close()


def test_a_shadow_with_other_arguments_begins_anew(tmp_path: Path) -> None:
    """What another learner of its name has scored does not count for it."""
    records = records_of([(1, ("e", [("", 1, "| x=1")] * 3)) for _ in range(10)])
    waits = records_of([(1, ("e", [("a", None, "| x=1")]))])
    store = SnapshotStore(tmp_path / "snapshots")
    first = context(LateLabelSettings(), 5, shadow=[{"name": "other"}])
    fold = checkpoint.new_pipeline(first, 1)
    taken(fold, waits)
    taken(fold, records)
    second = context(LateLabelSettings(), 5, shadow=[{"name": "other", "args": "--coin"}])
    fold = saved_and_loaded(fold, first, store, second)
    assert "other" not in fold.evaluator.summary()["contenders"]
    label = records_of([(60, ("l", [("a", 1)]))])
    taken(fold, label)
    taken(fold, records[:2])
    assert fold.evaluator.summary()["contenders"]["other"]["count"] == 6
    fold.close()


def test_a_checkpoint_of_an_older_release_stops_the_learner(tmp_path: Path) -> None:
    """It is not taken for a damaged one, which would be given up: the way out is said."""
    made_for = context(LateLabelSettings(), 5)
    old = Snapshot(tmp_path, {"batches": 3, "sample": []}, tmp_path)
    with pytest.raises(SnapshotError, match="backfill log --fresh"):
        checkpoint.load(made_for, old, 1)


def stream(count: int) -> list[Taken]:
    """Events whose label comes some records later, one row in five without an id."""
    drawn: list[tuple[int, tuple[str, list[Any]]]] = []
    for n in range(count):
        texts = ["| x=1", "| x=2 y:0.5"]
        drawn.append((1, ("e", [(f"k{n}", None, texts[n % 2]), ("", n % 2, texts[n % 2])])))
        if n >= 3:
            drawn.append((0, ("l", [(f"k{n - 3}", (n * 7) % 3 % 2)])))
    return records_of(drawn)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibration_is_the_same_however_the_records_are_cut(method: str, tmp_path: Path) -> None:
    """Every served score, of the learner and its shadows, with many fits on the way."""
    changed = {"calibration": {"method": method, "window": 100, "every": 10}}
    made_for, found = context(LateLabelSettings(), 5, **(EVERYTHING | changed)), []
    records = stream(120)
    for size in (1, 7, 50, len(records)):
        fold, scores = checkpoint.new_pipeline(made_for, 1), []
        for first in range(0, len(records), size):
            scores += taken(fold, records[first : first + size])
        adjusters = [fold.scoring.adjuster, *(s.adjuster for s in fold.scoring.shadows)]
        assert all(a.state()["count"][0] == fold.counts.learned for a in adjusters)
        measured = {name: array.tobytes() for name, array in fold.evaluator.state().items()}
        found.append((scores, measured, remembered(fold.joiner)))
        fold.close()
    assert found[0][0] != sorted(found[0][0])
    for other in found[1:]:
        assert other == found[0]


def test_what_waits_when_the_copy_is_taken_was_scored_by_the_copy(tmp_path: Path) -> None:
    """Until then it was the learner itself."""
    made_for = context(
        LateLabelSettings(), 5, evaluation={"window": 50, "static_after": "1970-01-01T00:16:50"}
    )
    fold = checkpoint.new_pipeline(made_for, 1)
    lessons: Drawn = [(1, ("e", [("", 1, "| x=1")] * 4)), (1, ("e", [("a", None, "| x=1")]))]
    later: Drawn = [(20, ("e", [("", 1, "| x=1")])), (1, ("l", [("a", 1)]))]
    records = records_of([*lessons, *later])
    taken(fold, records[:3])
    assert fold.scoring.static is not None
    fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path / "snapshots"))
    before = fold.evaluator.summary()
    taken(fold, records[3:])
    after = fold.evaluator.summary()
    added = [
        each["log_loss"] * each["count"] - past["log_loss"] * past["count"]
        for each, past in ((after, before), (after["static"], before["static"]))
    ]
    assert added[0] == pytest.approx(added[1], abs=1e-9)
    fold.close()


@pytest.mark.parametrize("calibration", ["none", "platt"])
def test_lessons_without_a_shadows_score_do_not_count_for_it(calibration: str) -> None:
    """Also where scores are calibrated, and when it fails with lessons on their way."""
    made_for = context(
        LateLabelSettings(),
        5,
        shadow=[{"name": "weak", "args": "-b 12"}],
        calibration={"method": calibration, "window": 100, "every": 10},
    )
    fold = checkpoint.new_pipeline(made_for, 1)
    records = stream(60)
    taken(fold, records[:60])
    counted = fold.evaluator.summary()["contenders"]["weak"]["count"] + len(fold.joiner.waiting)
    fold.scoring.shadows[0].fail("of its own")
    taken(fold, records[60:])
    measured = fold.evaluator.summary()["contenders"]["weak"]
    assert measured["count"] == counted
    assert measured["log_loss"] < 1
    fold.close()


def test_a_shadow_whose_package_is_missing_hinders_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has failed from the beginning, and says why."""
    monkeypatch.setitem(sys.modules, "learners.river", None)
    made_for = context(LateLabelSettings(), 5, shadow=[{"name": "wet", "kind": "river"}])
    fold = checkpoint.new_pipeline(made_for, 1)
    taken(fold, stream(5))
    assert "river" in fold.scoring.shadows[0].trouble
    assert checkpoint.metrics(fold)["count"] > 0
    fold.close()


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
    fold = checkpoint.new_pipeline(first, 1)
    taken(fold, stream(20))
    then = context(LateLabelSettings(), 5, evaluation={"window": 60, "static_after": "1970-01-02"})
    saved_and_loaded(fold, first, SnapshotStore(tmp_path / "snapshots"), then).close()
    said = capsys.readouterr().out
    assert "settings='static_after, window'" in said
    assert "taken_at=1970-01-01T00:16:50" in said
    assert "shadows=gone" in said
