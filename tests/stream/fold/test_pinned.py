"""The pinned version in the fold: a contender from its pin on, and nothing to anybody else."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from converters.config.learning_settings import LateLabelSettings
from learners import choose
from learners.learner import Learner
from learners.snapshots.store import SnapshotStore
from stream.fold import run_report
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.log.batch import EventRows, Taken, batch_of
from stream.resolved_config import ResolvedConfig
from tests.support.streams.folds import (
    EVERYTHING,
    Drawn,
    context,
    model_bytes,
    records_of,
    remembered,
    saved_and_loaded,
    stream,
)

LATE = LateLabelSettings(allow_corrections=True)


class Versions:
    """Saved models, by version: number n has learned n lines of one class."""

    def __init__(self, made_for: ResolvedConfig, folder: Path) -> None:
        self.spec = made_for.spec
        self.folder = folder
        self.opened: list[int] = []

    def load(self, number: int) -> Learner:
        """The learner of a version."""
        self.opened.append(number)
        path = self.folder / f"version-{number}"
        if not path.exists():
            learner = choose.create(self.spec)
            learner.step(["1 | x=1"] * number)
            learner.save(path)
            learner.close()
        return choose.load(self.spec, path)


@pytest.fixture
def made_for() -> ResolvedConfig:
    """A config with everything that stands beside a learner."""
    return context(LATE, 5, **EVERYTHING)


def folded(made_for: ResolvedConfig, versions: Versions) -> Pipeline:
    """A fold that finds versions."""
    fold = new_pipeline(made_for, 1)
    fold.scoring.loaded = versions.load
    return fold


def take(fold: Pipeline, records: list[Taken], pinned: int | None = None) -> list[bytes | None]:
    """Take records while a version is pinned; the scores that were written."""
    return [each.value for each in fold.take(batch_of(records, {}, pinned=pinned)).scores]


def measured(fold: Pipeline) -> dict[str, Any] | None:
    """The measures of what is pinned."""
    found: dict[str, Any] | None = fold.evaluator.summary()["contenders"].get("pinned")
    return found


def test_a_pinned_version_scores_what_arrives_from_its_pin_on(
    made_for: ResolvedConfig, tmp_path: Path
) -> None:
    """Not what waits already; a moved pin begins anew, without what waits from the one before."""
    fold, versions = folded(made_for, Versions(made_for, tmp_path)), Versions(made_for, tmp_path)
    drawn: Drawn = [(1, ("e", [(name, None, "| x=1")])) for name in "abc"]
    drawn += [(1, ("l", [(name, 1)])) for name in "abc"]
    records = records_of(drawn)
    take(fold, records[:1])
    take(fold, records[1:2], pinned=3)
    take(fold, records[3:5], pinned=3)
    found = measured(fold)
    assert found is not None
    assert (found["count"], fold.evaluator.summary()["count"]) == (1, 2)
    with_three = versions.load(3)
    (score,) = with_three.predict(["| x=1"])
    with_three.close()
    assert found["brier"] == pytest.approx((1 - score) ** 2, abs=1e-9)
    take(fold, records[2:3], pinned=3)
    take(fold, records_of([(1, ("e", [("d", None, "| x=1")]))]), pinned=4)
    take(fold, records[5:6], pinned=4)
    found = measured(fold)
    assert found is not None
    assert found["count"] == 0
    assert run_report.metrics(fold)["pinned"] == {"version": 4, "begun": 3, "trouble": ""}
    take(fold, records_of([(60, ("l", [("d", 1)]))]))
    assert measured(fold) is None
    assert "pinned" not in run_report.metrics(fold)
    fold.close()


def test_the_same_version_pinned_again_begins_anew(
    made_for: ResolvedConfig, tmp_path: Path
) -> None:
    """An event that waits from its first pin does not count for the second, nor once loaded."""
    versions, store = Versions(made_for, tmp_path), SnapshotStore(tmp_path / "snapshots")
    fold = folded(made_for, versions)
    events = records_of([(1, ("e", [(name, None, "| x=1")])) for name in "abc"])
    for event, pin in zip(events, (3, None, 3), strict=True):
        take(fold, [event], pin)
        fold = saved_and_loaded(fold, made_for, store)
        fold.scoring.loaded = versions.load
    take(fold, records_of([(60, ("l", [(name, 1) for name in "abc"]))]), pinned=3)
    found = measured(fold)
    assert found is not None
    assert (found["count"], fold.evaluator.summary()["count"]) == (1, 3)
    fold.close()


def is_event(record: Taken) -> bool:
    """Whether a record holds events."""
    return isinstance(record, EventRows)


# By batch, ten records each: what was pinned.
PINS = (None, 3, 3, 4, None, 4, 4, 3, 3, 3)


def test_a_pin_changes_nothing_that_is_learned_written_or_measured_of_others(
    made_for: ResolvedConfig, tmp_path: Path
) -> None:
    """Scores, model and every other contender's measures are those of a fold without it."""
    records, found = stream(60), []
    for pins in (PINS, [None] * len(PINS)):
        fold = folded(made_for, Versions(made_for, tmp_path))
        outputs = [take(fold, records[at * 10 : at * 10 + 10], pin) for at, pin in enumerate(pins)]
        measures = run_report.metrics(fold)
        measures.pop("pinned", None)
        measures["contenders"].pop("pinned", None)
        found.append((outputs, measures, model_bytes(fold.learner, tmp_path)))
        fold.close()
    assert found[0] == found[1]


