"""Heads, bodies in chunks and their fields at the socket, as RFC 9110 and RFC 9112 want them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.serve.server.test_protocol import ROW, Answers, chunked, request, resident
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

TIMEOUT = 2.0
TOKEN = "of the test"
LIVE = b"GET /health/live HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /predict HTTP/1.1\r\n" + HOST
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LINE, FIELDS, HEAD = 16 * 1024, 100, 64 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a model."""
    more = f'[serve]\ntimeout = {TIMEOUT}\nadmin_token = "{TOKEN}"\n'
    project = a_project(tmp_path_factory.mktemp("heads"), more=more)
    with maker_of(project) as maker:
        maker.make()
        maker.make()
    with server_of(project) as server:
        yield server
    assert b"Traceback" not in server.said.read_bytes()


def answer(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """The first answer to some bytes; a client that cannot send them all reads it nevertheless."""
    with server.connect() as connection:
        with suppress(OSError):
            connection.sendall(sent)
        return Answers(connection).next()


def refusal(server: Server, sent: bytes) -> int:
    """The status of a refusal, which is a whole problem document and ends the connection."""
    with server.connect() as connection:
        connection.sendall(sent)
        answers = Answers(connection)
        status, headers, body = answers.next()
        assert answers.ended()
    content = json.loads(body)
    assert content["status"] == status
    assert content["type"].startswith("urn:freshet:problem:")
    assert content["request_id"] == headers["x-request-id"]
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["date"].endswith("GMT")
    return status


def line(length: int) -> bytes:
    """A request line of a length."""
    return b"GET /" + b"a" * (length - len("GET / HTTP/1.1")) + b" HTTP/1.1\r\n"


def field(length: int) -> bytes:
    """A header line of a length."""
    return b"x: " + b"a" * (length - 3) + b"\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (line(LINE) + HOST, 404),
        (line(LINE + 1) + HOST, 414),
        (LIVE + HOST + field(LINE), 200),
        (LIVE + HOST + field(LINE + 1), 431),
        (LIVE + HOST + field(10) * (FIELDS - 1), 200),
        (LIVE + HOST + field(10) * FIELDS, 431),
        (LIVE + HOST + field(HEAD // 8 - 2) * 7, 200),
        (LIVE + HOST + field(HEAD // 8 - 2) * 8, 431),
    ],
)
def test_heads_are_bounded(server: Server, head: bytes, status: int) -> None:
    """Just within a limit is answered, one byte or field more is refused."""
    assert answer(server, head + b"\r\n")[0] == status


@pytest.mark.parametrize(
    ("begins", "goes_on", "status"),
    [
        (b"GET /", b"a" * 2**20, 414),
        (LIVE + HOST, b"a: b\r\n" * 2**17, 431),
        (LIVE + HOST + b"x: ", b"a" * 2**20, 431),
        (LIVE + HOST + b"x", b"a" * 2**20, 431),
        (POST + JSON + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n", b"a: b\r\n" * 2**17, 431),
        (POST + JSON + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nx: ", b"a" * 2**20, 431),
        (POST + JSON + CHUNKED + b"\r\n1;", b"a" * 2**20, 400),
        (POST + JSON + CHUNKED + b"\r\n", (b"1;" + b"a" * 2**13 + b"\r\n \r\n") * 2**7, 400),
        (b"", b"a" * 2**20, 414),
    ],
)
def test_what_does_not_end_is_refused_and_memory_stays_flat(
    server: Server, begins: bytes, goes_on: bytes, status: int
) -> None:
    """A client that sends 30 MB reads its answer nevertheless."""
    before = resident(server)
    with server.connect() as connection:
        connection.sendall(begins)
        for _ in range(30):
            try:
                connection.sendall(goes_on)
            except OSError:  # the connection has ended
                break
        assert Answers(connection).next()[0] == status
    assert resident(server) - before < 10_000


@pytest.mark.parametrize(
    "sent",
    [
        # The head: RFC 9112, sections 2.2, 3 and 5.
        b"GET / HTTP/1.1\n" + HOST + b"\r\n",
        LIVE.replace(b"\r\n", b"\n") + b"Host: a\n\n",
        b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
        b" GET / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n",
        b"GET /\r\n\r\n",
        b"GET / http/1.1\r\n" + HOST + b"\r\n",
        LIVE + HOST + b" x: folded\r\n\r\n",
        LIVE + HOST + b"x: a\r\n\tb\r\n\r\n",
        LIVE + b" " + HOST + b"\r\n",
        LIVE + b"Host : 127.0.0.1\r\n\r\n",
        LIVE + HOST + b"x\r\n\r\n",
        LIVE + HOST + b": a\r\n\r\n",
        LIVE + HOST + b"x: a\rb\r\n\r\n",
        LIVE + HOST + b"x: a\nb: c\r\n\r\n",
        LIVE + HOST + b"x: \0\r\n\r\n",
        LIVE + HOST + b"x: \x7f\r\n\r\n",
        LIVE + HOST + b"x(y): a\r\n\r\n",
        LIVE + HOST + b"\xe4: a\r\n\r\n",
        # Which host: section 3.2.
        LIVE + b"\r\n",
        LIVE + HOST + HOST + b"\r\n",
        LIVE + HOST + b"host: other\r\n\r\n",
        LIVE + b"Host:\r\n\r\n",
        LIVE + b"Host: a b\r\n\r\n",
        LIVE + b"Host: a, b\r\n\r\n",
        LIVE + b"Host: user@a\r\n\r\n",
        LIVE + b"Host: a/b\r\n\r\n",
        LIVE + b"Host: a:b\r\n\r\n",
        LIVE + b"Host: [::1\r\n\r\n",
        # The target.
        b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET health HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /#part HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /% HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /%2 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /history?at=%zz HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http:///health/live HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://user@a/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://a:b/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET ftp://127.0.0.1/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        # Fields of which there may be one.
        *(
            POST + b"%b: a\r\n%b: a\r\n\r\n" % (name, name.lower())
            for name in (
                *(b"Content-Type", b"Content-Encoding", b"Authorization", b"Origin"),
                *(b"Idempotency-Key", b"X-Request-ID"),
            )
        ),
        # Where the body ends: section 6.
        POST + JSON + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        POST + JSON + b"Content-Length: 2, 2\r\n\r\n{}",
        POST + JSON + b"Content-Length: +2\r\n\r\n{}",
        POST + JSON + b"Content-Length: 0x2\r\n\r\n{}",
        POST + JSON + b"Content-Length: -2\r\n\r\n{}",
        POST + JSON + b"Content-Length:\r\n\r\n{}",
        POST + JSON + b"Content-Length: %d\r\n\r\n{}" % 2**64,
        POST + JSON + CHUNKED + b"Content-Length: 2\r\n\r\n0\r\n\r\n",
        POST + JSON + b"Content-Length: 2\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
        POST + JSON + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
        POST + JSON + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
        POST + JSON + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        POST + JSON + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        POST + JSON + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + JSON + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        POST + JSON + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        POST + JSON + b"Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
        POST + JSON + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
        POST + JSON + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        POST.replace(b"1.1", b"1.0") + JSON + CHUNKED + b"\r\n0\r\n\r\n",
        # Chunks: section 7.1.
        POST + JSON + CHUNKED + b"\r\nzz\r\n",
        POST + JSON + CHUNKED + b"\r\n-1\r\n",
        POST + JSON + CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n 2\r\n{}\r\n0\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n%x\r\n" % 2**64,
        POST + JSON + CHUNKED + b"\r\n2\n{}\r\n0\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n2;a\n{}\r\n0\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n2\r\n{}0\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n2\r\n{}x\r\n0\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n2\r\n{}\n0\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nno field\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nx : a\r\n\r\n",
        POST + JSON + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nx: a\nb: c\r\n\r\n",
    ],
)
def test_what_two_servers_could_read_differently_is_refused(server: Server, sent: bytes) -> None:
    """400 for what a proxy in front could take for another request, and the connection ends."""
    assert refusal(server, sent) == 400


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"PROPFIND / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (POST + JSON + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/0.9\r\n" + HOST + b"\r\n", 505),
        (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/3\r\n" + HOST + b"\r\n", 505),
        (POST + JSON + b"Expect: the-unexpected\r\nContent-Length: 2\r\n\r\n{}", 417),
    ],
)
def test_what_is_not_implemented_is_told_so(server: Server, sent: bytes, status: int) -> None:
    """Each with its own status, and the connection ends."""
    assert refusal(server, sent) == status


@pytest.mark.parametrize(
    "sent",
    [
        LIVE + b"Host: \t127.0.0.1:80 \r\n\r\n",
        LIVE + b"Host: [::1]:8000\r\n\r\n",
        LIVE + HOST + b"x:\r\ny: \xe4\r\n\r\n",
        b"\r\n\r\n" + LIVE + HOST + b"\r\n",
        b"GET http://127.0.0.1/health/live HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET HTTP://127.0.0.1:80/health/live HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /health/%6cive HTTP/1.1\r\n" + HOST + b"\r\n",
        POST + JSON + b"Content-Length: 17 \r\n\r\n" + ROW,
        POST + JSON + b"Transfer-Encoding: Chunked\r\n\r\n11;a=b\r\n" + ROW + b"\r\n0\r\n\r\n",
        POST + JSON + CHUNKED + b'\r\n00011 ; a="b"\r\n' + ROW + b"\r\n000;c\r\nx: a\r\n\r\n",
        POST + JSON + b"Expect: 100-Continue\r\nContent-Length: 17\r\n\r\n" + ROW,
    ],
)
def test_what_is_unusual_and_right_is_answered(server: Server, sent: bytes) -> None:
    """Blanks, extensions, an absolute target, other cases of letters."""
    with server.connect() as connection:
        connection.sendall(sent)
        with connection.makefile("rb") as file:
            first = file.readline()
            if b"100 Continue" in first:
                assert file.readline() == b"\r\n"
                first = file.readline()
            assert first == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("offer", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"])
def test_fields_after_a_body_do_nothing(server: Server, offer: bytes) -> None:
    """A content type, a token, a length or a key there is none: they are read and dropped."""
    body = b'{"version": 1, "reason": "test"}'
    head = (
        b"POST /promote HTTP/1.1\r\n" + HOST + CHUNKED + offer + b"Content-Type: text/plain\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
    )
    late = b"Content-Type: application/json\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
    whole = head + b"\r\n%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, late)
    with server.connect() as connection:
        connection.sendall(whole + request(ROW))
        answers = Answers(connection)
        assert answers.next()[0] == 415
        status, _, predicted = answers.next()
    assert status == 200
    assert json.loads(predicted)["version"] == 2
    without_token = head.replace(b"Bearer", b"Basic").replace(b"text/plain", b"application/json")
    late = b"Authorization: Bearer %b\r\nX-Request-ID: late\r\n" % TOKEN.encode()
    whole = without_token + b"\r\n%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, late)
    status, headers, _ = answer(server, whole)
    assert status == 401
    assert headers["x-request-id"] != "late"


def test_a_key_after_a_body_does_nothing(server: Server) -> None:
    """Two appended rows with the same Idempotency-Key in their trailer are two."""
    body = b'{"id": "a", "label": "yes"}'
    sent = (
        b"POST /labels HTTP/1.1\r\n" + HOST + JSON + CHUNKED + b"\r\n"
        b"%x\r\n%b\r\n0\r\nIdempotency-Key: one\r\n\r\n" % (len(body), body)
    )
    found = [answer(server, sent) for _ in range(2)]
    assert [status for status, _, _ in found] == [found[0][0]] * 2
    assert "idempotent-replayed" not in found[1][1]


def test_a_head_names_the_id_of_its_refusal(server: Server) -> None:
    """A caller's own X-Request-ID is in the refusal, if the head could be parsed."""
    sent = LIVE + HOST + b"X-Request-ID: mine\r\nExpect: other\r\n\r\n"
    assert answer(server, sent)[1]["x-request-id"] == "mine"
    with server.connect() as connection:
        connection.sendall(LIVE + HOST + b"X-Request-ID: mine\r\n\r\n" + b"GET / HTTP/9.9\r\n\r\n")
        answers = Answers(connection)
        assert answers.next()[1]["x-request-id"] == "mine"
        assert answers.next()[1]["x-request-id"] != "mine"


def test_a_refused_head_of_head_has_no_body(server: Server) -> None:
    """Its answer ends with its own head."""
    with server.connect() as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\n\r\n")
        with connection.makefile("rb") as file:
            assert file.read().endswith(b"\r\n\r\n")


def test_refusals_are_counted(server: Server) -> None:
    """As requests of an unknown route."""
    name = 'freshet_requests_total{route="unknown",status="505"} '

    def counted() -> float:
        lines = server.ask("/metrics")[1].splitlines()
        return float(next((x.removeprefix(name) for x in lines if x.startswith(name)), "0"))

    before = counted()
    answer(server, b"GET / HTTP/1.9\r\n\r\n")
    assert counted() == before + 1


@pytest.mark.parametrize("offer", [b"h2c", b"websocket"])
def test_an_offer_drops_nothing_else(server: Server, offer: bytes) -> None:
    """Doubled fields are refused, and empty ones count, as without the offer."""
    offered = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\n" % offer
    for more in (b"", offered):
        empty = POST + JSON + more + b"Content-Encoding:\r\n\r\n"
        assert answer(server, empty)[0] == 415
        doubled = POST + JSON + more + b"Origin:\r\nOrigin:\r\n\r\n"
        assert answer(server, doubled)[0] == 400


def test_bodies_in_chunks_are_the_same_however_they_are_cut(server: Server) -> None:
    """Byte by byte, with a pipeline behind them."""
    whole = chunked(ROW[:3], ROW[3:4], ROW[4:]) + request(ROW)
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(whole)):
            connection.sendall(whole[at : at + 1])
        answers = Answers(connection)
        assert [answers.next()[0] for _ in range(2)] == [200, 200]


def test_many_small_chunks_are_one_body(server: Server) -> None:
    """Fifty thousand of one byte each, which take several turns of the event loop."""
    size = 50_000
    sent = POST + JSON + CHUNKED + b"\r\n" + b"1\r\n \r\n" * size + b"%x\r\n%b\r\n0\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(sent % (len(ROW), ROW) + request(ROW))
        answers = Answers(connection)
        assert [answers.next()[0] for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize(
    "target",
    [
        *(b"/versions%0A", b"/versions%0D", b"/versions%00", b"/versions%7f", b"/rollback%0a"),
        *(b"/versions%2F1", b"/versions%2f1", b"/%2Fversions", b"/versions%0A?a=b"),
        *(b"/health%2Flive", b"/health/live%0A", b"/predict%0A", b"/docs%0A", b"/openapi.json%0a"),
    ],
)
def test_an_escape_makes_no_other_path(server: Server, method: bytes, target: bytes) -> None:
    """An escaped line end is not passed over, and an escaped slash is no separator: no route."""
    sent = method + b" " + target + b" HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 2\r\n\r\n{}"
    assert answer(server, sent)[0] == 404


def test_other_escapes_are_the_characters_they_stand_for(server: Server) -> None:
    """A letter is one whether or not it is escaped."""
    for target in (b"/health/%6cive", b"/%68ealth/live"):
        assert answer(server, b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 200
