"""What the keys of JSON objects mean: worked out at the first of those that have them in an order.

Clients send the same keys in the same order again and again. The cells equal those of
:func:`converters.objects.json_rows.object_cells`, which still handles every value that is not text
or a number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converters.cells.refusal import Refusal
from converters.files.cut_lines import CutLines
from converters.objects.alike_objects import AlikeObjects, Cut
from converters.objects.json_columns import Literals, Object, Shape, are_objects
from converters.objects.json_rows import object_cells
from converters.schema.schema import Schema
from serve.rows.whole_numbers import make_whole, whole_columns

# Types whose text as a CSV cell is what str() gives.
TEXT, PLAIN = frozenset({str}), frozenset({str, int, float})
# Clients that shuffle their keys must not fill the memory.
REMEMBERED_LAYOUTS = 1_024
# Nor may keys that are no columns, of which one object may have megabytes.
REMEMBERED_KEYS = 8_192


@dataclass(frozen=True, slots=True)
class AlikeRows:
    """Rows of objects that are written alike.

    Attributes:
        cells: by column of the schema.
        ids: as the client sent them, where these are not all texts or none.
    """

    cells: CutLines
    ids: Sequence[object] | None

    def __len__(self) -> int:
        """How many there are."""
        return self.cells.rows

    def part(self, rows: slice) -> AlikeRows:
        """Some of them."""
        return AlikeRows(self.cells.part(rows), None if self.ids is None else self.ids[rows])


@dataclass(frozen=True, slots=True)
class Layout:
    """What the keys of an object mean, in their order.

    Attributes:
        shape: of such objects.
        whole: the columns of integers that it has, and the names under which it has them.
        id_name: the name under which it has the id; empty if it has none.
    """

    shape: Shape
    whole: Mapping[str, str]
    id_name: str

    def values(self, rows: Sequence[Object]) -> list[Sequence[Any]] | None:
        """The values of objects, made whole, by column; None if one has other keys."""
        values = self.shape.values(rows)
        if values is None:
            return None
        for at, column in enumerate(self.shape.columns):
            name = self.whole.get(column)
            if name is not None and float in set(map(type, values[at])):
                for row in rows:
                    make_whole(row, (name,))
                values[at] = [row[name] for row in rows]
        return values

    def alike(self, cut: Cut, literals: Literals) -> AlikeRows | None:
        """The rows of objects that were cut; None if one is refused, or is to be made whole."""
        cells = self.shape.cut_cells(cut, literals, self.whole)
        at = cut.keys.index(self.id_name) if self.id_name in cut.keys else None
        if cells is None or at is None or cut.quoted[at]:
            return None if cells is None else AlikeRows(cells, None)
        # A null among them is an empty cell by now.
        ids = literals.values([cell or "null" for cell in cut.values[at]])
        return AlikeRows(cells, ids)


class Layouts:
    """The layouts of objects under one schema.

    Args:
        schema: the rows'.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._names = schema.column_names
        self._numbers = schema.numbers
        self._mandatory = frozenset(schema.mandatory)
        self._whole = whole_columns(schema)
        identity = schema.only("id")
        self._id_name = "" if identity is None else identity.name
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._objects = AlikeObjects()
        self._literals = Literals(self._numbers, schema.whole)

    def of(self, row: Collection[str]) -> Layout | None:
        """The layout of an object's keys; None if one is unknown, or a required one is missing."""
        keys = tuple(row)
        return self._layouts.get(keys) or self._compiled(keys)

    def of_all(self, rows: Sequence[Any]) -> tuple[Layout, list[Sequence[Any]]] | None:
        """The layout of rows, and their values by column; None if it is not that of all."""
        layout = self.of(rows[0]) if are_objects(rows) else None
        values = None if layout is None else layout.values(rows)
        return None if layout is None or values is None else (layout, values)

    def alike(self, content: bytes) -> AlikeRows | None:
        """The rows of a list, given without its brackets; None if they have to be parsed."""
        cut = self._objects.cut(content)
        layout = None if cut is None else self.of(cut.keys)
        return None if cut is None or layout is None else layout.alike(cut, self._literals)

    def cells(self, row: Object, layout: Layout) -> list[str] | Refusal:
        """The cells of an object, or why it has none."""
        values = layout.shape.pick(row)
        types = set(map(type, values))
        if types == TEXT:
            cells = list(values)
        elif types <= PLAIN:
            cells = list(map(str, values))
            if float in types and self._may_be_too_large(row, layout, cells):
                return self._plain_cells(row)
        else:
            return self._plain_cells(row)
        for place in layout.shape.absent:
            cells.insert(place, "")
        return cells

    def columns(
        self, layout: Layout, values: Sequence[Sequence[Any]], rows: int
    ) -> list[Sequence[str]] | None:
        """The cells of objects by column; None if one of them has none."""
        return layout.shape.cells(values, self._numbers, self._schema.whole, rows)

    def _may_be_too_large(self, row: Object, layout: Layout, cells: Sequence[str]) -> bool:
        # An integer among ids is one by now, unless it has lost digits.
        return type(row.get(layout.id_name)) is float or "e+" in "".join(cells)

    def _plain_cells(self, row: Object) -> list[str] | Refusal:
        return object_cells(row, self._names, self._numbers, self._schema.whole)

    def _compiled(self, keys: tuple[str, ...]) -> Layout | None:
        if self._names.unknown(keys) or self.missing(keys):
            return None
        names = frozenset(keys)
        held = dict(zip(self._names.own, self._names.held(names), strict=True))
        if len(self._layouts) >= REMEMBERED_LAYOUTS:
            self._layouts.clear()
        whole = {column: held[column] for column in self._whole if held[column] in names}
        layout = Layout(Shape.of(keys, self._names), whole, held.get(self._id_name, ""))
        if names <= self._names.known or sum(map(len, keys)) <= REMEMBERED_KEYS:
            self._layouts[keys] = layout
        return layout

    def missing(self, names: Collection[str]) -> list[str]:
        """The mandatory columns that a row with these names lacks."""
        held = zip(self._names.own, self._names.held(names), strict=True)
        return [own for own, name in held if own in self._mandatory and name not in names]
