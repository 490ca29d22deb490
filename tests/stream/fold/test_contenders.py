"""Who scores beside the learner: the frozen copy, shadows, and what calibration makes of scores."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from converters.config.learning_settings import LateLabelSettings
from learners.control_column import control_cells, control_text
from learners.snapshots.store import SnapshotStore
from stream.fold import run_report
from stream.fold.pipeline import new_pipeline
from tests.support.streams.folds import (
    EVERYTHING,
    Drawn,
    context,
    model_bytes,
    records_of,
    remembered,
    saved_and_loaded,
    stream,
    taken,
)


def test_a_shadow_that_fails_leaves_the_learner_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scores stop, its trouble is told, also after a restart; all else is the same."""
    records = records_of([(1, ("e", [("", n % 2, "| x=1")] * 3)) for n in range(40)])
    alone = new_pipeline(context(LateLabelSettings(), 5), 1)
    scores = taken(alone, records)
    made_for = context(LateLabelSettings(), 5, shadow=[{"name": "weak", "kind": "river"}])
    fold = new_pipeline(made_for, 1)
    given = taken(fold, records[:20])
    broken = fold.scoring.shadows[0].learner

    def fail(lines: list[str]) -> list[float]:
        del lines
        raise MemoryError("no room")

    monkeypatch.setattr(broken, "step_blocks", fail)
    given += taken(fold, records[20:30])
    fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path / "snapshots"))
    given += taken(fold, records[30:])
    assert given == scores
    assert model_bytes(fold.learner, tmp_path) == model_bytes(alone.learner, tmp_path)
    assert fold.scoring.shadows[0].trouble == "MemoryError: no room"
    measured = run_report.metrics(fold)
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
    fold = new_pipeline(first, 1)
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


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibration_is_the_same_however_the_records_are_cut(method: str, tmp_path: Path) -> None:
    """Every served score, of the learner and its shadows, with many fits on the way."""
    changed = {"calibration": {"method": method, "window": 100, "every": 10}}
    made_for, found = context(LateLabelSettings(), 5, **(EVERYTHING | changed)), []
    records = stream(120)
    for size in (1, 7, 50, len(records)):
        fold, scores = new_pipeline(made_for, 1), []
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
    fold = new_pipeline(made_for, 1)
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
    fold = new_pipeline(made_for, 1)
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
    monkeypatch.setitem(sys.modules, "learners.river.learner", None)
    made_for = context(LateLabelSettings(), 5, shadow=[{"name": "wet", "kind": "river"}])
    fold = new_pipeline(made_for, 1)
    taken(fold, stream(5))
    assert "river" in fold.scoring.shadows[0].trouble
    assert run_report.metrics(fold)["count"] > 0
    fold.close()


def test_a_shadow_that_gives_no_probabilities_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too few scores, or none that are: its own trouble, and nobody else's."""
    for scores in ([2.0], [float("inf")], []):
        made_for = context(LateLabelSettings(), 5, shadow=[{"name": "odd"}])
        fold = new_pipeline(made_for, 1)
        monkeypatch.setattr(fold.scoring.shadows[0].learner, "step_blocks", lambda _, s=scores: s)
        taken(fold, records_of([(1, ("e", [("", 1, "| x=1")]))]))
        assert fold.scoring.shadows[0].trouble
        assert run_report.metrics(fold)["count"] == 1
        fold.close()


def test_a_shadow_that_comes_again_is_another_one(tmp_path: Path) -> None:
    """What one of its name and arguments had scored before it was removed does not count for it."""
    late, store = LateLabelSettings(allow_corrections=True), SnapshotStore(tmp_path / "snapshots")
    shadow = [{"name": "again", "args": "-b 12"}]
    there, gone = context(late, 5, shadow=shadow), context(late, 5)
    fold = new_pipeline(there, 1)
    taken(fold, stream(10))
    fold = saved_and_loaded(fold, there, store, gone)
    more = [(60, ("e", [("", 1, "| x=1")] * 3))]
    taken(fold, records_of(more))
    fold = saved_and_loaded(fold, gone, store, there)
    labels = [("l", [(f"k{n}", 1 - (n * 7) % 3 % 2)]) for n in range(10)]
    taken(fold, records_of([(70, labels[0]), *[(0, label) for label in labels[1:]]]))
    assert fold.joiner.counts.labels_corrected == 7
    assert run_report.metrics(fold)["contenders"]["again"]["count"] == 0
    taken(fold, records_of([(80, ("e", [("", 1, "| x=1")] * 4))]))
    measured = run_report.metrics(fold)["contenders"]["again"]
    assert (measured["count"], measured["positives"]) == (4, 4)
    fold.close()


class RandomColumn:
    """What a control adds to each row that is scored, in their order."""

    plain = True

    def __init__(self) -> None:
        self._count = count()

    def __call__(self, ids: Sequence[str], lines: Sequence[str]) -> list[str]:
        """The text of each."""
        return [control_text(int(control_cells(np.array([next(self._count)]))[0])) for _ in lines]


@pytest.mark.parametrize("cut", [7, 1000])
def test_a_control_learns_a_random_column_more(cut: int, tmp_path: Path) -> None:
    """As if the rows had it: its cell is the same when the label comes, also over a restart."""
    made_for = context(LateLabelSettings(), 5, shadow=[{"name": "chance", "kind": "control"}])
    plain, fold = new_pipeline(context(LateLabelSettings(), 5), 1), new_pipeline(made_for, 1)
    plain.planner.appending = RandomColumn()
    records = stream(80)
    taken(plain, records)
    for first in range(0, len(records), cut):
        taken(fold, records[first : first + cut])
        if first == 7 * 5:
            fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path / "s"))
    (control,) = fold.scoring.shadows
    assert control.learner is not None
    assert model_bytes(control.learner, tmp_path) == model_bytes(plain.learner, tmp_path)
    measured = fold.evaluator.summary()["contenders"]
    assert measured["chance"]["count"] == fold.counts.learned
    assert "control" not in measured
    fold.close()
    plain.close()
