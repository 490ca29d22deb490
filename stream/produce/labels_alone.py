"""A file of ids and labels, which are no events."""

from __future__ import annotations

from collections.abc import Callable

from converters.errors import UsageError
from converters.files.csv_file import CsvFile
from converters.schema.schema import Schema


def require_events(file: CsvFile, schema: Schema, place: Callable[[str], int | None]) -> None:
    """Refuse labels alone: as events they would be scored of nothing, or be duplicates.

    Args:
        file: open.
        schema: whose columns it may have.
        place: where the file has the column of a role.

    Raises:
        UsageError: it has no other column, and the schema has.
    """
    known = {place("id"), place("label")}
    if known == set(range(len(file.header))) and len(schema.columns) > len(known):
        raise UsageError(
            f"{file.name} has ids and labels alone, and 'freshet produce' sends events. Send "
            "labels of events that were sent before with POST /labels, or to the labels topic "
            "(docs/python-and-kafka.md); or send the events' own file with --label-time COLUMN."
        )
