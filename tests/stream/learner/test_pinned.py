"""What is pinned, from the registry to the measures: seen, journalled, scored with, replayed."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest

from converters.cells.refusal import Refusal
from converters.config import load
from converters.convert.records import RowReader
from converters.schema import schema
from learners.report.checkpoint_measures import measured
from learners.snapshots.store import SnapshotStore
from learners.versions.served_learner import loaded
from stream.checkpoints.pinned_version import PinnedVersions
from stream.learner.pin_watch import PinWatch
from stream.learner.process import LearnerProcess
from stream.log import journal
from stream.log.batch import Batch
from tests.support.serving.project import Project, flights, same

CALIBRATED = '[calibration]\nmethod = "platt"\nwindow = 200\nevery = 50'


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of two versions with calibrated scores; the first is pinned."""
    project = Project(tmp_path_factory.mktemp("pinned"), more=CALIBRATED)
    learn_more(project, 0, 300)
    learn_more(project, 300, 500)
    pin(project, 1)
    return project.folder


@pytest.fixture
def project(learned: Path, tmp_path: Path) -> Project:
    """A copy of that model."""
    copytree(learned, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path, more=CALIBRATED)


def learn_more(project: Project, begin: int, end: int) -> dict[str, Any]:
    """Send some of the flights and learn them; the report."""
    project.produce(project.write_csv(flights(end)[begin:]))
    return project.learn()


def pin(project: Project, number: int | None) -> None:
    """Pin a version, or none."""
    with project.registry() as registry:
        if number is None:
            registry.serving.unpin("go on", "ann")
        else:
            registry.serving.pin("rollback", number, "a try", "ann")


def pins_of(project: Project) -> list[int | None]:
    """What was pinned in each batch, as the journal has it."""
    with project.open_log() as log:
        return [line.pinned for line in journal.lines(log, project.topics().journal)]


def offline(project: Project, number: int, begin: int, end: int) -> list[float]:
    """What ``freshet score`` gives flights with a version."""
    rows = RowReader(project.schema).convert_rows(flights(end)[begin:])
    with project.registry() as registry:
        version = registry.versions.find(number)
    with loaded(project.settings, version) as learner:
        return learner.predict([row[2] for row in rows if not isinstance(row, Refusal)])


def online(project: Project, version: int | None = None) -> list[float]:
    """The scores that were measured of what was pinned, of the window by count."""
    found = measured(project.settings, project.schema, version)
    scores = found.evaluator.window_lessons().scores["pinned"]
    return [float(score) for score in scores[~np.isnan(scores)]]


def test_a_pinned_version_is_measured_by_the_scores_that_it_serves(project: Project) -> None:
    """To the bit, calibration included, and only from its pin on; the journal names it."""
    report = learn_more(project, 500, 800)
    assert pins_of(project) == [None, None, 1]
    assert report["pinned"] == {"version": 1, "begun": 500, "trouble": ""}
    assert report["contenders"]["pinned"]["count"] == 300
    assert online(project) == offline(project, 1, 500, 800)


def test_a_pin_that_moves_begins_anew_and_unpin_ends_it(project: Project) -> None:
    """What was measured of one version is never added to what is measured of another."""
    learn_more(project, 500, 600)
    pin(project, 2)
    learn_more(project, 600, 750)
    assert online(project) == offline(project, 2, 600, 750)
    pin(project, None)
    assert "pinned" not in learn_more(project, 750, 800)["contenders"]
    assert pins_of(project) == [None, None, 1, 2, None]


def test_replays_use_the_journals_pins(project: Project) -> None:
    """``backfill log`` gives what was learned and measured, to the last bit; --fresh has no pin."""
    learn_more(project, 500, 600)
    pin(project, 2)
    report = learn_more(project, 600, 800)
    pin(project, 1)  # what is pinned now is not what was pinned then
    again = project.backfill()
    assert same(again) == same(report)
    assert again["contenders"] == report["contenders"]
    assert again["pinned"] == report["pinned"]
    assert "pinned" not in project.backfill(fresh=True)["contenders"]


