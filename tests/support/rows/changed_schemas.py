"""Rows that were written under another schema than the one that reads them, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.convert.to_vw_text import Row, reference
from converters.schema.schema import Column, Schema
from converters.schema.writer_schema import WriterSchema
from tests.support.rows import schemas

DELIMITERS = (",", ";", "\t", "|")
PATHS: tuple[tuple[str, ...], ...] = ((), (), ("after",), ("a", "b"))


@dataclass(frozen=True)
class Written:
    """Rows and the two schemas.

    Attributes:
        reader: names the columns as they are called now, and knows what they were called.
        writer: how the rows were laid out.
        rows: each by the names of its writer.
    """

    reader: Schema
    writer: WriterSchema
    rows: list[dict[str, str]]

    def said(self) -> list[Row | Refusal]:
        """What the rows say, by the plainest way: each built by names, then converted."""
        convert = reference(self.reader)
        return [convert(by_name(self.reader, row)) for row in self.rows]


def by_name(reader: Schema, row: dict[str, str]) -> list[str]:
    """The cells of a row in the reader's order."""
    cells = []
    for column in reader.columns:
        held = [name for name in (column.name, *column.settings.was) if name in row]
        cells.append(row[held[0]] if held else "")
    return cells


@st.composite
def written(draw: st.DrawFn) -> Written:
    """Columns added, removed, renamed, re-typed and reordered; another delimiter and path."""
    schema = draw(schemas.schemas())
    cells: dict[str, st.SearchStrategy[str]] = {"gone": schemas.texts, "older": schemas.texts}
    if draw(st.booleans()):
        del cells["gone"]
    columns: list[Column] = []
    for number, column in enumerate(schema.columns):
        own, old = column.name, f"former {number}"
        how = draw(st.sampled_from(["kept", "kept", "retyped", "renamed", "added", "both"]))
        cell = schemas.texts if how == "retyped" else schemas.cell_of(column.settings)
        if how in ("kept", "retyped", "both"):
            cells[own] = cell
        if how in ("renamed", "both"):
            cells[old] = cell
            was = draw(st.permutations([old, f"earlier {number}"]))
            settings = column.settings.model_copy(update={"was": tuple(was)})
            column = column._replace(settings=settings)  # noqa: PLW2901
        columns.append(column)
    names = tuple(draw(st.permutations(sorted(cells))))
    reader = replace(
        schema,
        columns=tuple(columns),
        delimiter=draw(st.sampled_from(DELIMITERS)),
        path=draw(st.sampled_from(PATHS)),
        former=frozenset(names).difference(schema.names),
    )
    assume(not any(mark in name for mark in DELIMITERS for name in (*names, *schema.names)))
    writer = WriterSchema(
        names, draw(st.sampled_from(DELIMITERS)), False, draw(st.sampled_from(PATHS)), ()
    )
    row = st.fixed_dictionaries({name: cells[name] for name in names})
    return Written(reader, writer, draw(st.lists(row, min_size=1, max_size=3)))


def nested(row: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """A row where a path leads to it."""
    for name in reversed(path):
        row = {name: row}
    return row
