"""Models of the rows that go over HTTP, made from the columns of the config, with examples."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from converters.files.framing import csv_line
from converters.schema.schema import Column, Schema
from serve.openapi.declared_route import Body, Json
from serve.rows.appended_records import LABEL_COLUMNS

EXAMPLE_ID, EXAMPLE_TIME = "4711", "2026-01-31T08:15:00Z"
EXAMPLES = {"id": EXAMPLE_ID, "time": EXAMPLE_TIME, "text": "some words"}
# Roles of columns that a row to be scored need not have.
NOT_SHOWN = frozenset({"label", "leak", "protected", "drop"})


class Label(BaseModel, extra="forbid"):
    """The label of an event."""

    id: str | float = Field(description="the event's id")
    label: str | float | bool
    time: str | float | None = Field(None, description="when the label was known; now if absent")


def event_rows(schema: Schema, *, instances: bool = False) -> Body:
    """A body of event rows: one, a list, perhaps a list under ``instances``, or CSV."""
    row = _row_model(schema)
    body = _rows(row, _example_row(schema), schema.delimiter)
    if not instances:
        return body
    wrapped = create_model("Instances", instances=(list[row], ...))  # type: ignore[valid-type]
    examples = {**body.examples, "instances": {"instances": [_example_row(schema)]}}
    return Body(body.model | wrapped, examples, body.csv)


def label_rows(schema: Schema) -> Body:
    """A body of labels: one, a list, or CSV."""
    cells = (EXAMPLE_ID, schema.label_spellings[1], EXAMPLE_TIME)
    return _rows(Label, dict(zip(LABEL_COLUMNS, cells, strict=True)), schema.delimiter)


def _rows(model: type[BaseModel], example: Json, delimiter: str) -> Body:
    lines = (list(example), list(example.values()))
    csv = "".join(csv_line(line, delimiter) + "\n" for line in lines)
    examples = {"row": example, "list": [example, example]}
    return Body(model | list[model], examples, csv)  # type: ignore[valid-type]


def _row_model(schema: Schema) -> type[BaseModel]:
    """An event row; its fields have a column's name as their alias, for a name may be any text."""
    fields: dict[str, Any] = {}
    for number, column in enumerate(schema.columns):
        default = ... if column.name in schema.mandatory else None
        field = Field(default, alias=column.name, description=_description(column))
        fields[f"column_{number}"] = (_type(column), field)
    extra: Any = {"examples": [_example_row(schema)]}
    return create_model(
        "Row", __config__=ConfigDict(extra="forbid", json_schema_extra=extra), **fields
    )


def _type(column: Column) -> object:
    kinds: Any = float | str if _is_number(column) else str | float | bool
    return kinds if column.settings.missing == "reject" else kinds | None


def _is_number(column: Column) -> bool:
    return column.settings.kind == "numeric" or column.settings.role == "weight"


def _description(column: Column) -> str:
    settings = column.settings
    words: list[str] = [settings.role, settings.kind or ""]
    if _is_number(column):
        words += [f"{word} {n}" for word, n in (("from", settings.min), ("to", settings.max)) if n]
    return " ".join(filter(None, words))


def _example_row(schema: Schema) -> Json:
    """A row that the model accepts."""
    return {c.name: _example(c) for c in schema.columns if c.settings.role not in NOT_SHOWN}


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