def test_a_pin_is_seen_while_learning(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next batch after the heartbeat that saw it is scored with it."""
    monkeypatch.setattr("stream.learner.heartbeat.HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 100)
    project.produce(project.write_csv(flights(1000)[500:]))
    batches = 0

    def after(batch: Batch, _process: LearnerProcess) -> None:
        nonlocal batches
        if batch.records:
            batches += 1
            pin(project, {2: 2, 3: None}.get(batches, 1))

    project.learn(after)
    assert pins_of(project)[2:] == [1, 1, 1, 2, None]
    assert "pinned" not in measured(project.settings, project.schema, None).manifest


@pytest.mark.parametrize("processes", [1, 2])
def test_batches_that_are_replayed_after_a_kill_are_scored_with_what_was_pinned_then(
    project: Project, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    """Also by a reader in its own process: measures are those of a run without the kill."""

    def kill(batch: Batch, _process: LearnerProcess) -> None:
        if batch.records:
            raise EOFError

    whole = learn_more(project, 500, 600)
    copy = project.backfill()
    assert copy["contenders"] == whole["contenders"]
    project.produce(project.write_csv(flights(800)[600:]))
    with monkeypatch.context() as patched:
        patched.setattr("stream.checkpoints.saver.Saver.due", lambda _: False)
        with pytest.raises(EOFError):
            project.learn(kill)
    assert pins_of(project)[-1] == 1
    pin(project, None)
    project.settings = project.settings.model_copy(
        update={"learn": project.settings.learn.model_copy(update={"processes": processes})}
    )
    report = project.learn()
    assert report["contenders"]["pinned"]["count"] == 300
    assert online(project) == offline(project, 1, 500, 800)


@pytest.mark.parametrize("broken", ["another schema", "gone", "damaged"])
def test_what_cannot_be_scored_with_is_not_journalled_and_the_learner_says_why(
    project: Project, broken: str
) -> None:
    """Learning goes on; the heartbeat has the reason, and no contender stands for it."""
    with project.registry() as registry:
        folder = Path(project.settings.snapshots) / registry.versions.find(1).snapshot.folder
    why = "is corrupt"
    if broken == "another schema":
        pin(project, other_schema(project))
        why = "other columns"
    elif broken == "gone":
        SnapshotStore(Path(project.settings.snapshots)).delete(folder.name)
        why = "is not there"
    else:
        (folder / "model").write_bytes(b"something else")
    report = learn_more(project, 500, 700)
    assert pins_of(project) == [None, None, None]
    assert "pinned" not in report["contenders"]
    with project.registry() as registry:
        status = registry.writer.status()
    assert status is not None
    assert status.status["learned"] == 700
    assert why in status.status["pinned"]["trouble"]


def test_a_report_says_too_that_a_version_of_another_schema_is_not_measured(
    project: Project,
) -> None:
    """Where it was pinned after the last checkpoint: waiting for the learner would be in vain."""
    pin(project, other_schema(project))
    served = measured(project.settings, project.schema, None).served
    assert served.measured_as is None
    assert "it cannot score the learner's rows" in served.why


def test_a_version_that_could_not_be_loaded_is_tried_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not each second, for a large one takes a while; it is measured once its files are back."""
    store = project.snapshots()
    with project.registry() as registry:
        folder = store.folder / registry.versions.find(1).snapshot.folder
        watch = PinWatch(PinnedVersions(registry, store, project.schema.hash))
        folder.rename(folder.with_name("away"))
        watch.look()
        folder.with_name("away").rename(folder)
        watch.look()
        assert watch.version is None
        assert "is not there" in (watch.status(None) or {})["trouble"]
        monkeypatch.setattr("stream.learner.pin_watch.AGAIN_SECONDS", 0.0)
        watch.close()
        watch = PinWatch(PinnedVersions(registry, store, project.schema.hash))
        folder.rename(folder.with_name("away"))
        watch.look()
        folder.with_name("away").rename(folder)
        watch.look()
        assert (watch.version, watch.trouble) == (1, "")
        watch.close()


def other_schema(project: Project) -> int:
    """A version that was made under another schema, and was served once; its number."""
    text = project.config_file.read_text(encoding="utf-8")
    other = Project.__new__(Project)
    other.__dict__.update(project.__dict__)
    config = project.folder / "other.toml"
    config.write_text(text.replace("max = 5000", "max = 4000"), encoding="utf-8")
    other.settings = load.load(config)
    other.schema = schema.from_settings(other.settings)
    number = int(other.backfill(project.write_csv(flights(200)))["version"])
    with project.registry() as registry:
        registry.serving.pin("promote", number, "a try", "ann")
    pin(project, 1)
    return number
