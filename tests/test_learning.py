"""The learner over both logs: the same numbers by every way, through stops, kills and faults."""

from __future__ import annotations

import random
from dataclasses import replace
from hashlib import sha256
from math import log
from pathlib import Path

import pytest
import vowpalwabbit

from converters.csv_file import open_csv
from converters.rows import RowReader, cells_of
from converters.vw_text import Row, line
from learners.registry import SupersededError
from learners.snapshot import SnapshotRef
from stream.learner_process import LearnerProcess, LearnerRunningError, assembled
from stream.log import LogError, PositionError
from stream.reading import Batch
from stream.starting import ChangedModelError
from tests.project import Project, answers, flights, same

ROWS = 1500


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model on the embedded log."""
    return Project(tmp_path / "one")


@pytest.fixture
def logged(tmp_path: Path, log_url: str, unique_name: str) -> Project:
    """A model on each kind of log."""
    return Project(tmp_path / "one", log=log_url, model=unique_name)


def converted(project: Project, path: Path) -> list[Row]:
    """The file's rows as the converter gives them."""
    reader = RowReader(project.schema)
    with open_csv(str(path)) as file:
        order = reader.ordered(file.header)
        rows = [reader.convert(order(cells_of(row.content))) for row in file.rows()]
    return rows  # type: ignore[return-value]


@pytest.mark.parametrize("args", ["-b 16", "-b 16 --coin", "-b 16 --l2 1e-6 --power_t 0.3"])
def test_scores_and_model_are_those_of_plain_vowpal_wabbit(tmp_path: Path, args: str) -> None:
    """VW with the same arguments, line by line, predicts the scores and writes the model file."""
    project = Project(tmp_path / "p", args=args)
    path = project.write_csv(flights(ROWS))
    project.produce(path)
    report = project.learn()
    with project.registry() as registry:
        learner = registry.version(report["version"]).learner
    scorer = vowpalwabbit.Workspace(" ".join(learner["args"]))
    plain = vowpalwabbit.Workspace(" ".join(learner["args"]))
    expected, loss = [], 0.0
    for _, label, text in converted(project, path):
        expected.append(scorer.predict(line(text, label)))
        scorer.learn(line(text, label))
        plain.learn(line(text, label))
        loss -= log(expected[-1] if label else 1 - expected[-1])
    plain.save(str(tmp_path / "plain.vw"))
    assert [s.score for s in project.scores()] == expected
    assert report["log_loss"] == pytest.approx(loss / ROWS, abs=1e-9)
    assert report["model_sha256"] == sha256((tmp_path / "plain.vw").read_bytes()).hexdigest()
    if "--coin" not in args:
        average = plain.get_sum_loss() / plain.get_weighted_examples()
        assert average == pytest.approx(report["log_loss"], abs=1e-6)


@pytest.mark.parametrize("late", [False, True])
def test_every_way_to_the_same_rows_is_the_same(logged: Project, *, late: bool) -> None:
    """produce + learn, backfill FILE, backfill log and --fresh: bytes, measures and scores."""
    options = {"label_time": "landed"} if late else {}
    path = logged.write_csv(flights(ROWS))
    logged.produce(path, **options)
    live = logged.learn()
    assert live["learned"] == ROWS
    assert same(logged.backfill(path, **options)) == same(live)
    assert same(logged.backfill()) == same(live)
    assert same(logged.backfill(fresh=True)) == same(live)


@pytest.mark.kafka
@pytest.mark.parametrize("late", [False, True])
def test_sqlite_and_kafka_give_the_same(
    tmp_path: Path, kafka_bootstrap: str, unique_name: str, *, late: bool
) -> None:
    """One partition: the same rows through either log give the same model, scores and measures."""
    options = {"label_time": "landed"} if late else {}
    results = []
    for folder, url in (("sqlite", ""), ("kafka", f"kafka://{kafka_bootstrap}")):
        project = Project(tmp_path / folder, log=url, model=unique_name)
        project.produce(project.write_csv(flights(ROWS)), **options)
        results.append((same(project.learn()), answers(project.scores())))
    assert results[0] == results[1]


