"""One operation of the OpenAPI document, as FastAPI takes it.

Stands below :mod:`serve.openapi.document`, which says what each operation is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serve.http.body import CSV, JSON
from serve.http.problems import PROBLEM_JSON
from serve.openapi.schemas import Json, ref

FAILURES = {
    400: "The body is not JSON (NaN and Infinity are not), or a query parameter is unknown.",
    401: "The token is missing or wrong.",
    403: "No token is configured, and the caller is not a direct one of this machine.",
    404: "There is no such version.",
    408: "The body came too slowly.",
    409: "It cannot be done as things stand.",
    413: "The body has too many bytes or rows.",
    415: "The body is of another type.",
    422: "The body is wrong; `errors` says which row and column.",
    503: "Not now; `detail` says what is missing.",
    504: "The registry has it, but this process does not serve it yet.",
}
PROBLEM: Json = {PROBLEM_JSON: {"schema": ref("Problem")}}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation gives when all is well; plain text if it has no schema."""

    schema: Json | None
    example: object = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Operation:
    """A method on a path, and what FastAPI is told about it."""

    method: str
    path: str
    described: Mapping[str, Any]


def operation(
    where: str,
    summary: str,
    description: str,
    answer: Answer,
    failures: Sequence[int] = (),
    **extra: object,
) -> Operation:
    """Describe an operation.

    Args:
        where: method and path, ``POST /predict``.
        summary: a few words.
        description: a few sentences.
        answer: when all is well.
        failures: statuses of the problems there may be.
        extra: parts of the document that are written out, such as ``requestBody``.
    """
    method, path = where.split()
    responses: dict[int | str, Json] = {
        status: {"description": FAILURES[status], "content": PROBLEM} for status in failures
    }
    responses[answer.status] = {"description": "It is done.", "content": _content(answer)}
    described = {
        "summary": summary,
        "description": description or summary,
        "status_code": answer.status,
        "responses": responses,
        "openapi_extra": extra,
    }
    return Operation(method, path, described)


def rows_body(name: str, row: Mapping[str, object], csv: str, *, instances: bool = False) -> Json:
    """A body of rows: one, a list, perhaps under ``instances``, or CSV."""
    one, many = ref(name), {"type": "array", "items": ref(name)}
    wrapped: Json = {"type": "object", "properties": {"instances": many}, "required": ["instances"]}
    examples: Json = {"row": row, "list": [row, row]}
    if instances:
        examples["instances"] = {"instances": [row]}
    return {
        "required": True,
        "content": {
            JSON: {
                "schema": {"anyOf": [one, many, *([wrapped] if instances else [])]},
                "examples": {name: {"value": value} for name, value in examples.items()},
            },
            CSV: {"schema": {"type": "string"}, "example": csv},
        },
    }


def json_body(name: str, example: Mapping[str, object]) -> Json:
    """A body that is one object."""
    content = {JSON: {"schema": ref(name), "example": example}}
    return {"required": True, "content": content}


def parameter(name: str, place: str, description: str, kind: str = "string") -> Json:
    """A parameter of a path, a query or a header."""
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": kind},
    }


def _content(answer: Answer) -> Json:
    if answer.schema is None:
        return {"text/plain": {"schema": {"type": "string"}}}
    told: Json = {"schema": answer.schema}
    return {JSON: told if answer.example is None else told | {"example": answer.example}}
