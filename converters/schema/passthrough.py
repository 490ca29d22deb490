"""Passthrough cells: the slices' values and the event's amount, kept for measuring only.

The stream's reader picks them and the fold keeps them with an event until its label comes. A
learner never sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from converters.cells.categories import Boolean, listed
from converters.cells.kind import CANONICAL_FROM, MissingValueError
from converters.cells.numbers import number
from converters.cells.refusal import RefusedCellError
from converters.config.column_settings import ColumnSettings
from converters.config.settings import Settings
from converters.schema.column_rules import SchemaError
from converters.schema.schema import Schema

SLICED_KINDS = ("categorical", "boolean")


class Passthrough(NamedTuple):
    """Which cells of each row are kept for measuring.

    Attributes:
        slices: names of the columns that are measured value by value.
        places: their places in a row, in that order; then the amount's, if there is one.
        amount: name of the column by which values are multiplied; empty for none.
    """

    slices: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    amount: str = ""


def passthrough_of(settings: Settings, schema: Schema) -> Passthrough:
    """What the config's ``evaluation.slices`` and ``value.scale`` name.

    Raises:
        SchemaError: they name no such column, or one of the wrong kind; names the key.
    """
    named = settings.evaluation.slices
    protected = tuple(c.name for c in schema.columns if c.settings.role == "protected")
    slices = protected if named is None else tuple(dict.fromkeys(named))
    for name in slices:
        column = _column(schema, name, "evaluation.slices")
        if column.role != "protected" and column.kind not in SLICED_KINDS:
            raise SchemaError(
                f"evaluation.slices: the column '{name}' is neither categorical nor boolean nor "
                "of role 'protected'; its values are not measured each by itself."
            )
    amount = "" if settings.value is None else settings.value.scale
    if amount and _column(schema, amount, "value.scale").kind != "numeric":
        raise SchemaError(f"value.scale: the column '{amount}' is not of kind 'numeric'.")
    names = (*slices, amount) if amount else slices
    return Passthrough(slices, tuple(schema.names.index(name) for name in names), amount)


def readings(schema: Schema, passthrough: Passthrough) -> tuple[Callable[[str], str], ...] | None:
    """What each of the cells is to be kept as; None if all are kept as they are.

    Values that the learner cannot tell apart are one value: ``36`` and ``36.0``, ``yes`` and
    ``true``.
    """
    if schema.converter < CANONICAL_FROM or not passthrough.slices:
        return None
    slices = [kept_as(_column(schema, name, ""), schema) for name in passthrough.slices]
    return (*slices, _as_it_is) if passthrough.amount else tuple(slices)


def kept_as(settings: ColumnSettings, schema: Schema) -> Callable[[str], str]:
    """What a cell of a column of categories or truth values is kept as."""
    if settings.kind != "boolean":
        return listed(settings).of
    kind = Boolean("", settings, schema.converter)

    def read(cell: str) -> str:
        try:
            return "true" if kind.check(cell) else "false"
        except (MissingValueError, RefusedCellError):
            return cell

    return read


def _as_it_is(cell: str) -> str:
    return cell


def amount_of(cell: str) -> float:
    """The amount that a cell holds; nan where it holds none."""
    try:
        return number(cell)
    except RefusedCellError:
        return float("nan")


def _column(schema: Schema, name: str, key: str) -> ColumnSettings:
    for column in schema.columns:
        if column.name == name:
            return column.settings
    raise SchemaError(f"{key}: there is no column '{name}'; there are {', '.join(schema.names)}.")
