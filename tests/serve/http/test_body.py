"""Bodies within limits: types, sizes, numbers of rows, and what is no JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.serving.live import Application
from tests.support.serving.project import flights
from tests.support.serving.served import Maker, a_client, a_project, as_csv, maker_of, problem_of

JSON, CSV = {"content-type": "application/json"}, {"content-type": "text/csv"}
MAX_BODY, MAX_ROWS = 4096, 40
LIMITS = f"[serve]\nmax_body = {MAX_BODY}\nmax_rows = {MAX_ROWS}\n"
ROUTES = ("/predict", "/events", "/labels")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server with narrow limits."""
    with a_client(tmp_path_factory.mktemp("bodies"), more=LIMITS) as (client, _):
        yield client


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "body", ["", "{", "[1,", "NaN", '{"hour": NaN}', '{"hour": -Infinity}', "'x'", "\ufeff{", "["]
)
def test_what_is_no_json_is_400(client: TestClient, route: str, body: str) -> None:
    """Cut, empty, or with numbers that JSON does not have."""
    response = client.post(route, content=body.encode(), headers=JSON)
    assert problem_of(response)["status"] == 400


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "body", [b"\xff", b'{"hour": "\xff"}', b'{"hour": "\\ud800"}', b"[" * 4000]
)
def test_text_that_is_no_unicode_and_depth_without_end_are_400(
    client: TestClient, route: str, body: bytes
) -> None:
    """Bytes that are not UTF-8, half a surrogate pair, and brackets on brackets."""
    assert problem_of(client.post(route, content=body, headers=JSON))["status"] == 400


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "text/csv; header=present; charset=utf-16"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_other_types_charsets_and_codings_are_415(
    client: TestClient, route: str, headers: dict[str, str]
) -> None:
    """Only JSON and CSV, in UTF-8, as they are."""
    assert problem_of(client.post(route, content=b"{}", headers=headers))["status"] == 415


@pytest.mark.parametrize(
    "kind", ["Application/JSON", 'application/json; charset="UTF-8"', "application/json;version=1"]
)
def test_a_type_is_read_as_the_standards_say(client: TestClient, kind: str) -> None:
    """Without regard to case, with parameters."""
    assert client.post("/predict", content=b"{}", headers={"content-type": kind}).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_413(client: TestClient, route: str, *, announced: bool) -> None:
    """By its announced length, or by what has arrived where none was announced."""
    whole = json.dumps({"carrier": "x" * MAX_BODY}).encode()
    parts = (whole[at : at + 500] for at in range(0, len(whole), 500))
    response = client.post(route, content=whole if announced else parts, headers=JSON)
    assert problem_of(response)["status"] == 413
    assert f"{MAX_BODY:,}" in response.json()["detail"]


def test_a_body_of_the_limit_is_taken_in_any_parts(client: TestClient) -> None:
    """The last byte allowed is allowed, however the body is cut."""
    empty = json.dumps({"carrier": ""}).encode()
    whole = empty[:-2] + b"x" * (MAX_BODY - len(empty)) + empty[-2:]
    for body in (whole, (whole[at : at + 7] for at in range(0, len(whole), 7))):
        assert client.post("/predict", content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    ("route", "line", "body"),
    [
        ("/predict", b"A\n", b"carrier\n"),
        ("/predict", b'"A"\n', b"carrier\n"),
        ("/events", b"A\n", b"carrier\n"),
        ("/labels", b"f1,1\n", b""),
        ("/labels", b'"f1",1\n', b""),
    ],
)
def test_more_rows_than_the_limit_are_413(
    client: TestClient, route: str, line: bytes, body: bytes
) -> None:
    """One more than allowed, in CSV with and without quotes; as many as allowed are taken."""
    full = body + line * MAX_ROWS
    assert client.post(route, content=full, headers=CSV).status_code in (200, 202)
    assert problem_of(client.post(route, content=full + line, headers=CSV))["status"] == 413


@pytest.mark.parametrize(
    ("route", "row"), [("/predict", {}), ("/events", {}), ("/labels", {"id": "f1", "label": 1})]
)
def test_more_objects_than_the_limit_are_413(client: TestClient, route: str, row: Any) -> None:
    """A list of one more than allowed; one of as many is taken."""
    assert client.post(route, json=[row] * MAX_ROWS).status_code in (200, 202)
    assert problem_of(client.post(route, json=[row] * (MAX_ROWS + 1)))["status"] == 413


def test_errors_are_listed_up_to_a_number(tmp_path: Any) -> None:
    """A body of nothing but errors does not make an answer of the same size."""
    with a_client(tmp_path) as (client, _):
        problem = problem_of(client.post("/predict", json=[1] * 5000))
        assert len(problem["errors"]) == 100
        assert "5,000 of 5,000" in problem["detail"]
        many = {f"column {number}": 1 for number in range(5000)}
        problem = problem_of(client.post("/predict", json=many))
        assert len(problem["errors"]) == 100
        assert len(problem["detail"]) < 3000


def test_a_long_request_lets_others_pass(tmp_path: Any) -> None:
    """A health check that comes while a list is scored is answered before the list is."""
    with maker_of(a_project(tmp_path)) as maker:
        maker.make()
        assert asyncio.run(_order_of_answers(maker)) == ["/health/live", "/predict"]


async def _order_of_answers(maker: Maker) -> list[str]:
    application = Application(maker.project)
    answered: list[str] = []

    async def ask(method: str, path: str, body: bytes = b"") -> None:
        status, _ = await application.ask(method, path, body, "text/csv")
        assert status == 200
        answered.append(path)

    async with application.running():
        long = as_csv(flights(2000)).encode()
        await asyncio.gather(ask("POST", "/predict", long), ask("GET", "/health/live"))
    return answered
