"""Which hosts a server answers to, and which pages may write: DNS rebinding and foreign origins."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from converters.config.settings import ServeSettings
from serve.access.hosts import Hosts, Origins, split_host
from serve.http.problems import ForeignPageError, MisdirectedError
from tests.support.serving.served import a_client, admin_header, problem_of, routes_of

MACHINE = socket.gethostname()
ADDRESSES = ["10.0.0.7", "10.0.0.7:8000", "[2001:db8::7]", "[2001:db8::7]:8000", "0.0.0.0"]
LOOPBACK = [
    *("localhost", "LOCALHOST:1", "localhost.", "localhost.:8000", "localhost:", "127.0.0.1"),
    *("127.0.0.1:8000", "127.8.9.1:65535", "[::1]", "[::1]:80", "[::ffff:127.0.0.1]"),
]
FOREIGN = [
    *("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"),
    *("evil@localhost", "user:secret@localhost:8000", "localhost/evil", "localhost?x"),
    *(
        "localhost#",
        "",
        " ",
        "localhost:port",
        "localhost:-1",
        "localhost:65536",
        "localhost:80:80",
        ":8000",
    ),
    *("localhost..", ".localhost", "local host", "localhost,evil.example", "127.9", "2130706433"),
    *("0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "::1", "[::1", "[localhost]", "[127.0.0.1]"),
    *("[::1]x", "localhost%2e", "localhost\t", "xn--", "l\u043ecalhost", "*", "http://localhost"),
]


def accepts(settings: ServeSettings, *hosts: str) -> bool:
    """Whether a request with these Host headers is for the server."""
    raw = [(b"host", host.encode()) for host in hosts]
    with suppress(MisdirectedError):
        Hosts(settings).check({"headers": raw})
        return True
    return False


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_names_are_ours(host: str) -> None:
    """In any case, with any port, with the dot of a full name, as IPv4, IPv6 and either in both."""
    assert accepts(ServeSettings(), host)


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
def test_other_names_are_not(host: str, bound: str) -> None:
    """Names of others, and what only looks like ours: parts, users, odd digits, look-alikes."""
    assert not accepts(ServeSettings(host=bound), host)


@pytest.mark.parametrize("host", ADDRESSES)
def test_a_wildcard_address_answers_to_any_address_and_none_else_does(host: str) -> None:
    """Rebinding needs a name; the address that a caller used may be any of this machine's."""
    assert accepts(ServeSettings(host="0.0.0.0"), host)
    assert accepts(ServeSettings(host="::"), host)
    assert not accepts(ServeSettings(host="127.0.0.1"), host)
    assert not accepts(ServeSettings(host="192.0.2.1"), host)


def test_a_wildcard_address_answers_to_the_name_of_its_machine() -> None:
    """As other machines call it; a server on one address does not."""
    assert accepts(ServeSettings(host="0.0.0.0"), MACHINE.upper())
    assert not accepts(ServeSettings(), f"{MACHINE}.not-this-one")


def test_the_bound_address_and_name_are_ours() -> None:
    """And the addresses that the name has; of the admin routes' own address the same."""
    assert accepts(ServeSettings(host="192.0.2.1"), "192.0.2.1:9")
    assert accepts(ServeSettings(host="2001:db8::1"), "[2001:DB8:0::1]:9")
    assert accepts(ServeSettings(host="LocalHost"), "127.0.0.1")
    assert accepts(ServeSettings(admin="192.0.2.9:7"), "192.0.2.9")
    assert accepts(ServeSettings(admin="[2001:db8::9]:7"), "[2001:db8::9]")
    assert not accepts(ServeSettings(admin="unix:/run/evil.example"), "evil.example")


def test_configured_names_are_ours() -> None:
    """Whatever their case, with a wildcard for the names below one, and beyond ASCII."""
    settings = ServeSettings(hosts=("Models.Example", "*.inside.example", "bücher.example", "::5"))
    for host in ("models.example:443", "MODELS.EXAMPLE.", "a.b.inside.example", "[::5]"):
        assert accepts(settings, host)
    assert accepts(settings, "xn--bcher-kva.example")
    for host in ("inside.example", "xinside.example", "models.example.evil", "evil.models.example"):
        assert not accepts(settings, host)
    assert accepts(ServeSettings(hosts=("*",)), "evil.example", "")


def test_every_host_of_a_request_counts() -> None:
    """A second one does not hide behind the first; HTTP/1.0 may have none."""
    assert not accepts(ServeSettings(), "localhost", "evil.example")
    assert not accepts(ServeSettings(), "evil.example", "localhost")
    assert accepts(ServeSettings())


@given(st.binary(max_size=40))
def test_no_host_breaks_the_check(host: bytes) -> None:
    """Any bytes are accepted or refused, and what is accepted is a name or an address."""
    found = split_host(host)
    assert found is None or found[0]
    with suppress(MisdirectedError):
        Hosts(ServeSettings()).check({"headers": [(b"host", host)]})


@pytest.mark.parametrize(
    "hosts", ["example.com:80", "https://example.com", "a b", "", "exa*mple.com", "me@example.com"]
)
def test_a_configured_host_is_a_name(hosts: str) -> None:
    """With a port, a scheme or nothing in it, it could never match: it is refused at the start."""
    with pytest.raises(ValueError, match="is not a host name"):
        ServeSettings(hosts=(hosts,))


@pytest.mark.parametrize("origin", ["a.example", "https://a.example/", "*", "null", "ftp://a", ""])
def test_a_configured_origin_is_one(origin: str) -> None:
    """Scheme, host and perhaps a port, as browsers send it."""
    with pytest.raises(ValueError, match="origin"):
        ServeSettings(origins=(origin,))


