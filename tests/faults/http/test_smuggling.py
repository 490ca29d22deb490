"""Bytes of which two readers could make different requests: refused, or read in the one right way.

Each case is followed by a marker request. Where the case is refused, the connection ends and the
marker is never answered: a proxy before the server may have meant the marker as part of a body.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.http.case import TOKEN
from tests.faults.http.exchange import Answer
from tests.faults.http.wire import HOST, MARKER, answers
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

ROW = '{"hour":3}'
JSON_KIND = "Content-Type: application/json"
BEARER = f"Authorization: Bearer {TOKEN}"
BAD, GOOD = "refused", "taken"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two versions."""
    project = a_project(tmp_path_factory.mktemp("wire"), f'[serve]\nadmin_token = "{TOKEN}"\n')
    with maker_of(project) as maker:
        maker.make()
        maker.make()
    with server_of(project) as server:
        yield server


def post(*lines: str, body: str = ROW, line: str = "POST /predict HTTP/1.1") -> bytes:
    """A request of these header lines."""
    return "\r\n".join([line, *lines, "", body]).encode("latin-1")


def sized(*lines: str, **more: str) -> bytes:
    """A request of one row with its right length, a host and these header lines."""
    return post(HOST, JSON_KIND, f"Content-Length: {len(ROW)}", *lines, **more)


def in_chunks(chunks: str, *lines: str) -> bytes:
    """A request with these bytes for its chunks."""
    return post(HOST, JSON_KIND, "Transfer-Encoding: chunked", *lines, body=chunks)


