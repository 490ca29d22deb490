"""What a learner needs goes away and comes back, or hangs: in process, with real logs."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from learners.registry import Registry
from learners.registry.errors import SupersededError
from stream.checkpoints.saver import UnsavedError
from stream.learner import heartbeat
from stream.learner.heartbeat import Outage
from stream.learner.loop import Learning, OutputThread
from stream.learner.process import assembled
from stream.log.batch import Batch
from stream.log.contract import LogUnavailableError, Outgoing, Place
from tests.support import ROOT
from tests.support.serving.project import Project, answers, flights, same
from tests.support.serving.saves import save_in_step

OFTEN = "[checkpoint]\nevents = 50\nseconds = 0.01\nmin_spacing = 0"


class Failing:
    """A writer that fails once."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, outputs: Mapping[str, Sequence[Outgoing]]) -> dict[Place, int]:
        """Fail the second time."""
        self.written += outputs
        if len(self.written) == 2:
            raise LogUnavailableError("away")
        return {Place("t", 0): len(self.written)}

    def close(self) -> None:
        """Nothing to free."""


def test_outputs_are_written_in_order_and_failures_are_told() -> None:
    """A transaction that failed is told before the next begins; what settled is known."""
    writer = Failing()
    with closing(OutputThread(writer)) as outputs:
        outputs.write({"a": []})
        outputs.write({"b": []})
        assert outputs.reached == {Place("t", 0): 1}
        with pytest.raises(LogUnavailableError):
            outputs.write({"c": []})
        outputs.settle()
        outputs.write({"d": []})
        outputs.settle()
    assert writer.written == ["a", "b", "d"]
    assert outputs.reached == {Place("t", 0): 3}


def test_an_outage_is_logged_once_while_its_error_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for numbers; another error is, and the same one after five minutes or an end."""
    now = 1000.0
    monkeypatch.setattr(heartbeat, "monotonic", lambda: now)
    outage = Outage(cast("Registry", None), 1, (), lambda: True)
    with capture_logs() as logs:
        for error in ("No answer after 3 s.", "No answer after 15 s.", "The disk is full."):
            outage.wait(LogUnavailableError(error))
        now += 299.0
        outage.wait(LogUnavailableError("The disk is full."))
        now += 2.0
        outage.wait(LogUnavailableError("The disk is full."))
        outage.over()
        outage.wait(LogUnavailableError("The disk is full."))
    waits = [entry["error"] for entry in logs if entry["event"] == "waiting"]
    assert waits == ["No answer after 3 s.", *["The disk is full."] * 3]


HANGING = """
import time
from stream.reading import watchdog
from stream.reading.batch_source import CheckedReader
watchdog.LONGEST_CALL_SECONDS = 0.2

class Hanging:
    buffers = {}
    def fill(self, timeout):
        time.sleep(600)

dog = watchdog.Watchdog(0.2)
with dog.running():
    CheckedReader(Hanging(), dog).fill(0.1)
"""


def test_a_reader_that_hangs_ends_the_process() -> None:
    """A call that neither returns nor fails is noticed, said, and ends the process with 1."""
    done = subprocess.run(
        [sys.executable, "-c", HANGING],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "freshet: Reading the log has not returned for" in done.stderr
    assert "Nothing is lost" in done.stderr


def test_a_registry_that_is_locked_stops_no_learning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checkpoints fail and are told; scores go on; the end is the same."""
    monkeypatch.setattr("learners.registry.database.BUSY_SECONDS", 0.1)
    save_in_step(monkeypatch)
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 500)
    rows = flights(4_000)
    project = Project(tmp_path / "p", more=OFTEN)
    project.produce(project.write_csv(rows))
    seen: list[str] = []

    with closing(sqlite3.connect(project.settings.registry.removeprefix("sqlite:///"))) as other:

        def after(_batch: Batch, learning: Learning) -> None:
            if not seen:
                other.execute("BEGIN IMMEDIATE")
            seen.append(learning._saver.trouble)

        with (
            assembled(project.context) as process,
            pytest.raises(UnsavedError, match="Nothing is lost"),
        ):
            process.run(after, until_end=True)
    assert len(seen) == 8
    assert any("held it" in trouble for trouble in seen)
    assert "checkpoint failed" in capsys.readouterr().err
    whole = Project(tmp_path / "whole")
    whole.produce(whole.write_csv(rows))
    assert same(project.learn()) == same(whole.learn())
    assert answers(project.scores()) == answers(whole.scores())


