"""Many JSON objects with the same keys as columns of cells: what ``object_cells`` gives of each.

Clients and producers send objects of one shape. What their keys mean is then worked out once, and
a column whose values are of one kind becomes cells at once: 0.5 us a row of 13 columns, where
:func:`~converters.objects.json_rows.object_cells` takes 2 to 4. It remains for objects of which one
has other keys, or is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeGuard

import orjson

from converters.cells.spellings import EXACT_INTEGERS
from converters.objects.json_rows import NONE_WHOLE, scalar_cell
from converters.schema.column_names import ColumnNames
from converters.schema.schema import PARSED_INTEGERS

Object = dict[str, Any]

_OBJECTS, _TEXT, _TEXT_OR_NONE = frozenset({dict}), frozenset({str}), frozenset({str, type(None)})
_BARE = frozenset({int, float, bool, type(None)})
_SCALARS = _BARE | {str}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the keys of objects mean.

    Attributes:
        columns: those that such an object has, in the schema's order.
        pick: an object -> their values.
        absent: the places in a row of the columns that it lacks.
        keys: how many keys it has.
    """

    columns: tuple[str, ...]
    pick: Callable[[Object], Sequence[Any]]
    absent: tuple[int, ...]
    keys: int

    @classmethod
    def of(cls, keys: Collection[str], names: ColumnNames) -> Shape:
        """That of objects with these keys, none of which is unknown."""
        held = dict(zip(names.own, names.held(keys), strict=True))
        present = {own: name for own, name in held.items() if name in keys}
        absent = tuple(at for at, own in enumerate(held) if own not in present)
        return cls(tuple(present), _picker(tuple(present.values())), absent, len(keys))

    def values(self, rows: Sequence[Object]) -> list[Sequence[Any]] | None:
        """The columns' values of objects; None if the keys of one of them are others."""
        if len(set(map(len, rows))) > 1:
            return None
        # As many keys, all of them columns that this has: no others. Whether what is passed over
        # is the same has to be looked at.
        if self.keys > len(self.columns) and len(set(map(frozenset, rows))) > 1:
            return None
        try:
            return list(zip(*map(self.pick, rows), strict=True))
        except KeyError:
            return None

    def cells(
        self,
        values: Sequence[Sequence[Any]],
        numbers: Container[str],
        whole: Mapping[str, float],
        rows: int,
    ) -> list[Sequence[str]] | None:
        """The cells of all columns of the schema; None if one of them is refused."""
        columns: list[Sequence[str]] = []
        for name, given in zip(self.columns, values, strict=True):
            cells = column_cells(given, name, numbers, whole)
            if cells is None:
                return None
            columns.append(cells)
        for place in self.absent:
            columns.insert(place, [""] * rows)
        return columns


def object_columns(
    rows: Sequence[object],
    names: ColumnNames,
    numbers: Container[str] = (),
    whole: Mapping[str, float] = NONE_WHOLE,
) -> list[Sequence[str]] | None:
    """The columns of cells that ``object_cells`` gives row by row.

    Args:
        rows: what was parsed, at least one.
        names: as there.
        numbers: as there.
        whole: as there.

    Returns:
        None if rows have different keys, or one of them would be refused.
    """
    if not are_objects(rows) or names.unknown(rows[0]):
        return None
    shape = Shape.of(rows[0].keys(), names)
    values = shape.values(rows)
    return None if values is None else shape.cells(values, numbers, whole, len(rows))


def are_objects(rows: Sequence[object]) -> TypeGuard[Sequence[Object]]:
    """Whether all are objects."""
    return set(map(type, rows)) == _OBJECTS


def column_cells(
    values: Sequence[Any], column: str, numbers: Container[str], whole: Mapping[str, float]
) -> Sequence[str] | None:
    """The cells of a column; None if one of them is refused."""
    kinds = set(map(type, values))
    if kinds == _TEXT:
        return values
    if kinds == _TEXT_OR_NONE:
        return ["" if value is None else value for value in values]
    if not kinds <= _SCALARS:
        return None
    if float in kinds and column not in numbers:
        most = max(abs(value) for value in values if type(value) is float)
        if most >= whole.get(column, PARSED_INTEGERS):
            return None
    if float in kinds and column in whole:
        values = [_integer(value) if type(value) is float else value for value in values]
    elif kinds <= _BARE and (float not in kinds or column in numbers):
        cells = _written(values, floats=float in kinds)
        if cells is not None:
            return cells
    return [value if type(value) is str else scalar_cell(value) or "" for value in values]


def _written(values: Sequence[Any], *, floats: bool) -> Sequence[str] | None:
    """Numbers and truth values as the writer of JSON spells them: 25 to 50 ns, ``repr`` 75 to 400.

    None where it may not spell one as ``repr`` does: floats that need an exponent, and integers of
    more than 64 bits.
    """
    try:
        text = orjson.dumps(values)[1:-1].decode()
    except orjson.JSONEncodeError:
        return None
    if floats and ("e" in text or "0.0000" in text):
        return None
    return text.replace("null", "").split(",")


def _integer(value: float) -> float:
    return int(value) if abs(value) < EXACT_INTEGERS and value.is_integer() else value


def _picker(names: Sequence[str]) -> Callable[[Object], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: [row[name] for name in names]
