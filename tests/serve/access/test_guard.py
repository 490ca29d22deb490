"""Who may use which route: tokens and their scopes, and nothing else about a caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from serve.access.caller import SCOPES, Scope
from serve.access.credentials import LOOK_SECONDS
from serve.access.local_admin import read
from serve.access.tokens import TokenFile
from tests.support.serving.project import Project
from tests.support.serving.served import (
    Maker,
    a_client,
    admin_header,
    client_of,
    problem_of,
    routes_of,
)

MOVE = {"version": 1, "reason": "test"}
ADMIN = [("/promote", MOVE), ("/rollback", MOVE), ("/unpin", {"reason": "test"})]
TOKEN = "correct horse battery staple"
# What proxies and browsers add, and what has made a caller seem to be a local one.
OF_PROXIES = [
    {"via": "1.1 proxy"},
    {"x-real-ip": "127.0.0.1"},
    {"x-forwarded-for": "127.0.0.1"},
    {"forwarded": "for=127.0.0.1"},
    {"cf-connecting-ip": "127.0.0.1"},
    {"true-client-ip": "127.0.0.1"},
    {"x-client-ip": "127.0.0.1"},
    {"x-original-forwarded-for": "127.0.0.1"},
]
MALFORMED = [
    "", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer x{TOKEN}", TOKEN,
    f"Bearer {TOKEN} {TOKEN}", f"Bearer,{TOKEN}", f"Token {TOKEN}", f"Bearer={TOKEN}",
    f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}", "Bearer fr_0123456789abcdef_" + "0" * 64,
    "Bearer fr_", "Bearer " + "x" * 10_000, "Bearer \x00", "Bearer null", "Bearer undefined",
]  # fmt: skip


def settle() -> None:
    """Wait until every server has looked at its files again."""
    sleep(LOOK_SECONDS * 1.1)


def tokens_of(project: Project) -> TokenFile:
    """The file of tokens of a project."""
    return TokenFile(project.settings.home / "tokens.json")


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Maker]]:
    """A server without a configured token, but with the one of its machine."""
    with a_client(tmp_path_factory.mktemp("local")) as (client, maker):
        admin_header(maker.project)
        settle()
        yield client, maker


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server with a configured admin token."""
    more = f'[serve]\nadmin_token = "{TOKEN}"\n'
    with a_client(tmp_path_factory.mktemp("guarded"), more=more) as (client, _):
        yield client


@pytest.fixture(scope="module")
def scoped(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[TestClient, dict[Scope, str], Maker]]:
    """A server with a token of each scope, and those tokens."""
    with a_client(tmp_path_factory.mktemp("scoped")) as (client, maker):
        file = tokens_of(maker.project)
        made = {scope: file.add(f"of-{scope}", [scope], None)[1] for scope in SCOPES}
        settle()
        yield client, made, maker


