"""A promoted version whose files are damaged or gone never costs the learner what it had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from learners.registry.row_types import Checkpoint
from learners.registry.serving import Moving
from learners.snapshots.errors import MissingSnapshotError
from tests.support.serving.project import Project, flights

EDITED = ("max = 5000", "max = 4000")
ROWS = [[f"n{at}", *row[1:]] for at, row in enumerate(flights(300))]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A learner that has read two thirds of the log."""
    found = Project(tmp_path / "one")
    found.produce(found.write_csv(ROWS[:200]))
    found.learn()
    found.produce(found.write_csv(ROWS[200:]))
    return found


def promote(project: Project, version: int) -> None:
    """Have the learner take a backfill's version."""
    with project.registry() as registry:
        registry.serving.pin("promote", version, "better", "me", Moving(follow=True))


def files_of(project: Project, checkpoint: Checkpoint) -> Path:
    """Its snapshot's folder."""
    return Path(project.settings.snapshots) / checkpoint.snapshot.folder


def damage(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def version_files(project: Project, version: int) -> Path:
    """A version's snapshot's folder."""
    with project.registry() as registry:
        return files_of(project, registry.versions.find(version))


@pytest.mark.parametrize("of_file", [True, False])
def test_a_damaged_version_is_refused_and_the_learner_goes_on(
    project: Project, of_file: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is taken: no lineage begins, and what was served before is served again."""
    path = project.write_csv(flights(100, 8)) if of_file else None
    version = project.backfill(path)["version"]
    promote(project, version)
    damage(version_files(project, version) / "model")
    assert project.learn()["learned"] == 300
    assert "damaged and not taken" in capfd.readouterr().err
    with project.registry() as registry:
        live = registry.versions.live_lineage()
        assert live is not None
        assert live.serial == 1
        assert registry.versions.find(version).state == "refused"
        assert registry.adoptions.pending() is None
        assert registry.serving.pointers().serving == registry.serving.pointers().latest


def test_a_missing_version_stops_the_learner_until_it_is_rolled_back(project: Project) -> None:
    """The folder may only not be mounted; the words say how to go on without it, and they work."""
    version = project.backfill(project.write_csv(flights(100, 8)))["version"]
    promote(project, version)
    shutil.rmtree(version_files(project, version))
    with pytest.raises(MissingSnapshotError, match="freshet rollback"):
        project.learn()
    with project.registry() as registry:
        registry.serving.pin("rollback", 1, "its files are lost", "me")
    assert project.learn()["learned"] == 300


def test_the_learners_own_damaged_checkpoint_gives_way_to_the_one_before(
    project: Project,
) -> None:
    """The candidate is taken all the same: it is put into the earlier one's joins."""
    project.learn()
    version = project.backfill(project.write_csv(flights(100, 8)))["version"]
    with project.registry() as registry:
        newest = registry.versions.resume_point()
    assert newest is not None
    promote(project, version)
    damage(files_of(project, newest) / "metrics.npz")
    assert project.learn()["learned"] == 300
    with project.registry() as registry:
        live = registry.versions.live_lineage()
        assert live is not None
        assert live.parent_version == version


@pytest.mark.parametrize("gone", [False, True])
def test_without_the_state_at_the_last_output_the_backfill_is_taken_at_its_end(
    project: Project, gone: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """The model is the backfill's; the rows between have no outputs, which is said."""
    edited = project.edited(EDITED)
    made = edited.backfill(fresh=True)
    promote(edited, made["version"])
    with edited.registry() as registry:
        before = registry.versions.beginning(registry.versions.find(made["version"]))
    assert before is not None
    if gone:
        shutil.rmtree(files_of(edited, before))
    else:
        damage(files_of(edited, before) / "metrics.npz")
    report = edited.learn()
    assert (report["learned"], report["model_sha256"]) == (300, made["model_sha256"])
    assert "rows between have no outputs" in capfd.readouterr().err
    assert len(edited.scores()) == 200
    edited.append(",".join(["m0", *flights(1)[0][1:]]).encode())
    assert edited.learn()["learned"] == 301
    assert edited.backfill()["learned"] == 301
