"""Old versions are given up at the end of every run, and no run fails or hangs by that."""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from structlog.testing import capture_logs

from learners.evaluation import results
from learners.evaluation.labelled_examples import Measuring
from learners.evaluation.measures import Measures
from learners.registry.errors import RegistryUnavailableError
from stream.checkpoints import thinning
from stream.learner import loop
from tests.support.serving.project import Project, flights

KEEP = "[checkpoint]\nkeep = 3"


def kept(project: Project) -> list[int]:
    """The versions that still have a folder, oldest first."""
    with project.registry() as registry:
        found = [v for v in registry.versions.all() if v.state != "thinned"]
    folders = {path.name for path in Path(project.settings.snapshots).iterdir()}
    assert {v.snapshot.folder for v in found} <= folders
    return [v.version for v in found]


def runs(project: Project, *numbers: int, stop: bool = False) -> None:
    """Short runs, each with rows of its own to learn; ended by their end, or by a request."""
    rows = flights(200)
    for number in numbers:
        project.produce(project.write_csv(rows[20 * number : 20 * (number + 1)]))
        project.learn((lambda _, process: process.stop()) if stop else None)


@pytest.mark.parametrize("stop", [False, True])
def test_short_runs_keep_no_more_than_a_long_one(tmp_path: Path, stop: bool) -> None:
    """The newest three, and what was ever chosen to be served."""
    project = Project(tmp_path, more=KEEP)
    runs(project, 0, 1, stop=stop)
    with project.registry() as registry:
        registry.serving.pin("promote", 1, "chosen", "ann")
    runs(project, *range(2, 7), stop=stop)
    assert kept(project) == [1, 5, 6, 7]


def test_runs_that_are_killed_leave_one_more_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one gives them up when it begins."""
    monkeypatch.setattr(loop, "thin_at_end", lambda *_: None)
    project = Project(tmp_path, more=KEEP)
    runs(project, *range(6))
    assert kept(project) == [3, 4, 5, 6]


def test_backfills_keep_as_many_candidates(tmp_path: Path) -> None:
    """Beside the learner's versions, which they do not push out."""
    project = Project(tmp_path, more=KEEP)
    runs(project, *range(4))
    path = project.write_csv(flights(20))
    for _ in range(5):
        project.backfill(path)
    assert kept(project) == [2, 3, 4, 7, 8, 9]


def test_a_registry_that_fails_fails_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is saved by then; it is said, and the next run gives up what was left."""
    project = Project(tmp_path, more=KEEP)
    runs(project, *range(3))

    def fail(*_: object) -> None:
        raise RegistryUnavailableError("It is away.")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(thinning, "thin", fail)
        runs(project, 3)
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (warning["event"], warning["error"]) == ("old versions not thinned", "It is away.")
    assert kept(project) == [1, 2, 3, 4]
    runs(project, 4)
    assert kept(project) == [3, 4, 5]


def test_a_slow_registry_delays_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends, with its report, while the registry still does not answer."""
    project, answers = Project(tmp_path, more=KEEP), threading.Event()
    monkeypatch.setattr(loop, "THIN_SECONDS", 0.05)

    def hang(*_: object) -> None:
        answers.wait(30)

    began = monotonic()
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(thinning, "thin", hang)
        runs(project, 1)
    answers.set()
    assert monotonic() - began < 20
    assert [e["event"] for e in logs if e["log_level"] == "warning"] == ["old versions not thinned"]
    assert kept(project) == [1]


def test_a_run_measures_its_end_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint, the heartbeat and the report at the end tell the same metrics."""
    computed = []

    def summary(measures: Measures, measuring: Measuring) -> dict[str, Any]:
        computed.append(measures.count)
        return real(measures, measuring)

    real = results.summary
    monkeypatch.setattr("learners.evaluation.evaluator.summary", summary)
    project = Project(tmp_path)
    project.produce(project.write_csv(flights(200)))
    report = project.learn()
    with project.registry() as registry:
        point, beat = registry.versions.resume_point(), registry.writer.status()
    assert computed == [200, 200]  # the first heartbeat, which is early, and the checkpoint
    assert point is not None
    assert beat is not None
    assert beat.status["metrics"] == point.metrics
    assert report["auc"] == point.metrics["auc"]