def test_a_log_that_is_locked_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The learner lets go, says so, begins anew from its checkpoint, and ends the same."""
    monkeypatch.setattr("stream.log_sqlite.file.BUSY_SECONDS", 0.1)
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 500)
    rows = flights(4_000)
    project = Project(tmp_path / "p", more=OFTEN)
    project.produce(project.write_csv(rows))
    other = sqlite3.connect(project.settings.log.removeprefix("sqlite:///"))
    told: list[str] = []

    def after(_batch: Batch, _learning: Learning) -> None:
        if not told:
            other.execute("BEGIN IMMEDIATE")
            told.append("locked")

    with closing(other), assembled(project.context) as process:
        wait = process.outage.wait

        def waiting(error: Exception) -> None:
            told.append(str(error))
            with project.registry() as registry:
                registry.writer.heartbeat(process.epoch, {})
            wait(error)
            status = process.registry.writer.status()
            assert status is not None
            told.append(status.status["waiting_for"])
            if other.in_transaction:
                other.rollback()

        monkeypatch.setattr(process.outage, "wait", waiting)
        report = process.run(after, until_end=True)
    assert told[1] == told[2]
    assert "locked by another process" in told[1]
    assert "waiting" in capsys.readouterr().err
    whole = Project(tmp_path / "whole")
    whole.produce(whole.write_csv(rows))
    assert same(report) == same(whole.learn())
    assert answers(project.scores()) == answers(whole.scores())


def test_a_stop_while_waiting_ends_cleanly_with_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to end while the log is away, it reports its last checkpoint."""
    monkeypatch.setattr("stream.log_sqlite.file.BUSY_SECONDS", 0.1)
    project = Project(tmp_path, more=OFTEN)
    project.produce(project.write_csv(flights(500)))
    saved = project.learn()
    project.produce(project.write_csv(flights(900)[500:]))
    other = sqlite3.connect(project.settings.log.removeprefix("sqlite:///"))
    with closing(other), assembled(project.context) as process:
        assert process.connection is not None
        other.execute("BEGIN IMMEDIATE")
        wait = process.outage.wait

        def waiting(error: Exception) -> None:
            process.stop()
            wait(error)

        monkeypatch.setattr(process.outage, "wait", waiting)
        report = process.run(lambda _batch, _learning: None, until_end=False)
    assert same(report) == same(saved)


def test_a_fenced_learner_that_lost_its_epoch_stops(tmp_path: Path) -> None:
    """Whoever was fenced off by a successor ends, and says who took over."""
    project = Project(tmp_path, more=OFTEN)
    project.produce(project.write_csv(flights(500)))
    with assembled(project.context) as process, project.registry() as registry:
        registry.writer.begin_epoch("the successor")
        with (
            project.open_log() as log,
            closing(log.writer("flights.learner")),
            pytest.raises(SupersededError, match="the successor took over"),
        ):
            process.run(lambda _batch, _learning: None, until_end=True)
    assert project.scores() == []


def test_a_fenced_learner_that_is_still_the_rightful_one_goes_on(tmp_path: Path) -> None:
    """A fencing error alone does not say who lost: the registry does."""
    project = Project(tmp_path / "p", more=OFTEN)
    project.produce(project.write_csv(flights(500)))
    with (
        assembled(project.context) as process,
        project.open_log() as log,
        closing(log.writer("flights.learner")),
    ):
        report = process.run(lambda _batch, _learning: None, until_end=True)
    whole = Project(tmp_path / "whole")
    whole.produce(whole.write_csv(flights(500)))
    assert same(report) == same(whole.learn())
    assert answers(project.scores()) == answers(whole.scores())
