"""Corrected rows of a quarantine: learned in its place wherever the log is read again, once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from converters.errors import FreshetError, UsageError
from learners.registry.requests.quarantine import Quarantines
from serve.cli import app
from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from stream.log.contract import Outgoing, Place, PositionError
from stream.reading import merge
from tests.support.serving.begun_projects import begun
from tests.support.serving.project import Project, csv_text, flights, same

PER = 5


class CrashError(Exception):
    """Stands for a kill: nothing since the last checkpoint is saved."""


def named(prefix: str, rows: list[list[str]]) -> list[list[str]]:
    """The rows under other ids."""
    return [[f"{prefix}{row[0]}", *row[1:]] for row in rows]


CLEAN, GOOD = flights(100), named("p", flights(40, 9))
AFTER, NEW = named("m", flights(60, 10)), named("n", flights(30, 11))
# Every label is turned round, and every distance is gone.
POISON = [[*row[:2], str(1 - int(row[2])), *row[3:6], "", row[7]] for row in GOOD]
# Of each record of five rows the second and the last are left out for good.
SOME = [number for number in range(len(GOOD)) if number % PER not in (1, 4)]


def run(project: Project, *arguments: str, status: int = 0) -> Result:
    """A command, in this process."""
    config = ("--config", str(project.config_file))
    found = CliRunner().invoke(app, [*arguments, *config])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == status, found.output
    return found


def quarantined(project: Project, *, learned: bool = True) -> None:
    """A hundred clean rows, a version, the poison in quarantine, and more."""
    begun(project, LEARNED if learned else SENT, merge.BATCH_ROWS)


def _quarantined(project: Project, *, learned: bool) -> None:
    sent(project, CLEAN)
    project.learn()
    first = end_of(project)
    sent(project, POISON)
    if learned:
        project.learn()
    span = f"{project.topics().events}:0:{first}-{end_of(project) - 1}"
    run(project, "quarantine", "add", "--skip", span, "--reason", "a test")


LEARNED, SENT = partial(_quarantined, learned=True), partial(_quarantined, learned=False)


def end_of(project: Project) -> int:
    """The next offset of the events."""
    with project.open_log() as log:
        topic = project.topics().events
        return log.describe([topic])[topic].ends[Place(topic, 0)]


def sent(project: Project, rows: Sequence[Sequence[str]]) -> None:
    """Send rows, five a record."""
    project.produce(project.write_csv(rows), rows_per_message=PER)


def exported(project: Project, *options: str) -> list[list[str]]:
    """The rows of the quarantine as a file has them, its header first."""
    return list(csv.reader(io.StringIO(run(project, "quarantine", "export", "1", *options).stdout)))


def corrected(project: Project, numbers: Sequence[int] | None = None) -> Path:
    """The file with the rows as they should have been, or with some of them."""
    header, *rows = exported(project)
    assert [row[6:-1] for row in rows] == POISON
    chosen = range(len(rows)) if numbers is None else numbers
    return written(project, header, [[*rows[at][:6], *GOOD[at], ""] for at in chosen])


def written(project: Project, header: list[str], rows: list[list[str]]) -> Path:
    """A file of corrected rows."""
    path = project.folder / "corrected.csv"
    path.write_text(csv_text(rows, header), encoding="utf-8")
    return path


def resubmitted(project: Project, path: Path, *, status: int = 0) -> dict[str, Any]:
    """What came of resubmitting a file."""
    found = run(project, "quarantine", "resubmit", "1", str(path), "--json", status=status)
    document: dict[str, Any] = json.loads(found.stdout)
    return document


def replayed(project: Project, version: int = 1) -> dict[str, Any]:
    """The report of a learner that goes back and reads the log again."""
    run(project, "rollback", str(version), "--learner", "replay", "--reason", "a test")
    return project.learn()


def alone(folder: Path, *parts: list[list[str]]) -> dict[str, Any]:
    """What a model comes to that has never seen anything else."""
    project = Project(folder)
    for rows in parts:
        sent(project, rows)
    return project.learn()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model."""
    return Project(tmp_path / "one")


