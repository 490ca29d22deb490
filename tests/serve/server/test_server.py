"""The server as processes: its port, its signals, its workers, and the command that starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import pytest
import structlog
from uvicorn.supervisors.multiprocess import Multiprocess

from serve.access.tokens import TokenFile
from serve.commands.serve import say_addresses
from serve.processes.ports import PortError, address_of, listening
from serve.server.server import Parent
from tests.serve.server.test_protocol import ROW, Answers, request
from tests.support import ROOT
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import ask, server_of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model with two versions."""
    project = a_project(tmp_path)
    with maker_of(project) as maker:
        maker.make()
        maker.make()
    return project


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so."""
    until = monotonic() + seconds
    while not condition():
        assert monotonic() < until
        sleep(0.02)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_end(project: Project, kind: signal.Signals) -> None:
    """One that has begun is answered, new ones are not taken, the status is 0."""
    whole = request(ROW)
    with server_of(project) as server, server.connect() as connection:
        connection.sendall(whole[:-4])
        eventually(lambda: server.ask("/health/live")[0] == 200)
        server.process.send_signal(kind)
        eventually(lambda: _refuses(server.port))
        connection.sendall(whole[-4:])
        assert Answers(connection).next()[0] == 200
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.said.read_text(encoding="utf-8")


def test_workers_share_the_port_the_counters_and_the_versions(project: Project) -> None:
    """Requests on many connections are counted together; all follow a promotion in a second."""
    with server_of(project, "--workers", "2") as server:
        eventually(lambda: _both_answer(server.address))
        eventually(lambda: all(_answers(server.address) == 2 for _ in range(8)))
        before = _counted(server.address)
        for _ in range(20):
            server.ask("/predict", {})
        eventually(lambda: _counted(server.address) == before + 20)
        move = {"version": 1, "reason": "test", "force": True}  # it has learned less
        assert server.ask("/promote", move, server.admin_token)[0] == 200
        eventually(lambda: {_answers(server.address) for _ in range(30)} == {1})
        server.process.terminate()
        assert server.process.wait(30) == 0


def test_counters_are_no_files_of_the_home_and_do_not_outlive_the_server(project: Project) -> None:
    """A full disk cannot end a worker that counts; what a killed server left is removed."""
    with server_of(project, "--workers", "2") as server:
        left = server.counters
        assert stat.S_IMODE(left.stat().st_mode) == 0o700
        assert not list(project.settings.home.glob("metrics-*"))
        server.process.kill()
        server.process.wait(60)
        eventually(lambda: _refuses(server.port))
    with server_of(project, "--workers", "2") as server:
        assert not left.exists()
        left = server.counters
        server.process.terminate()
        assert server.process.wait(30) == 0
    assert not left.exists()


def test_the_log_says_why_a_worker_ended(project: Project) -> None:
    """By its signal; another one is started."""
    with server_of(project, "--workers", "2") as server:
        eventually(lambda: len(list(server.counters.glob("gauge_live*"))) == 2)
        worker = next(server.counters.glob("gauge_live*"))
        os.kill(int(worker.stem.rpartition("_")[2]), signal.SIGBUS)
        eventually(lambda: not worker.exists())
        eventually(lambda: "server process ended" in server.said.read_text(encoding="utf-8"))
        said = server.said.read_text(encoding="utf-8")
    assert "signal 7 (Bus error)" in said


def test_the_log_names_a_worker_that_ended_while_another_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under load, the first answers after seconds; the second may be ended and replaced amid."""
    first, second, third = (_Worker(number) for number in (1, 2, 3))

    def replace(self: Parent) -> None:
        second.exitcode = -signal.SIGBUS
        self.processes[1] = third  # type: ignore[call-overload]

    monkeypatch.setattr(Multiprocess, "keep_subprocess_alive", replace)
    parent = Parent.__new__(Parent)
    parent.processes = [first, second]  # type: ignore[list-item]
    with structlog.testing.capture_logs() as logs:
        parent.keep_subprocess_alive()
    assert [(each["process"], each["cause"]) for each in logs] == [(2, "signal 7 (Bus error)")]


class _Worker:
    """A process of the parent that lives until something else is said."""

    def __init__(self, pid: int) -> None:
        self.pid, self.exitcode, self.process = pid, 0, self

    def is_alive(self) -> bool:
        return self.exitcode == 0


def test_workers_end_with_a_parent_that_was_killed(project: Project) -> None:
    """They do not hold the port for ever."""
    with server_of(project, "--workers", "2") as server:
        server.process.kill()
        server.process.wait(60)
        eventually(lambda: _refuses(server.port))