CHUNK = f"{len(ROW):x}\r\n{ROW}\r\n"
LENGTHS = {
    "two lengths": ("Content-Length: 10", "Content-Length: 11"),
    "one length twice": ("Content-Length: 10", "Content-Length: 10"),
    "a list of lengths": ("Content-Length: 10, 10",),
    "a plus": ("Content-Length: +10",),
    "a minus": ("Content-Length: -10",),
    "hexadecimal": ("Content-Length: 0xa",),
    "an exponent": ("Content-Length: 1e1",),
    "an underscore": ("Content-Length: 1_0",),
    "nothing": ("Content-Length:",),
    "a fraction": ("Content-Length: 10.0",),
    "more than 64 bits": ("Content-Length: 18446744073709551626",),
    "other digits": ("Content-Length: \xb9\xb0",),
    "a blank before the colon": ("Content-Length : 10",),
    "a folded line": ("Content-Length:", " 10"),
    "length and chunks": ("Content-Length: 10", "Transfer-Encoding: chunked"),
    "chunks and length": ("Transfer-Encoding: chunked", "Content-Length: 10"),
}
CODINGS = {
    "gzip before chunks": "gzip, chunked",
    "chunks before gzip": "chunked, gzip",
    "identity": "identity",
    "an unknown one": "xchunked",
    "chunks twice": "chunked, chunked",
    "chunks in quotes": '"chunked"',
    "chunks behind a vertical tab": "\x0bchunked",
    "chunks with a parameter": "chunked;q=1",
    "nothing": "",
}
CHUNKS = {
    "a plus": "+a\r\n",
    "a minus": "-a\r\n",
    "0x": "0xa\r\n",
    "more than 64 bits": "1000000000000000a\r\n",
    "no digits": "\r\n",
    "a blank before": " a\r\n",
    "a blank behind": "a \r\n",
    "a bare line feed": "a\n",
    "a bare carriage return": "a\r",
    "an extension with a line feed": "a;x\ny\r\n",
    "other digits": "\xe9\r\n",
}
HEADS: dict[str, bytes] = {
    "no host": post(JSON_KIND, f"Content-Length: {len(ROW)}"),
    "two hosts": sized("Host: 127.0.0.1"),
    "another host": sized("Host: example.org"),
    "an empty host": post("Host:", JSON_KIND, f"Content-Length: {len(ROW)}"),
    "a host with a path": post("Host: 127.0.0.1/x", JSON_KIND, f"Content-Length: {len(ROW)}"),
    "a host with a user": post("Host: a@127.0.0.1", JSON_KIND, f"Content-Length: {len(ROW)}"),
    "two media types": sized("Content-Type: text/csv"),
    "one media type twice": sized(JSON_KIND),
    "two transfer codings": sized("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    "a blank in a name": sized("X Y: 1"),
    "a blank before a colon": sized("X-Y : 1"),
    "a blank before the first name": post(f" {HOST}", JSON_KIND, f"Content-Length: {len(ROW)}"),
    "no name": sized(": 1"),
    "no colon": sized("X-Y"),
    "a folded line": sized("X-Y: 1", " 2"),
    "a folded line of a tab": sized("X-Y: 1", "\t2"),
    "a NUL in a value": sized("X-Y: \0"),
    "a NUL in a name": sized("X\0: 1"),
    "a bare carriage return in a value": sized("X-Y: a\rContent-Length: 0"),
    "a name in brackets": sized("X(Y): 1"),
    "a name that is no ASCII": sized("X\xe9: 1"),
    "bare line feeds": sized().replace(b"\r\n", b"\n"),
    "a version to come": sized(line="POST /predict HTTP/2.0"),
    "a version of nine": sized(line="POST /predict HTTP/1.9"),
    "no version": sized(line="POST /predict"),
    "a method with a blank": sized(line="PO ST /predict HTTP/1.1"),
    "a method in small letters": sized(line="post /predict HTTP/1.1"),
    "a blank in the target": sized(line="POST /predict /x HTTP/1.1"),
    "two blanks": sized(line="POST  /predict HTTP/1.1"),
    "a tab for a blank": sized(line="POST\t/predict HTTP/1.1"),
    "a NUL in the target": sized(line="POST /pre\0dict HTTP/1.1"),
    "a byte over 127 in the target": sized(line="POST /pr\xe9dict HTTP/1.1"),
    "a fragment in the target": sized(line="POST /predict#x HTTP/1.1"),
    "a target without a slash": sized(line="POST predict HTTP/1.1"),
    "CONNECT": sized(line="CONNECT 127.0.0.1:80 HTTP/1.1"),
    "another host in the target": sized(line="POST http://example.org/predict HTTP/1.1"),
    "a bare carriage return at the beginning": b"\r" + sized(),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
}
REFUSED: dict[str, bytes] = {
    **{f"length: {name}": post(HOST, JSON_KIND, *each) for name, each in LENGTHS.items()},
    **{
        f"coding: {name}": post(
            HOST, JSON_KIND, f"Transfer-Encoding: {each}", body=f"{CHUNK}0\r\n\r\n"
        )
        for name, each in CODINGS.items()
    },
    **{f"chunk: {name}": in_chunks(f"{each}{ROW}\r\n0\r\n\r\n") for name, each in CHUNKS.items()},
    "chunk: no line end behind": in_chunks(f"a\r\n{ROW}0\r\n\r\n"),
    "chunk: too long": in_chunks(f"a\r\n{ROW}x\r\n0\r\n\r\n"),
    "HTTP/1.0 in chunks": in_chunks(f"{CHUNK}0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
    **{f"head: {name}": each for name, each in HEADS.items()},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused(server: Server, name: str) -> None:
    """One answer of 4xx or 5xx that is a problem document, then the end: no marker is answered."""
    found = answers(server.port, REFUSED[name] + MARKER)
    assert [each.trouble for each in found if each.status != 404] == [""], found
    assert found[0].status in (400, 413, 421, 501, 505), found
    assert found[0].closed or found[0].status == 421, found


TAKEN: dict[str, bytes] = {
    "a length": sized(),
    "a length with zeros before": post(HOST, JSON_KIND, "Content-Length: 00010"),
    "a length with blanks around": post(HOST, JSON_KIND, "Content-Length: \t 10 \t"),
    "chunks": in_chunks(f"{CHUNK}0\r\n\r\n"),
    "chunks with zeros before": in_chunks(f"000{CHUNK}0\r\n\r\n"),
    "chunks with capital letters": in_chunks(f"A\r\n{ROW}\r\n0\r\n\r\n"),
    "chunks with an extension": in_chunks(f'a;x="y"\r\n{ROW}\r\n0;z\r\n\r\n'),
    "chunks of one byte": in_chunks("".join(f"1\r\n{c}\r\n" for c in ROW) + "0\r\n\r\n"),
    "chunks in capital letters": post(
        HOST, JSON_KIND, "Transfer-Encoding: Chunked", body=f"{CHUNK}0\r\n\r\n"
    ),
    "a trailer": in_chunks(f"{CHUNK}0\r\nX-Y: 1\r\n\r\n", "Trailer: X-Y"),
    "an offer of HTTP/2": sized(
        "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"
    ),
    "an offer of WebSocket": sized("Connection: Upgrade", "Upgrade: websocket"),
    "a whole target": sized(line="POST http://127.0.0.1/predict HTTP/1.1"),
    "an empty line before": b"\r\n" + sized(),
    "many headers": sized(*(f"X-{n}: {n}" for n in range(80))),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_right_is_answered_and_what_follows_too(server: Server, name: str) -> None:
    """The row is scored, and the marker behind it is answered as a request of its own."""
    found = answers(server.port, TAKEN[name] + MARKER)
    assert [each.status for each in found] == [200, 404], found
    assert found[0].json()["version"] == 2


def trailed(path: str, kind: str, body: str, trailer: str, *lines: str) -> bytes:
    """A request in chunks with a field behind its body."""
    head = [f"POST {path} HTTP/1.1", HOST, f"Content-Type: {kind}", *lines]
    chunk = f"{len(body):x}\r\n{body}\r\n0\r\n{trailer}\r\n\r\n"
    return "\r\n".join([*head, "Transfer-Encoding: chunked", "", chunk]).encode()


def served(server: Server) -> int:
    """The version that is served."""
    return int(answers(server.port, sized())[0].json()["version"])


MOVE = '{"version":1,"reason":"x"}'


@pytest.mark.parametrize(
    ("path", "kind", "trailer", "lines"),
    [
        ("/rollback", "text/plain", JSON_KIND, (BEARER,)),
        ("/promote", "text/plain", JSON_KIND, (BEARER,)),
        ("/rollback", "application/json", BEARER, ()),
        ("/promote", "application/json", BEARER, ()),
        ("/rollback", "application/json", BEARER, ("Authorization: Bearer wrong",)),
        ("/promote", "text/plain", f"{JSON_KIND}\r\n{BEARER}", ()),
    ],
)
def test_a_field_behind_the_body_changes_nothing(
    server: Server, path: str, kind: str, trailer: str, lines: tuple[str, ...]
) -> None:
    """Neither a media type nor a token in a trailer opens an admin route: 400, 401 or 415."""
    found = answers(server.port, trailed(path, kind, MOVE, trailer, *lines))
    assert found[0].status in (400, 401, 415), found
    assert served(server) == 2


@pytest.mark.parametrize("path", ["/events", "/labels"])
def test_a_key_behind_the_body_is_no_key(server: Server, path: str) -> None:
    """Two requests with one Idempotency-Key in their trailers are two requests."""
    row = ROW if path == "/events" else '{"id":"a","label":1}'
    sent = trailed(path, "application/json", row, "Idempotency-Key: behind")
    found: list[Answer] = [answers(server.port, sent)[0] for _ in range(2)]
    assert {each.status for each in found} <= {202, 400}, found
    assert not any("idempotent-replayed" in each.headers for each in found)


@pytest.mark.parametrize(
    "header", ["Content-Type", "Idempotency-Key", "Authorization", "Host", "Origin", "X-Request-ID"]
)
def test_a_header_that_decides_is_there_once(server: Server, header: str) -> None:
    """Twice, with other values: nothing is done with either of them."""
    values = {"Content-Type": ("application/json", "text/csv"), "Host": ("127.0.0.1", "a.test")}
    given = values.get(header, ("http://127.0.0.1", "http://a.test"))
    lines = [f"{header}: {value}" for value in given]
    others = {"Host": HOST, "Content-Type": JSON_KIND}
    sent = post(
        *(line for name, line in others.items() if name != header),
        *lines,
        f"Content-Length: {len(ROW)}",
        line="POST /events HTTP/1.1",
    )
    found = answers(server.port, sent)
    if header == "X-Request-ID":
        assert found[0].headers["x-request-id"] not in given
    else:
        assert found[0].status in (400, 401, 403, 421), found
