"""Models of the rows that go over HTTP, made from the columns of the config, with examples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from converters.files.framing import csv_line
from converters.schema.schema import LABEL_NAMES, Column, Schema
from learners.line_bounds import LineBounds
from serve.openapi.cell_schema import INTEGER_ID, LABEL_ID, cell_schema, spelt, time_schema
from serve.openapi.declared_route import Body, Json

EXAMPLE_ID, EXAMPLE_TIME = "4711", "2026-01-31T08:15:00Z"
EXAMPLES = {"id": EXAMPLE_ID, "time": EXAMPLE_TIME, "text": "some words"}
# Roles of columns that a row to be scored need not have.
NOT_SHOWN = frozenset({"label", "leak", "protected", "drop"})


class NoParameters(BaseModel, extra="forbid"):
    """What some clients send beside ``instances``; here there are none."""


def scored_rows(schema: Schema, bounds: LineBounds) -> Body:
    """A body of rows to score: one, a list, a list under ``instances``, or CSV.

    A row of many may have wrong cells: it has an error in place of its score.
    """
    row = _row_model("Row", schema, bounds)
    many = _row_model("RowOfMany", schema, None, any_cell=True)
    body = _rows(row, many, _example_row(schema), schema.delimiter)
    wrapped: Any = create_model(
        "Instances",
        __config__=ConfigDict(extra="forbid"),
        instances=(list[many], ...),  # type: ignore[valid-type]
        parameters=(NoParameters | None, None),
    )
    examples = {**body.examples, "instances": {"instances": [_example_row(schema)]}}
    return Body(body.model | wrapped, examples, body.csv, body.csv_pattern)


def explained_rows(schema: Schema, bounds: LineBounds) -> Body:
    """The same to explain; or one row with changes of its cells."""
    body = scored_rows(schema, bounds)
    changes: Any = _row_model("Changes", schema, bounds, partial=True)
    wrapped: Any = create_model(
        "RowWithChanges",
        __config__=ConfigDict(extra="forbid"),
        row=(_row_model("Row", schema, bounds), ...),
        changes=(changes | None, None),
    )
    row = _example_row(schema)
    examples = {**body.examples, "changes": {"row": row, "changes": _example_change(schema, row)}}
    return Body(body.model | wrapped, examples, body.csv, body.csv_pattern)


def event_rows(schema: Schema) -> Body:
    """A body of event rows: one, a list, or CSV."""
    row = _row_model("EventRow", schema, None)
    return _rows(row, row, _example_row(schema), schema.delimiter, fewest=1)


def label_rows(schema: Schema) -> Body:
    """A body of labels: one, a list, or CSV."""
    cells = (EXAMPLE_ID, schema.label_spellings[1], EXAMPLE_TIME)
    example = dict(zip(LABEL_NAMES, cells, strict=True))
    known = [spelling for spelling, code in schema.label_codes.items() if code is not None]
    time = _cell(time_schema(schema.time_settings()))
    of_id = {"anyOf": INTEGER_ID} if schema.has_integer_ids else LABEL_ID
    label = create_model(
        "Label",
        __config__=ConfigDict(extra=_extra(schema)),
        __doc__="The label of an event.",
        id=(_cell(of_id), Field(description="the event's id")),
        label=(_cell({"anyOf": spelt(known)}), ...),
        time=(time, Field(None, description="when it was known; now if absent")),
    )
    return _rows(label, label, example, schema.delimiter, fewest=1)


def _rows(
    one: type[BaseModel], many: type[BaseModel], example: Json, delimiter: str, fewest: int = 0
) -> Body:
    lines = (list(example), list(example.values()))
    header, row = (csv_line(line, delimiter) + "\n" for line in lines)
    # Wrong rows are answered one by one, where a body without rows is right as well.
    pattern = f"^{_escaped(header)}" + (f"(?:{_escaped(row)})+$" if fewest else "")
    examples = {"row": example, "list": [example, example]}
    several: Any = Annotated[list[many], Field(min_length=fewest)]  # type: ignore[valid-type]
    return Body(one | several, examples, header + row, pattern)


def _escaped(text: str) -> str:
    """Text as a pattern of JSON Schema, which knows fewer escapes than Python."""
    return "".join(f"\\{c}" if c in r"\^$.*+?()[]{}|/" else c for c in text)


def _row_model(
    name: str,
    schema: Schema,
    bounds: LineBounds | None,
    *,
    any_cell: bool = False,
    partial: bool = False,
) -> type[BaseModel]:
    """A row; its fields have a column's name as their alias, for a name may be any text."""
    fields: dict[str, Any] = {}
    for number, column in enumerate(schema.columns):
        default = ... if column.name in schema.mandatory and not partial else None
        field = Field(default, alias=column.name, description=_description(column))
        cell = {} if any_cell else cell_schema(column, schema.label_codes, bounds)
        fields[f"column_{number}"] = (_cell(cell), field)
    for former, now in schema.column_names.former.items():
        said = f"a former name of {now}" if now else "a column that is gone; passed over"
        field = Field(None, alias=former, description=said, deprecated=True)
        fields[f"column_{len(fields)}"] = (_cell({}), field)
    extra: Any = {"examples": [_example_row(schema)]}
    if schema.ignore_extra and not schema.mandatory:
        # A row with none of the columns is refused, unless it is empty.
        extra["anyOf"] = [{"maxProperties": 0}, *({"required": [each]} for each in schema.names)]
    return create_model(
        name, __config__=ConfigDict(extra=_extra(schema), json_schema_extra=extra), **fields
    )


def _extra(schema: Schema) -> Literal["ignore", "forbid"]:
    """What pydantic says of fields that are no columns."""
    return "ignore" if schema.ignore_extra else "forbid"


def _cell(schema: Json) -> Any:  # noqa: ANN401  # a type
    """The type of a field with this JSON Schema."""
    return Annotated[Any, WithJsonSchema(schema)]


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


def _example_change(schema: Schema, row: Json) -> Json:
    """Another value of a column of the row; the same one where no other is known."""
    known = {column.name: column.settings.values for column in schema.columns}
    changed = (name for name in row if len(known[name]) > 1)
    name = next(changed, schema.features[0].column)
    return {name: known[name][-1] if known[name] else row[name]}


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
