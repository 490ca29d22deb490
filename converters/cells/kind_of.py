"""The kinds of columns, one in each module; the contract is in :mod:`converters.cells.kind`."""

from __future__ import annotations

from typing import Any

from converters.cells.boolean_text_time import PARTS, Boolean, Text, TimePart
from converters.cells.categorical import Categorical, Group, MissingValueError
from converters.cells.kind import Kind, Token
from converters.cells.numeric import Bounded, Bucket, Numeric
from converters.config.column_settings import ColumnSettings

__all__ = ["PARTS", "Bounded", "Group", "Kind", "MissingValueError", "Token", "kind_of"]


def kind_of(name: str, settings: ColumnSettings, part: str = "") -> Kind[Any]:
    """What reads the cells of a feature.

    Args:
        name: the feature's name.
        settings: its column's.
        part: for a feature derived from a time, which part.
    """
    if part:
        return TimePart(name, part, settings.zone)
    if settings.kind == "numeric":
        return (Bucket if settings.transform == "bucket" else Numeric)(name, settings)
    if settings.kind == "boolean":
        return Boolean(name, settings)
    return Text(name) if settings.kind == "text" else Categorical(name, settings)
