"""How the learner takes a promoted backfill: its weights alone, all of it, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converters.errors import StartAgainError
from learners.registry.errors import LeftBehindError
from learners.registry.row_types import Adoption, Lineage
from learners.registry.serving import Moving
from stream.learner.process import EditedConfigError, LearnerProcess
from stream.log.batch import Batch
from tests.support.serving.command import freshet
from tests.support.serving.project import DISTANCE, Project, flights, same

Seen = Callable[[Batch, LearnerProcess], None]
PLATT = '[calibration]\nmethod = "platt"\nwindow = 100\nevery = 10\n'
OTHER_SCHEMA = ("max = 5000", "max = 4000")
LATEST = 1_400_000_000_000


class CrashError(Exception):
    """Stands for a kill: nothing since the last checkpoint is saved."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model that has learned 300 flights; for 20 more it waits for the label."""
    found = Project(tmp_path / "one", more=PLATT)
    found.produce(found.write_csv(flights(300)))
    found.learn()
    wait_for_labels(found)
    assert found.learn()["waiting"] == 20
    return found


def wait_for_labels(project: Project, first: int = 0) -> None:
    """Send 20 events without a label."""
    rows = [["", "1357016400", "", "AX", "JFK", "7", "500", ""] for _ in range(20)]
    for number, row in enumerate(rows, first):
        row[0] = f"w{number}"
        project.append(",".join(row).encode(), time=LATEST + number)


def label(project: Project, first: int = 0) -> None:
    """Send their labels."""
    for number in range(first, first + 20):
        project.append(f"w{number},{number % 2}".encode(), labels=True, time=LATEST + 1000)


def promote(project: Project, made: dict[str, Any], *, leave_waiting: bool = False) -> None:
    """Promote a candidate."""
    with project.registry() as registry:
        moving = Moving(leave_waiting=leave_waiting)
        registry.serving.pin("promote", made["version"], "better", "me", options=moving)


def of_file(project: Project, seed: int = 8) -> dict[str, Any]:
    """A candidate of a file."""
    return project.backfill(project.write_csv(flights(200, seed)))


def lineages(project: Project) -> tuple[Lineage, Adoption | None]:
    """The live lineage, and what it adopted."""
    with project.registry() as registry:
        live = registry.versions.live_lineage()
        assert live is not None
        return live, registry.adoptions.of_lineage(live.serial)


def test_a_files_weights_leave_no_waiting_event_behind(project: Project) -> None:
    """Joins, positions and counts stay; nothing is learned twice, and all labels find events."""
    made = of_file(project)
    promote(project, made)
    report = project.learn()
    assert (report["events"], report["learned"], report["waiting"]) == (320, 300, 20)
    live, adoption = lineages(project)
    assert adoption is not None
    assert (live.parent_version, adoption.kind) == (made["version"], "weights")
    label(project)
    report = project.learn()
    assert (report["learned"], report["waiting"], report["labels_late"]) == (320, 0, 0)
    assert same(project.backfill()) == same(report)
    ids = [score.id for score in project.scores()]
    assert len(ids) == len(set(ids)) == 320


def test_the_weights_are_the_files(project: Project) -> None:
    """What is learned after the adoption is learned by the file's model, as a file of both."""
    made = of_file(project)
    promote(project, made)
    more = [[f"m{row[0]}", *row[1:]] for row in flights(100, 9)]
    project.produce(project.write_csv(more))
    report = project.learn()
    alone = Project(project.folder.with_name("alone"), more=PLATT)
    both = [*flights(200, 8), *more]
    assert report["model_sha256"] == alone.backfill(alone.write_csv(both))["model_sha256"]


def test_raw_scores_of_before_never_enter_calibration(project: Project) -> None:
    """They are another model's, in this run and after a restart."""
    counts: list[int] = []

    def count(_batch: Batch, process: LearnerProcess) -> None:
        assert process.learning is not None
        counts.append(int(process.learning.pipeline.scoring.adjuster.state()["count"][0]))

    promote(project, of_file(project))
    wait_for_labels(project, first=20)
    project.learn(count)
    label(project)
    project.learn(count)
    assert set(counts) == {200}, "the first twenty were scored by the model before"
    label(project, first=20)
    project.learn(count)
    assert counts[-1] == 220
    assert same(project.backfill())[0] == project.learn()["model_sha256"]


@pytest.mark.parametrize("args", ["-b 16", "-b 15"])
def test_a_kill_before_the_first_checkpoint_changes_nothing(project: Project, args: str) -> None:
    """The same beginning is built again, with other arguments of the learner too."""

    def crash(_batch: Batch, _process: LearnerProcess) -> None:
        raise CrashError

    changed = replace(project, args=args)
    promote(changed, of_file(changed))
    label(changed)
    for _ in range(2):
        with pytest.raises(CrashError):
            changed.learn(crash)
    assert lineages(changed)[0].serial == 3
    report = changed.learn()
    assert (report["learned"], report["waiting"]) == (320, 0)
    assert same(changed.backfill()) == same(report)