@pytest.mark.parametrize(("route", "body"), ADMIN)
@pytest.mark.parametrize("headers", [{}, *OF_PROXIES], ids=str)
def test_admin_routes_need_a_token_wherever_a_call_seems_to_come_from(
    local: tuple[TestClient, Maker], route: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    """From this machine, directly or through any proxy: 401 without, 200 with the local token."""
    client, maker = local
    for address in ("127.0.0.1", "::1", "10.0.0.7", "", "testclient"):
        with calling_from(client, address):
            refused = client.post(route, json=body, headers=headers)
            assert problem_of(refused)["status"] == 401
            assert refused.headers["www-authenticate"] == "Bearer"
    allowed = headers | admin_header(maker.project)
    with calling_from(client, "10.0.0.7"):
        assert client.post(route, json=body, headers=allowed).status_code == 200


@pytest.mark.parametrize("given", MALFORMED)
def test_what_is_no_valid_token_is_401_on_every_route_with_a_scope(
    guarded: TestClient, given: str
) -> None:
    """Open or not, always with the same answer, which shows nothing of what was sent."""
    seen = set()
    for route in routes_of(guarded):
        path = route.path.format(version=1, number=1, name="style.css")
        headers = {"authorization": given, "content-type": "application/json"}
        response = guarded.request(route.method, path, headers=headers)
        if not route.scope:
            assert response.status_code == 200, path
            continue
        problem = problem_of(response)
        assert (problem["status"], path) == (401, path)
        assert response.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in response.text
        seen.add(problem["detail"].replace(route.scope, "SCOPE"))
    assert len(seen) == 1


def test_two_tokens_are_none(guarded: TestClient) -> None:
    """Two headers, whichever of them is right: a proxy may have looked at the other."""
    right = ("authorization", f"Bearer {TOKEN}")
    for headers in (
        [right, right],
        [right, ("Authorization", "Bearer x")],
        [("authorization", ""), right],
    ):
        sent = [*headers, ("content-type", "application/json")]
        assert guarded.post("/unpin", content=b"{}", headers=sent).status_code == 401
    assert guarded.post("/unpin", json={}, headers=dict([right])).status_code == 422


def test_a_proxys_own_login_is_no_token(guarded: TestClient) -> None:
    """Basic authentication of a proxy passes on what is open, and opens nothing."""
    headers = {"authorization": "Basic dXNlcjpwYXNz"}
    assert guarded.post("/predict", json={}, headers=headers).status_code == 200
    assert guarded.post("/unpin", json={}, headers=headers).status_code == 401


def test_whoever_has_the_token_may_come_from_anywhere(guarded: TestClient) -> None:
    """Through proxies and from other machines; the scheme in any case."""
    headers = {"authorization": f"bEARER  {TOKEN} ", "x-forwarded-for": "10.1.1.1"}
    with calling_from(guarded, "10.0.0.7"):
        assert guarded.post("/promote", json=MOVE, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/csv", ""]
)
def test_only_json_moves_anything(guarded: TestClient, kind: str) -> None:
    """Types that a page may send without asking first are 415, with a token; 401 without."""
    headers = {"content-type": kind} if kind else {}
    body = b'{"version": 1, "reason": "x"}'
    assert guarded.post("/promote", content=body, headers=headers).status_code == 401
    headers |= bearer(TOKEN)
    assert guarded.post("/promote", content=body, headers=headers).status_code == 415


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_opens_its_scope_and_no_other(
    scoped: tuple[TestClient, dict[Scope, str], Maker], scope: Scope
) -> None:
    """Every route: 401 without one, 403 that names the scope with another; admin opens all."""
    client, made, _ = scoped
    for route in [*routes_of(client), *_openapi(client)]:
        path = route.path.format(version=1, number=1, name="style.css")
        headers = {"content-type": "application/json"}
        without = client.request(route.method, path, headers=headers)
        response = client.request(route.method, path, headers=headers | bearer(made[scope]))
        if not route.scope:
            assert without.status_code == response.status_code == 200, path
            continue
        assert problem_of(without)["status"] == 401, path
        assert client.head(path).status_code in (401, 405), path
        if scope in (route.scope, "admin"):
            assert response.status_code in (200, 400, 404, 422), path
        else:
            problem = problem_of(response)
            assert (problem["status"], problem["type"]) == (403, "urn:freshet:problem:forbidden")
            assert f"needs {route.scope}" in problem["detail"], path


def test_a_scope_is_open_until_it_has_a_token(tmp_path: Path) -> None:
    """Then everybody needs one, at once and without a restart, until its last is forgotten."""
    with a_client(tmp_path) as (client, maker):
        file = tokens_of(maker.project)
        assert client.post("/predict", json={}).status_code == 200
        _, text = file.add("ci", ["score"], None)
        settle()
        assert client.post("/predict", json={}).status_code == 401
        assert client.post("/predict", json={}, headers=bearer(text)).status_code == 200
        assert client.get("/status").status_code == 200
        assert client.get("/status", headers=bearer(text)).status_code == 200
        _, fresh = file.rotate("ci")
        settle()
        assert client.post("/predict", json={}, headers=bearer(text)).status_code == 401
        assert client.post("/predict", json={}, headers=bearer(fresh)).status_code == 200
        file.revoke("ci")
        settle()
        assert client.post("/predict", json={}, headers=bearer(fresh)).status_code == 401
        assert client.post("/predict", json={}).status_code == 401
        assert client.get("/status", headers=bearer(fresh)).status_code == 401
        file.forget("ci")
        settle()
        assert client.post("/predict", json={}).status_code == 200


def test_a_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    """503 on every scope, whatever is sent, without the path; and again open once it is whole."""
    with a_client(tmp_path, admin=True) as (client, maker):
        file = tokens_of(maker.project)
        _, text = file.add("ci", ["score"], None)
        whole = file.path.read_bytes()
        for damage in (b"", b"{", b"[]", whole[:-20], whole.replace(b'"score"', b'"all"'), None):
            if damage is None:
                file.path.unlink()
            else:
                file.path.write_bytes(damage)
            settle()
            for headers in ({}, bearer(text)):
                for path in ("/predict", "/events", "/promote"):
                    problem = problem_of(client.post(path, json={}, headers=headers))
                    assert (problem["status"], damage, path) == (503, damage, path)
                    assert "tokens.json" not in problem["detail"]
                assert problem_of(client.get("/status", headers=headers))["status"] == 503
            assert client.get("/health/live").status_code == 200
        file.path.write_bytes(whole)
        settle()
        assert client.post("/predict", json={}, headers=bearer(text)).status_code == 200


def test_the_local_token_counts_only_where_no_other_admin_token_can(tmp_path: Path) -> None:
    """A named one of scope admin replaces it; revoked, it is back."""
    with a_client(tmp_path) as (client, maker):
        file, headers = tokens_of(maker.project), admin_header(maker.project)
        settle()
        assert client.post("/unpin", json={}, headers=headers).status_code == 422
        _, text = file.add("ops", ["admin"], None)
        settle()
        assert client.post("/unpin", json={}, headers=headers).status_code == 401
        assert client.post("/unpin", json={}, headers=bearer(text)).status_code == 422
        file.revoke("ops")
        settle()
        assert client.post("/unpin", json={}, headers=headers).status_code == 422
        assert client.post("/unpin", json={}, headers=bearer(text)).status_code == 401


@pytest.mark.parametrize("token", ["", "   "])
def test_an_empty_token_opens_nothing(tmp_path: Path, token: str) -> None:
    """A token configured as nothing counts as not set, and is no token that could be sent."""
    with a_client(tmp_path, more=f'[serve]\nadmin_token = "{token}"\n') as (client, maker):
        for headers in ({}, bearer(""), bearer(token), {"authorization": "Bearer"}):
            assert client.post("/unpin", json={}, headers=headers).status_code == 401
        headers = admin_header(maker.project)
        settle()
        assert client.post("/unpin", json={}, headers=headers).status_code == 422


def test_the_configured_token_replaces_the_local_one(tmp_path: Path) -> None:
    """Whoever could read the home before has no admin token any more."""
    more = f'[serve]\nadmin_token = "{TOKEN}"\n'
    plain = Project(tmp_path)
    headers = admin_header(plain)
    with client_of(Project(tmp_path, more=more), ready=False) as client:
        assert read(plain.settings.home / "admin.token")
        assert client.post("/unpin", json={}, headers=headers).status_code == 401
        assert client.post("/unpin", json={}, headers=bearer(TOKEN)).status_code == 422


@pytest.mark.parametrize("admin", ["off", "127.0.0.1:1", "unix:admin.sock"])
def test_without_admin_routes_here_their_addresses_are_none(tmp_path: Path, admin: str) -> None:
    """404 for every method, with the token; at a door of their own they are there, with it only."""
    more = f'[serve]\nadmin = "{admin}"\n'
    with a_client(tmp_path, more=more, admin=True) as (client, _):
        with structlog.testing.capture_logs() as logs:
            for path, _ in ADMIN:
                for method in ("POST", "GET", "HEAD", "OPTIONS", "PUT"):
                    assert client.request(method, path).status_code == 404, (path, method)
        assert {line["reason"] for line in logs} == {"serve.admin"}
        documented = client.get("/openapi.json").json()["paths"]
        assert ("/promote" in documented) is (admin != "off")
        if admin != "off":
            with at_the_door(client):
                assert client.post("/promote", json=MOVE).status_code == 200
                assert client.get("/promote").status_code == 405
                headers = {"authorization": ""}
                assert client.post("/promote", json=MOVE, headers=headers).status_code == 401


def test_refused_admin_calls_are_logged_and_counted(guarded: TestClient) -> None:
    """Each with its id, its route, its peer and the reason, and nothing that was sent."""
    secret = "fr_0123456789abcdef_" + "5" * 64
    tries: list[tuple[dict[str, str], str]] = [
        ({}, "token"),
        (bearer(secret), "token"),
        ({"origin": "http://evil.example"}, "origin"),
        (bearer(TOKEN) | {"host": "evil.example"}, "host"),
        (bearer(TOKEN) | {"content-type": "text/plain"}, "media-type"),
    ]
    for headers, reason in tries:
        with structlog.testing.capture_logs() as logs:
            guarded.post("/promote", content=b'{"reason": "row"}', headers=headers)
        (line,) = logs
        assert line["log_level"] == "warning"
        assert (line["route"], line["peer"], line["reason"]) == ("/promote", "127.0.0.1", reason)
        assert not any(word in str(line) for word in (secret, TOKEN, "evil", "row"))
    counted = guarded.get("/metrics").text
    for reason in ("token", "origin"):
        assert f'freshet_requests_refused_total{{reason="{reason}"}}' in counted


def test_a_refused_caller_moves_nothing(tmp_path: Path) -> None:
    """The ledger has no line of theirs, for they were refused before their body was read."""
    with a_client(tmp_path, versions=2) as (client, maker):
        before = [entry.seq for entry in maker.registry.ledger.entries()]

        def body() -> Iterator[bytes]:
            yield b"{"

        headers = {"content-type": "application/json"}
        assert client.post("/promote", content=body(), headers=headers).status_code == 401
        assert client.post("/promote", json=MOVE).status_code == 401
        assert [entry.seq for entry in maker.registry.ledger.entries()] == before


def test_the_ledger_names_the_token_and_the_connection(
    scoped: tuple[TestClient, dict[Scope, str], Maker],
) -> None:
    """Not who a header says that the caller is; the admin tokens without a name have one, too."""
    client, made, maker = scoped
    headers = bearer(made["admin"]) | {"x-forwarded-for": "10.9.9.9"}
    with calling_from(client, "10.0.0.7"):
        client.post("/promote", json=MOVE, headers=headers)
        client.post("/unpin", json={"reason": "test"}, headers=headers)
    entry = maker.registry.ledger.entries()[-1]
    assert (entry.actor, entry.detail["by"]["peer"]) == ("of-admin", "10.0.0.7")


@pytest.mark.parametrize("name", ["local-admin", "admin-token"])
def test_the_ledger_names_the_admin_tokens_without_a_name(tmp_path: Path, name: str) -> None:
    """By names that no token can have."""
    local = name == "local-admin"
    more = "" if local else f'[serve]\nadmin_token = "{TOKEN}"\n'
    with a_client(tmp_path, more=more) as (client, maker):
        headers = admin_header(maker.project) if local else bearer(TOKEN)
        settle()
        assert client.post("/promote", json=MOVE, headers=headers).status_code == 200
        assert maker.registry.ledger.entries()[-1].actor == name


@contextmanager
def calling_from(client: TestClient, address: str) -> Iterator[None]:
    """Let a client's calls come from another address."""
    transport: Any = client._transport
    before, transport.client = transport.client, (address, 1)
    try:
        yield
    finally:
        transport.client = before


@contextmanager
def at_the_door(client: TestClient) -> Iterator[None]:
    """Let a client's calls come by the admin routes' own address."""
    transport: Any = client._transport
    app = transport.app

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "admin_door": True}, receive, send)

    transport.app = inside
    try:
        yield
    finally:
        transport.app = app


def _openapi(client: TestClient) -> list[Any]:
    """The route of the OpenAPI document, which describes the model's columns."""
    from serve.openapi.declared_route import Route

    async def answer() -> Any:
        raise NotImplementedError

    return [Route("GET", "/openapi.json", answer, scope="read")]
