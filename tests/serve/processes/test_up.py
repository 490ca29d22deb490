"""``freshet up``: learner and server as real processes that are really killed."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import sleep
from typing import Any, NoReturn

import pytest

from converters.errors import UsageError
from serve.commands.serve import relay
from serve.processes.child import Command
from serve.processes.ports import free_port
from tests.serve.server.test_tls import CERT, KEY, certificate
from tests.support.serving.command import freshet
from tests.support.serving.processes import alive, until
from tests.support.serving.project import Project
from tests.support.serving.served import admin_header


@contextmanager
def up(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A real ``freshet up``; killed at the end, if it has not ended."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "serve.cli", "up", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small model."""
    return Project(tmp_path)


# Whoever certified a server of these tests.
ANYBODY = ssl.create_default_context()
ANYBODY.check_hostname, ANYBODY.verify_mode = False, ssl.CERT_NONE


def answers(port: int, scheme: str = "http") -> bool:
    """Whether a server is alive there."""
    url = f"{scheme}://127.0.0.1:{port}/health/live"
    try:
        with urllib.request.urlopen(url, timeout=2, context=ANYBODY) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def learner_pid(project: Project) -> int:
    """The process of the learner; 0 before there is one."""
    with project.registry() as registry:
        status = registry.writer.status()
    return 0 if status is None else int(status.owner.rsplit(" ", 1)[1])


def test_up_runs_both_and_brings_a_killed_learner_back(project: Project) -> None:
    """Learner and server run; kill -9 of the learner gives another; SIGTERM ends all, status 0."""
    port = free_port("127.0.0.1", 0)
    with up(project.folder, "--port", str(port)) as process:
        until(lambda: answers(port) and learner_pid(project))
        first = learner_pid(project)
        os.kill(first, signal.SIGKILL)
        until(lambda: learner_pid(project) != first)
        second = learner_pid(project)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=40)
        assert process.returncode == 0
    assert "The learner was killed by SIGKILL" in said
    assert not answers(port)
    assert not alive(second)


def server_pid(project: Project, port: int, scheme: str) -> int:
    """The process that answers for the server, which admins are told; with several, one of them."""
    headers = admin_header(project)
    status = urllib.request.Request(f"{scheme}://127.0.0.1:{port}/status", headers=headers)
    with urllib.request.urlopen(status, timeout=10, context=ANYBODY) as answer:
        return int(json.load(answer)["server"]["process"])


@pytest.mark.parametrize(
    ("workers", "scheme"), [("1", "https"), pytest.param("2", "http", marks=pytest.mark.long)]
)
def test_up_restarts_a_server_that_hangs(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: str, scheme: str
) -> None:
    """Stopped with all its processes, it is ended and serves again; the learner is left alone."""
    monkeypatch.setenv("FRESHET_SERVE__WORKERS", workers)
    if scheme == "https":
        certificate(project.folder, "first")
        monkeypatch.setenv("FRESHET_SERVE__TLS_CERT", CERT)
        monkeypatch.setenv("FRESHET_SERVE__TLS_KEY", KEY)
    port = free_port("127.0.0.1", 0)
    with up(project.folder, "--port", str(port)) as process:
        until(lambda: answers(port, scheme) and learner_pid(project))
        learner, server = learner_pid(project), os.getpgid(server_pid(project, port, scheme))
        sleep(1.5)  # so that it has answered a probe
        os.killpg(server, signal.SIGSTOP)
        until(lambda: not alive(server))
        until(lambda: answers(port, scheme))
        assert os.getpgid(server_pid(project, port, scheme)) != server
        assert learner_pid(project) == learner
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=40)
    assert process.returncode == 0
    assert f"The server has not answered at {scheme}://127.0.0.1:{port}/health/live for 1" in said
    assert "The server was killed by SIGKILL" in said
    assert not answers(port, scheme)


def learner_of(project: Project, port: int) -> dict[str, Any]:
    """What the server says of the learner."""
    status = urllib.request.Request(
        f"http://127.0.0.1:{port}/status", headers=admin_header(project)
    )
    with urllib.request.urlopen(status, timeout=10) as answer:
        return dict(json.load(answer)["learner"])


