"""A SQLite log that is not where it was: nothing is made in its place by those who only read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from stream.log.contract import LogError, TopicSpec
from stream.log_sqlite.log import SqliteLog
from tests.support import ROOT
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights


@pytest.mark.parametrize("command", ["scores", "dead-letters", "backfill log"])
def test_reading_commands_make_no_log(tmp_path: Path, command: str) -> None:
    """Where the log is missing they say so, with 1, and leave nothing behind."""
    project = Project(tmp_path)
    done = freshet(*command.split(), cwd=project.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no log at" in done.stderr
    assert not project.settings.home.joinpath("log.db").exists()


def test_a_log_that_was_moved_without_its_newest_records_is_not_made_anew(tmp_path: Path) -> None:
    """SQLite would delete the file that holds them."""
    project = Project(tmp_path)
    project.produce(project.write_csv(flights(10)))
    path = Path(project.settings.log.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)):
        ahead = path.with_name("log.db-wal")
        ahead.write_bytes(b"records")
        path.rename(tmp_path / "elsewhere.db")
        with pytest.raises(LogError, match="moved or deleted by itself"):
            SqliteLog(path)
        assert ahead.read_bytes() == b"records"


def test_a_log_that_another_program_creates_meanwhile_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for the file and the look for the one beside it."""
    path, looked = tmp_path / "log.db", Path.exists
    others = list[SqliteLog]()

    def exists(self: Path) -> bool:
        found = looked(self)
        if self == path and not found and not others:
            monkeypatch.undo()
            others.append(SqliteLog(path))
            others[0].create_topics([TopicSpec("t")], accept_retention=False)
        return found

    monkeypatch.setattr(Path, "exists", exists)
    with closing(SqliteLog(path)) as log, closing(others[0]):
        assert path.with_name("log.db-wal").exists()
        assert log.describe(["t"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_learner_survives_that_nothing_can_be_said(tmp_path: Path) -> None:
    """Standard error on a full disk: the learner learns and saves all the same."""
    project = Project(tmp_path)
    project.produce(project.write_csv(flights(300)))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "serve.cli", "learn", "--until-end"],
            cwd=project.folder,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stderr=full,
            check=False,
        )
    assert done.returncode == 0
    with project.registry() as registry:
        point = registry.versions.resume_point()
        assert point is not None
        assert point.events["learned"] == 300


def test_a_report_after_a_promotion_names_the_models_fingerprint(tmp_path: Path) -> None:
    """With nothing learned since, it is that of the promoted version."""
    project = Project(tmp_path)
    project.produce(project.write_csv(flights(300)))
    learned = project.learn()
    version = project.backfill()["version"]
    with project.registry() as registry:
        registry.serving.pin("promote", version, "why", "test")
    report = project.learn()
    assert report["version"] == version
    assert report["model_sha256"] == learned["model_sha256"]
