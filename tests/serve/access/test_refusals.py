"""Refusals at the socket: before the body, for every form of a request, and what comes after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, sleep

import pytest

from serve.access.tokens import TokenFile
from tests.serve.server.test_protocol import Answers
from tests.support.serving.processes import until
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

ADMIN = ("/promote", "/rollback", "/unpin", "/quarantines")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Of a server that is on another address than its config says."""
    more = '[serve]\nhost = "0.0.0.0"\n'
    return a_project(tmp_path_factory.mktemp("refusals"), more=more)


@pytest.fixture(scope="module")
def tokens(project: Project) -> TokenFile:
    """The file of its tokens."""
    return TokenFile(project.settings.home / "tokens.json")


@pytest.fixture(scope="module")
def server(project: Project, tokens: TokenFile) -> Iterator[Server]:
    """A server whose scope score is closed, too."""
    with maker_of(project) as maker:
        maker.make()
    with server_of(project, "--host", "127.0.0.1") as server:
        tokens.add("ci", ["score", "ingest"], None)
        until(lambda: server.ask("/predict", {})[0] == 401)
        yield server


def head(target: str, *lines: str, method: str = "POST", version: str = "1.1") -> bytes:
    """The head of a request."""
    return "\r\n".join([f"{method} {target} HTTP/{version}", *lines, "", ""]).encode("latin-1")


def answered(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """The answer to the bytes of a request."""
    with server.connect() as connection:
        connection.sendall(sent)
        return Answers(connection).next()


@pytest.mark.parametrize("target", [*ADMIN, "/predict", "/events"])
def test_the_body_of_a_refused_caller_is_not_waited_for(server: Server, target: str) -> None:
    """401 at the end of the head; a client that asks whether to send its 8 MiB is not told to."""
    for length in ("Content-Length: 8388608", "Transfer-Encoding: chunked"):
        lines = (
            "Host: localhost",
            "Content-Type: application/json",
            length,
            "Expect: 100-continue",
        )
        status, headers, body = answered(server, head(target, *lines))
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert headers["connection"] == "close"
        assert json.loads(body)["request_id"] == headers["x-request-id"]


@pytest.mark.parametrize(
    ("target", "scope", "body"),
    [("/unpin", "admin", b'{"reason": "x"}'), ("/labels", "ingest", b'{"id": "1", "label": "1"}')],
)
def test_a_token_revoked_while_the_body_arrives_does_nothing(
    server: Server, tokens: TokenFile, target: str, scope: str, body: bytes
) -> None:
    """It is asked for again when the body is there, and the refusal of an admin call is logged."""
    _, token = tokens.add(f"late-{scope}", [scope], None)
    until(lambda: server.ask(target, {}, token)[0] != 401)
    lines = (
        *("Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}"),
        f"Authorization: Bearer {token}",
    )
    with server.connect() as connection:
        connection.sendall(head(target, *lines) + body[:3])
        sleep(0.1)  # the head is seen
        tokens.revoke(f"late-{scope}")
        until(lambda: server.ask(target, {}, token)[0] == 401)
        connection.sendall(body[3:])
        assert Answers(connection).next()[0] == 401


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_a_refused_caller_that_goes_on_sending_is_cut_off(server: Server, host: str) -> None:
    """It reads its answer; what it sends without an end is not read for long."""
    lines = (f"Host: {host}", "Content-Type: application/json", "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with server.connect() as connection:
        connection.sendall(head("/promote", *lines))
        assert Answers(connection).next()[0] in (401, 421)
        began = monotonic()
        with suppress(ConnectionError):
            while monotonic() - began < 60:
                connection.sendall(chunk)
                sleep(0.001)
        assert monotonic() - began < 30


@pytest.mark.parametrize(
    "target",
    ["/unpin", "/%75npin", "/u%6epin", "/unpin?", "/unpin?token=x", "http://localhost/unpin"],
)
def test_no_spelling_of_a_route_passes_the_guard(server: Server, target: str) -> None:
    """However its path is written; what is another path is no route."""
    lines = ("Host: localhost", "Content-Type: application/json", "Content-Length: 2")
    assert answered(server, head(target, *lines) + b"{}")[0] == 401
    for other in ("/unpin/", "//unpin", "/UNPIN", "/./unpin", "/unpin%00", "/unpin;x"):
        assert answered(server, head(other, *lines) + b"{}")[0] in (400, 404), other


@pytest.mark.parametrize("target", ["/", "/health/live", "/health/ready", "/nothing", "/predict"])
def test_another_host_is_refused_on_every_form_of_a_request(server: Server, target: str) -> None:
    """In Host, or in the target, which counts before it; HTTP/1.0 needs none."""
    for method in ("GET", "POST", "PUT"):
        sent = head(target, "Host: evil.example", "Content-Length: 0", method=method)
        status, _, body = answered(server, sent)
        assert (status, json.loads(body)["type"]) == (421, "urn:freshet:problem:misdirected")
    assert answered(server, head(target, "Host: localhost", method="GET"))[0] != 421
    assert answered(server, head(target, method="GET", version="1.0"))[0] != 421


def test_a_refused_request_leaves_its_connection_whole(server: Server) -> None:
    """What was sent after its body is answered in turn."""
    right = f"Authorization: Bearer {server.admin_token}"
    kind = "Content-Type: application/json"
    body = b'{"reason": "test"}'
    length = f"Content-Length: {len(body)}"
    sent = [
        (head("/unpin", "Host: localhost", kind, length), 401),
        (head("/unpin", "Host: evil.example", kind, length, right), 421),
        (head("/unpin", "Host: localhost", "Origin: http://e.example", kind, length, right), 403),
        (head("/unpin", "Host: localhost", "Content-Type: text/plain", length, right), 415),
        (head("/unpin", "Host: localhost", kind, length, right), 200),
    ]
    with server.connect() as connection:
        connection.sendall(b"".join(each + body for each, _ in sent))
        answers = Answers(connection)
        assert [answers.next()[0] for _ in sent] == [status for _, status in sent]


@pytest.mark.parametrize(("host", "status"), [("10.0.0.7", 421), ("127.0.0.1", 200)])
def test_hosts_are_checked_against_the_address_of_the_options(
    server: Server, host: str, status: int
) -> None:
    """Not that of the config: --host closes, or opens, what comes with an address."""
    assert answered(server, head("/health/live", f"Host: {host}", method="GET"))[0] == status
