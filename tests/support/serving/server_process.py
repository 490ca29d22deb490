"""A real server for tests: a process of its own on a free port, ended by its process id."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep, time_ns

from serve.server.server import COUNTERS, MEMORY
from tests.support import ROOT
from tests.support.serving.project import Project


@dataclass(frozen=True)
class Server:
    """A real server: its process, where it listens, and what it has said so far."""

    process: subprocess.Popen[bytes]
    address: str
    said: Path

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return int(self.address.rsplit(":", 1)[1])

    @property
    def counters(self) -> Path:
        """The folder of the counters that its workers share."""
        pattern = f"{COUNTERS}{self.process.pid}-*"
        (folder,) = (*MEMORY.glob(pattern), *Path(tempfile.gettempdir()).glob(pattern))
        return folder

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    @property
    def admin_token(self) -> str:
        """The admin token of this machine, as the server printed it."""
        found = re.search(r"/#token=(\S+)$", self.said.read_text(encoding="utf-8"), re.MULTILINE)
        assert found is not None
        return found[1]

    def ask(self, path: str, body: object = None, token: str = "") -> tuple[int, str]:
        """One request on a connection of its own."""
        return ask(self.address + path, body, token)


@contextmanager
def server_of(project: Project, *arguments: str, behind: Sequence[str] = ()) -> Iterator[Server]:
    """A server in a process of its own on a free port, ended by its process id.

    Args:
        project: of the model.
        arguments: more of the command line.
        behind: a command that executes the one that follows it.
    """
    with server_at(project.config_file, *arguments, behind=behind) as server:
        yield server


@contextmanager
def server_at(config_file: Path, *arguments: str, behind: Sequence[str] = ()) -> Iterator[Server]:
    """The same of the model that a config file describes."""
    said = config_file.parent / f"server-{time_ns()}.log"
    with said.open("wb") as errors:
        process = subprocess.Popen(
            [
                *behind,
                *(sys.executable, "-m", "serve.cli", "serve", "--port", "0"),
                *("--config", str(config_file), *arguments),
            ],
            cwd=ROOT,
            stderr=errors,
        )
    try:
        server = Server(process, _address(process, said), said)
        while server.ask("/health/ready")[0] != 200:
            sleep(0.05)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    """Where the server says that it listens, once it knows that it can start."""
    while process.poll() is None:
        text = said.read_text(encoding="utf-8")
        if found := re.search(r"^Serving .* at (https?://\S+)\. ", text, re.MULTILINE):
            return found[1]
        sleep(0.02)
    raise AssertionError(said.read_text(encoding="utf-8"))


def ask(url: str, body: object = None, token: str = "") -> tuple[int, str]:
    """Status and body of one request on a connection of its own: a GET, or a POST of JSON."""
    content = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, content, headers)
    try:
        context = _any_certificate() if url.startswith("https:") else None
        with urllib.request.urlopen(request, timeout=30, context=context) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