def test_a_replay_learns_them_where_they_should_have_been(
    log_url: str, unique_name: str, tmp_path: Path
) -> None:
    """The end is that of a log that had held them; scored once, and the journal gives it again."""
    project = Project(tmp_path / "one", log=log_url, model=unique_name, processes=2)
    quarantined(project)
    sent(project, AFTER)
    project.learn()
    report = resubmitted(project, corrected(project, SOME))
    assert (report["rows"], report["sent"], report["newest_before"]) == (len(SOME),) * 2 + (1,)
    sent(project, NEW)
    report = replayed(project)
    plain = alone(tmp_path / "two", CLEAN, [GOOD[at] for at in SOME], AFTER, NEW)
    assert report["model_sha256"] == plain["model_sha256"]
    names = ("learned", "log_loss", "auc", "rejected")
    assert [report[name] for name in names] == [plain[name] for name in names]
    assert (report["events"], report["quarantined"]) == (230, len(GOOD) - len(SOME))
    ids = [score.id for score in project.scores()]
    assert len(ids) == len(set(ids)) == 230
    assert same(project.backfill()) == same(report)
    fresh = project.backfill(fresh=True)
    assert (fresh["learned"], fresh["quarantined"]) == (report["learned"], report["quarantined"])
    assert fresh["model_sha256"] == plain["model_sha256"]


