"""The time limit of a whole request, on a real server: body, work, and sending the answer."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

TIMEOUT = 1.0
TOKEN = "of-the-test"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a short time limit."""
    more = f'[serve]\ntimeout = {TIMEOUT}\nadmin_token = "{TOKEN}"\n'
    project = a_project(tmp_path_factory.mktemp("limit"), more=more)
    with maker_of(project) as maker:
        maker.make()
    return project


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    """Its server."""
    with server_of(project) as server:
        yield server


def answer_of(connection: socket.socket) -> tuple[bytes, dict[str, object]]:
    """Head and problem of an answer after which the connection ends."""
    with connection.makefile("rb") as file:
        head, _, body = file.read().partition(b"\r\n\r\n")
    return head.lower(), json.loads(body)


def head(path: str, length: int, *more: str) -> bytes:
    """The head of a request with a JSON body."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {length}", *more, "", ""]).encode()


def test_a_slow_body_is_408(server: Server) -> None:
    """On every route that reads one, with the kind of problem that says whose time it was."""
    with ExitStack() as stack:
        began = monotonic()
        connections = []
        for path in ("/predict", "/events", "/labels", "/unpin"):
            connection = stack.enter_context(server.connect())
            sent = head(path, 100, f"Authorization: Bearer {TOKEN}") + b'{"reason"'
            connection.sendall(sent)
            connections.append(connection)
        for found, problem in map(answer_of, connections):
            assert monotonic() - began > TIMEOUT / 2
            assert found.startswith(b"http/1.1 408")
            assert b"connection: close" in found
            assert problem["type"] == "urn:freshet:problem:slow-body"


def test_slow_work_goes_on_without_its_request(project: Project, server: Server) -> None:
    """While the registry is locked, its change is not waited for; it is made once it can be.

    Where the machine is too busy for a tenth of the limit, the limit's answer comes.
    """
    body = json.dumps({"version": 1, "reason": "slow"}).encode()
    path = project.settings.registry.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as registry:
        registry.execute("BEGIN IMMEDIATE")
        with server.connect() as connection:
            request = head("/promote", len(body), f"Authorization: Bearer {TOKEN}") + body
            connection.sendall(request)
            found, problem = answer_of(connection)
        assert server.ask("/health/live")[0] == 200
        registry.execute("ROLLBACK")
    assert found.startswith((b"http/1.1 503", b"http/1.1 408"))
    assert problem["type"] in ("urn:freshet:problem:registry", "urn:freshet:problem:too-slow")
    deadline = monotonic() + 30
    while not any(e["reason"] == "slow" for e in json.loads(server.ask("/history")[1])):
        assert monotonic() < deadline
        sleep(0.05)


def test_a_log_that_does_not_answer_is_503_in_time(project: Project, server: Server) -> None:
    """The handler's own answer comes before the limit's: the log is away, try again.

    Where the machine is too busy for a tenth of the limit, the limit's comes instead: ask again.
    """
    body = json.dumps({"id": "f1", "label": 1}).encode()
    request = head("/labels", len(body), "Connection: close") + body

    def ask(status: bytes) -> bytes:
        """The answer with this status; or with that of the limit, if it never comes."""
        for _ in range(20):
            with server.connect() as connection, connection.makefile("rb") as file:
                connection.sendall(request)
                answer = file.read()
            if not answer.startswith(b"HTTP/1.1 408"):
                break
        assert answer.startswith(b"HTTP/1.1 " + status), answer
        return answer

    ask(b"202")
    path = project.settings.log.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        log.execute("BEGIN IMMEDIATE")
        answer = ask(b"503")
        log.execute("ROLLBACK")
    assert b"retry-after: 1" in answer.lower()
    assert b"urn:freshet:problem:log" in answer


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc to count sockets in")
def test_a_client_that_does_not_read_is_not_waited_for(server: Server) -> None:
    """The server closes its socket, and what was still to be sent is dropped."""
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    requests = 600
    before = min(settling(server))
    with ExitStack() as stack:
        for last in (b"", b"Connection: close\r\n"):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall((asked + b"\r\n") * (requests - 1) + asked + last + b"\r\n")
        deadline = monotonic() + 30
        while sockets(server) <= before:
            assert monotonic() < deadline
        while sockets(server) > before:
            assert monotonic() < deadline
            sleep(0.05)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert b"Traceback" not in server.said.read_bytes()


def settling(server: Server) -> Iterator[int]:
    """As :func:`sockets`, while connections of other tests may still end."""
    for _ in range(25):
        yield sockets(server)
        sleep(0.1)


def sockets(server: Server) -> int:
    """How many files and sockets the server has open."""
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
