"""The address of their own that admin routes may have: a port, or a socket in the file system."""

from __future__ import annotations

import http.client
import json
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from serve.processes.ports import (
    PortError,
    SameAddressError,
    admin_door,
    free_port,
    listening,
)
from tests.support import ROOT
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

TOKEN = "of the test"
MOVE = json.dumps({"version": 1, "reason": "test"})


@contextmanager
def serving(folder: Path, admin: str, *arguments: str) -> Iterator[tuple[Server, Project]]:
    """A server whose admin routes are elsewhere."""
    more = f'[serve]\nadmin = "{admin}"\nadmin_token = "{TOKEN}"\n'
    project = a_project(folder, more=more)
    with maker_of(project) as maker:
        maker.make()
    with server_of(project, *arguments) as server:
        yield server, project


class InFileSystem(http.client.HTTPConnection):
    """A connection to a socket in the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = str(path)

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


def promoted(connection: http.client.HTTPConnection, token: str = TOKEN) -> int:
    """The status of a promotion."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with closing(connection):
        connection.request("POST", "/promote", MOVE, headers)
        response = connection.getresponse()
        response.read()
        return response.status


def at(port: int) -> http.client.HTTPConnection:
    """A connection to a port."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_admin_routes_behind_a_socket_in_the_file_system(tmp_path: Path, workers: str) -> None:
    """They are there and not at the port; the socket is its user's, and gone at the end."""
    path = tmp_path / "admin.sock"
    with serving(tmp_path, "unix:admin.sock", "--workers", workers) as (server, _):
        assert f"The admin routes are at unix:{path}." in server.said.read_text(encoding="utf-8")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for _ in range(8):
            assert promoted(at(server.port)) == 404
            assert promoted(InFileSystem(path)) == 200
        assert promoted(InFileSystem(path), "another") == 401
        assert server.ask("/predict", {})[0] == 200
        server.process.terminate()
        assert server.process.wait(30) == 0
    assert not path.exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_admin_routes_at_a_port_of_their_own(tmp_path: Path, workers: str) -> None:
    """They are there, and not found at the server's port, as are none that do not exist."""
    port = free_port("127.0.0.1", 0)
    with serving(tmp_path, f"127.0.0.1:{port}", "--workers", workers) as (server, _):
        told = server.said.read_text(encoding="utf-8")
        assert re.search(rf"The admin routes are at http://127\.0\.0\.1:{port}\.", told)
        for _ in range(8):
            assert promoted(at(server.port)) == 404
            assert promoted(at(port)) == 200
        assert promoted(at(port), "another") == 401


@pytest.mark.parametrize(
    ("bound", "host"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "localhost")],
)
def test_one_address_for_both_is_a_mistake_of_the_config(bound: str, host: str) -> None:
    """The message names serve.admin and the way out; exit status 2, so nobody tries again."""
    with listening(bound, 0) as listener:
        where = f"{host}:{listener.getsockname()[1]}"
        with pytest.raises(SameAddressError) as error:
            admin_door(where, listener).__enter__()
    assert str(error.value).startswith(f"serve.admin is {where}, where the other routes are.")
    assert error.value.exit_status == 2


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("192.0.2.1:0", "Cannot listen on 192.0.2.1, port 0"),
        ("no.such.host.invalid:80", "no address 'no.such.host.invalid'"),
    ],
)
def test_an_admin_address_that_is_not_ours_is_told(where: str, words: str) -> None:
    """The setting is named, and no option, of which there is none for it."""
    with pytest.raises(PortError, match=re.escape(words)) as error:
        admin_door(where).__enter__()
    assert "in serve.admin (HOST:PORT)" in str(error.value)
    assert "--" not in str(error.value)


@pytest.mark.parametrize("command", ["serve", "up"])
def test_a_taken_admin_port_ends_the_start(tmp_path: Path, command: str) -> None:
    """Nothing is started, and the one line names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        project = Project(tmp_path, more=f'[serve]\nport = 0\nadmin = "127.0.0.1:{port}"\n')
        line = [sys.executable, "-m", "serve.cli", command, "--config", str(project.config_file)]
        done = subprocess.run(
            line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"freshet: Cannot listen on 127.0.0.1, port {port}: another")
    assert done.stderr.count("\n") == 1
    assert "serve.admin" in done.stderr
    assert "--port" not in done.stderr


def test_a_socket_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    """A live one is an error, and so is a path that cannot be used; what is no socket stays."""
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with admin_door(f"unix:{path}") as door:
        assert door is not None
        with pytest.raises(PortError, match="another server does"), admin_door(f"unix:{path}"):
            pass
        assert path.is_socket()
    assert not path.exists()
    path.write_text("mine", encoding="utf-8")
    for wrong in (path, tmp_path / "no" / "such", tmp_path / ("a" * 200)):
        with pytest.raises(PortError, match=r"Cannot listen on .*serve\.admin"):
            admin_door(f"unix:{wrong}").__enter__()
    assert path.read_text(encoding="utf-8") == "mine"


def test_the_socket_of_a_later_server_stays(tmp_path: Path) -> None:
    """A server removes at its end only what it made."""
    path = tmp_path / "admin.sock"
    with admin_door(f"unix:{path}"):
        path.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as later:
            later.bind(str(path))
    assert path.exists()
