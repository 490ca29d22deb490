"""What the bytes of HTTP may do to a real server: keep-alive, pipelines, slow and broken bodies."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

MAX_BODY = 100_000
TIMEOUT = 1.0
# Seconds in which a busy machine still does what it should do in one.
MUCH = 60.0
TOKEN = "of the test"
ROW = b'{"carrier": "AX"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose patience a busy machine does not exhaust."""
    with _server(tmp_path_factory.mktemp("wire")) as server:
        yield server


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a short patience."""
    with _server(tmp_path_factory.mktemp("hasty"), f"timeout = {TIMEOUT}\n") as server:
        yield server


@contextmanager
def _server(folder: Path, more: str = "") -> Iterator[Server]:
    serve = f'[serve]\nmax_body = {MAX_BODY}\nadmin_token = "{TOKEN}"\n'
    project = a_project(folder, more=serve + more)
    with maker_of(project) as maker:
        maker.make()
    with server_of(project) as server:
        yield server


def request(body: bytes, kind: str = "application/json", path: str = "/predict") -> bytes:
    """A request with an announced length."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(*parts: bytes, end: bool = True) -> bytes:
    """A request in chunks, whose length is not announced."""
    head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + (b"0\r\n\r\n" if end else b"")


def resident(server: Server) -> int:
    """Memory of a server's process in KiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS"))


def is_reset(step: Callable[[], None]) -> bool:
    """Whether the server ends the connection on which a client does something again and again."""
    began = monotonic()
    try:
        while monotonic() - began < MUCH:
            step()
    except ConnectionError:
        return True
    return False


class Answers:
    """The answers that come back on a connection, in order."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")

    def next(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {k.lower(): v for k, v in http.client.parse_headers(self._file).items()}
        return int(line.split()[1]), headers, self._file.read(int(headers["content-length"]))

    def ended(self) -> bool:
        """Whether the server has closed the connection."""
        return self._file.read(1) == b""


def test_errors_leave_a_connection_and_its_pipeline_whole(server: Server) -> None:
    """Good and bad requests sent in one go are answered in order on the one connection."""
    sent = [
        (request(ROW), 200),
        (request(b"{"), 400),
        (request(ROW, kind="text/plain"), 415),
        (request(b'{"colour": 1}'), 422),
        (request(b"x" * (MAX_BODY + 1)), 413),
        (request(ROW, path="/nothing"), 404),
        (request(ROW, path="/versions"), 405),
        (chunked(ROW[:5], ROW[5:]), 200),
        (chunked(b"x" * 60_000, b"x" * 60_000, b"x" * 60_000), 413),
        (request(ROW), 200),
    ]
    with server.connect() as connection:
        connection.sendall(b"".join(each for each, _ in sent))
        answers = Answers(connection)
        found = [answers.next() for _ in sent]
    assert [status for status, _, _ in found] == [status for _, status in sent]
    for status, headers, body in found:
        content = json.loads(body)
        assert "connection" not in headers
        if status == 200:
            assert content["version"] == 1
        else:
            assert headers["content-type"] == "application/problem+json"
            assert content["status"] == status


def test_a_body_that_is_too_long_is_refused_before_it_has_come(server: Server) -> None:
    """By its announced length at once; in chunks as soon as the limit is passed."""
    announced = (
        b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n"
    )
    for sent in (announced, chunked(b"x" * (MAX_BODY + 1), end=False)):
        with server.connect() as connection:
            connection.sendall(sent)
            assert Answers(connection).next()[0] == 413


def test_a_body_that_comes_too_slowly_is_408_and_ends_the_connection(hasty: Server) -> None:
    """After the time-out, not before, and whether or not its length was announced."""
    for sent in (request(ROW)[:-3], chunked(ROW, end=False)):
        with hasty.connect() as connection:
            began = monotonic()
            connection.sendall(sent)
            answers = Answers(connection)
            status, headers, body = answers.next()
            assert status == json.loads(body)["status"] == 408
            assert monotonic() - began >= 0.9 * TIMEOUT  # its clock is of the turn before
            assert headers["connection"] == "close"
            assert answers.ended()


def test_a_drip_of_bytes_does_not_prolong_the_patience(hasty: Server) -> None:
    """The time-out is for the whole body, not for each of its parts."""
    with hasty.connect() as connection:
        began = monotonic()
        connection.sendall(request(b" " * 50 + ROW)[: -50 - len(ROW)])
        connection.settimeout(0.2)
        received = b""
        while not received and monotonic() - began < MUCH:
            connection.sendall(b" ")
            try:
                received = connection.recv(65_536)
            except TimeoutError:
                continue
        assert received.startswith(b"HTTP/1.1 408")


def test_clients_that_hang_up_harm_nobody(server: Server) -> None:
    """In the middle of a head, of a body, or before the answer."""
    whole = request(ROW)
    for cut in (10, len(whole) - 5, len(whole)):
        with server.connect() as connection:
            connection.sendall(whole[:cut])
    with server.connect() as connection:
        connection.sendall(whole)
        assert Answers(connection).next()[0] == 200
    assert b"Traceback" not in server.said.read_bytes()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_told_so(server: Server, sent: bytes) -> None:
    """400, and the connection ends."""
    with server.connect() as connection:
        connection.sendall(sent)
        status, headers, body = Answers(connection).next()
        assert status == json.loads(body)["status"] == 400
        assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("offer", [b"h2c", b"websocket"])
@pytest.mark.parametrize("sent", [request(ROW), chunked(ROW[:5], ROW[5:])])
@pytest.mark.parametrize("cut", [0, -1])
def test_an_offer_to_speak_something_else_is_passed_over(
    server: Server, offer: bytes, sent: bytes, cut: int
) -> None:
    """As Java's client offers HTTP/2: body and pipeline are read, however they are cut."""
    head, end, body = sent.partition(b"\r\n\r\n")
    offered = b"\r\nConnection: Upgrade, HTTP2-Settings, Keep-Alive\r\nUpgrade: %b" % offer
    whole = head + offered + b"\r\nHTTP2-Settings: AAMAAABkAAQ" + end + body
    at = len(whole) - len(body) + cut
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = Answers(connection)
        for _ in range(2):
            connection.sendall(whole[:at])
            sleep(0.02)
            connection.sendall(whole[at:] + request(ROW))
            assert [answers.next()[0] for _ in range(2)] == [200, 200]


def test_a_head_that_does_not_end_is_not_waited_for(hasty: Server) -> None:
    """408 after the time-out; a connection on which nothing is said ends without a word."""
    for sent in (b"P", b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n", request(ROW)[:-20]):
        with hasty.connect() as connection:
            began = monotonic()
            connection.sendall(sent)
            answers = Answers(connection)
            assert answers.next()[0] == 408
            assert answers.ended()
            assert monotonic() - began >= 0.9 * TIMEOUT  # its clock is of the turn before
    with hasty.connect() as connection:
        assert Answers(connection).ended()


def test_a_drip_of_header_lines_does_not_prolong_the_patience(hasty: Server) -> None:
    """The time-out is for the whole head, not for each of its lines."""
    with hasty.connect() as connection:
        began = monotonic()
        connection.sendall(b"GET / HTTP/1.1\r\n")
        connection.settimeout(0.2)
        received = b""
        while not received and monotonic() - began < MUCH:
            connection.sendall(b"a: b\r\n")
            try:
                received = connection.recv(65_536)
            except TimeoutError:
                continue
        assert received.startswith(b"HTTP/1.1 408")


def test_a_pipeline_is_answered_in_order_in_bounded_memory(server: Server) -> None:
    """Of many requests sent at once, the next is begun when the one before it is answered."""
    many = 3_000
    whole = request(ROW) + b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    before = resident(server)
    with server.connect() as connection:
        sending = Thread(target=connection.sendall, args=(whole * many,))
        sending.start()
        answers = Answers(connection)
        for _ in range(many):
            assert b"score" in answers.next()[2]
            assert b"alive" in answers.next()[2]
        sending.join()
    assert resident(server) - before < 10_000


def test_a_client_that_never_reads_is_ended_in_bounded_memory(hasty: Server) -> None:
    """Its requests are not begun while answers wait for it, and the time-out ends it."""
    before, most = resident(hasty), 0
    with hasty.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.2)

        def send_more() -> None:
            nonlocal most
            with suppress(TimeoutError):
                connection.send(b"GET /docs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000)
            most = max(most, resident(hasty))

        assert is_reset(send_more)
    assert most - before < 20_000


def test_a_client_that_reads_byte_by_byte_is_ended(hasty: Server) -> None:
    """What it takes of its answer is too little to wait for more."""
    with hasty.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # More than the system's buffers hold.
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 500)

        def read_a_byte() -> None:
            connection.recv(1)
            sleep(0.05)
            connection.send(b"\r")

        assert is_reset(read_a_byte)


def test_a_client_may_end_its_side_before_it_is_answered(server: Server) -> None:
    """What it has sent as a whole is answered; then the connection ends."""
    with server.connect() as connection:
        connection.sendall(request(ROW) * 3)
        connection.shutdown(socket.SHUT_WR)
        answers = Answers(connection)
        assert [answers.next()[0] for _ in range(3)] == [200, 200, 200]
        assert answers.ended()


def test_requests_after_the_last_one_are_not_answered(hasty: Server) -> None:
    """``Connection: close`` is honoured, and the answer is not lost with what follows."""
    closing = request(ROW).replace(b"Host:", b"Connection: close\r\nHost:", 1)
    old = request(ROW).replace(b"1.1", b"1.0").replace(b"Host:", b"Connection: keep-alive\r\nHost:")
    for last in (closing, old):
        with hasty.connect() as connection:
            connection.sendall(last + request(ROW) * 100)
            answers = Answers(connection)
            status, headers, _ = answers.next()
            assert (status, headers["connection"]) == (200, "close")
            assert answers.ended()


def test_a_client_that_goes_on_sending_reads_its_refusal(hasty: Server) -> None:
    """The connection is not reset under an answer that has not been read."""
    with hasty.connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\n\r\n")
        sleep(0.2)
        connection.sendall(b"x" * 2**20)
        answers = Answers(connection)
        assert answers.next()[0] == 400
        assert answers.ended()


def test_the_rest_of_a_refused_body_is_not_waited_for(hasty: Server) -> None:
    """The answer is sent, and the connection ends when the rest does not come."""
    with hasty.connect() as connection:
        connection.sendall(request(b"x" * (MAX_BODY + 1))[:1000])
        answers = Answers(connection)
        assert answers.next()[0] == 413
        assert answers.ended()


def test_an_old_client_gets_its_answer(server: Server) -> None:
    """HTTP/1.0, without a Host, and the connection ends after the answer."""
    with server.connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
        answers = Answers(connection)
        assert answers.next()[0] == 200
        assert answers.ended()


def test_the_ledger_names_the_peer_and_not_who_a_header_says(server: Server) -> None:
    """A client cannot pass its moves off as another's."""
    body = b'{"version": 1, "reason": "test"}'
    claim = f"Authorization: Bearer {TOKEN}\r\nX-Forwarded-For: 203.0.113.7\r\nHost:".encode()
    with server.connect() as connection:
        connection.sendall(request(body, path="/promote").replace(b"Host:", claim, 1))
        connection.sendall(b"GET /history HTTP/1.1\r\n" + claim + b" 127.0.0.1\r\n\r\n")
        answers = Answers(connection)
        assert answers.next()[0] == 200
        entry = json.loads(answers.next()[2])[-1]
    assert (entry["action"], entry["actor"]) == ("promote", "admin-token")
    assert entry["detail"]["by"]["peer"] == "127.0.0.1"
