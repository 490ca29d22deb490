"""HTTPS by the server itself: its certificate, what it refuses, and a renewal without a restart."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest

from converters.config.load import ConfigError
from serve.server import tls
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

CERT, KEY = "cert.pem", "key.pem"


def certificate(folder: Path, name: str) -> None:
    """A certificate of 127.0.0.1 with its key, signed by itself, written as a renewal is."""
    new = folder / "new"
    new.mkdir(exist_ok=True)
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 "
        f"-subj /CN={name} -addext subjectAltName=IP:127.0.0.1 -keyout {KEY} -out {CERT}"
    )
    subprocess.run(command.split(), cwd=new, check=True, capture_output=True)
    for file in (KEY, CERT):
        (new / file).replace(folder / file)


def tls_project(folder: Path, more: str = "") -> Project:
    """A project with a certificate and a model."""
    certificate(folder, "first")
    settings = f'[serve]\ntimeout = 2.0\ntls_cert = "{CERT}"\ntls_key = "{KEY}"\n{more}'
    project = a_project(folder, more=settings)
    with maker_of(project) as maker:
        maker.make()
    return project


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server's certificate is."""
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """A server with two processes."""
    with server_of(tls_project(folder), "--workers", "2") as server:
        yield server
        told = said(server)
    assert "Traceback" not in told, told


def said(server: Server) -> str:
    """What it has logged so far."""
    return server.said.read_text(encoding="utf-8")


def client_of(folder: Path) -> ssl.SSLContext:
    """A client that trusts the certificate that is in a folder now."""
    return ssl.create_default_context(cafile=folder / CERT)


def get(port: int, context: ssl.SSLContext, path: str = "/health/live") -> int:
    """The status of one request on a new connection."""
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
    with closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status


def presented(port: int) -> str:
    """The certificate that a new connection is shown."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=30)


def test_it_speaks_https_and_says_so(server: Server, folder: Path) -> None:
    """With a verified certificate; the printed address can be asked."""
    assert server.address == f"https://127.0.0.1:{server.port}"
    for _ in range(8):
        assert get(server.port, client_of(folder)) == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_protocols_are_refused(server: Server, folder: Path) -> None:
    """TLS 1.1 is; 1.2 and 1.3 are spoken."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_of(folder)
        context.minimum_version = context.maximum_version = version
        assert get(server.port, context) == 200
    context = client_of(folder)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)ssl|reset|alert|protocol"):
        get(server.port, context)


def test_plain_http_and_garbage_end_and_harm_nobody(server: Server, folder: Path) -> None:
    """What is no TLS is closed; a client that says nothing is not waited for much longer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as silent:
        for sent in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00garbage" * 99):
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
                connection.sendall(sent)
                assert _ends(connection)
        assert get(server.port, client_of(folder)) == 200
        assert _ends(silent)


def test_answers_end_as_over_plain_http(server: Server, folder: Path) -> None:
    """A refused head is answered; an idle connection ends."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    with client_of(folder).wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"x" * 100_000)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 400")
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    with client_of(folder).wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        assert _ends(connection)


