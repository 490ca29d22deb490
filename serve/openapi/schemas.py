"""The JSON schemas of what goes over HTTP, made from the model's own schema.

Used by :mod:`serve.openapi.document` for the OpenAPI document; the tests hold real answers to them.
"""

from __future__ import annotations

from typing import Any

from converters.schema.schema import Column, Schema
from serve.routes.versions import Move, Unpin
from serve.rows.appended_records import LABEL_COLUMNS
from serve.rows.refusals import SENTENCES

Json = dict[str, Any]

SCALAR = ["string", "number", "boolean", "null"]
EXAMPLE_ID, EXAMPLE_TIME = "4711", "2026-01-31T08:15:00Z"
EXAMPLES = {"id": EXAMPLE_ID, "time": EXAMPLE_TIME, "text": "some words"}
# Columns that a row to be scored need not hold.
NOT_SHOWN = frozenset({"label", "leak", "protected", "drop"})
NUMBER_OR_NULL: Json = {"type": ["integer", "null"]}
SHA256: Json = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
MOMENT: Json = {"type": "string", "format": "date-time"}


def ref(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def components(schema: Schema) -> dict[str, Json]:
    """Every schema by its name."""
    label = {"type": "string", "enum": list(schema.label_spellings)}
    score = {"type": "number", "minimum": 0, "maximum": 1}
    scored: Json = {"score": score, "label": label, "id": {"type": ["string", "number", "boolean"]}}
    return {
        "Row": row_schema(schema),
        "Score": _object(
            {**scored, "version": {"type": "integer"}}, required=("score", "label", "version")
        ),
        "Scores": _object({"version": {"type": "integer"}, "predictions": _list(ref("Scored"))}),
        "Scored": {
            "oneOf": [
                _object(scored, required=("score", "label")),
                _object({"error": ref("RowError")}),
            ]
        },
        "RowError": _row_error(),
        "Label": _label_row(schema),
        "Appended": _object({"rows": {"type": "integer"}, "positions": _list(_position())}),
        "Pointers": _object(
            {
                "version": NUMBER_OR_NULL,
                "serving": NUMBER_OR_NULL,
                "latest": NUMBER_OR_NULL,
                "pinned": {"type": "boolean"},
            }
        ),
        "Move": Move.model_json_schema(),
        "Unpin": Unpin.model_json_schema(),
        "Version": _version(),
        "Entry": _entry(),
        "Problem": _problem(),
        "Health": _object(
            {"status": {"type": "string"}, "version": {"type": "integer"}}, required=("status",)
        ),
    }


def row_schema(schema: Schema) -> Json:
    """An event row as an object."""
    mandatory = list(schema.mandatory)
    row: Json = {
        "type": "object",
        "properties": {column.name: _cell(column) for column in schema.columns},
        "additionalProperties": False,
        "examples": [example_row(schema)],
    }
    return row | ({"required": mandatory} if mandatory else {})


def example_row(schema: Schema) -> Json:
    """A row that the model accepts."""
    return {c.name: _example(c) for c in schema.columns if c.settings.role not in NOT_SHOWN}


def example_label(schema: Schema) -> Json:
    """A label that the stream accepts."""
    cells = (EXAMPLE_ID, schema.label_spellings[1], EXAMPLE_TIME)
    return dict(zip(LABEL_COLUMNS, cells, strict=True))


def _cell(column: Column) -> Json:
    settings = column.settings
    told: Json = {"type": SCALAR, "description": f"{settings.role} {settings.kind or ''}".strip()}
    if settings.kind == "numeric" or settings.role == "weight":
        bounds = [f"{word} {n}" for word, n in (("from", settings.min), ("to", settings.max)) if n]
        told["type"] = ["number", "string", "null"]
        told["description"] = " ".join([told["description"], *bounds])
    if settings.missing == "reject":
        told["type"] = [each for each in told["type"] if each != "null"]
    return told


def _example(column: Column) -> object:
    settings = column.settings
    what = settings.kind or settings.role
    if what in ("numeric", "weight"):
        low = 1.0 if settings.min is None else max(1.0, settings.min)
        return low if settings.max is None else min(low, settings.max)
    if what == "categorical" and (settings.values or settings.rare_values):
        return (*settings.values, *settings.rare_values)[0]
    if what == "boolean":
        return settings.true_values[0]
    return EXAMPLES.get(what, "a")


def _label_row(schema: Schema) -> Json:
    identity, label, time = LABEL_COLUMNS
    return {
        **_object(
            {
                identity: {"type": ["string", "number"], "description": "the event's id"},
                label: {"type": ["string", "number", "boolean"]},
                time: {"type": ["string", "number", "null"], "description": "when it was known"},
            },
            required=(identity, label),
        ),
        "examples": [example_label(schema)],
    }


def _row_error() -> Json:
    return _object(
        {
            "row": {"type": "integer", "description": "the row's number, from 0"},
            "column": {"type": "string", "description": "empty if it is about the whole row"},
            "reason": {"type": "string", "description": f"such as {', '.join(sorted(SENTENCES))}"},
            "detail": {"type": "string"},
        },
        required=("column", "reason", "detail"),
    )


def _position() -> Json:
    return _object(
        {
            "topic": {"type": "string"},
            "partition": {"type": "integer"},
            "offset": {"type": "integer"},
            "rows": {"type": "integer", "description": "how many rows are in this record"},
        }
    )


def _version() -> Json:
    fields: Json = {
        "version": {"type": "integer"},
        "parent": NUMBER_OR_NULL,
        "state": {"enum": ["verified", "refused", "candidate", "thinned"]},
        "model_sha256": SHA256,
        "learner": _object(
            {"kind": {"enum": ["vw", "river"]}, "args": _list({"type": "string"})}, closed=False
        ),
        "schema_hash": {"type": "string"},
        "positions": {"type": "object"},
        "events": {"type": "integer"},
        "created_at": MOMENT,
        "metrics": {"type": "object"},
    }
    return _object(fields, closed=False)


def _entry() -> Json:
    text: Json = {"type": "string"}
    return _object(
        {
            "seq": {"type": "integer"},
            "at": MOMENT,
            "actor": text,
            "action": text,
            "reason": text,
            "version": NUMBER_OR_NULL,
            "from": NUMBER_OR_NULL,
            "to": NUMBER_OR_NULL,
        },
        closed=False,
    )


def _problem() -> Json:
    text: Json = {"type": "string"}
    return _object(
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "errors": _list(ref("RowError")),
        },
        required=("type", "title", "status", "detail"),
    )


def _object(properties: Json, *, required: tuple[str, ...] = (), closed: bool = True) -> Json:
    """An object of these properties; all are required unless some are named."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required or properties),
        "additionalProperties": not closed,
    }


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}
