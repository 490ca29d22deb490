"""The OpenAPI document: valid, complete, and true of what the routes do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from starlette.routing import Route
from starlette.testclient import TestClient

import serve.routes
from serve.access.caller import SCOPES
from serve.access.credentials import LOOK_SECONDS
from serve.access.tokens import TokenError, TokenFile
from serve.openapi.row_models import _row_model
from serve.routes import MODULES
from tests.support.rows.schemas import Columns, build
from tests.support.serving.project import flights
from tests.support.serving.served import a_client, as_object, routes_of


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server of two versions, of a model with columns of every kind."""
    columns = {"origin": 'kind = "text"', "hour": 'kind = "numeric", missing = "reject"'}
    folder = tmp_path_factory.mktemp("openapi")
    with a_client(folder, versions=2, admin=True, **columns) as (client, _):
        yield client


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    """The document."""
    content: dict[str, Any] = client.get("/openapi.json").json()
    return content


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of a schema of the document."""
    whole = {**schema, "components": document["components"]}
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of every route."""
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """As OpenAPI 3.1, and each of its schemas as JSON Schema; no reference leads nowhere."""
    OpenAPI.model_validate(document)
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = set(document["components"]["schemas"])
    assert {reference.rsplit("/", 1)[1] for reference in references(document)} <= names


def test_every_route_is_documented(client: TestClient, document: dict[str, Any]) -> None:
    """Nothing is served that the document does not tell of, but the pages."""
    pages = {route.path for route in routes_of(client) if not route.summary}
    assert pages == {"/", "/docs", "/dashboard/{name}"}
    routes = {
        (method, route.path)
        for route in client.app.routes  # type: ignore[attr-defined]
        if isinstance(route, Route) and route.path not in {*pages, "/openapi.json"}
        for method in route.methods or {"POST"}
        if method != "HEAD"
    }
    assert routes == {(method, path) for method, path, _ in operations(document)}
    assert routes == {(r.method, r.path) for r in routes_of(client) if r.summary}


def test_every_module_of_routes_is_listed() -> None:
    """One that the list forgets would be served by nobody."""
    folder = Path(serve.routes.__file__).parent
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {f"serve.routes.{name}" for name in names} == {m.__name__ for m in MODULES}


def test_no_other_route_is_without_a_scope(client: TestClient) -> None:
    """A route that is added and names none would be open to everybody for ever."""
    open_to_all = {"/", "/docs", "/dashboard/{name}", "/health/live", "/health/ready"}
    assert {route.path for route in routes_of(client) if not route.scope} == open_to_all


def test_the_document_says_which_token_a_route_needs(
    client: TestClient, document: dict[str, Any]
) -> None:
    """One of its scope; no token will do where the scope is open, which no admin route is."""
    declared = {(route.method, route.path): route.scope for route in routes_of(client)}
    assert set(declared.values()) == {"", *SCOPES}
    for method, path, operation in operations(document):
        scope = declared[method, path]
        token = {"token": [scope]}
        either = [token] if scope == "admin" else [token, {}]
        assert operation.get("security") == (either if scope else None), path
        failures = set(operation["responses"])
        assert "421" in failures
        assert ({"401", "403"} <= failures) is bool(scope), path


def test_the_document_follows_the_tokens(tmp_path: Path) -> None:
    """Once there is a token of a scope, the routes of that scope need one."""
    with a_client(tmp_path) as (client, maker):
        for closed in (False, True):
            paths = client.get("/openapi.json").json()["paths"]
            assert ({} not in paths["/predict"]["post"]["security"]) is closed
            assert {} in paths["/events"]["post"]["security"]
            with suppress(TokenError):  # the second time
                TokenFile(maker.project.settings.home / "tokens.json").add("a", ["score"], None)
            sleep(2 * LOOK_SECONDS)