@pytest.mark.parametrize("stops", [[], [1], [2, 4, 5], range(10)])
def test_measures_of_a_pin_survive_stops_to_the_last_bit(
    made_for: ResolvedConfig, tmp_path: Path, stops: list[int]
) -> None:
    """A checkpoint holds what is pinned since when; its model is loaded again when it scores."""
    records, versions = stream(60), Versions(made_for, tmp_path)
    whole, cut = folded(made_for, versions), folded(made_for, versions)
    for at, pin in enumerate(PINS):
        batch = records[at * 10 : at * 10 + 10]
        take(whole, batch, pin)
        take(cut, batch, pin)
        if at in stops:
            cut = saved_and_loaded(cut, made_for, SnapshotStore(tmp_path / "snapshots"))
            cut.scoring.loaded = versions.load
    states = [each.evaluator.state() for each in (whole, cut)]
    assert {name: array.tobytes() for name, array in states[0].items()} == {
        name: array.tobytes() for name, array in states[1].items()
    }
    assert remembered(whole.joiner) == remembered(cut.joiner)
    found = measured(whole)
    assert found is not None
    assert found["count"] > 20
    whole.close()
    cut.close()


def test_a_version_is_opened_once_a_pin(made_for: ResolvedConfig, tmp_path: Path) -> None:
    """Not at each batch: opening one takes tens of milliseconds."""
    versions = Versions(made_for, tmp_path)
    fold = folded(made_for, versions)
    for at, pin in enumerate(PINS):
        take(fold, stream(60)[at * 10 : at * 10 + 10], pin)
    moves = [after for before, after in pairwise(PINS) if after not in (None, before)]
    assert versions.opened == moves
    fold.close()


@pytest.mark.parametrize("broken", ["load", "predict"])
def test_a_pinned_version_that_fails_is_told_and_stops_nothing(
    made_for: ResolvedConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """It is not measured any more, also after a restart; the learner goes on."""
    versions = Versions(made_for, tmp_path)

    def failing(*_: object) -> Learner:
        raise OSError("no such disk")

    fold = folded(made_for, versions)
    records = stream(60)
    take(fold, records[:10], 3 if broken == "predict" else None)
    if broken == "load":
        fold.scoring.loaded = failing
    else:
        assert fold.scoring.pinned is not None
        monkeypatch.setattr(fold.scoring.pinned.learner, "predict_blocks", failing)
    take(fold, records[10:30], 3)
    fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path / "snapshots"))
    fold.scoring.loaded = versions.load
    take(fold, records[30:], 3)
    assert run_report.metrics(fold)["pinned"]["trouble"] == "OSError: no such disk"
    assert fold.counts.events == sum(len(each.rows) for each in records if is_event(each))
    fold.close()
