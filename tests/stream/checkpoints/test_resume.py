"""``rollback --learner resume``: the learner goes on from where it is with what a version knew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from learners.registry.errors import AdoptionWithdrawnError
from learners.registry.row_types import Rollback
from learners.registry.writer import Writer
from learners.status.overview import status_document
from stream.learner.process import LearnerProcess
from stream.log import journal
from stream.log.batch import Batch
from tests.support.serving.project import Project, flights, same

Seen = Callable[[Batch, LearnerProcess], None]
PLATT = '[calibration]\nmethod = "platt"\nwindow = 100\nevery = 10\n'
SHADOW = '[[shadow]]\nname = "{}"\nargs = "-b 16 {}"\n'
FOREST = """[[shadow]]
name = "{}"
kind = "river-forest"
forest = {{ model = "amf", trees = 2, max_nodes = 99 }}
"""
LATER = 1_400_000_000_000


class CrashError(Exception):
    """Stands for a kill: nothing since the last checkpoint is saved."""


def crash(batch: Batch, _process: LearnerProcess) -> None:
    """Kill the learner after its first batch with records."""
    if batch.records:
        raise CrashError


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model that has learned 300 flights as version 1, and 100 poisoned ones as version 2."""
    return poisoned(Project(tmp_path / "one", more=PLATT))


def poisoned(project: Project) -> Project:
    """The same two versions of another config; 20 events wait for their labels."""
    project.produce(project.write_csv(flights(300)))
    project.learn()
    wait_for_labels(project)
    project.produce(project.write_csv(named("p", [[*row[:2], "1", *row[3:]] for row in more()])))
    assert project.learn()["learned"] == 400
    return project


def named(prefix: str, rows: list[list[str]]) -> list[list[str]]:
    """The rows under other ids."""
    return [[f"{prefix}{row[0]}", *row[1:]] for row in rows]


def more(seed: int = 9) -> list[list[str]]:
    """A hundred other flights."""
    return flights(100, seed)


def wait_for_labels(project: Project, first: int = 0) -> None:
    """Send 20 events without a label."""
    for number in range(first, first + 20):
        row = [f"w{number}", "1357016400", "", "AX", "JFK", "7", "500", ""]
        project.append(",".join(row).encode(), time=LATER + number)


def label(project: Project, first: int = 0) -> None:
    """Send their labels."""
    for number in range(first, first + 20):
        project.append(f"w{number},{number % 2}".encode(), labels=True, time=LATER + 1000)


def roll_back(project: Project, version: int = 1) -> Rollback:
    """Ask for it."""
    with project.registry() as registry:
        found = registry.rollbacks.ask(version, "resume", "poison", "ann").rollback
    assert found is not None
    return found


def last(project: Project) -> Rollback:
    """The newest rollback."""
    with project.registry() as registry:
        return registry.rollbacks.all()[-1]


def sha_of(project: Project, version: int) -> str:
    """The model's hash in a version."""
    with project.registry() as registry:
        return registry.versions.find(version).model_sha256


def test_the_next_start_goes_back(project: Project) -> None:
    """A version is cut at once, of the weights gone back to; counts and waiting events stay."""
    roll_back(project)
    report = project.learn()
    assert (report["learned"], report["waiting"], report["version"]) == (400, 20, 3)
    assert report["model_sha256"] == sha_of(project, 1) != sha_of(project, 2)
    done = last(project)
    assert (done.state, done.made, done.lineage) == ("done", 3, 2)
    with project.registry() as registry:
        assert registry.serving.pointers().serving == 3
        assert not registry.serving.pointers().pinned
    label(project)
    assert project.learn()["learned"] == 420


def test_what_comes_is_learned_by_those_weights_alone(tmp_path: Path) -> None:
    """As a model that has never seen what was learned between."""
    project = poisoned(Project(tmp_path / "one"))
    roll_back(project)
    project.produce(project.write_csv(named("m", more(10))))
    label(project)
    report = project.learn()
    assert (report["learned"], report["waiting"]) == (520, 0)
    alone = Project(tmp_path / "alone")
    waited = [[f"w{n}", "1357016400", str(n % 2), "AX", "JFK", "7", "500", ""] for n in range(20)]
    alone.produce(alone.write_csv(flights(300)))
    alone.learn()
    alone.produce(alone.write_csv(named("m", more(10))))
    for row in waited:
        alone.append(",".join(row).encode(), time=LATER + 1000)
    assert report["model_sha256"] == alone.learn()["model_sha256"]


def test_the_journal_gives_the_same_again(project: Project) -> None:
    """Its line that opens the lineage names the rollback; each event is output once."""
    roll_back(project)
    project.produce(project.write_csv(named("m", more(10))))
    label(project)
    report = project.learn()
    assert same(project.backfill()) == same(report)
    ids = [score.id for score in project.scores()]
    assert len(ids) == len(set(ids)) == 520
    with project.open_log() as log:
        lines = list(journal.lines(log, project.topics().journal))
    assert [line.rollback for line in lines if line.batch == 0] == [1]


def test_raw_scores_of_before_never_enter_calibration(project: Project) -> None:
    """They are another model's, in this run and after a restart."""
    counts: list[int] = []

    def count(_batch: Batch, process: LearnerProcess) -> None:
        assert process.learning is not None
        counts.append(int(process.learning.pipeline.scoring.adjuster.state()["count"][0]))

    roll_back(project)
    wait_for_labels(project, first=20)
    project.learn(count)
    label(project)
    project.learn(count)
    assert set(counts) == {300}, "the first twenty were scored by the model before"
    label(project, first=20)
    project.learn(count)
    assert counts[-1] == 320


