"""From the order in which rows name their columns to the schema's.

Between the cutting of rows into cells and the conversion (:mod:`converters.convert.to_vw_text`): a file's
header, or a record's, may name the columns in any order, and fewer than there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converters.cells.refusal import Refusal, quoted
from converters.convert.to_vw_text import wrong_width


@dataclass(frozen=True, slots=True)
class ColumnOrder:
    """Where each column of the schema stands in a row of this order.

    Attributes:
        width: how many cells such a row has.
        places: for each column of the schema its place; None for one that is left out.
        refusal: why no row in this order can be read, if none can.
        delimiter: between cells, for messages.
    """

    width: int
    places: tuple[int | None, ...]
    refusal: Refusal | None = None
    delimiter: str = ","

    def row(self, cells: Sequence[str]) -> Sequence[str] | Refusal:
        """A row's cells in the schema's order, empty where they are left out."""
        if self.refusal is not None:
            return self.refusal
        if len(cells) != self.width:
            return wrong_width(cells, self.width, self.delimiter)
        return ["" if place is None else cells[place] for place in self.places]

    def columns(self, columns: Sequence[Sequence[str]], rows: int) -> list[Sequence[str]]:
        """The same for the columns of many rows."""
        absent = [""] * rows
        return [absent if place is None else columns[place] for place in self.places]


def column_order(
    names: Sequence[str], schema_names: Sequence[str], delimiter: str = ","
) -> ColumnOrder:
    """The order of rows whose columns are called so."""
    known = frozenset(schema_names)
    unknown = [name for name in names if name not in known]
    if unknown or not names or len(set(names)) < len(names):
        reason = "unknown-column" if unknown else "bad-columns-header"
        refusal = Refusal(reason, quoted("".join(unknown[:1])), quoted(",".join(names)))
        return ColumnOrder(0, (), refusal)
    places = {name: place for place, name in enumerate(names)}
    return ColumnOrder(len(names), tuple(map(places.get, schema_names)), None, delimiter)
