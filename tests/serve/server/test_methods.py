"""HEAD and OPTIONS of every route, and what a method that a route does not have is told."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from learners.registry.requests.offset_ranges import OffsetRanges
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import Server, server_of

GETS = (
    *("/", "/docs", "/dashboard/style.css", "/openapi.json", "/metrics", "/status"),
    *("/versions", "/versions/1", "/versions/1/weights", "/rollbacks", "/rollbacks/1", "/history"),
    *("/quarantines", "/quarantines/1"),
    *("/health/live", "/health/ready"),
)
# Not the same twice: they tell the time, or count themselves.
CHANGING = ("/metrics", "/status")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a model, and a rollback of its learner."""
    project = a_project(tmp_path_factory.mktemp("methods"))
    with maker_of(project) as maker:
        maker.make()
        maker.registry.rollbacks.ask(1, "resume", "a reason", "ann")
        held = OffsetRanges.parse("flights.events:0:1-5")
        maker.registry.quarantines.add({}, held, "a reason", "ann")
    with server_of(project) as server:
        yield server


def ask(server: Server, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read()


@pytest.mark.parametrize("path", GETS)
def test_head_answers_as_get_without_a_body(server: Server, path: str) -> None:
    """The same status and headers, the length of the body that GET has, and no body."""
    status, headers, body = ask(server, "GET", path)
    assert status == 200
    assert int(headers["content-length"]) == len(body) > 0
    found = ask(server, "HEAD", path)
    assert (found[0], found[2]) == (200, b"")
    same = {name for name in headers if name not in ("date", "x-request-id")}
    assert set(found[1]) == set(headers)
    if path not in CHANGING:
        assert {name: found[1][name] for name in same} == {name: headers[name] for name in same}
    assert "date" in headers


@pytest.mark.parametrize("path", ["/nothing", "/versions/9", "/versions/x", "/predict"])
def test_head_fails_as_get(server: Server, path: str) -> None:
    """With the status that GET has there."""
    assert ask(server, "HEAD", path)[0] == ask(server, "GET", path)[0] >= 400


@pytest.mark.parametrize("path", [*GETS, "/predict", "/events", "/labels", "/promote", "*"])
def test_options_says_what_is_allowed(server: Server, path: str) -> None:
    """204 with Allow, and nothing that opens the route to pages of other origins."""
    status, headers, body = ask(server, "OPTIONS", path)
    assert (status, body) == (204, b"")
    gets, posts = path in GETS or path == "*", path not in GETS or path == "/quarantines"
    right = {"OPTIONS", *(("GET", "HEAD") if gets else ()), *(("POST",) if posts else ())}
    right |= {"DELETE"} if path in ("/rollbacks/1", "/quarantines/1", "*") else set()
    assert set(headers["allow"].split(", ")) == right
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/status", "GET, HEAD, OPTIONS"),
        ("DELETE", "/versions/1", "GET, HEAD, OPTIONS"),
        ("GET", "/predict", "OPTIONS, POST"),
        ("HEAD", "/promote", "OPTIONS, POST"),
        ("TRACE", "/", "GET, HEAD, OPTIONS"),
        ("PATCH", "/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_told_what_is_allowed(
    server: Server, method: str, path: str, allow: str
) -> None:
    """405 with Allow."""
    status, headers, _ = ask(server, method, path)
    assert (status, headers["allow"]) == (405, allow)


def test_options_of_no_route_is_not_found(server: Server) -> None:
    """404, as for any other method."""
    assert ask(server, "OPTIONS", "/nothing")[0] == 404


def test_every_route_of_get_is_tried_here(server: Server) -> None:
    """A new one needs a line above."""
    paths = json.loads(server.ask("/openapi.json")[1])["paths"]
    gets = {
        path.replace("{version}", "1").replace("{number}", "1")
        for path, operations in paths.items()
        if "get" in operations
    }
    assert gets <= set(GETS)
