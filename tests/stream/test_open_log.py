"""Opening a log by its URL."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from converters.config.kafka_settings import KafkaSettings
from converters.errors import UsageError
from learners.registry import Registry
from serve.cli import app
from stream.log.contract import LogUnavailableError
from stream.log_sqlite.log import SqliteLog
from stream.open_log import MissingLogError, open_log
from tests.support.serving.project import Project, flights
from tests.support.streams.logs import make_topic, outgoing


@pytest.mark.parametrize(
    "url",
    [
        "",
        "log.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:////tmp/",
        "kafka://",
        "kafka://host:port",
        "kafka://host:1:2",
        "kafka://a:9092,,b:9092",
        "kafka://user:secret@host:9092",
        "kafka://host:9092/topic",
        "postgresql://host/database",
    ],
)
def test_a_url_that_names_no_log_is_refused(url: str) -> None:
    """The error is one of usage and says what may be written."""
    with pytest.raises(UsageError, match=r"sqlite:////absolute/path/log.db.* or `kafka://HOST"):
        open_log(url)


def test_a_sqlite_url_gives_an_absolute_or_relative_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four slashes name a path from the root, three one from here; folders are made."""
    monkeypatch.chdir(tmp_path)
    for url in (f"sqlite:///{tmp_path}/a/log.db", "sqlite:///b/log.db"):
        with closing(open_log(url)) as log:
            assert isinstance(log, SqliteLog)
            make_topic(log, "t")
            assert log.append("t", outgoing(b"x")) == [(0, 0)]
    assert (tmp_path / "a" / "log.db").exists()
    assert (tmp_path / "b" / "log.db").exists()


def test_the_embedded_log_needs_no_kafka_client(tmp_path: Path) -> None:
    """Opening a SQLite log imports nothing of kafka-python, which takes half a second."""
    program = (
        "import sys; from stream.open_log import open_log; open_log(sys.argv[1]).close();"
        "sys.exit('kafka' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{tmp_path}/log.db"], check=False
    )
    assert run.returncode == 0


@pytest.mark.parametrize("listening", [False, True])
def test_a_broker_that_does_not_answer_is_an_error_in_time(*, listening: bool) -> None:
    """A port that is closed, or accepts and says nothing: the error names it, nothing is left."""
    before = set(threading.enumerate())
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        if listening:
            server.listen()
        begun = time.monotonic()
        reason = "" if listening else f".*127.0.0.1:{port}: .*ECONNREFUSED"
        with pytest.raises(LogUnavailableError, match=f"at 127.0.0.1:{port}, connect{reason}"):
            open_log(f"kafka://127.0.0.1:{port}", kafka=KafkaSettings(bootstrap_timeout_ms=1000))
        assert time.monotonic() - begun < 5
    assert set(threading.enumerate()) <= before


def test_a_model_that_has_read_a_log_is_not_given_an_empty_one(tmp_path: Path) -> None:
    """Neither to produce to nor to learn from: its log is elsewhere, or lost."""
    project = Project(tmp_path / "p")
    csv = project.write_csv(flights(100))
    project.produce(csv)
    project.learn()
    config = ("--config", str(project.config_file))
    for command in (("produce", str(csv)), ("learn", "--until-end")):
        elsewhere = {"FRESHET_LOG": f"sqlite:///{tmp_path}/{command[0]}.db"}
        result = CliRunner().invoke(app, [*command, *config], env=elsewhere)
        assert isinstance(result.exception, MissingLogError)
        assert "--kafka-config with this command" in str(result.exception)
        assert not (tmp_path / f"{command[0]}.db").exists()


def test_a_log_that_another_program_creates_meanwhile_is_no_lost_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first produce and a first learn: one finds no file, and then what the other has learned."""
    project = Project(tmp_path / "p")
    csv = project.write_csv(flights(100))
    with project.registry():
        pass  # made by the learner, which has not come to the log yet

    def opened_late(url: str, model: str) -> Registry:
        monkeypatch.undo()
        project.produce(csv)
        project.learn()
        return Registry(url, model)

    monkeypatch.setattr("stream.open_log.Registry", opened_late)
    project.produce(csv)
    assert project.learn()["duplicates"] == 100


def test_a_named_topic_that_is_created_is_told(tmp_path: Path) -> None:
    """It may be misspelt, and the rows be in another."""
    project = Project(tmp_path / "p", more='[topics]\nevents = "ordres"')
    csv = str(project.write_csv(flights(10)))
    produce = ["produce", csv, "--config", str(project.config_file)]
    said = "There was no topic ordres in sqlite:"
    assert said in CliRunner().invoke(app, produce).stderr
    assert said not in CliRunner().invoke(app, produce).stderr