def test_weights_are_taken_where_the_lineage_has_saved_nothing(project: Project) -> None:
    """Twice in a row, with a kill between: the waiting events are still there."""
    promote(project, of_file(project))

    def crash(_batch: Batch, _process: LearnerProcess) -> None:
        raise CrashError

    label(project)
    with pytest.raises(CrashError):
        project.learn(crash)
    other = project.edited(OTHER_SCHEMA)
    with pytest.raises(LeftBehindError, match="20 events wait"):
        promote(other, of_file(other))
    promote(project, of_file(project, seed=9))
    report = project.learn()
    assert (report["learned"], report["waiting"], report["labels_late"]) == (320, 0, 0)
    assert same(project.backfill()) == same(report)


def test_rows_that_were_refused_before_are_the_learners_own(project: Project) -> None:
    """A file's model has read none of them: what it would take is sent to it, not passed over."""
    row = ["late", "1357016400", "1", "AX", "JFK", "7", "far", ""]
    project.append(",".join(row).encode(), time=LATEST + 50)
    assert project.learn()["rejected"] == 1
    other = project.edited((DISTANCE, 'kind = "categorical"'))
    promote(other, of_file(other), leave_waiting=True)
    other.learn()
    sent = json.loads(freshet("replay-dead-letters", "--json", cwd=project.folder).stdout)
    assert (sent["sent"], sent["accepted_in_place"]) == (1, 0)
    assert other.learn()["learned"] == 201


def test_the_frozen_copy_stays(tmp_path: Path) -> None:
    """It has the arguments that it was taken with, whatever those of the adopted model are."""
    more = '[evaluation]\nwindow = 500\nstatic_after = "2013-01-01T10:00:00"\n'
    project = Project(tmp_path / "one").edited(("[evaluation]\nwindow = 500\n", more))
    project.produce(project.write_csv(flights(300)))
    before = project.learn()["static"]["count"]
    changed = project.edited(('args = "-b 16"', 'args = "-b 15"'))
    promote(changed, of_file(changed))
    later = [[f"m{row[0]}", *row[1:]] for row in flights(100, 9)]
    changed.produce(changed.write_csv(later))
    changed.learn()
    assert changed.learn()["static"]["count"] == before + 100


def seen_once(act: Callable[[], None]) -> Seen:
    """Act after the first batch that has records."""
    done = False

    def seen(batch: Batch, _process: LearnerProcess) -> None:
        nonlocal done
        if batch.records and not done:
            done = True
            act()

    return seen


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The learner looks for promotions after each batch."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 50)
    monkeypatch.setattr("stream.learner.heartbeat.HEARTBEAT_SECONDS", 0.0)


@pytest.mark.usefixtures("beats")
def test_another_schema_is_not_taken_while_events_wait(tmp_path: Path) -> None:
    """What began to wait since the promotion is not lost: the learner goes on, and it is told."""
    project = Project(tmp_path / "one")
    project.produce(project.write_csv(flights(300)))
    project.learn()
    other = project.edited(OTHER_SCHEMA)
    made = of_file(other)
    wait_for_labels(project)
    assert project.learn(seen_once(lambda: promote(project, made)))["waiting"] == 20
    label(project)
    report = project.learn()
    assert (report["learned"], lineages(project)[0].serial) == (320, 1)
    with project.registry() as registry:
        assert registry.adoptions.pending() is None
        (told,) = [e for e in registry.ledger.entries() if e.action == "withdraw"]
    assert told.version == made["version"]
    assert "20 events wait" in told.reason
    assert "--leave-waiting" in told.reason


def test_waiting_events_are_left_behind_only_if_that_is_said(project: Project) -> None:
    """The promotion is refused; with ``--leave-waiting`` the learner takes the model."""
    other = project.edited(OTHER_SCHEMA)
    made = of_file(other)
    with pytest.raises(LeftBehindError, match="20 events wait"):
        promote(other, made)
    promote(other, made, leave_waiting=True)
    report = other.learn()
    assert (report["events"], report["waiting"]) == (200, 0)
    assert same(other.backfill()) == same(report)


@pytest.mark.usefixtures("beats")
def test_a_learner_of_the_config_before_ends_for_one_of_the_edited(project: Project) -> None:
    """It says so with exit status 1, for a new start helps; that one takes the version."""
    other = project.edited(OTHER_SCHEMA)
    made = other.backfill(fresh=True)
    assert made["waiting"] == 20
    more = [[f"m{row[0]}", *row[1:]] for row in flights(300, 9)]
    project.produce(project.write_csv(more))
    with pytest.raises(EditedConfigError, match=r"distance.max: 5000 -> 4000.*by itself") as e:
        project.learn(seen_once(lambda: promote(project, made)))
    assert e.value.exit_status == StartAgainError.exit_status
    label(other)
    report = other.learn()
    assert (report["learned"], report["waiting"], report["rejected"]) == (620, 0, 0)
    assert same(other.backfill()) == same(report)
    ids = [score.id for score in other.scores()]
    assert len(ids) == len(set(ids)) == 620
