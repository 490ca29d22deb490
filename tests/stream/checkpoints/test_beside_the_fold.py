"""A checkpoint is written while the fold goes on, and is the one of the moment it was begun."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from converters.config.learning_settings import LateLabelSettings
from learners.evaluation.evaluator import Evaluator, Told
from learners.registry.row_types import Commit, Committed, Start
from learners.registry.writer import Writer
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import SnapshotStore
from stream import process_control
from stream.checkpoints.frozen import freeze
from stream.fold import run_report
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.joins import queue, segments
from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from stream.resolved_config import ResolvedConfig
from tests.support.serving.project import Project, answers, flights, same
from tests.support.serving.saves import save_in_step
from tests.support.streams.folds import EVERYTHING, context, stream, taken

MANY = "[checkpoint]\nevents = 1\nseconds = 0.001\nmin_spacing = 0"
SETTINGS = [(LateLabelSettings(), {}), (LateLabelSettings(allow_corrections=True), EVERYTHING)]
Content = dict[str, bytes]


def contents(store: SnapshotStore, ref: SnapshotRef) -> Content:
    """All files of a snapshot."""
    return {path.name: path.read_bytes() for path in (store.folder / ref.folder).iterdir()}


def snapshots(store: SnapshotStore, made: ResolvedConfig, *, late: bool) -> list[Content]:
    """Of a fold that is saved after every second hundred records, late or at once."""
    fold, records = new_pipeline(made, 1), stream(700)
    parts = store, made, fold, Start({}, {}, 0), None
    found: list[Content] = []
    for at in range(0, len(records) - 100, 100):
        taken(fold, records[at : at + 50])
        frozen = freeze(*parts, learned_something=True)
        if late:
            taken(fold, records[at + 50 : at + 100])
        with frozen.written() as done:
            found.append(contents(store, done.snapshot))
        frozen.accept()
        if not late:
            taken(fold, records[at + 50 : at + 100])
    fold.close()
    return found


@pytest.mark.parametrize(("late", "sections"), SETTINGS, ids=["plain", "everything"])
def test_written_late_it_has_the_bytes_of_one_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: LateLabelSettings, sections: Any
) -> None:
    """Every file, also where rows went, were swept and got other numbers before it was written."""
    monkeypatch.setattr(queue, "FEWEST_SWEPT", 5)
    monkeypatch.setattr(segments, "FAN", 3)
    monkeypatch.setattr("stream.joins.persistence.MEBIBYTE", 1)  # texts are soon read from files
    made = context(late, 60, **sections)
    later = snapshots(SnapshotStore(tmp_path / "later"), made, late=True)
    at_once = snapshots(SnapshotStore(tmp_path / "at_once"), made, late=False)
    for one, other in zip(later, at_once, strict=True):
        assert [name for name in one if one[name] != other.get(name)] == []
        assert one.keys() == other.keys()


def test_the_fold_goes_on_while_a_checkpoint_waits_for_the_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are taken meanwhile; the end is the same, and so is what was output."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 100)
    commit, held, free = Writer.commit, Event(), Event()

    def waits(writer: Writer, epoch: int, of: Commit) -> Committed:
        held.set()
        assert free.wait(30)
        return commit(writer, epoch, of)

    monkeypatch.setattr(Writer, "commit", waits)
    rows = flights(1_000)
    project = Project(tmp_path / "p", more=MANY)
    project.produce(project.write_csv(rows))
    taken_meanwhile: list[Batch] = []

    def after(batch: Batch, _process: LearnerProcess) -> None:
        if held.wait(30) and not free.is_set():
            taken_meanwhile.append(batch)
        if len(taken_meanwhile) == 5:
            free.set()

    report = project.learn(after)
    whole = Project(tmp_path / "whole")
    whole.produce(whole.write_csv(rows))
    assert len(taken_meanwhile) == 5
    assert same(report) == same(whole.learn())
    assert answers(project.scores()) == answers(whole.scores())
    with project.registry() as registry:
        assert len(registry.versions.all()) > 1


def test_a_damaged_file_is_found_beside_the_fold_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint that meets it is given up; the next one, at once, has all rows itself."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 100)
    project = Project(tmp_path / "p", more=MANY)
    rows = flights(1_000)
    project.produce(project.write_csv(rows))

    def after(_batch: Batch, process: LearnerProcess) -> None:
        for file in project.snapshots().folder.glob("2*/resolved-00000000"):
            content = bytearray(file.read_bytes())
            content[-1] ^= 1
            file.write_bytes(bytes(content))
        assert process.learning is not None
        assert process.learning._saver.trouble == ""

    project.learn(after)
    with project.registry() as registry:
        point = registry.versions.resume_point()
    assert point is not None
    with project.snapshots().open(point.snapshot) as snapshot:
        assert snapshot.manifest["counts"]["learned"] == 1_000


def test_a_heartbeat_shows_the_measures_of_a_checkpoint_before_it_computes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of the batch before, and cost nothing; the last checkpoint is of the end."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 100)
    monkeypatch.setattr("stream.learner.heartbeat.HEARTBEAT_SECONDS", 0.0)
    save_in_step(monkeypatch)
    computed = []

    def metrics(pipeline: Pipeline) -> dict[str, Any]:
        computed.append(pipeline.counts.learned)
        return real(pipeline)

    real = run_report.metrics
    monkeypatch.setattr(run_report, "metrics", metrics)
    project = Project(tmp_path / "p", more=MANY)
    project.produce(project.write_csv(flights(500)))
    shown = []

    def after(_batch: Batch, process: LearnerProcess) -> None:
        assert process.learning is not None
        found: Any = process.learning.status["metrics"]
        shown.append(found["count"])

    project.learn(after)
    assert shown == [100, 200, 300, 400, 500]
    assert computed == []


def test_a_heartbeat_shows_the_measures_that_an_earlier_one_has_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for none but the first, and asks for no others before they have come."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 100)
    monkeypatch.setattr("stream.learner.heartbeat.HEARTBEAT_SECONDS", 0.0)
    asked: list[tuple[int, Future[Told]]] = []

    def told(evaluator: Evaluator, *, whole: bool = False) -> Future[Told]:
        if whole:
            return real(evaluator, whole=True)
        asked.append((evaluator.count, Future()))
        if len(asked) == 1:
            answer(0)
        return asked[-1][1]

    def answer(at: int) -> None:
        count, future = asked[at]
        future.set_result(Told({"count": count}, {}, seconds=0.0))

    real = Evaluator.told
    monkeypatch.setattr(Evaluator, "told", told)
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(flights(500)))
    shown = []

    def after(_batch: Batch, process: LearnerProcess) -> None:
        assert process.learning is not None
        found: Any = process.learning.status["metrics"]
        shown.append(found["count"])
        if len(shown) == 3:
            answer(1)

    report = project.learn(after)
    assert shown == [100, 100, 100, 200, 200]
    assert [count for count, _ in asked] == [100, 200, 500]
    assert report["count"] == 500


@pytest.mark.parametrize(("more", "times"), [("", 0), (MANY, 5)], ids=["at the end", "between"])
def test_memory_is_tidied_for_what_follows_a_checkpoint_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, times: int
) -> None:
    """Not after one that nothing follows."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 100)
    save_in_step(monkeypatch)
    tidied: list[None] = []
    monkeypatch.setattr(process_control, "collect_recent", lambda: tidied.append(None))
    project = Project(tmp_path / "p", more=more)
    project.produce(project.write_csv(flights(500)))
    project.learn()
    assert len(tidied) == times