def test_a_taken_port_is_one_paragraph(project: Project) -> None:
    """What, which, and what to do; exit status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _serve(project, "--port", str(port))
    assert done.returncode == 1
    assert done.stdout == ""
    said = done.stderr.strip()
    assert "\n" not in said
    assert f"Cannot listen on 127.0.0.1, port {port}: another program" in said
    assert "--port" in said


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("no.such.host.invalid", 0, "no address 'no.such.host.invalid'"),
        ("192.0.2.1", 0, "Cannot listen on 192.0.2.1, port 0"),
    ],
)
def test_an_address_that_is_not_ours_is_told(host: str, port: int, words: str) -> None:
    """A name that nobody has, an address of another machine."""
    with pytest.raises(PortError, match=re.escape(words)):
        listening(host, port)


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")]
)
def test_the_address_that_is_told_can_be_asked(host: str, address: str) -> None:
    """From this machine, in the form of a URL, with the port that was found."""
    try:
        listener = listening(host, 0)
    except PortError:
        pytest.skip(f"this machine has no {host}")
    with listener:
        told = address_of(listener)
        assert told == f"http://{address}:{listener.getsockname()[1]}"
        socket.create_connection(listener.getsockname()[:2], timeout=5).close()


def test_a_registry_that_cannot_be_used_ends_the_start(project: Project) -> None:
    """At once, and not as a server that could never serve: no address is told before."""
    (project.settings.home / "registry.db").write_bytes(b"this is no database" * 100)
    done = _serve(project, "--port", "0")
    assert done.returncode == 1
    assert done.stderr.startswith("freshet: ")
    assert "registry" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_certificate_that_cannot_be_read_ends_the_start(project: Project) -> None:
    """Neither an address nor a token is told before; exit status 2."""
    with project.config_file.open("a", encoding="utf-8") as config:
        config.write('[serve]\ntls_cert = "none.pem"\ntls_key = "none.key"\n')
    done = _serve(project, "--port", "0")
    assert done.returncode == 2
    assert done.stderr.startswith("freshet: serve.tls_cert cannot be read")
    assert done.stderr.count("\n") == 1
    assert not (project.settings.home / "admin.token").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_that_others_reach_says_so(
    project: Project, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All addresses, what is open to everybody there, and that it is not encrypted."""
    try:
        listener = listening(host, 0)
    except PortError:
        pytest.skip(f"this machine has no {host}")
    TokenFile(project.settings.home / "tokens.json").add("ci", ["read"], None)
    with listener:
        say_addresses(project.settings, listener, listener)
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("Serving model ")
    assert "all addresses of this machine" in first
    assert "open to everybody who reaches it: score, ingest, metrics. 'freshet token" in first
    assert "plain HTTP" in first
    assert re.match("The admin routes are at .* all addresses .* plain HTTP", second)


def test_a_server_of_this_machine_warns_of_nothing(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody else reaches it."""
    with listening("127.0.0.1", 0) as listener:
        say_addresses(project.settings, listener, None)
    assert "Warning" not in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_two_interrupts_end_it_without_a_traceback(project: Project, workers: str) -> None:
    """The second may cut off what runs, and is no failure of the program."""
    with project.config_file.open("a", encoding="utf-8") as config:
        config.write("[serve]\ntimeout = 3.0\n")
    with server_of(project, "--workers", workers) as server, server.connect() as connection:
        connection.sendall(request(ROW)[:-4])
        eventually(lambda: server.ask("/health/live")[0] == 200)
        server.process.send_signal(signal.SIGINT)
        sleep(0.3)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(30)
        said = server.said.read_text(encoding="utf-8")
    assert "Traceback" not in said
    assert "CancelledError" not in said
    assert server.process.returncode == 0


def _serve(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "serve.cli", "serve", "--config", str(project.config_file)]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def _answers(address: str) -> int:
    """The version that answers on a new connection."""
    version: int = json.loads(ask(f"{address}/predict", {})[1]).get("version", 0)
    return version


def _counted(address: str) -> float:
    """Rows scored by all workers, as any of them says."""
    text = ask(f"{address}/metrics")[1]
    found = re.search(r"^freshet_rows_scored_total (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _refuses(port: int) -> bool:
    """Whether nobody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return True
    return False


def _both_answer(address: str) -> bool:
    """Whether two processes answer on the address."""

    def process(_number: int) -> str:
        """What begins the ids that the answering process makes."""
        with urllib.request.urlopen(f"{address}/health/live", timeout=30) as answer:
            return str(answer.headers["X-Request-ID"].partition("-")[0])

    # At once, for an idle worker that is asked first takes one connection after the other.
    with ThreadPoolExecutor(8) as threads:
        return len(set(threads.map(process, range(8)))) == 2
