"""What the columns of before are called now: followed through all schemas that a model has had.

A column keeps its name, or is given another (``was``), from one schema to the next. A name may
come to mean another column: a row is read by the meaning that its names had in its own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from converters.schema.writer_schema import WriterSchema

Schemas = Sequence[WriterSchema]


def columns_now(schemas: Schemas, at: int) -> dict[str, str]:
    """Each name of one of a model's schemas -> the column of the last; empty if it is gone.

    A name that was gone for a while and came back is the same column.

    Args:
        schemas: the oldest first.
        at: which of them the names are of.
    """
    now = {name: name for name in schemas[at].names}
    for schema in schemas[at + 1 :]:
        renamed = {old: column for column, olds in schema.was for old in olds}
        now = {name: renamed.get(column, column) for name, column in now.items()}
    own = frozenset(schemas[-1].names)
    return {name: column if column in own else "" for name, column in now.items()}


def former_names(schemas: Schemas) -> dict[str, str]:
    """Each name that is none of the last schema's -> its column, the latest meaning of it first."""
    own, found = frozenset(schemas[-1].names), dict[str, str]()
    for at in range(len(schemas) - 2, -1, -1):
        for name, column in columns_now(schemas, at).items():
            if name not in own:
                found.setdefault(name, column)
    return found


def with_meanings(schemas: Schemas) -> list[WriterSchema]:
    """The schemas before the last, each with its names' meanings where others would be taken."""
    former = former_names(schemas)
    found = []
    for at, schema in enumerate(schemas[:-1]):
        meant = columns_now(schemas, at)
        others = any(column != former.get(name, name) for name, column in meant.items())
        found.append(replace(schema, meanings=tuple(meant.items()) if others else ()))
    return found