def test_a_server_survives_a_learner_that_refuses_its_config(project: Project) -> None:
    """That the file cannot be read is in the status; once it is corrected, the learner is back."""
    port = free_port("127.0.0.1", 0)
    text = project.config_file.read_text()
    with up(project.folder, "--port", str(port)) as process:
        until(lambda: answers(port) and learner_pid(project))
        first = learner_pid(project)
        project.config_file.write_text("[learner\n" + text)
        os.kill(first, signal.SIGKILL)
        until(lambda: "not valid TOML" in learner_of(project, port)["refused"])
        assert learner_of(project, port)["alive"] is False
        project.config_file.write_text(text)
        until(lambda: learner_pid(project) != first)
        until(lambda: not learner_of(project, port)["refused"])
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=40)
    assert process.returncode == 0
    assert said.count("The learner refuses its config, as it said, and does not run; ") == 1


def test_a_learner_survives_a_server_that_dies_while_its_config_is_edited(project: Project) -> None:
    """However often it tries; once the file can be read again, the server is back."""
    port = free_port("127.0.0.1", 0)
    text = project.config_file.read_text()
    with up(project.folder, "--port", str(port)) as process:
        until(lambda: answers(port) and learner_pid(project))
        learner, server = learner_pid(project), os.getpgid(server_pid(project, port, "http"))
        project.config_file.write_text("[learner\n" + text)
        sleep(1)  # so that it has answered a probe
        os.killpg(server, signal.SIGKILL)
        assert process.stderr is not None
        waits = "The server refuses its config, as it said, and does not run; "
        assert any(line.startswith(waits) for line in process.stderr)
        project.config_file.write_text(text)
        until(lambda: answers(port))
        assert learner_pid(project) == learner
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)
    assert process.returncode == 0


def test_up_refuses_a_config_that_is_wrong_when_it_starts(project: Project) -> None:
    """Nothing runs that could be kept running: exit status 2."""
    project.config_file.write_text("[learner\n" + project.config_file.read_text())
    with up(project.folder, "--port", "0") as process:
        _, said = process.communicate(timeout=40)
    assert process.returncode == 2
    assert "not valid TOML" in said


def test_no_child_outlives_a_killed_supervisor(project: Project) -> None:
    """Kill -9 of ``freshet up`` ends its learner, cleanly, and its server."""
    port = free_port("127.0.0.1", 0)
    with up(project.folder, "--port", str(port)) as process:
        until(lambda: answers(port) and learner_pid(project))
        learner = learner_pid(project)
        process.kill()
        until(lambda: not alive(learner) and not answers(port))
    with project.registry() as registry:
        status = registry.writer.status()
    assert status is not None
    assert status.status["alive"] is False


def test_up_goes_on_when_nothing_reads_what_it_prints(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a paused terminal the server answers, and a learner that dies is restarted."""
    monkeypatch.setenv("FRESHET_SERVE__ACCESS_LOG", "true")
    port = free_port("127.0.0.1", 0)
    with up(project.folder, "--port", str(port)):
        until(lambda: answers(port) and learner_pid(project))
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            for _ in range(1500):  # more lines than the pipes hold
                connection.request("GET", "/health/live")
                connection.getresponse().read()
        first = learner_pid(project)
        os.kill(first, signal.SIGKILL)
        until(lambda: learner_pid(project) != first)
        assert answers(port)


def test_lines_of_the_access_log_stay_json() -> None:
    """What a child prints is relayed under its name, except for records that programs read."""
    told: list[str] = []
    for line in ("Serving", '{"status": 200}'):
        relay(told.append, "server", line)
    assert told == ["server: Serving", '{"status": 200}']


def test_up_gives_its_children_the_properties_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read the same config as `up` itself."""
    (project.folder / "client.properties").write_text("bootstrap.servers=127.0.0.1:1\n")
    text = project.config_file.read_text()
    project.config_file.write_text(re.sub("^log = .*$", "", text, flags=re.MULTILINE))
    started: list[Sequence[str]] = []

    def supervisor(commands: Sequence[Command], *_: object, **_named: object) -> NoReturn:
        started.extend(command.argv for command in commands)
        raise UsageError("enough")

    monkeypatch.setattr("serve.processes.supervisor.Supervisor", supervisor)
    options = ("--kafka-config", "client.properties")
    freshet("up", "--port", "0", *options, cwd=project.folder)
    assert [options[0] in arguments for arguments in started] == [True, True]
    assert all(arguments[-2:] == [*options] for arguments in map(list, started))


def test_up_refuses_a_taken_port(project: Project) -> None:
    """A port that is taken is one plain paragraph and exit status 1; nothing is started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with up(project.folder, "--port", str(port)) as process:
            _, said = process.communicate(timeout=40)
    assert process.returncode == 1
    assert said.startswith(f"freshet: Cannot listen on 127.0.0.1, port {port}: another program")
    assert said.count("\n") == 1
