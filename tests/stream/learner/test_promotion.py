"""A promoted backfill is what the learner goes on from: changed configs, history first, live."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stream.checkpoints.same_model import ChangedModelError
from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from tests.support.serving.project import Project, flights, same


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model on the embedded log."""
    return Project(tmp_path / "one")


@pytest.mark.parametrize(
    ("change", "named"),
    [({"args": "-b 15"}, "args"), ({"more": "[late_labels]\nwait = 60"}, "late_labels")],
)
def test_a_changed_config_is_refused_until_a_backfill_is_promoted(
    project: Project, change: dict[str, str], named: str
) -> None:
    """The learner says what changed; a promoted backfill is the way on."""
    project.produce(project.write_csv(flights(300)))
    project.learn()
    changed = replace(project, **change)  # type: ignore[arg-type]
    with pytest.raises(ChangedModelError, match=named):
        changed.learn()
    made = changed.backfill(fresh=True)
    with changed.registry() as registry:
        registry.serving.pin("promote", made["version"], "new arguments", "me")
    report = changed.learn()
    assert report["events"] == 300
    ids = [s.id for s in changed.scores()]
    assert len(ids) == len(set(ids)) == 300


def test_a_backfill_of_the_journal_heeds_no_edited_config(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the live model again, by the lineage's own config; what differs is told."""
    project.produce(project.write_csv(flights(300)))
    project.learn()
    with project.registry() as registry:
        registry.serving.pin("promote", project.backfill()["version"], "the same again", "me")
    live = project.learn()
    edited = project.edited(("distance = {", "miles = {"))
    with pytest.raises(ChangedModelError, match=r"'distance' is removed.*'miles' is added"):
        edited.learn()
    assert same(edited.backfill()) == same(live)
    assert "'distance' is removed" in capsys.readouterr().err
    assert edited.backfill(fresh=True)["model_sha256"] != live["model_sha256"]


def test_a_promoted_backfill_of_a_file_is_gone_on_from(project: Project) -> None:
    """History from a file first, then the stream: one model of both, every row output once."""
    rows = flights(600)
    made = project.backfill(project.write_csv(rows[:400]))
    with project.registry() as registry:
        registry.serving.pin("promote", made["version"], "history", "me")
    project.produce(project.write_csv(rows[400:]))
    report = project.learn()
    assert report["events"] == report["learned"] == 600
    one = replace(project, folder=project.folder.with_name("whole"))
    assert report["model_sha256"] == one.backfill(one.write_csv(rows))["model_sha256"]
    assert same(project.backfill()) == same(report)


def test_a_promotion_while_learning_is_taken_up_without_a_restart(project: Project) -> None:
    """The running learner goes on with the candidate's weights, on a lineage of its own."""
    rows = flights(900)
    project.produce(project.write_csv(rows[:600]))
    project.learn()
    made = project.backfill(project.write_csv(rows[:300]))
    project.produce(project.write_csv(rows[600:]))
    promoted = False

    def promote(_batch: Batch, _process: LearnerProcess) -> None:
        nonlocal promoted
        if not promoted:
            promoted = True
            with project.registry() as registry:
                registry.serving.pin("promote", made["version"], "better", "me")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.reading.merge.BATCH_ROWS", 50)
        patch.setattr("stream.learner.heartbeat.HEARTBEAT_SECONDS", 0.0)
        report = project.learn(promote)
    with project.registry() as registry:
        lineage = registry.versions.live_lineage()
    assert lineage is not None
    assert lineage.parent_version == made["version"]
    assert report["events"] == report["learned"] == 900
    assert report["events_this_run"] == report["rejected_this_run"]["events"]["rows"] == 300
    ids = [s.id for s in project.scores()]
    assert len(ids) == len(set(ids)) == 900