def test_a_renewed_certificate_is_used_without_a_restart(server: Server, folder: Path) -> None:
    """By every process; half of a new pair changes nothing, and connections stay."""
    until = monotonic() + 60
    while said(server).count("serving") < 2:  # each of the processes
        assert monotonic() < until
        sleep(0.1)
    before, renewed = presented(server.port), said(server).count("certificate renewed")
    with closing(
        http.client.HTTPSConnection("127.0.0.1", server.port, context=client_of(folder), timeout=30)
    ) as connection:
        connection.connect()
        good = (folder / CERT).read_bytes()
        (folder / CERT).write_bytes(good[: len(good) // 2])
        while "certificate not renewed" not in said(server):
            assert monotonic() < until
            sleep(0.1)
        assert {presented(server.port) for _ in range(8)} == {before}
        certificate(folder, "second")
        # Which of the processes answers is chance, so each has to say it.
        while said(server).count("certificate renewed") < renewed + 2:
            assert monotonic() < until
            sleep(0.1)
        assert before not in {presented(server.port) for _ in range(8)}
    assert presented(server.port).strip() == (folder / CERT).read_text(encoding="utf-8").strip()
    assert get(server.port, client_of(folder)) == 200


def test_a_worker_that_starts_amid_a_renewal_is_started_again(tmp_path: Path) -> None:
    """The other one serves meanwhile, and the log says why in a line."""
    project = tls_project(tmp_path)
    with server_of(project, "--workers", "2") as server:
        context = client_of(tmp_path)
        folder = server.counters
        until = monotonic() + 150
        while server.said.read_text(encoding="utf-8").count("serving") < 2:  # each of them
            assert monotonic() < until
            sleep(0.1)
        workers = list(folder.glob("gauge_live*"))
        good = (tmp_path / CERT).read_bytes()
        (tmp_path / CERT).write_bytes(good[: len(good) // 2])
        os.kill(int(workers[0].stem.rpartition("_")[2]), signal.SIGKILL)
        while "this server process cannot start" not in server.said.read_text(encoding="utf-8"):
            assert monotonic() < until
            assert get(server.port, context) == 200
            sleep(0.1)
        (tmp_path / CERT).write_bytes(good)
        while workers[0].exists():
            assert monotonic() < until
            sleep(0.1)
        assert {get(server.port, context) for _ in range(8)} == {200}
        assert "Traceback" not in server.said.read_text(encoding="utf-8")


def test_the_admin_door_speaks_https_too(tmp_path: Path) -> None:
    """At a port of its own, with the same certificate."""
    project = tls_project(tmp_path, 'admin = "127.0.0.1:0"\n')
    with server_of(project) as server:
        told = server.said.read_text(encoding="utf-8")
        found = re.search(r"The admin routes are at https://127\.0\.0\.1:(\d+)\.", told)
        assert found is not None
        assert get(int(found[1]), client_of(tmp_path)) == 200


def test_a_pair_is_whole(tmp_path: Path) -> None:
    """One without the other is an error that names both."""
    for setting in ("tls_cert", "tls_key"):
        with pytest.raises(ConfigError, match="tls_cert and tls_key belong together"):
            a_project(tmp_path, more=f'[serve]\n{setting} = "{CERT}"\n')


def test_files_that_cannot_be_used_are_told_apart(tmp_path: Path) -> None:
    """Missing, another's key, no PEM, or a key with a password."""
    certificate(tmp_path, "right")
    cert, key = tmp_path / CERT, tmp_path / KEY
    tls.check(cert, key)
    with pytest.raises(ConfigError, match=r"serve\.tls_key cannot be read: .*none\.pem"):
        tls.check(cert, tmp_path / "none.pem")
    with pytest.raises(ConfigError, match=r"should be a certificate chain .* in PEM"):
        tls.check(key, key)
    other = tmp_path / "other"
    other.mkdir()
    certificate(other, "other")
    with pytest.raises(ConfigError, match=r"serve\.tls_key is not the key of serve\.tls_cert"):
        tls.check(cert, other / KEY)
    locked = tmp_path / "locked.pem"
    command = f"openssl ec -aes128 -passout pass:word -in {KEY} -out {locked.name}"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(ConfigError, match=r"serve\.tls_key is encrypted"):
        tls.check(cert, locked)


def test_an_expired_certificate_is_served_with_a_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server that has it may be asked to renew it; clients would say so."""
    certificate(tmp_path, "right")
    tls.check(tmp_path / CERT, tmp_path / KEY)
    assert "clients will refuse" not in "".join(capfd.readouterr())
    asked = f"openssl req -new -key {KEY} -subj /CN=late -out request.pem"
    late = f"openssl x509 -req -in request.pem -signkey {KEY} -days -1 -out {CERT}"
    for command in (asked, late):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    tls.check(tmp_path / CERT, tmp_path / KEY)
    assert "it has expired" in "".join(capfd.readouterr())


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_key_that_others_can_read_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], mode: int, *, warned: bool
) -> None:
    """At the start, with its mode; it is used all the same."""
    certificate(tmp_path, "right")
    (tmp_path / KEY).chmod(mode)
    tls.check(tmp_path / CERT, tmp_path / KEY)
    said = "".join(capfd.readouterr())
    assert ("other users can read the private key" in said) == warned
    assert (f"{mode:04o}" in said) == warned


def _ends(connection: socket.socket) -> bool:
    """Whether the server ends a connection, whatever it says before."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.timeout(20)
def test_a_pipe_in_place_of_a_file_is_refused_and_not_read(tmp_path: Path) -> None:
    """At the start and at a renewal, where the old certificate stays."""
    certificate(tmp_path, "first")
    used = tls.Certificate(tmp_path / CERT, tmp_path / KEY)
    before = used.context
    for name in (CERT, KEY):
        good = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
        with pytest.raises(ConfigError, match="should be a regular file"):
            tls.check(tmp_path / CERT, tmp_path / KEY)
        used.renew()
        assert used.context is before
        (tmp_path / name).unlink()
        (tmp_path / name).write_bytes(good)
