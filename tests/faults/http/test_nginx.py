"""nginx before the server, with the least configuration and with the documented one.

Everything that nginx passes on seems to come from this machine. None of it may open an admin route.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from learners.registry import Registry
from serve.access.local_admin import local_admin_token
from tests.faults.http.nginx import ALONE, NAME, Nginx, documented, missing, nginx
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

ROW = {"carrier": "AX", "hour": 3}
MOVE = {"version": 1, "reason": "from outside"}
ADMIN = ("/promote", "/rollback", "/unpin")
# What proxies before this one add, and what browsers do.
FOREIGN: dict[str, dict[str, str]] = {
    "nothing": {},
    "Via": {"Via": "1.1 elsewhere"},
    "X-Real-IP": {"X-Real-IP": "127.0.0.1"},
    "CF-Connecting-IP": {"CF-Connecting-IP": "127.0.0.1"},
    "True-Client-IP": {"True-Client-IP": "127.0.0.1"},
    "X-Client-IP": {"X-Client-IP": "127.0.0.1"},
    "X-Forwarded-For": {"X-Forwarded-For": "127.0.0.1"},
    "X-Forwarded-Host": {"X-Forwarded-Host": "localhost", "X-Forwarded-Proto": "https"},
    "Forwarded": {"Forwarded": "for=127.0.0.1;host=localhost"},
    "Sec-Fetch-Site": {"Sec-Fetch-Site": "cross-site"},
    "same site": {"Sec-Fetch-Site": "same-origin"},
    "an empty Origin": {"Origin": ""},
    "our Origin": {"Origin": "http://localhost"},
    "another path": {"X-Original-URL": "/promote", "X-Rewrite-URL": "/promote"},
    "an offer": {"Connection": "Upgrade", "Upgrade": "websocket", "X-Forwarded-For": ""},
    "an empty token": {"Authorization": "Bearer "},
    "a login": {"Authorization": "Basic YWRtaW46YWRtaW4="},
}
SPELLINGS = ("{}", "{}/", "/{}", "{}?", "{}%20", "/x/..{}", "/%2e{}", "{}#x", "//127.0.0.1{}")


@dataclass(frozen=True)
class Fronted:
    """A server, the nginx before it, and its project."""

    server: Server
    proxy: Nginx
    project: Project
    name: str

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request through nginx: status, headers by lower-case name, body."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection = self.proxy.connect()
        try:
            connection.request(method, path, content, {**kind, **headers})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, answer.read()
        finally:
            connection.close()

    def pinned(self) -> bool:
        """Whether anybody has changed what is served."""
        registry = Registry(self.project.settings.registry, self.project.settings.model)
        try:
            return registry.serving.pointers().pinned
        finally:
            registry.close()


@pytest.fixture(scope="module", params=["alone", "documented"])
def fronted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fronted]:
    """A server as it is by default, without a token of its own, and nginx before it."""
    if why := missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("nginx")
    hosts = f'[serve]\nhosts = ["{NAME}"]\n' if request.param == "documented" else ""
    project = a_project(folder / "p", hosts)
    with maker_of(project) as maker:
        maker.make()
        maker.make()
    site = ALONE if request.param == "alone" else documented()
    with server_of(project) as server, nginx(folder / "nginx", site, server.port) as proxy:
        yield Fronted(server, proxy, project, request.param)


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_admin_route_opens_without_a_token(fronted: Fronted, headers: str) -> None:
    """Through nginx, whatever headers came with it: 401, 403 or 404, and nothing is changed."""
    for path in ADMIN:
        status, _, body = fronted.ask("POST", path, MOVE, **FOREIGN[headers])
        assert status in (401, 403, 404), body
    assert not fronted.pinned()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_an_admin_route_opens_it(fronted: Fronted, spelling: str) -> None:
    """Two programs read the path: neither reading opens the route without a token."""
    for path in ADMIN:
        status, _, body = fronted.ask("POST", spelling.format(path).replace("#", "%23"), MOVE)
        assert status in (400, 401, 403, 404), body
    assert not fronted.pinned()


def test_the_token_of_this_machine_opens_admin_routes_unless_nginx_closes_them(
    fronted: Fronted,
) -> None:
    """With the least configuration the token works through nginx; the documented one has 404."""
    token = local_admin_token(fronted.project.settings)
    status, _, body = fronted.ask("POST", "/unpin", MOVE, Authorization=f"Bearer {token}")
    if fronted.name == "documented":
        assert status == 404, body
    else:  # the body has a version, which the route does not know
        assert status == 422, body


def test_rows_are_scored_and_appended(fronted: Fronted) -> None:
    """JSON, CSV, and events with an Idempotency-Key, which is honoured through nginx."""
    status, _, body = fronted.ask("POST", "/predict", ROW)
    assert (status, json.loads(body)["version"]) == (200, 2)
    rows = b"carrier,hour\n" + b"AX,3\n" * 9_000
    status, _, body = fronted.ask("POST", "/predict", rows, **{"Content-Type": "text/csv"})
    assert (status, len(json.loads(body)["predictions"])) == (200, 9_000)
    key = {"Idempotency-Key": f"through {fronted.name}"}
    first, again = (fronted.ask("POST", "/events", ROW, **key) for _ in range(2))
    assert (first[0], again[0], again[2]) == (202, 202, first[2])
    assert "idempotent-replayed" not in first[1]
    assert again[1]["idempotent-replayed"] == "true"


def test_a_body_that_is_streamed_arrives(fronted: Fronted) -> None:
    """A body in chunks, whose length nobody knows before."""
    connection = fronted.proxy.connect()
    parts = (b"[%b]" % b",".join([b'{"hour":3}'] * 5_000)).split(b"},")
    body = (part + b"}," for part in parts[:-1])
    connection.request(
        "POST",
        "/predict",
        (part for part in (*body, parts[-1])),
        {"Content-Type": "application/json"},
        encode_chunked=True,
    )
    answer = connection.getresponse()
    assert (answer.status, len(json.loads(answer.read())["predictions"])) == (200, 5_000)
    connection.close()


def test_request_ids_pass(fronted: Fronted) -> None:
    """A client's own id comes back, in the header and in problem documents."""
    _, headers, body = fronted.ask("GET", "/versions/9", **{"X-Request-ID": "from-the-client"})
    assert headers["x-request-id"] == json.loads(body)["request_id"] == "from-the-client"
    _, headers, _ = fronted.ask("GET", "/versions")
    assert len(headers["x-request-id"]) >= 16


def test_limits_answer_and_the_connection_goes_on(fronted: Fronted) -> None:
    """A body over the limit is 413, of nginx or of the server; then rows are scored as before."""
    assert fronted.ask("POST", "/predict", b"[" + b" " * (9 * 2**20) + b"]")[0] == 413
    assert fronted.ask("GET", "/" + "a" * 20_000)[0] in (400, 414)
    assert fronted.ask("POST", "/predict", ROW)[0] == 200


def test_the_public_name_is_the_host(fronted: Fronted) -> None:
    """The page under its public name may write; a page of another name, or host, may not."""
    if fronted.name == "alone":
        pytest.skip("nginx alone passes no name on")
    ours, theirs = {"Origin": f"https://{NAME}"}, {"Origin": "https://example.org"}
    assert fronted.ask("POST", "/events", ROW, **ours)[0] == 202
    assert fronted.ask("POST", "/events", ROW, **theirs)[0] == 403
    assert fronted.ask("GET", "/versions", Host="example.org")[0] == 421
