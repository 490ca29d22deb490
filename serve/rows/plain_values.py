"""Rows of Python programs as JSON has them: numpy's and pandas' values become plain ones.

Neither is imported: their values are known by what they can do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from converters.errors import UsageError

# pandas' missing value, which cannot be compared.
NA = "NAType"
# numpy's time in any unit, and as much of its text as a time has digits.
DATETIME64, MICROSECONDS = "datetime64", 26
Plain = dict[str, Any]


def plain_rows(rows: object) -> list[Plain]:
    """The rows of a list of mappings, or of a DataFrame.

    Raises:
        UsageError: they are none, or a value has no JSON.
    """
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict("records")
    if isinstance(rows, Mapping | str | bytes) or not isinstance(rows, Iterable):
        raise UsageError(
            f"The rows are of type {type(rows).__name__}: give a list of mappings, one for each "
            "row, or a DataFrame."
        )
    return [plain_row(row, f"Row {number}") for number, row in enumerate(rows, start=1)]


def plain_row(row: object, name: str = "The row") -> Plain:
    """One row of a mapping, or of a Series.

    Args:
        row: by column.
        name: what to call it in an error.

    Raises:
        UsageError: it is no mapping, or a value has no JSON.
    """
    if not isinstance(row, Mapping) and hasattr(row, "to_dict") and not hasattr(row, "columns"):
        row = row.to_dict()
    if not isinstance(row, Mapping):
        raise UsageError(
            f"{name} is of type {type(row).__name__}: give a mapping of columns to values, such as "
            '{"amount": 9000}.'
        )
    return {
        str(column): _plain(value, f"{name}, column '{column}'") for column, value in row.items()
    }


def _plain(value: Any, where: str) -> Any:  # noqa: ANN401
    if value is None or isinstance(value, str | int | list | dict):
        return value
    if _is_missing(value):
        return None
    kind = type(value).__name__
    if isinstance(value, float):
        if math.isinf(value):
            raise UsageError(f"{where}: {value} is no number that JSON has. Give None if missing.")
        return float(value)
    if hasattr(value, "isoformat") and (hasattr(value, "year") or hasattr(value, "hour")):
        return value.isoformat()
    if kind == DATETIME64:
        return str(value)[:MICROSECONDS]
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        single = value.item()
        if isinstance(single, str | int | float):  # a truth value is an int
            return _plain(single, where)
    raise UsageError(
        f"{where}: a value of type {kind} has no JSON. Give a text, a number, True or False, a "
        "datetime, or None where it is missing; '.item()' makes a number of an array of one."
    )


def _is_missing(value: Any) -> bool:  # noqa: ANN401
    """NaN and NaT differ from themselves; of an array nobody can say."""
    if type(value).__name__ == NA:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124
    except (TypeError, ValueError):
        return False
