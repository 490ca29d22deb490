"""What the learner does when someone else writes, a file is damaged, or a topic is another."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from learners.registry.errors import SupersededError
from learners.snapshots.errors import MissingSnapshotError
from learners.snapshots.manifest import SnapshotRef
from stream.checkpoints.same_model import ChangedModelError
from stream.learner.process import LearnerProcess, LearnerRunningError, assembled
from stream.log.batch import Batch
from stream.log.contract import LogError, PositionError
from stream.log.topics import create_topics
from stream.open_log import open_log
from tests.support.serving.project import Project, flights, same
from tests.support.serving.saves import save_in_step


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model on the embedded log."""
    return Project(tmp_path / "one")


def test_a_second_learner_on_this_machine_is_refused(project: Project) -> None:
    """While one learner holds the lock, another gets a clear error and touches nothing."""
    with assembled(project.context), pytest.raises(LearnerRunningError, match="Another learner"):
        project.learn()


def test_an_older_epoch_cannot_commit(project: Project) -> None:
    """A learner whose epoch was taken over stops; its version is not made."""
    project.produce(project.write_csv(flights(100)))

    def overtake(_batch: Batch, _process: LearnerProcess) -> None:
        with project.registry() as registry:
            registry.writer.begin_epoch("another machine")

    with pytest.raises((SupersededError, LogError)):
        project.learn(overtake)
    with project.registry() as registry:
        assert registry.versions.all() == []


def test_a_damaged_checkpoint_is_passed_over_and_told(project: Project) -> None:
    """The learner takes the one before it and folds the journal from there: the same result."""
    rows = flights(900)
    project.produce(project.write_csv(rows[:500]))
    project.learn()
    project.produce(project.write_csv(rows[500:]))
    project.learn()
    with project.registry() as registry:
        newest = registry.versions.resume_point()
    assert newest is not None
    damage(project, newest.snapshot)
    project.append(b"new,,0,AX,JFK,3,100,")
    report = project.learn()
    with project.registry() as registry:
        assert any("refuse" in e.action or "broken" in e.action for e in registry.ledger.entries())
    other = Project(project.folder.with_name("other"))
    other.produce(other.write_csv(rows))
    other.append(b"new,,0,AX,JFK,3,100,")
    assert same(report)[0:3] == same(other.learn())[0:3]


def damage(project: Project, snapshot: SnapshotRef) -> None:
    """Flip one byte of the model."""
    model = project.snapshots().folder / snapshot.folder / "model"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 0x10
    model.write_bytes(bytes(content))


def test_a_topic_created_anew_under_the_old_name_stops_the_learner(project: Project) -> None:
    """Positions of another topic would mean nothing."""
    project.produce(project.write_csv(flights(50)))
    project.learn()
    Path(project.settings.log.removeprefix("sqlite:///")).unlink()
    for rest in project.settings.home.glob("log.db-*"):
        rest.unlink()
    with closing(open_log(project.settings.log)) as log:
        create_topics(log, project.settings)
    project.append(b"x,1357016400,1,AX,JFK,3,100,")
    with pytest.raises(PositionError, match="recreated"):
        project.learn()


def test_old_versions_are_thinned(tmp_path: Path) -> None:
    """Beyond the newest `checkpoint.keep` versions the folders go, and the rows say so."""
    more = "[checkpoint]\nkeep = 2\nevents = 50\nmin_spacing = 0"
    project = Project(tmp_path / "p", more=more)
    project.produce(project.write_csv(flights(600)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.reading.merge.BATCH_ROWS", 50)
        patch.setattr("stream.learner.loop.THIN_EVERY_SECONDS", 0.0)
        patch.setattr("stream.learner.heartbeat.HEARTBEAT_SECONDS", 0.0)
        save_in_step(patch)
        project.learn()
    with project.registry() as registry:
        states = [v.state for v in registry.versions.all()]
        kept = [v.snapshot.folder for v in registry.versions.all() if v.state != "thinned"]
    assert len(states) >= 10
    assert states.count("thinned") >= len(states) - 3
    found = (path for path in project.snapshots().folder.iterdir() if path.is_dir())
    folders = {path.name for path in found if not path.name.startswith(".")}
    assert folders == set(kept)


def test_a_snapshot_folder_that_is_away_condemns_nothing(project: Project) -> None:
    """A folder that is not mounted stops the learner; its versions are good when it is back."""
    project.produce(project.write_csv(flights(100)))
    project.learn()
    folder = project.snapshots().folder
    folder.rename(folder.with_name("away"))
    project.append(b"new,,0,AX,JFK,3,100,")
    with pytest.raises(MissingSnapshotError, match="mounted"):
        project.learn()
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name("away").rename(folder)
    assert project.learn()["events"] == 101
    with project.registry() as registry:
        assert [v.state for v in registry.versions.all()] == ["verified"] * 2


def test_other_topics_under_an_old_model_are_refused(project: Project) -> None:
    """Positions belong to the topics that were read."""
    project.produce(project.write_csv(flights(50)))
    project.learn()
    other = replace(project, more='[topics]\nevents = "elsewhere"')
    with pytest.raises(ChangedModelError, match=r"elsewhere"):
        other.learn()