def test_what_nobody_has_output_is_output_where_it_was(project: Project) -> None:
    """A score and a dead letter name the row that was corrected."""
    quarantined(project, learned=False)
    header, *rows = exported(project)
    better = [[*rows[at][:6], *GOOD[at], ""] for at in SOME]
    better[3][6] = CLEAN[0][0]  # an event that is there already: the joins refuse it
    resubmitted(project, written(project, header, better))
    replayed(project)
    scores = {(s.offset, s.row): s.id for s in project.scores() if s.offset >= 20}
    wanted = {(20 + at // PER, at % PER): GOOD[at][0] for at in SOME if at != SOME[3]}
    assert scores == wanted
    run(project, "quarantine", "remove", "1", "--reason", "a test")
    replayed(project)
    assert len(project.scores()) == 100 + len(wanted), "the record was output, once"


def test_labels_are_corrected_too(project: Project, tmp_path: Path) -> None:
    """The event has been waiting for the right one."""
    events = [[*row[:2], "", *row[3:]] for row in GOOD]
    sent(project, CLEAN)
    project.learn()
    sent(project, events)
    right = [f"{row[0]},{row[2]}" for row in GOOD]
    wrong = [f"{row[0]},{1 - int(row[2])}" for row in GOOD]
    project.append("\n".join(wrong).encode(), labels=True, time=1000 * int(GOOD[-1][1]))
    assert project.learn()["learned"] == 140
    span = f"{project.topics().labels}:0:0-0"
    run(project, "quarantine", "add", "--skip", span, "--reason", "a test")
    header, *rows = exported(project, "--labels")
    better = [[*row[:7], GOOD[at][2], *row[8:]] for at, row in enumerate(rows) if at % 2]
    assert resubmitted(project, written(project, header, better))["sent"] == 20
    report = replayed(project)
    other = Project(tmp_path / "two")
    sent(other, CLEAN)
    other.learn()
    sent(other, events)
    other.append("\n".join(right[1::2]).encode(), labels=True, time=1000 * int(GOOD[-1][1]))
    plain = other.learn()
    assert report["model_sha256"] == plain["model_sha256"]
    assert (report["learned"], report["waiting"], report["labels_quarantined"]) == (120, 20, 20)


@pytest.mark.parametrize("batches", range(2))
def test_a_kill_on_the_way_changes_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """What was corrected after the replay began is not learned by it, killed or not."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 20)
    quarantined(project)
    resubmitted(project, corrected(project, SOME))
    run(project, "rollback", "1", "--learner", "replay", "--reason", "a test")
    taken: list[Batch] = []

    def kill(batch: Batch, _process: LearnerProcess) -> None:
        if not batch.is_empty:
            taken.append(batch)
            if len(taken) > batches:
                raise CrashError

    with pytest.raises(CrashError):
        project.learn(kill)
    resubmitted(project, corrected(project))
    report = project.learn()
    plain = alone(tmp_path / "two", CLEAN, [GOOD[at] for at in SOME])
    assert report["model_sha256"] == plain["model_sha256"]
    assert same(project.backfill()) == same(report)
    plain = alone(tmp_path / "three", CLEAN, GOOD)
    assert replayed(project)["model_sha256"] == plain["model_sha256"]


def test_the_last_correction_of_a_row_counts(project: Project, tmp_path: Path) -> None:
    """And the same again is sent no second time."""
    quarantined(project)
    header, *rows = exported(project)
    first = [[*row[:6], *GOOD[at], ""] for at, row in enumerate(rows)]
    first[7][8] = POISON[7][2]
    assert resubmitted(project, written(project, header, first))["sent"] == 40
    assert resubmitted(project, project.folder / "corrected.csv")["already_sent"] == 40
    again = resubmitted(project, corrected(project))
    assert (again["sent"], again["already_sent"], again["rows"]) == (1, 39, 40)
    plain = alone(tmp_path / "two", CLEAN, GOOD)
    assert replayed(project)["model_sha256"] == plain["model_sha256"]
    with project.registry() as registry:
        ledger = [(e.action, e.reason) for e in registry.ledger.entries()]
        assert registry.quarantines.find(1).corrected == 40
    told = [reason for action, reason in ledger if action == "correct"]
    assert sorted(told) == ["40 rows were corrected", "one row was corrected"]
    listed = run(project, "quarantine", "list").stdout
    assert "    40 rows of it corrected, to be learned in its place\n" in listed


def test_who_corrected_stands_in_the_ledger_after_a_kill(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows were sent, and the registry not told yet; the next run sends none, and tells it."""
    quarantined(project)
    path = corrected(project)
    with monkeypatch.context() as patched:
        patched.setattr(Quarantines, "corrected", _killed)
        with pytest.raises(CrashError):
            run(project, "quarantine", "resubmit", "1", str(path))
    assert resubmitted(project, path)["sent"] == 0
    assert resubmitted(project, path)["already_sent"] == 40
    with project.registry() as registry:
        told = [e.reason for e in registry.ledger.entries() if e.action == "correct"]
        assert registry.quarantines.find(1).corrected == 40
    assert told == ["40 rows were corrected"]


def _killed(*_: object) -> None:
    raise CrashError


def test_what_would_not_be_learned_is_refused_by_its_line(project: Project) -> None:
    """Each with why; the others are sent, and the status is 1."""
    quarantined(project)
    header, *rows = exported(project)
    good = [*rows[0][:6], *GOOD[0], ""]
    wrong = {
        "not-in-quarantine": [*good[:2], "3", *good[3:]],
        "no-such-row": [*good[:3], "5", *good[4:]],
        "bad-origin": [*good[:2], "x", *good[3:]],
        "bad-label": [*rows[1][:8], "7", *rows[1][9:]],
        "repeated-row": good,
        "cells-not-filled-in": [*rows[2][:6], *([""] * 9)],
        "wrong-width": [*good, "more"],
    }
    path = str(written(project, header, [good, *wrong.values()]))
    report = resubmitted(project, Path(path), status=1)
    assert (report["sent"], report["rows"]) == (1, 1)
    assert [each["reason"] for each in report["refused"]] == list(wrong)
    assert [each["line"] for each in report["refused"]] == list(range(3, 10))
    said = run(project, "quarantine", "resubmit", "1", path, status=1).stderr
    assert "corrected.csv, line 3: not sent, not-in-quarantine." in said
    for reason in wrong:
        assert said.count(f"\n{reason}: ") == 1, "each is told in words"


def test_a_dead_letter_that_was_sent_again_is_not_corrected_as_well(project: Project) -> None:
    """It would be learned twice."""
    sent(project, CLEAN)
    bad = [[*row[:2], "7", *row[3:]] for row in GOOD[:5]]
    sent(project, bad)
    project.learn()
    letters = project.folder / "letters.csv"
    letters.write_text(run(project, "dead-letters", "--rows", "events").stdout)
    header, *rows = list(csv.reader(io.StringIO(letters.read_text())))
    letters.write_text(csv_text([[*rows[0][:6], *GOOD[0], ""]], header))
    run(project, "replay-dead-letters", str(letters))
    span = f"{project.topics().events}:0:20-20"
    run(project, "quarantine", "add", "--skip", span, "--reason", "a test")
    header, *rows = exported(project)
    better = [[*row[:6], *GOOD[at], ""] for at, row in enumerate(rows)]
    report = resubmitted(project, written(project, header, better), status=1)
    assert [each["reason"] for each in report["refused"]] == ["sent-again"]
    assert report["sent"] == 4
    fresh = project.backfill(fresh=True)
    assert (fresh["learned"], fresh["duplicates"]) == (105, 0)


def test_a_quarantine_that_was_removed_is_not_corrected(project: Project) -> None:
    """Its records are learned as they are; what was corrected before is of no account."""
    quarantined(project)
    path = corrected(project)
    resubmitted(project, path)
    run(project, "quarantine", "remove", "1", "--reason", "a test")
    with pytest.raises(UsageError, match="Quarantine 1 was removed, so its records are learned"):
        resubmitted(project, path)
    assert project.backfill(fresh=True)["events"] == 140
    span = f"{project.topics().events}:0:20-27"
    run(project, "quarantine", "add", "--skip", span, "--reason", "another")
    fresh = project.backfill(fresh=True)
    assert (fresh["quarantined"], fresh["learned"]) == (40, 100)


def test_a_version_behind_them_is_told(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A replay from there does not learn them; one from the version before does."""
    quarantined(project)
    replayed(project)
    sent(project, AFTER)
    project.learn()
    with project.registry() as registry:
        newest = registry.versions.all()[-1].version
    resubmitted(project, corrected(project))
    options = ("--learner", "replay", "--preview", "--json")
    told = json.loads(run(project, "rollback", str(newest), *options).stdout)["corrected"]
    assert told == {"rows": 0, "passed": 40, "newest_before": 1, "incomplete": []}
    options = ("--learner", "replay", "--reason", "a test")
    said = run(project, "rollback", str(newest), *options).stderr
    assert f"40 more are of records that come before version {newest} in the log" in said
    assert "Version 1 is the newest before them." in said
    capsys.readouterr()
    assert project.learn()["learned"] == 160
    assert f"had learned them records=8 version={newest}\n" in capsys.readouterr().err
    told = json.loads(run(project, "rollback", "1", *options[:2], "--preview", "--json").stdout)
    assert told["corrected"] == {"rows": 40, "passed": 0, "newest_before": None, "incomplete": []}
    plain = alone(tmp_path / "two", CLEAN, GOOD, AFTER)
    assert replayed(project)["model_sha256"] == plain["model_sha256"]


def test_corrected_rows_that_are_gone_stop_the_learner(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them it could not come to what it was."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 20)
    quarantined(project)
    resubmitted(project, corrected(project))
    run(project, "rollback", "1", "--learner", "replay", "--reason", "a test")

    def kill(batch: Batch, _process: LearnerProcess) -> None:
        if not batch.is_empty:
            raise CrashError

    with pytest.raises(CrashError):
        project.learn(kill)
    other = project.edited(("[columns", '[topics]\ncorrections = "another"\n[columns'))
    with pytest.raises(PositionError, match="no longer has the corrected rows"):
        other.learn()
    assert project.learn()["learned"] == 140


def test_the_topic_is_freshets_own(project: Project) -> None:
    """What others wrote there is not guessed at."""
    quarantined(project)
    resubmitted(project, corrected(project))
    with project.open_log() as log:
        log.append(project.topics().corrections, [Outgoing(b"x")])
    with pytest.raises(FreshetError, match="so it is unknown which rows were corrected"):
        resubmitted(project, project.folder / "corrected.csv")


def test_a_config_by_which_no_learner_starts_is_told(project: Project) -> None:
    """The rollback would wait for one that does."""
    quarantined(project)
    other = project.edited(("[learn]\n", '[columns.branch]\nkind = "categorical"\n\n[learn]\n'))
    options = ("--learner", "replay", "--reason", "a test")
    said = run(other, "rollback", "1", *options).stderr
    assert "The config is not that of the learner's model: the column 'branch'" in said
    assert "or cancel it: 'freshet rollbacks" in said
    assert "--cancel 1 --reason TEXT'." in said
