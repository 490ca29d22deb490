"""The access log: a JSON line for each request, without secrets, whatever standard error is."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from serve.http.access_log import MOST_WAITING, WHOLE_BYTES, AccessLog, Line
from serve.http.prometheus_counters import Counters
from tests.support.serving.project import flights
from tests.support.serving.served import a_project, as_object, maker_of
from tests.support.serving.server_process import Server, server_of

TOKEN, SECRET = "the-token-of-the-test", "zzsecretzz"
FIELDS = {"time", "request_id", "method", "route", "status", "seconds"}
FIELDS |= {"bytes_in", "bytes_out", "peer", "token", "refused"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an access log."""
    more = f'[serve]\naccess_log = true\nmax_body = 5000\nadmin_token = "{TOKEN}"\n'
    project = a_project(tmp_path_factory.mktemp("access"), more=more)
    with maker_of(project) as maker:
        maker.make()
    with server_of(project) as server:
        yield server


def sent(server: Server, method: str, path: str, body: bytes = b"", *more: str) -> None:
    """One request on a connection of its own, answered."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *more]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    raw(server, "\r\n".join(head).encode() + body)


def raw(server: Server, content: bytes) -> None:
    """Bytes on a connection of its own, answered."""
    with server.connect() as connection:
        connection.sendall(content)
        while connection.recv(65_536):
            pass


def lines_of(server: Server, marks: set[str]) -> dict[str, dict[str, Any]]:
    """The lines of the requests with these ids, by id, once all are there."""
    deadline = monotonic() + 30
    while True:
        said = server.said.read_text(encoding="utf-8").splitlines()
        lines = [json.loads(line) for line in said if line.startswith("{")]
        found = {line["request_id"]: line for line in lines}
        if marks <= found.keys():
            return found
        assert monotonic() < deadline, said
        sleep(0.05)


def test_each_request_is_one_line_of_json(server: Server) -> None:
    """With its id, route, status, time, sizes and peer, also where no route was found."""
    row = json.dumps(as_object(flights(1)[0])).encode()
    sent(server, "POST", "/predict", row, "X-Request-ID: scored")
    sent(server, "POST", "/predict", b"{", "X-Request-ID: bad")
    sent(server, "GET", f"/{SECRET}?{SECRET}", b"", "X-Request-ID: unknown")
    sent(server, "GET", f"/versions/{SECRET}?at={SECRET}", b"", "X-Request-ID: version")
    sent(server, "DELETE", f"/predict?{SECRET}", b"", "X-Request-ID: method")
    sent(server, "POST", "/events", b"x" * 6000, "X-Request-ID: large")
    wrong = f"Authorization: Bearer {SECRET}"
    sent(server, "POST", "/unpin", b"{}", "X-Request-ID: refused", wrong)
    raw(
        server,
        b"GET /status HTTP/1.1\r\nHost: evil.example\r\nX-Request-ID: host\r\n"
        b"Connection: close\r\n\r\n",
    )
    known = {"scored", "bad", "unknown", "version", "method", "large", "refused", "host"}
    found = lines_of(server, known)
    assert all(line.keys() == FIELDS for line in found.values())
    told = {
        name: (found[name]["method"], found[name]["route"], found[name]["status"]) for name in found
    }
    assert told["scored"] == ("POST", "/predict", 200)
    assert told["bad"] == ("POST", "/predict", 400)
    assert told["unknown"] == ("GET", "unknown", 404)
    assert told["version"][1] == "/versions/{version}"
    assert told["method"][2] == 405
    assert told["large"] == ("POST", "/events", 413)
    assert told["host"][2] == 421
    assert told["refused"] == ("POST", "/unpin", 401)
    line = found["scored"]
    assert line["bytes_in"] == len(row)
    assert 20 < line["bytes_out"] < 500
    assert 0 < line["seconds"] < 60
    assert line["peer"] == "127.0.0.1"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+Z", line["time"])


def test_a_refused_request_is_logged_with_its_reason(server: Server) -> None:
    """And with the name of its token if that is known; one that is let through has no reason."""
    token = f"Authorization: Bearer {TOKEN}"
    sent(server, "POST", "/unpin", b"{}", "X-Request-ID: let", token)
    sent(server, "POST", "/unpin", b"{}", "X-Request-ID: none")
    elsewhere = "Origin: http://evil.example"
    sent(server, "POST", "/unpin", b"{}", "X-Request-ID: origin", token, elsewhere)
    found = lines_of(server, {"let", "none", "origin"})
    told = {name: (line["token"], line["refused"]) for name, line in found.items()}
    assert told["let"] == ("admin-token", "")
    assert told["none"] == ("", "token")
    assert told["origin"] == ("admin-token", "origin")


def test_what_is_no_request_is_a_line_too(server: Server) -> None:
    """With the id of the answer and the peer."""
    before = server.said.read_text(encoding="utf-8").count('"status":400')
    raw(server, b"\x16\x03\x01\x02 this is not HTTP\r\n\r\n")
    deadline = monotonic() + 30
    while server.said.read_text(encoding="utf-8").count('"status":400') == before:
        assert monotonic() < deadline
        sleep(0.05)


def test_neither_rows_nor_secrets_are_in_it(server: Server) -> None:
    """Not in the access log, nor in any other line: no body, path, query, header or token."""
    row = as_object(flights(1)[0]) | {"carrier": SECRET}
    authorization = f"Authorization: Bearer {TOKEN}"
    for body in (row, {"colour": SECRET}, {"distance": SECRET}):
        sent(server, "POST", "/predict", json.dumps(body).encode(), f"Cookie: {SECRET}")
    reason = json.dumps({"reason": "of the test"}).encode()
    sent(server, "POST", f"/unpin?x={SECRET}", reason, authorization)
    sent(server, "POST", "/unpin", reason, authorization, f"Idempotency-Key: {SECRET}")
    sent(server, "GET", "/health/live", b"", "X-Request-ID: last", f"User-Agent: {SECRET}")
    lines_of(server, {"last"})
    said = server.said.read_text(encoding="utf-8")
    assert SECRET not in said
    assert TOKEN not in said


def test_a_line_cannot_be_forged(server: Server) -> None:
    """Nothing that a client sends begins a line, or ends a field of one."""
    forged = '{"status":599}'
    sent(server, "GET", f"/%0a{forged}%0a", b"", f"X-Request-ID: {forged}")
    sent(server, "GET", "/health/live", b"", "X-Request-ID: forged", f"User-Agent: \t{forged}")
    assert all(line["status"] != 599 for line in lines_of(server, {"forged"}).values())


class Written:
    """An access log that writes to a file of its own instead of standard error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, file: Any) -> None:
        monkeypatch.setattr(sys, "stderr", file)
        self.counters = Counters()
        self.log = AccessLog(self.counters)

    def lost(self) -> float:
        """How many lines were lost."""
        text = self.counters.text().decode()
        (value,) = re.findall(r"^freshet_access_log_lines_lost_total (\S+)$", text, re.MULTILINE)
        return float(value)


