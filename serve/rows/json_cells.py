"""Objects of a request as the cells that CSV would hold, by layouts compiled once.

Stands below :mod:`serve.rows.request_rows`. Clients send the same keys in the same order again and
again: what such a layout means is worked out at its first row. What comes out equals
:func:`converters.convert.records.object_cells`, which every value goes through that is not text or
a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from converters.cells.refusal import Refusal
from converters.convert.records import object_cells

# Types whose text as a CSV cell is what str() gives.
TEXT, PLAIN = frozenset({str}), frozenset({str, int, float})
# Clients that shuffle their keys must not fill the memory.
REMEMBERED_LAYOUTS = 1_024

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the keys of an object mean, in their order.

    Attributes:
        pick: the values that the object has, in the schema's order.
        absent: the places of the columns that it lacks.
    """

    pick: Callable[[Object], Sequence[Any]]
    absent: tuple[int, ...]


class Layouts:
    """The layouts of objects under one schema.

    Args:
        names: the schema's columns.
        mandatory: those that an object must have.
        numbers: those that hold numbers.
    """

    def __init__(
        self, names: Sequence[str], mandatory: frozenset[str], numbers: frozenset[str] = frozenset()
    ) -> None:
        self._names = names
        self._numbers = numbers
        self._known = frozenset(names)
        self._mandatory = mandatory
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._layouts)

    def of(self, row: Object) -> Layout | None:
        """The layout of an object; None if it has unknown keys or lacks one that it must have."""
        keys = tuple(row)
        return self._layouts.get(keys) or self._compiled(keys)

    def cells(self, row: Object, layout: Layout) -> list[str] | Refusal:
        """The cells of an object, or why it has none."""
        values = layout.pick(row)
        types = set(map(type, values))
        if types == TEXT:
            cells = list(values)
        elif types <= PLAIN:
            cells = list(map(str, values))
            if float in types and "e+" in "".join(cells):  # large, and perhaps too large
                return object_cells(row, self._names, self._numbers)
        else:
            return object_cells(row, self._names, self._numbers)
        for place in layout.absent:
            cells.insert(place, "")
        return cells

    def _compiled(self, keys: tuple[str, ...]) -> Layout | None:
        names = frozenset(keys)
        if not (names <= self._known and names >= self._mandatory):
            return None
        present = [name for name in self._names if name in names]
        absent = tuple(at for at, name in enumerate(self._names) if name not in names)
        if len(self._layouts) >= REMEMBERED_LAYOUTS:
            self._layouts.clear()
        layout = self._layouts[keys] = Layout(_picker(present), absent)
        return layout


def _picker(names: Sequence[str]) -> Callable[[Object], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: [row[name] for name in names]
