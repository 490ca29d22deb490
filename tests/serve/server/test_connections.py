"""How many connections a process has: who is closed for one more, and what is told of it."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from serve.server.server import RESERVED_FILES, connection_limit
from tests.serve.server.test_protocol import ROW, Answers, request
from tests.serve.server.test_tls import client_of, get, tls_project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

# Whose hard limit is 256.
FEW_FILES = ("sh", "-c", 'ulimit -n 256; exec "$@"', "sh")


@contextmanager
def serving(folder: Path, more: str, behind: Sequence[str] = ()) -> Iterator[Server]:
    """A server with settings of its own."""
    project = a_project(folder, more=f"[serve]\n{more}\n")
    with maker_of(project) as maker:
        maker.make()
    with server_of(project, behind=behind) as server:
        yield server
        said = server.said.read_text(encoding="utf-8")
    assert "Traceback" not in said


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files for this process as the system allows it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def measured(server: Server, name: str) -> float:
    """A value of /metrics; 0 if it is not there."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", server.ask("/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


def evicted(server: Server) -> float:
    """Connections closed for others."""
    return measured(server, 'freshet_connections_closed_total{reason="evicted"}')


def answered(connection: socket.socket) -> int:
    """The status of one request on a connection."""
    connection.sendall(request(ROW))
    return Answers(connection).next()[0]


@pytest.mark.usefixtures("many_files")
def test_out_of_descriptors_nobody_is_reset_in_a_request(tmp_path: Path) -> None:
    """With 256 open files and 1,500 idle connections, requests under way and new ones are answered.

    The log and a counter tell of it, and the log does so once.
    """
    whole = request(ROW)
    with serving(tmp_path, "timeout = 20.0", behind=FEW_FILES) as server, ExitStack() as stack:
        running = [stack.enter_context(server.connect()) for _ in range(20)]
        for connection in running:
            connection.sendall(whole[:-1])
        idle = [stack.enter_context(server.connect()) for _ in range(1500)]
        for _ in range(5):
            with server.connect() as connection:
                assert answered(connection) == 200
        for connection in running:
            connection.sendall(whole[-1:])
            assert Answers(connection).next()[0] == 200
        limit = 256 - RESERVED_FILES
        assert 1500 - limit <= evicted(server) <= 1600
        assert measured(server, "freshet_connections") <= limit
        assert all(_ended(connection) for connection in idle[: 1500 - limit])
        said = server.said.read_text(encoding="utf-8")
    assert said.count("connections full") == 1
    assert "open files limit connections" in said


@pytest.mark.usefixtures("many_files")
def test_requests_with_new_connections_in_a_crowd_are_all_answered(tmp_path: Path) -> None:
    """Each sends its request at once, twice as many as there may be, and none of them is lost."""
    with serving(tmp_path, "max_connections = 50") as server:
        for _ in range(5):
            with ExitStack() as stack:
                crowd = [stack.enter_context(server.connect()) for _ in range(100)]
                for connection in crowd:
                    with suppress(ConnectionError):
                        connection.sendall(request(ROW))
                statuses = [_status(connection) for connection in crowd]
            assert set(statuses[-50:]) == {200}


@pytest.mark.usefixtures("many_files")
def test_five_thousand_idle_connections_are_held(tmp_path: Path) -> None:
    """As many as descriptors allow, and others are answered meanwhile."""
    with serving(tmp_path, "timeout = 60.0") as server, ExitStack() as stack:
        idle = [stack.enter_context(server.connect()) for _ in range(5000)]
        _until(lambda: measured(server, "freshet_connections") >= 5000)
        for connection in (idle[0], idle[2500], idle[-1]):
            assert answered(connection) == 200
        assert evicted(server) == 0


def test_the_connection_that_has_waited_longest_is_closed(tmp_path: Path) -> None:
    """A request in between makes a connection wait anew; an incomplete head does not."""
    with serving(tmp_path, "max_connections = 3") as server, ExitStack() as stack:
        first, second, third = (stack.enter_context(server.connect()) for _ in range(3))
        for connection in (first, second, third):
            assert answered(connection) == 200
        second.sendall(b"POST /predict HTTP/1.1\r\n")
        assert answered(first) == 200
        fourth = stack.enter_context(server.connect())
        assert answered(fourth) == 200
        assert _ended(second)
        assert [answered(connection) for connection in (third, first, fourth)] == [200] * 3


def test_where_requests_run_on_all_one_more_is_told_so(tmp_path: Path) -> None:
    """503 with Retry-After; once one of them is answered, there is room again."""
    whole = request(ROW)
    with serving(tmp_path, "max_connections = 4\ntimeout = 20.0") as server, ExitStack() as stack:
        running = [stack.enter_context(server.connect()) for _ in range(4)]
        for connection in running:
            connection.sendall(whole[:-1])
        sleep(0.2)
        for _ in range(50):
            with server.connect() as connection:
                connection.sendall(whole)
                status, headers, body = Answers(connection).next()
                assert (status, headers["retry-after"]) == (503, "1")
                assert b"urn:freshet:problem:busy" in body
        for connection in running:
            connection.sendall(whole[-1:])
            assert Answers(connection).next()[0] == 200
        with server.connect() as connection:
            assert answered(connection) == 200
        assert measured(server, 'freshet_connections_closed_total{reason="refused"}') == 50
        assert "connections full" in server.said.read_text(encoding="utf-8")


def test_connections_that_do_not_speak_tls_make_room(tmp_path: Path) -> None:
    """One whose handshake is not complete counts as idle."""
    with (
        server_of(tls_project(tmp_path, "max_connections = 5\n")) as server,
        ExitStack() as stack,
    ):
        silent = [stack.enter_context(server.connect()) for _ in range(20)]
        assert get(server.port, client_of(tmp_path)) == 200
        assert all(_ended(connection) for connection in silent[:15])


def test_workers_count_connections_together(tmp_path: Path) -> None:
    """A worker that was killed counts no more."""
    project = a_project(tmp_path, more="[serve]\ntimeout = 60.0\n")
    with maker_of(project) as maker:
        maker.make()
    with server_of(project, "--workers", "2") as server, ExitStack() as stack:
        folder = server.counters
        _until(lambda: len(list(folder.glob("gauge_live*"))) == 2)
        idle = [stack.enter_context(server.connect()) for _ in range(40)]
        _until(lambda: 40 <= measured(server, "freshet_connections") <= 43)
        told = next(folder.glob("gauge_live*"))
        os.kill(int(told.stem.rpartition("_")[2]), signal.SIGKILL)
        _until(lambda: not told.exists())
        left = sum(not _ended(each, 0.01) for each in idle)
        _until(lambda: left <= measured(server, "freshet_connections") <= left + 3)


def test_the_limit_leaves_descriptors_for_files() -> None:
    """The soft limit is raised as far as needed, and no further than the hard one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert connection_limit(500) == 500
        assert 500 + RESERVED_FILES < resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 700
        assert connection_limit(10**9) == before[1] - RESERVED_FILES - 16
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _status(connection: socket.socket) -> int:
    """The status of an answer; 0 if the connection ended without one."""
    try:
        with closing(connection.makefile("rb")) as file:
            return int(file.readline().split()[1])
    except (ConnectionError, IndexError):
        return 0


def _ended(connection: socket.socket, seconds: float = 30.0) -> bool:
    """Whether the server has closed a connection on which nothing else comes."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def _until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    until = monotonic() + seconds
    while not condition():
        assert monotonic() < until
        sleep(0.05)
