"""Integers that JSON writes with a fraction of zero: for JSON and its schemas ``1.0`` is 1.

Where only the integer can be meant, it is what is appended to the log, so that every reader takes
it: in times, ids and texts, and where a list of integers says what a cell may be. pandas sends such
numbers from a column that has missing cells. What a schema reads as one number by itself
(:mod:`converters.cells.spellings`) is left as it came.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from converters.cells.spellings import EXACT_INTEGERS
from converters.config.column_settings import ColumnSettings
from converters.schema.schema import Schema


def whole_columns(schema: Schema) -> tuple[str, ...]:
    """The columns in which a number without a fraction can only be an integer."""
    return tuple(
        column.name
        for column in schema.columns
        if column.name in schema.whole
        or "time" in (column.settings.role, column.settings.kind)
        or _are_integers(_listed(column.settings, schema))
    )


def whole_in_labels(schema: Schema) -> tuple[str, ...]:
    """The same of the objects on the labels topic."""
    label = ("label",) if _are_integers(schema.labels) else ()
    return tuple(dict.fromkeys((*schema.whole_in_labels, "time", *label)))


def make_whole(row: dict[str, Any], names: Iterable[str]) -> None:
    """Make integers of such numbers in these columns."""
    for name in names:
        value = row.get(name)
        if type(value) is float and abs(value) < EXACT_INTEGERS and value.is_integer():
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
