"""The schema by which rows were written, as far as reading them needs it.

A schema changes over time, and the log keeps the rows of all times. What a cell means is for the
reader's schema (:class:`~converters.schema.schema.Schema`) to say; which cell of a row it is, for
the writer's: the record's ``columns`` header, or, without one, the schema in force at its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from converters.schema.schema import Schema


@dataclass(frozen=True, slots=True)
class WriterSchema:
    """How rows were laid out.

    Attributes:
        names: of the columns, in the order in which a row of CSV holds them.
        delimiter: between two cells of CSV.
        ignore_extra: whether a row may have fields that are no columns.
        path: the fields that lead to the rows of an event record of JSON.
        labels_path: the same for labels.
        was: the columns that had other names before, with those.
        meanings: each name, and the reader's column that it meant then, where by the names alone
            another would be taken; from :mod:`converters.schema.name_history`, and not stored.
    """

    names: tuple[str, ...]
    delimiter: str
    ignore_extra: bool
    path: tuple[str, ...]
    labels_path: tuple[str, ...]
    was: tuple[tuple[str, tuple[str, ...]], ...] = ()
    meanings: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, schema: Schema) -> Self:
        """That of the rows that are written under a schema."""
        record = schema.ignore_extra, schema.path, schema.labels_path
        was = ((c.name, c.settings.was) for c in schema.columns if c.settings.was)
        return cls(schema.names, schema.delimiter, *record, tuple(was))

    def to_json(self) -> dict[str, Any]:
        """As the registry keeps it."""
        content = asdict(self)
        del content["meanings"]
        return content | {"was": dict(self.was)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        names, path, labels_path = (
            tuple(content[name]) for name in ("names", "path", "labels_path")
        )
        was = tuple((name, tuple(olds)) for name, olds in content.get("was", {}).items())
        return cls(names, content["delimiter"], content["ignore_extra"], path, labels_path, was)