@pytest.mark.parametrize(
    ("admin", "server"),
    [
        ("on", None),
        ("127.0.0.1:8001", {"url": "http://127.0.0.1:8001"}),
        ("[::1]:8001", {"url": "http://[::1]:8001"}),
        (
            "0.0.0.0:8001",
            {"url": "http://{host}:8001", "variables": {"host": {"default": "127.0.0.1"}}},
        ),
        ("unix:secret/admin.sock", None),
    ],
)
def test_the_document_says_where_the_admin_routes_are(
    tmp_path: Path, admin: str, server: dict[str, Any] | None
) -> None:
    """At their own address, if they have one; a socket's path is told to nobody."""
    with a_client(tmp_path, more=f'[serve]\nadmin = "{admin}"\n') as (client, _):
        document = client.get("/openapi.json").json()
    OpenAPI.model_validate(document)
    for method, path, operation in operations(document):
        own = path in ("/promote", "/rollback", "/unpin") or method == "DELETE"
        own = own or (method, path) == ("POST", "/quarantines")
        assert operation.get("servers") == ([server] if own and server else None)
        at_socket = own and admin.startswith("unix:")
        assert ("curl --unix-socket PATH" in operation["description"]) == at_socket
    assert "admin.sock" not in str(document)


def test_every_example_is_answered_as_the_document_says(
    client: TestClient, document: dict[str, Any]
) -> None:
    """Examples of bodies are accepted, and the answers fit their schemas."""
    tried = 0
    for method, path, operation in operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            for example in examples(content):
                body = {"json": example} if kind == "application/json" else {"content": example}
                if isinstance(example, dict) and "version" in example:
                    older = {"version": 1} | ({"force": True} if path == "/promote" else {})
                    body = {"json": example | older}
                response = client.request(method, path, headers={"content-type": kind}, **body)
                assert response.status_code in (200, 202), (path, example, response.text)
                check_answer(document, operation, response.status_code, response.json())
                tried += 1
    assert tried >= 12


@pytest.mark.parametrize(
    "path", ["/versions", "/versions/1", "/history", "/history?at=2026-01-01", "/health/ready"]
)
def test_answers_fit_their_schemas(client: TestClient, document: dict[str, Any], path: str) -> None:
    """What is read, too."""
    template = "/versions/{version}" if path == "/versions/1" else path.split("?", maxsplit=1)[0]
    operation = document["paths"][template]["get"]
    check_answer(document, operation, 200, client.get(path).json())


def test_scores_and_errors_fit_their_schemas(client: TestClient, document: dict[str, Any]) -> None:
    """A list with a bad row, and the problem of a single one."""
    operation = document["paths"]["/predict"]["post"]
    rows = [as_object(row) for row in flights(3)]
    answer = client.post("/predict", json=[*rows, rows[0] | {"distance": "x"}])
    check_answer(document, operation, 200, answer.json())
    for body, status in ((rows[0] | {"distance": "x"}, 422), ([{"a": 1}], 422)):
        response = client.post("/predict", json=body)
        assert response.status_code == status
        check_answer(document, operation, status, response.json())


def test_rows_are_described_by_the_models_own_columns(document: dict[str, Any]) -> None:
    """Each column with its kind; those that must not be missed are required."""
    row = document["components"]["schemas"]["Row"]
    assert list(row["properties"]) == [
        *("id", "at", "late", "carrier", "origin", "hour", "distance", "landed")
    ]
    assert row["required"] == ["hour"]
    fits = validator(document, row)
    assert fits.is_valid({"hour": 3, "carrier": None})
    assert not fits.is_valid({"carrier": "AX"})
    assert not fits.is_valid({"hour": 3, "colour": "red"})
    assert not fits.is_valid({"hour": [3]})


def test_former_names_are_deprecated() -> None:
    """What a column was called, and columns that are gone, are taken, and described as such."""
    columns: Columns = {
        "late": {"role": "label"},
        "carrier": {"kind": "categorical", "was": "airline"},
    }
    schema = replace(build(columns), former=frozenset({"gone"}))
    properties = _row_model("Row", schema, None).model_json_schema()["properties"]
    assert {name for name in properties if properties[name].get("deprecated")} == {
        *("airline", "gone")
    }
    assert properties["airline"]["description"] == "a former name of carrier"


def check_answer(document: dict[str, Any], operation: Any, status: int, answer: object) -> None:
    """An answer has the schema that the document gives for its status."""
    (content,) = operation["responses"][str(status)]["content"].values()
    errors = [error.message for error in validator(document, content["schema"]).iter_errors(answer)]
    assert errors == []


def examples(content: dict[str, Any]) -> list[Any]:
    """The examples of a media type."""
    if "example" in content:
        return [content["example"]]
    return [each["value"] for each in content["examples"].values()]


def references(part: object) -> Iterator[str]:
    """Every ``$ref`` of a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)
