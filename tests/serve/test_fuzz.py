"""Anything sent to any route is answered with a status that blames the right side: never 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Response
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.support.serving.project import COLUMNS
from tests.support.serving.served import a_client, problem_of, routes_of

KINDS = ("application/json", "text/csv", "text/plain", "", "application/json; charset=utf-8;;=")
names = st.sampled_from([*COLUMNS, "instances", "label", "time", "version", "reason", "x", ""])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["1", "0", "AX", "1357016400", "1e20", "1e-30", "9" * 50, "\x00", "a\nb"]),
)
data = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=6)),
    max_leaves=12,
)
cells = st.one_of(st.text(max_size=6), st.sampled_from(['"', '""', "\r", "\n", ",", "1", "AX"]))
csv_bodies = st.lists(st.lists(cells, max_size=9).map(",".join), max_size=5).map("\n".join)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server of two versions, one more ready to be chosen."""
    with a_client(tmp_path_factory.mktemp("fuzz"), versions=2, admin=True) as (client, _):
        yield client


@pytest.fixture(scope="module")
def paths(client: TestClient) -> list[str]:
    """A path of every route, and one at which there is nothing."""
    declared = [
        route.path.format(version=1, number=1, name="style.css") for route in routes_of(client)
    ]
    return [*declared, "/openapi.json", "/nothing"]


def check(response: Response) -> None:
    """A success, or a problem document that is the client's to mend or says what is missing."""
    if response.status_code >= 400:
        problem_of(response)
    assert response.status_code < 500, response.text


@given(st.data(), st.sampled_from(KINDS), st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_to_any_route(
    client: TestClient, paths: list[str], drawn: st.DataObject, kind: str, body: bytes
) -> None:
    """Bytes that mean nothing."""
    path = drawn.draw(st.sampled_from(paths))
    check(client.post(path, content=body, headers={"content-type": kind} if kind else {}))


@given(st.data(), data)
@settings(max_examples=200, deadline=None)
def test_any_json_to_any_route(
    client: TestClient, paths: list[str], drawn: st.DataObject, body: Any
) -> None:
    """JSON with the right keys in wrong places, and the other way round."""
    path = drawn.draw(st.sampled_from(paths))
    content = json.dumps(body).encode()
    check(client.post(path, content=content, headers={"content-type": "application/json"}))


@given(
    st.sampled_from(["/predict", "/events", "/labels"]),
    st.sampled_from(["", "id,hour\n"]),
    csv_bodies,
)
@settings(max_examples=150, deadline=None)
def test_any_csv_to_any_route_of_rows(
    client: TestClient, path: str, header: str, body: str
) -> None:
    """Quotes, line ends and widths of any kind."""
    content = f"{header}{body}".encode("utf-8", "surrogatepass")
    check(client.post(path, content=content, headers={"content-type": "text/csv"}))


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    st.data(),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20),
)
@settings(max_examples=120, deadline=None)
def test_any_method_query_and_path(
    client: TestClient,
    paths: list[str],
    method: str,
    drawn: st.DataObject,
    query: str,
    more: str,
) -> None:
    """Methods that a route does not have, queries and paths made up."""
    path = drawn.draw(st.sampled_from(paths))
    response = client.request(method, f"{path}{more}".replace("#", ""), params={"at": query})
    if method == "HEAD":
        assert response.status_code < 500
    else:
        check(response)


@given(
    st.dictionaries(
        st.sampled_from(["content-type", "idempotency-key", "authorization", "host", "origin"]),
        st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=30),
    )
)
@settings(max_examples=60, deadline=None)
def test_any_headers(client: TestClient, headers: dict[str, str]) -> None:
    """Whatever stands in the headers that are looked at."""
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/events", "/promote"):
        check(client.post(path, content=b"{}", headers=raw))  # type: ignore[arg-type]


def test_after_all_that_it_answers_as_before(client: TestClient) -> None:
    """A row is scored, and the server is ready."""
    assert client.post("/predict", json={}).status_code == 200
    assert client.get("/health/ready").status_code == 200