@pytest.mark.parametrize(
    ("configured", "sent"),
    [
        ("HTTPS://Ops.Example.com", "https://ops.example.com"),
        ("https://ops.example.com:443", "https://ops.example.com"),
        ("http://ops.example.com:443", "http://ops.example.com:443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_configured_origin_is_spelt_as_browsers_do(configured: str, sent: str) -> None:
    """Whatever the config's case, port and alphabet."""
    assert ServeSettings(origins=(configured,)).origins == (sent,)


def may_write(headers: dict[str, str], *configured: str, host: str = "localhost:8000") -> bool:
    """Whether a request with these headers may change anything."""
    raw = [(name.encode(), value.encode()) for name, value in {"host": host, **headers}.items()]
    with suppress(ForeignPageError):
        Origins(configured).check({"headers": raw})
        return True
    return False


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"origin": "http://localhost:8000"}, True),
        ({"origin": "HTTP://LOCALHOST:8000"}, True),
        ({"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": ""}, False),
        ({"sec-fetch-site": "same-origin, cross-site"}, False),
        ({"origin": "http://localhost:8000", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://localhost:8001"}, False),
        ({"origin": "http://localhost"}, False),
        ({"origin": "http://localhost:8000.evil.example"}, False),
        ({"origin": "http://evil.example@localhost:8000"}, False),
        ({"origin": "http://localhost:8000/"}, False),
        ({"origin": "http://localhost:8000 http://evil.example"}, False),
        ({"origin": "localhost:8000"}, False),
        ({"origin": "file://"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
    ],
)
def test_only_our_own_page_writes(headers: dict[str, str], allowed: bool) -> None:
    """Programs send neither header; what a browser says of another site refuses the request."""
    assert may_write(headers) is allowed


def test_default_ports_are_left_out() -> None:
    """By browsers, in Origin and Host; behind a proxy with TLS the page's scheme is not ours."""
    assert may_write({"origin": "https://models.example"}, host="models.example")
    assert may_write({"origin": "https://models.example"}, host="models.example:443")
    assert may_write({"origin": "http://[::1]"}, host="[::1]:80")
    assert not may_write({"origin": "https://models.example"}, host="models.example:80")


def test_configured_origins_write() -> None:
    """Those and no others, whatever the browser says of their site."""
    ops = "https://ops.example.com"
    headers = {"origin": ops, "sec-fetch-site": "cross-site"}
    assert may_write(headers, ops)
    assert not may_write({"origin": "http://ops.example.com"}, ops)
    assert not may_write({"origin": "https://x.ops.example.com"}, ops)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server that one page elsewhere may write to; the client has the admin token."""
    more = '[serve]\norigins = ["https://ops.example.com"]\n'
    with a_client(tmp_path_factory.mktemp("hosts"), more=more, admin=True) as (client, _):
        yield client


def test_no_route_answers_to_another_host(client: TestClient) -> None:
    """Health, pages, addresses and methods that there are not; with the admin token, too."""
    routes = [
        (r.method, r.path.format(version=1, number=1, name="style.css")) for r in routes_of(client)
    ]
    before = _refused(client, "host")
    for method, path in (*routes, ("GET", "/nothing"), ("PUT", "/"), ("GET", "/openapi.json")):
        response = client.request(method, path, headers={"host": "evil.example"})
        problem = problem_of(response)
        assert (problem["status"], path) == (421, path)
        assert "'evil.example'" in problem["detail"]
        assert "serve.hosts" in problem["detail"]
    assert _refused(client, "host") == before + len(routes) + 3


def test_no_route_that_writes_answers_a_foreign_page(client: TestClient) -> None:
    """403 although the token is right; reading is the browser's to forbid."""
    writing = {(route.method, route.path) for route in routes_of(client) if route.writes}
    posts = ("/events", "/labels", "/promote", "/rollback", "/unpin", "/quarantines")
    deletes = ("/rollbacks/{number}", "/quarantines/{number}")
    right = {"POST": posts, "DELETE": deletes}
    assert writing == {(method, path) for method, paths in right.items() for path in paths}
    before = _refused(client, "origin")
    for method, path in writing:
        for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            problem = problem_of(client.request(method, path, json={}, headers=headers))
            assert (problem["status"], problem["type"]) == (403, "urn:freshet:problem:foreign-page")
            assert "serve.origins" in problem["detail"]
    assert _refused(client, "origin") == before + 2 * len(writing)
    headers = {"origin": "http://evil.example"}
    assert client.post("/predict", json={}, headers=headers).status_code == 200
    assert client.get("/status", headers=headers).status_code == 200


def test_a_configured_page_can_ask_and_write(client: TestClient) -> None:
    """Its browser asks first, is told what it may send, and may read the answer."""
    page = {"origin": "https://ops.example.com"}
    asked = {"access-control-request-method": "POST"}
    asked["access-control-request-headers"] = "authorization, content-type"
    allowed = client.options("/unpin", headers={**page, **asked})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == page["origin"]
    answer = client.post("/unpin", json={"reason": "test"}, headers=page)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == page["origin"]
    other = client.options("/unpin", headers={**asked, "origin": "http://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_without_configured_pages_no_browser_is_told_anything(tmp_path: Any) -> None:
    """No answer has a header of cross-origin requests."""
    with a_client(tmp_path, versions=0) as (client, maker):
        headers = {"origin": "http://localhost", **admin_header(maker.project)}
        answer = client.get("/status", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def _refused(client: TestClient, reason: str) -> float:
    counter = client.app.state.service.counters.requests_refused  # type: ignore[attr-defined]
    return float(counter.labels(reason)._value.get())
