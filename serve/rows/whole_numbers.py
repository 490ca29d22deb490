"""Integers that JSON writes with a fraction of zero: for JSON and its schemas ``1.0`` is 1.

In CSV, and so in the cells that rows become, ``1.0`` is another text. Where only the integer can be
meant, it is taken: in times, and in columns whose cells have to be in a list of integers, such as
labels. pandas sends such numbers from a column that has missing cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from converters.config.column_settings import ColumnSettings
from converters.schema.schema import Schema

# Milliseconds since 1970 have 14 digits at most.
LARGEST = 1e15


def whole_columns(schema: Schema) -> tuple[str, ...]:
    """The columns in which a number without a fraction can only be an integer."""
    return tuple(
        column.name
        for column in schema.columns
        if "time" in (column.settings.role, column.settings.kind)
        or _are_integers(_listed(column.settings, schema))
    )


def whole_in_labels(schema: Schema) -> tuple[str, ...]:
    """The same of the objects on the labels topic."""
    return ("time", "label") if _are_integers(schema.labels) else ("time",)


def make_whole(row: dict[str, Any], names: Sequence[str]) -> None:
    """Make integers of such numbers in these columns."""
    for name in names:
        value = row.get(name)
        if type(value) is float and abs(value) < LARGEST and value.is_integer():
            row[name] = int(value)


def _listed(settings: ColumnSettings, schema: Schema) -> Iterable[str]:
    """The cells that a column takes and no others; empty if there is no such list."""
    if settings.role == "label":
        return schema.labels
    if settings.kind == "boolean":
        return (*settings.true_values, *settings.false_values)
    if settings.kind == "categorical" and settings.unseen == "reject":
        return (*settings.values, *settings.rare_values)
    return ()


def _are_integers(cells: Iterable[str]) -> bool:
    """Whether some are integers, and none is a number with a fraction, perhaps of zero."""
    return any(map(str.isdecimal, cells)) and not any("." in cell for cell in cells)