def test_a_full_disk_or_a_closed_output_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are dropped; whoever logs them does not notice."""
    full = Path("/dev/full")
    closed = Path(os.devnull).open("w")  # noqa: SIM115 - closed at once
    closed.close()
    for file in (full.open("w") if full.exists() else closed, closed):
        written = Written(monkeypatch, file)
        for _ in range(100):
            written.log.add(Line("an-id", 200, None))
        written.log.close()
        with suppress(OSError):
            file.close()


def test_a_pipe_that_nothing_reads_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines wait up to a number, and what comes then is dropped and counted."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as pipe:
        written = Written(monkeypatch, pipe)
        for _ in range(MOST_WAITING + 2000):
            written.log.add(Line("an-id", 200, "127.0.0.1"))
        while not written.lost():
            written.log.add(Line("an-id", 200, "127.0.0.1"))
        began = monotonic()
        written.log.close()
        assert monotonic() - began < 30
        # Read on, so that its thread can end.
        os.set_blocking(reading, False)
        while written.log._thread.is_alive():
            reader.read()
            sleep(0.001)


def test_lines_of_several_processes_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write to a pipe is of whole lines, and no larger than what a pipe takes in one piece."""
    pieces: list[bytes] = []
    monkeypatch.setattr("serve.http.access_log.put", pieces.append)
    log = AccessLog(Counters())
    for _ in range(500):
        log.add(Line("x" * 128, 200, "127.0.0.1"))
    log.close()
    assert sum(map(len, pieces)) > 100_000
    assert max(map(len, pieces)) <= WHOLE_BYTES
    assert all(piece.endswith(b"\n") or not piece for piece in pieces)
