"""What the config says of a column of the file, as the report needs it.

Stands between the schema and :mod:`converters.check.tally`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.cells.numbers import number, numbers
from converters.cells.refusal import RefusedCellError
from converters.cells.weight import LEAST, MOST
from converters.config.column_settings import ColumnSettings
from converters.schema.schema import Schema

UNKNOWN = "unknown"


@dataclass(frozen=True)
class ColumnPlan:
    """A column of the file.

    Attributes:
        name: the column.
        role: its role, ``unknown`` if the config does not name it.
        kind: how its cells are read, or None.
        missing: the cells that are missing.
        low: the smallest number that is not out of range.
        high: the largest.
        known: the values that are not unseen; empty if the config names none.
        zone: the clock of times without an offset.
    """

    name: str
    role: str
    kind: str | None
    missing: frozenset[str]
    low: float = -math.inf
    high: float = math.inf
    known: frozenset[str] = frozenset()
    zone: str = "UTC"

    @property
    def numeric(self) -> bool:
        """Whether its cells are read as numbers."""
        return self.kind == "numeric" or self.role == "weight"

    @property
    def learned(self) -> bool:
        """Whether features are made of it."""
        return self.kind is not None

    @property
    def hidden(self) -> bool:
        """Whether no value of it may be shown."""
        return self.role == "protected"

    def is_missing(self, cell: str) -> bool:
        """Whether a cell says nothing."""
        return cell in self.missing or (self.kind == "text" and cell.isspace())

    def present(self, cells: Sequence[str]) -> NDArray[np.bool_] | None:
        """Which cells are not missing; None if all are there."""
        if self.kind != "text" and self.missing.isdisjoint(cells):
            return None
        return ~np.fromiter(map(self.is_missing, cells), np.bool_, len(cells))

    def values(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """The numbers of cells that are not missing; NaN for those that are none."""
        found = numbers(cells) if cells else []
        return np.array(list(map(_number, cells)) if found is None else found, np.float64)


def plans(header: Sequence[str], schema: Schema) -> list[ColumnPlan]:
    """One for each column of a file."""
    settings = {column.name: column.settings for column in schema.columns}
    return [_plan(name, settings.get(name)) for name in header]


def _plan(name: str, settings: ColumnSettings | None) -> ColumnPlan:
    if settings is None:
        return ColumnPlan(name, UNKNOWN, None, frozenset({""}))
    low, high = (LEAST, MOST) if settings.role == "weight" else (-math.inf, math.inf)
    return ColumnPlan(
        name,
        settings.role,
        settings.kind,
        frozenset({"", *settings.missing_values}),
        low if settings.min is None else settings.min,
        high if settings.max is None else settings.max,
        frozenset({*settings.values, *settings.rare_values}),
        settings.zone or "UTC",
    )


def _number(cell: str) -> float:
    try:
        return number(cell)
    except RefusedCellError:
        return math.nan
