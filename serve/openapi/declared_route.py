"""The declaration of a route, and the OpenAPI document of a list of them.

A route names the pydantic models of its bodies and answers. They make the document and nothing
else: handlers read and write JSON by hand, for speed, and the tests hold their answers to the
document and send its examples.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import WithDefaultSchema

from converters.config.settings import ServeSettings
from serve.access.caller import Scope
from serve.http.body import CSV, JSON
from serve.http.problems import PROBLEM_JSON
from serve.processes.ports import ANY_HOST, UNIX
from serve.rows.row_errors import RowError

Json = dict[str, Any]
Handler = Callable[..., Awaitable[Response]]

FAILURES = {
    400: "The body is not JSON (NaN and Infinity are not), or a query parameter is unknown.",
    401: "No token was sent where one is needed; or it is unknown, was revoked or has expired.",
    403: "The token does not allow this, or a page of another origin sent the request.",
    404: "There is no such version.",
    408: "The body arrived too slowly, or the whole request took too long.",
    409: "Not possible in the current state.",
    413: "The body has too many bytes or rows, or a row of too many bytes.",
    415: "The body has another media type.",
    421: "The request is for a host that is not this server.",
    422: "Invalid request body; `errors` names rows and columns.",
    503: "Not available now; `detail` says what is missing.",
    504: "The registry has the change, but this process does not serve it yet.",
}
# What any route may answer, and any that needs a scope.
ANY_FAILURES = (408, 421)
SCOPE_FAILURES = (401, 403, 503)
CSV_NOTE = (
    "A header and rows, as the example. The columns may stand in any order; the pattern is of one."
)
# What any route that reads a body may answer.
BODY_FAILURES = (400, 413, 415, 422, 503)

SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of the scope that the route names, made by `freshet token add`; or one "
    "of the scope `admin`, which allows everything.",
}


class Problem(BaseModel, extra="forbid"):
    """What went wrong (RFC 9457)."""

    type: str = Field(json_schema_extra={"format": "uri-reference"})
    title: str
    status: int
    detail: str
    request_id: str = Field(description="as in the header `X-Request-ID`, and in the server's log")
    errors: list[RowError] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Body:
    """A request body.

    Attributes:
        model: of its JSON.
        examples: bodies that the route accepts, by name.
        csv: a CSV body that it accepts; None if it reads JSON only.
        csv_pattern: of CSV bodies that it accepts; others may be right, too.
    """

    model: Any
    examples: Mapping[str, object]
    csv: str | None = None
    csv_pattern: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in a path, a query or a header."""

    name: str
    place: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path.

    Attributes:
        handler: answers a request; may take it as its one argument.
        summary: a few words for the document; a route without them is not in it.
        description: a few sentences.
        answer: model of the JSON answer; None for plain text.
        example: of the answer.
        status: of the answer.
        failures: statuses of the problems that may be answered.
        scope: what it lets callers do; empty for what anybody may.
        writes: whether it changes anything.
        direct: whether to skip what FastAPI does for a route, which costs as much as a score.
    """

    method: str
    path: str
    handler: Handler
    summary: str = ""
    description: str = ""
    _: KW_ONLY
    answer: Any = None
    example: object = None
    status: int = 200
    failures: Sequence[int] = ()
    body: Body | None = None
    parameters: Sequence[Parameter] = ()
    scope: Scope | Literal[""] = ""
    writes: bool = False
    direct: bool = False


def document(
    app: FastAPI, routes: Sequence[Route], opened: Collection[str], serve: ServeSettings
) -> Json:
    """The OpenAPI document of an application.

    Args:
        app: has the routes.
        routes: their declarations; those that the application leaves out are left out.
        opened: the scopes that need no token now.
        serve: says where the admin routes are.
    """
    made = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    paths: Json = made["paths"]
    shown = [each for each in routes if each.method.lower() in paths.get(each.path, ())]
    bodies = [route.body.model for route in shown if route.body is not None]
    models = [Problem, *bodies, *(route.answer for route in shown if route.answer is not None)]
    schemas, definitions = TypeAdapter.json_schemas(
        [(model, "validation", TypeAdapter(model)) for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    for route in shown:
        operation = _operation(route, {model: schema for (model, _), schema in schemas.items()})
        if route.scope:
            token: Json = {"token": [route.scope]}
            operation["security"] = [token, {}] if route.scope in opened else [token]
        described = made["paths"][route.path][route.method.lower()]
        described.update(operation)
        if route.scope == "admin":
            _place(described, route.path, serve)
    made["components"] = {
        "schemas": definitions["$defs"],
        "securitySchemes": {"token": SCHEME},
    }
    return made


def _place(described: Json, path: str, serve: ServeSettings) -> None:
    """Say where an admin route is, if it has an address of its own."""
    host, _, port = serve.admin.rpartition(":")
    if serve.admin.startswith(UNIX):  # its path is nobody's business
        described["description"] += (
            f" It is at the socket that `serve.admin` names: `curl --unix-socket PATH "
            f"http://localhost{path} ...`."
        )
    elif host and int(port):  # 0 takes a free one, which the server prints
        scheme = "http" if serve.tls_cert is None else "https"
        bare = host.strip("[]")
        name = ANY_HOST.get(bare, bare)
        name = f"[{name}]" if ":" in name else name
        server: Json = {"url": f"{scheme}://{name}:{port}"}
        if bare in ANY_HOST:  # whatever the caller calls this machine
            server = {
                "url": f"{scheme}://{{host}}:{port}",
                "variables": {"host": {"default": name}},
            }
        described["servers"] = [server]


class _Schemas(GenerateJsonSchema):
    """Schemas without titles of fields, and without null as the default of what may be absent."""

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False

    def default_schema(self, schema: WithDefaultSchema) -> Json:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def _operation(route: Route, schemas: Mapping[Any, Json]) -> Json:
    problem = {PROBLEM_JSON: {"schema": schemas[Problem]}}
    responses = {
        str(status): {"description": FAILURES[status], "content": problem}
        for status in {*ANY_FAILURES, *(SCOPE_FAILURES if route.scope else ()), *route.failures}
    }
    answer: Json = {"text/plain": {"schema": {"type": "string"}}}
    if route.answer is not None:
        example = {} if route.example is None else {"example": route.example}
        answer = {JSON: {"schema": schemas[route.answer], **example}}
    responses[str(route.status)] = {"description": "Done.", "content": answer}
    made: Json = {"responses": dict(sorted(responses.items()))}
    if route.body is not None:
        made["requestBody"] = _body(route.body, schemas[route.body.model])
    if route.parameters:
        made["parameters"] = [_parameter(each) for each in route.parameters]
    return made


def _body(body: Body, schema: Json) -> Json:
    examples = {name: {"value": value} for name, value in body.examples.items()}
    content: Json = {JSON: {"schema": schema, "examples": examples}}
    if body.csv is not None:
        schema = {"type": "string", "pattern": body.csv_pattern, "description": CSV_NOTE}
        content[CSV] = {"schema": schema, "example": body.csv}
    return {"required": True, "content": content}


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