def test_an_event_is_scored_with_what_was_known_then(project: Project) -> None:
    """A learner that starts behind reads labels as they came, not before and not after."""
    path = project.write_csv(flights(ROWS))
    project.produce(path, label_time="landed")
    project.learn()
    lessons = {s.id: s.lessons for s in project.scores()}
    rows = flights(ROWS)
    for id_, at, *_ in rows[:: ROWS // 50]:
        assert lessons[id_] == sum(int(row[7]) <= int(at) for row in rows)


@pytest.mark.parametrize("late", [False, True])
def test_ten_stops_change_nothing(tmp_path: Path, *, late: bool) -> None:
    """A learner stopped after ten random batches, each time restarted, ends the same."""
    options = {"label_time": "landed"} if late else {}
    rows = flights(ROWS)
    whole = Project(tmp_path / "whole")
    whole.produce(whole.write_csv(rows), **options)
    stopped = Project(tmp_path / "stopped")
    stopped.produce(stopped.write_csv(rows), **options)
    expected = whole.learn()
    draw, small = random.Random(11), 40
    stops = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.merge.BATCH_ROWS", small)
        while True:
            left = draw.randrange(1, 6)

            def stop(_batch: Batch, process: LearnerProcess) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    process.stop()

            report = stopped.learn(stop if stops < 10 else None)
            stops += 1
            if stops > 10:
                break
    assert same(report) == same(expected)
    assert answers(stopped.scores()) == answers(whole.scores())


def test_a_killed_learner_folds_the_journals_tail_again(logged: Project) -> None:
    """What was output after the last checkpoint is learned again, and written once."""
    path = logged.write_csv(flights(ROWS))
    logged.produce(path, label_time="landed")

    class Killed(Exception):
        """The process ends here, without a word."""

    def kill(batch: Batch, _process: LearnerProcess) -> None:
        if batch.records and sum(len(r.rows) for r in batch.records) and kill.after == 0:  # type: ignore[attr-defined]
            raise Killed
        kill.after -= 1  # type: ignore[attr-defined]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.merge.BATCH_ROWS", 100)
        for after in (1, 3, 5):
            kill.after = after  # type: ignore[attr-defined]
            with pytest.raises(Killed):
                logged.learn(kill)
    report = logged.learn()
    assert report["events"] == report["learned"] == ROWS
    assert same(report) == same(logged.backfill(path, label_time="landed"))
    ids = [s.id for s in logged.scores()]
    assert len(ids) == len(set(ids)) == ROWS


def test_a_second_learner_on_this_machine_is_refused(project: Project) -> None:
    """While one learner holds the lock, another gets a clear error and touches nothing."""
    with assembled(project.context), pytest.raises(LearnerRunningError, match="Another learner"):
        project.learn()


def test_an_older_epoch_cannot_commit(project: Project) -> None:
    """A learner whose epoch was taken over stops; its version is not made."""
    project.produce(project.write_csv(flights(100)))

    def overtake(_batch: Batch, _process: LearnerProcess) -> None:
        with project.registry() as registry:
            registry.begin_epoch("another machine")

    with pytest.raises((SupersededError, LogError)):
        project.learn(overtake)
    with project.registry() as registry:
        assert registry.versions() == []


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
        registry.serve_version("promote", made["version"], "new arguments", "me")
    report = changed.learn()
    assert report["events"] == 300
    ids = [s.id for s in changed.scores()]
    assert len(ids) == len(set(ids)) == 300


def test_a_promoted_backfill_of_a_file_is_gone_on_from(project: Project) -> None:
    """History from a file first, then the stream: one model of both, every row output once."""
    rows = flights(600)
    made = project.backfill(project.write_csv(rows[:400]))
    with project.registry() as registry:
        registry.serve_version("promote", made["version"], "history", "me")
    project.produce(project.write_csv(rows[400:]))
    report = project.learn()
    assert report["events"] == report["learned"] == 600
    one = replace(project, folder=project.folder.with_name("whole"))
    assert report["model_sha256"] == one.backfill(one.write_csv(rows))["model_sha256"]
    assert same(project.backfill()) == same(report)


def test_a_promotion_while_learning_is_taken_up_without_a_restart(project: Project) -> None:
    """The running learner goes on from the candidate, on a lineage of its own."""
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
                registry.serve_version("promote", made["version"], "better", "me")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.merge.BATCH_ROWS", 50)
        patch.setattr("stream.pacing.HEARTBEAT_SECONDS", 0.0)
        report = project.learn(promote)
    with project.registry() as registry:
        lineage = registry.live_lineage()
    assert lineage is not None
    assert lineage.parent_version == made["version"]
    assert 300 < report["events"] <= 600
    ids = [s.id for s in project.scores()]
    assert len(ids) == len(set(ids)) == 900


def test_a_damaged_checkpoint_is_passed_over_and_told(project: Project) -> None:
    """The learner takes the one before it and folds the journal from there: the same result."""
    rows = flights(900)
    project.produce(project.write_csv(rows[:500]))
    project.learn()
    project.produce(project.write_csv(rows[500:]))
    project.learn()
    with project.registry() as registry:
        newest = registry.resume_point()
    assert newest is not None
    damage(project, newest.snapshot)
    project.append(b"new,,0,AX,JFK,3,100,")
    report = project.learn()
    with project.registry() as registry:
        assert any("refuse" in e.action or "broken" in e.action for e in registry.ledger())
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
    project.append(b"x,1357016400,1,AX,JFK,3,100,")
    with pytest.raises(PositionError, match="created anew"):
        project.learn()


def test_old_versions_are_thinned(tmp_path: Path) -> None:
    """Beyond the newest `checkpoint.keep` versions the folders go, and the rows say so."""
    more = "[checkpoint]\nkeep = 2\nevents = 50\nmin_spacing = 0"
    project = Project(tmp_path / "p", more=more)
    project.produce(project.write_csv(flights(600)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.merge.BATCH_ROWS", 50)
        patch.setattr("stream.learning.THIN_EVERY_SECONDS", 0.0)
        patch.setattr("stream.pacing.HEARTBEAT_SECONDS", 0.0)
        project.learn()
    with project.registry() as registry:
        states = [v.state for v in registry.versions()]
        kept = [v.snapshot.folder for v in registry.versions() if v.state != "thinned"]
    assert len(states) >= 10
    assert states.count("thinned") >= len(states) - 3
    folders = {p.name for p in project.snapshots().folder.iterdir() if not p.name.startswith(".")}
    assert folders == set(kept)