def test_a_kill_at_any_commit_changes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the version is committed the same is begun again; nothing is done twice."""
    roll_back(project)
    project.produce(project.write_csv(named("m", more(10))))
    real = Writer.commit

    def killed(*_args: Any) -> None:
        raise CrashError

    monkeypatch.setattr(Writer, "commit", killed)
    with pytest.raises(CrashError):
        project.learn()
    assert last(project).state == "claimed"
    with pytest.raises(CrashError):
        project.learn(crash)
    monkeypatch.setattr(Writer, "commit", real)
    report = project.learn()
    assert (report["learned"], last(project).state) == (500, "done")
    assert sha_of(project, last(project).made or 0) == sha_of(project, 1)
    assert same(project.backfill()) == same(report)
    ids = [score.id for score in project.scores()]
    assert len(ids) == len(set(ids)) == 520


def test_what_was_output_is_learned_before_the_learner_goes_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the journal's tail after the last checkpoint belongs to where the learner was."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 20)
    project.produce(project.write_csv(named("m", more(10))), rows_per_message=10)
    taken: list[int] = []

    def crash_later(batch: Batch, process: LearnerProcess) -> None:
        taken.append(len(batch.records))
        if len(taken) == 4:
            crash(batch, process)

    with pytest.raises(CrashError):
        project.learn(crash_later)
    roll_back(project)
    report = project.learn()
    assert (report["learned"], last(project).state) == (500, "done")
    with project.registry() as registry:
        made = registry.versions.find(last(project).made or 0)
    assert made.model_sha256 == sha_of(project, 1)
    assert 400 < made.events["learned"] < 500, "the tail was learned before, the rest after"
    assert len(project.scores()) == 520


def test_a_running_learner_goes_back_without_a_restart(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks each second; what is left is learned by the weights gone back to."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 20)
    monkeypatch.setattr("stream.learner.heartbeat.HEARTBEAT_SECONDS", 0.0)
    asked: list[Rollback] = []

    def ask(batch: Batch, _process: LearnerProcess) -> None:
        if batch.records and not asked:
            asked.append(roll_back(project))

    project.produce(project.write_csv(named("m", more(10))), rows_per_message=10)
    report = project.learn(ask)
    assert (report["learned"], report["events_this_run"], last(project).state) == (500, 100, "done")
    with project.registry() as registry:
        made = registry.versions.find(last(project).made or 0)
    assert 400 < made.events["learned"] < 500
    assert same(project.backfill()) == same(report)


def test_a_cancelled_one_is_left(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is cancelled while the learner is about to claim it."""
    roll_back(project)
    real = Writer.begin_lineage

    def cancelled(self: Writer, *args: Any, **named_args: Any) -> object:
        with project.registry() as registry:
            registry.rollbacks.cancel(1, "no poison", "bob")
        try:
            return real(self, *args, **named_args)
        except AdoptionWithdrawnError:
            monkeypatch.setattr(Writer, "begin_lineage", real)
            raise

    monkeypatch.setattr(Writer, "begin_lineage", cancelled)
    report = project.learn()
    assert report["model_sha256"] == sha_of(project, 2)
    with project.registry() as registry:
        live = registry.versions.live_lineage()
        assert live is not None
        assert (live.serial, registry.rollbacks.find(1).state) == (1, "cancelled")


def test_what_cannot_be_loaded_is_told_and_the_learner_goes_on(project: Project) -> None:
    """The rollback fails by name, the version is refused, and nothing else has changed."""
    roll_back(project)
    with project.registry() as registry:
        folder = Path(project.settings.snapshots, registry.versions.find(1).snapshot.folder)
    (folder / "model").write_bytes(b"damaged")
    project.produce(project.write_csv(named("m", more(10))))
    assert project.learn()["learned"] == 500
    failed = last(project)
    assert failed.state == "failed"
    assert "Version 1 cannot be loaded" in failed.words
    warned = [each["kind"] for each in status_document(project.settings)["warnings"]]
    assert "rollback-failed" in warned
    with project.registry() as registry:
        assert registry.versions.find(1).state == "refused"
        assert registry.serving.pointers().serving != 1


def test_shadows_go_back_and_a_younger_one_begins_anew(tmp_path: Path) -> None:
    """It says so, and measures anew; the older one has what it had learned by then.

    The younger one is a forest, of which the learner says that it is slow.
    """
    old = Project(tmp_path / "one", more=SHADOW.format("slow", "-l 0.1"))
    old.produce(old.write_csv(flights(300)))
    old.learn()
    end = SHADOW.format("slow", "-l 0.1")
    both = old.edited((end, end + FOREST.format("young")))
    both.produce(both.write_csv(named("p", more())))
    with structlog.testing.capture_logs() as told:
        before = both.learn()["contenders"]
    assert [line["shadows"] for line in told if "slow learning" in line["event"]] == ["young"]
    assert (before["slow"]["count"], before["young"]["count"]) == (400, 100)
    roll_back(both)
    with structlog.testing.capture_logs() as told:
        both.learn()
    assert [line["shadows"] for line in told if "begin anew" in line["event"]] == ["young"]
    with both.registry() as registry:
        folders = [
            Path(both.settings.snapshots, registry.versions.find(number).snapshot.folder)
            for number in (1, 3)
        ]
    slow = [(folder / "shadow-slow").read_bytes() for folder in folders]
    assert slow[0] == slow[1]
    both.produce(both.write_csv(named("m", more(10))))
    after = both.learn()["contenders"]
    assert (after["slow"]["count"], after["young"]["count"]) == (500, 100)
