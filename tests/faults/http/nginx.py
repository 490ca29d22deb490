"""nginx before a server: a child process on loopback that writes into a folder of its own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from time import monotonic, sleep

import pytest

from serve.processes.ports import listening
from tests.support import ROOT

DOCUMENT = ROOT / "docs" / "http.md"
NAME = "models.example.com"
# What the documented configuration has of a machine, and what stands for it here.
PLACES = {
    "server 127.0.0.1:8000;": "server 127.0.0.1:{server};",
    "listen 443 ssl;": "listen 127.0.0.1:{port} ssl;",
    "/etc/ssl/models.pem": "{folder}/models.pem",
    "/etc/ssl/models.key": "{folder}/models.key",
}
ALONE = (
    "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{server}; }} }}"
)
AROUND = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""
CERTIFICATE = (
    *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"),
    *("-addext", f"subjectAltName=DNS:{NAME}"),
)


def missing() -> str:
    """Which program is missing; empty if none is. Where CI is true, that is a failure."""
    for program in ("nginx", "openssl"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            if os.environ.get("CI") == "true":
                pytest.fail(f"CI needs {program}; .ci/run installs it.")
            return f"{program} is not installed (Debian: apt-get install nginx-light openssl)"
    return ""


def documented() -> str:
    """The configuration that the documentation gives."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(r"<!-- nginx -->\n```nginx\n(.*?)```\n<!-- end of nginx -->", text, re.DOTALL)
    assert found is not None
    site = found[1].replace("{", "{{").replace("}", "}}")
    for place, here in PLACES.items():
        assert site.count(place) == 1, place
        site = site.replace(place, here)
    return site


class Nginx:
    """A running nginx: how to connect to it."""

    def __init__(self, port: int, certificate: Path | None) -> None:
        self.port = port
        self._certificate = certificate

    def connect(self) -> HTTPConnection:
        """A new connection, whose certificate is checked."""
        if self._certificate is None:
            return HTTPConnection("127.0.0.1", self.port, timeout=30)
        context = ssl.create_default_context(cafile=str(self._certificate))
        connection = HTTPSConnection(NAME, self.port, timeout=30, context=context)
        there = ("127.0.0.1", self.port)
        connection._create_connection = lambda *_: socket.create_connection(there, 30)  # type: ignore[attr-defined]
        return connection


@contextmanager
def nginx(folder: Path, site: str, server: int) -> Iterator[Nginx]:
    """An nginx with this site before the server at this port, ended by its process id."""
    folder.mkdir()
    certificate = folder / "models.pem"
    files = ("-keyout", str(folder / "models.key"), "-out", str(certificate))
    subprocess.run(["openssl", *CERTIFICATE, *files], check=True, capture_output=True)
    with listening("127.0.0.1", 0) as found:
        port = found.getsockname()[1]
    config = folder / "nginx.conf"
    site = site.format(folder=folder, port=port, server=server)
    config.write_text(AROUND.format(folder=folder, site=site), encoding="utf-8")
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None
    said = folder / "said.txt"
    with said.open("wb") as errors:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(config), "-e", str(folder / "early.log")],
            stderr=errors,
        )
    try:
        _await(port, process, said)
        yield Nginx(port, certificate if " ssl;" in site else None)
    finally:
        process.terminate()
        process.wait(30)


def _await(port: int, process: subprocess.Popen[bytes], said: Path) -> None:
    until = monotonic() + 30
    while process.poll() is None and monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            sleep(0.02)
        else:
            return
    raise AssertionError(said.read_text(encoding="utf-8"))
