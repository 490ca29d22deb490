"""The admin rule: who may promote, roll back and unpin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serve.access.guard import host_name, is_loopback
from tests.support.serving.served import LOCAL, Maker, a_client, problem_of, routes_of

MOVE = {"version": 1, "reason": "test"}
ROUTES = [("/promote", MOVE), ("/rollback", MOVE), ("/unpin", {"reason": "test"})]
TOKEN = "correct horse"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server without a token."""
    with a_client(tmp_path_factory.mktemp("local")) as (client, _):
        yield client


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server with a token."""
    more = f'[serve]\nadmin_token = "{TOKEN}"\n'
    with a_client(tmp_path_factory.mktemp("guarded"), more=more) as (client, _):
        yield client


@pytest.mark.parametrize(("route", "body"), ROUTES)
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:80"])
def test_a_direct_local_caller_needs_no_token(
    local: TestClient, route: str, body: dict[str, Any], host: str
) -> None:
    """Where none is configured."""
    assert local.post(route, json=body, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(("route", "body"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"forwarded": "for=127.0.0.1"},
        {"x-forwarded-for": "127.0.0.1"},
        {"X-Forwarded-Host": "127.0.0.1"},
        {"x-forwarded-anything": ""},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "null"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example:8000"},
        {"host": "evil@localhost"},
        {"host": "localhost/evil"},
        {"host": ""},
        {"host": "10.0.0.1"},
        {"host": "127.9"},
        {"host": "localhost:port"},
    ],
)
def test_without_a_token_nothing_indirect_is_let_in(
    local: TestClient, route: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    """A proxy's headers, a page's Origin, another Host: 403 that says what to do."""
    problem = problem_of(local.post(route, json=body, headers=headers))
    assert problem["status"] == 403
    assert "FRESHET_SERVE__ADMIN_TOKEN" in problem["detail"]


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "192.168.1.2", "::ffff:10.0.0.7", "testclient", ""]
)
def test_without_a_token_other_machines_are_not_let_in(local: TestClient, address: str) -> None:
    """Whatever they say of themselves."""
    with calling_from(local, address):
        assert problem_of(local.post("/promote", json=MOVE))["status"] == 403


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_every_loopback_address_is_local(local: TestClient, address: str) -> None:
    """IPv4, IPv6 and one in the other's clothes."""
    with calling_from(local, address):
        assert local.post("/promote", json=MOVE).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/csv", ""]
)
def test_only_json_moves_anything(local: TestClient, guarded: TestClient, kind: str) -> None:
    """Types that a page may send without asking first are 415, with a token and without."""
    headers = {"content-type": kind} if kind else {}
    body = b'{"version": 1, "reason": "x"}'
    assert local.post("/promote", content=body, headers=headers).status_code == 415
    headers |= {"authorization": f"Bearer {TOKEN}"}
    assert guarded.post("/promote", content=body, headers=headers).status_code == 415


@pytest.mark.parametrize(("route", "body"), ROUTES)
@pytest.mark.parametrize(
    "given_header",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN],
)
def test_a_configured_token_is_needed_by_all(
    guarded: TestClient, route: str, body: dict[str, Any], given_header: str | None
) -> None:
    """401 for local callers too, and nothing of the token in the answer."""
    headers = {} if given_header is None else {"authorization": given_header}
    response = guarded.post(route, json=body, headers=headers)
    assert problem_of(response)["status"] == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in response.text


def test_every_route_that_is_declared_so_needs_the_token(guarded: TestClient) -> None:
    """And no other; the routes of these tests are all there are."""
    headers = {"content-type": "application/json"}
    for route in routes_of(guarded):
        path = route.path.format(version=1, name="style.css")
        refused = guarded.request(route.method, path, headers=headers).status_code == 401
        assert refused is (route.scope == "admin"), path
    assert {path for path, _ in ROUTES} == {
        r.path for r in routes_of(guarded) if r.scope == "admin"
    }


def test_whoever_has_the_token_may_come_from_anywhere(guarded: TestClient) -> None:
    """Through proxies, from other machines, under any Host."""
    headers = {"authorization": f"bearer {TOKEN}", "host": "models.example", "origin": "x"}
    headers |= {"x-forwarded-for": "10.1.1.1", "forwarded": "for=10.1.1.1"}
    with calling_from(guarded, "10.0.0.7"):
        assert guarded.post("/promote", json=MOVE, headers=headers).status_code == 200


def test_an_empty_token_opens_nothing(tmp_path: Any) -> None:
    """A token configured as nothing is no token that could be sent."""
    with a_client(tmp_path, more='[serve]\nadmin_token = ""\n') as (client, _):
        for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Bearer"}):
            assert client.post("/promote", json=MOVE, headers=headers).status_code == 401


def test_reading_needs_no_rights(guarded: TestClient) -> None:
    """Scores, versions, ledger and health are open."""
    with calling_from(guarded, "10.0.0.7"):
        for path in ("/versions", "/versions/1", "/history", "/health/ready", "/status"):
            assert guarded.get(path, headers={"host": "models.example"}).status_code == 200
        assert guarded.post("/predict", json={}).status_code == 200


def test_a_refused_caller_moves_nothing(tmp_path: Any) -> None:
    """The ledger has no line of theirs, for they were refused before their body was read."""
    with a_client(tmp_path, versions=2) as (client, maker):
        before = _ledger(maker)
        client.post("/promote", json=MOVE, headers={"origin": "http://evil.example"})
        with calling_from(client, "10.0.0.7"):
            client.post("/promote", content=b"{", headers={"content-type": "application/json"})
        assert _ledger(maker) == before


@given(st.text(max_size=30))
def test_no_host_header_breaks_the_rule(host: str) -> None:
    """Any text is a loopback name or is not; nothing raises."""
    name = host_name(host)
    assert is_loopback(name) in (True, False)


def test_the_caller_is_the_peer_and_not_who_a_header_says(local: TestClient) -> None:
    """The ledger names the address of the connection."""
    local.post("/promote", json=MOVE)
    local.post("/unpin", json={"reason": "test"})
    assert local.get("/history").json()[-1]["actor"] == f"http {LOCAL[0]}"


@contextmanager
def calling_from(client: TestClient, address: str) -> Iterator[None]:
    """Let a client's calls come from another address."""
    transport: Any = client._transport
    before, transport.client = transport.client, (address, 1)
    try:
        yield
    finally:
        transport.client = before


def _ledger(maker: Maker) -> list[int]:
    return [entry.seq for entry in maker.registry.ledger.entries()]
