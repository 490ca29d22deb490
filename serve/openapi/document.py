"""The OpenAPI document: what each route takes and gives, with examples that work.

:mod:`serve.app` adds the routes with what stands here. Bodies are read by hand, for speed, so the
document is written by hand too, from the model's own columns; the tests send its examples.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from converters.files.framing import csv_line
from converters.schema.schema import Schema
from learners.versions.gate import packages
from serve.openapi.operations import Answer, Operation, json_body, operation, parameter, rows_body
from serve.openapi.schemas import Json, components, example_label, example_row, ref
from serve.routes.ingest import KEY_HEADER

OF_BODIES = (400, 408, 413, 415, 422, 503)
OF_MOVES = (400, 401, 403, 404, 408, 409, 413, 415, 422, 503, 504)
ADMIN = (
    "An admin route: needs `Authorization: Bearer TOKEN`, or, where no token is configured, a "
    "direct caller of this machine. Answers when this process serves what was asked for."
)


class Documents:
    """The document of one model."""

    def __init__(self, schema: Schema, model: str) -> None:
        self.version = packages()["freshet"]
        self.description = (
            f"Scores of the model `{model}`, which goes on learning while it is served. Every "
            "answer names the version that made it."
        )
        self._schema = schema
        self._document: Json | None = None
        described = [*_of_rows(schema), *_of_versions(), *_of_moves(), *_of_monitoring()]
        self._operations = {(each.method, each.path): each for each in described}

    def operation(self, method: str, path: str) -> Operation:
        """What is said about a method on a path."""
        return self._operations[method, path]

    def openapi(self, app: FastAPI) -> Json:
        """The whole document, made once."""
        if self._document is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            document["components"] = {
                "schemas": components(self._schema),
                "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}},
            }
            self._document = document
        return self._document


def csv_of(row: Mapping[str, object], delimiter: str) -> str:
    """An object as CSV with a header."""
    lines = (list(row), list(row.values()))
    return "".join(csv_line(line, delimiter) + "\n" for line in lines)


def _of_rows(schema: Schema) -> list[Operation]:
    row, label = example_row(schema), example_label(schema)
    scored = {"score": 0.71, "label": schema.label_spellings[1], "version": 12}
    appended = Answer(ref("Appended"), status=202)
    once = [parameter(KEY_HEADER, "header", "What carries the same key is done once, for a day.")]
    return [
        operation(
            "POST /predict",
            "Score rows",
            'One row as an object; or a list of rows, `{"instances": [...]}` or CSV with a header, '
            "which give a list in the same order, with an error in a bad row's place.",
            Answer({"oneOf": [ref("Score"), ref("Scores")]}, scored),
            OF_BODIES,
            requestBody=rows_body("Row", row, csv_of(row, schema.delimiter), instances=True),
        ),
        operation(
            "POST /events",
            "Append event rows",
            "A row, a list of rows, or CSV with a header. All or none: a bad row refuses all.",
            appended,
            (*OF_BODIES, 409),
            requestBody=rows_body("Row", row, csv_of(row, schema.delimiter)),
            parameters=once,
        ),
        operation(
            "POST /labels",
            "Append labels",
            "Objects of `id`, `label` and, if it was known earlier than now, `time`; or CSV of "
            "these, with or without a header. All or none.",
            appended,
            (*OF_BODIES, 409),
            requestBody=rows_body("Label", label, csv_of(label, schema.delimiter)),
            parameters=once,
        ),
    ]


def _of_versions() -> list[Operation]:
    at_time = {
        "type": "object",
        "properties": {"at": {"type": "string"}, "version": {"type": ["integer", "null"]}},
        "required": ["at", "version"],
    }
    return [
        operation(
            "GET /versions",
            "List the versions",
            "The newest last.",
            Answer({"type": "array", "items": ref("Version")}),
            (503,),
        ),
        operation(
            "GET /versions/{version}",
            "Show a version",
            "Its manifest, metrics, lineage and largest weights.",
            Answer(ref("Version")),
            (404, 503),
            parameters=[parameter("version", "path", "The version's number.", "integer")],
        ),
        operation(
            "GET /history",
            "Print the ledger",
            "Who moved what is served, when and why; with `at`, the version served then.",
            Answer({"oneOf": [{"type": "array", "items": ref("Entry")}, at_time]}),
            (400, 503),
            parameters=[parameter("at", "query", "A time in ISO 8601.")],
        ),
    ]


def _of_moves() -> list[Operation]:
    move: Json = {"version": 12, "reason": "the data of the day is wrong"}
    wanted: tuple[tuple[str, str, str, Json], ...] = (
        ("/promote", "Serve a version", "Move", move),
        ("/rollback", "Serve an earlier version again", "Move", move | {"learner": "keep"}),
        ("/unpin", "Follow the learner again", "Unpin", {"reason": "the data is right again"}),
    )
    return [
        operation(
            f"POST {path}",
            summary,
            ADMIN,
            Answer(ref("Pointers")),
            OF_MOVES,
            requestBody=json_body(name, example),
            security=[{"admin": []}, {}],
        )
        for path, summary, name, example in wanted
    ]


def _of_monitoring() -> list[Operation]:
    health = Answer(ref("Health"))
    return [
        operation("GET /status", "How everything stands", "", Answer({"type": "object"})),
        operation("GET /metrics", "Metrics for Prometheus", "", Answer(None)),
        operation("GET /health/live", "Does it run?", "", health),
        operation("GET /health/ready", "Is there a model, and its registry?", "", health, (503,)),
    ]
