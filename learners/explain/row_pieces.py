"""A row's text cut into what each feature wrote, so that rows can be put together from two others.

Works on the converter's lines, since that is what learners see and snapshots keep: a row that has
some columns of one row and the others of another is the line of their pieces. The converter gives
the same line for a row of those cells (``tests/learners/explain`` holds it to that).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from converters.cells.escaping import escape_name
from converters.cells.feature import Feature
from converters.schema.schema import Schema

_NAME = re.compile(r"[^=:]*")

# What each feature of the schema has written, in the order of the text, and last what none has.
Pieces = tuple[str, ...]


class RowPieces:
    """Cuts the lines of one schema.

    Attributes:
        owners: whose each piece is: the number of its column; the last one is no column's.
        columns: the columns of features, in the schema's order.
    """

    def __init__(self, schema: Schema) -> None:
        features = sorted(schema.features, key=lambda feature: feature.namespace != "")
        self.columns = tuple(dict.fromkeys(feature.column for feature in schema.features))
        self.owners = (*(self.columns.index(f.column) for f in features), len(self.columns))
        self._features = features

    @cached_property
    def _by_letter(self) -> dict[str, int]:
        return {f.namespace: at for at, f in enumerate(self._features) if f.namespace}

    @cached_property
    def _by_name(self) -> dict[str, int]:
        found = enumerate(self._features)
        return {escape_name(f.name): at for at, f in found if not f.namespace}

    @property
    def nothing(self) -> Pieces:
        """The pieces of a row without any feature."""
        return ("",) * len(self.owners)

    def cut(self, line: str) -> Pieces:
        """The pieces of a line; a label or weight before it is passed over."""
        pieces = list(self.nothing)
        for section in line.split("|")[1:]:
            letter = section[:1].strip()
            if letter:
                at = self._by_letter.get(letter, -1)
                pieces[at] += f" |{section.removesuffix(' ')}"
                continue
            # Only a blank is between tokens: values hold what else Python takes for one.
            for token in filter(None, section.split(" ")):
                name = _NAME.match(token)
                pieces[self._by_name.get(name[0], -1) if name else -1] += f" {token}"
        return tuple(pieces)

    def line(self, pieces: Sequence[str]) -> str:
        """The line of pieces."""
        return f"|{''.join(pieces)}"

    def place_of(self, feature: Feature) -> int:
        """Where the pieces of a row have a feature's."""
        return self._features.index(feature)

    def rewritten(self, row: Pieces, column: str, cell: str) -> Pieces:
        """A row with another cell of a column.

        Raises:
            RefusedCellError: the converter refuses the cell.
        """
        pieces = list(row)
        for place, feature in enumerate(self._features):
            if feature.column == column:
                pieces[place] = feature.plain_piece(cell)
        return tuple(pieces)

    def mixed(self, row: Pieces, other: Pieces, columns: frozenset[int]) -> Pieces:
        """A row with these columns of one row, and all else of the other."""
        both = zip(self.owners, row, other, strict=True)
        return tuple(ours if owner in columns else theirs for owner, ours, theirs in both)

    def differing(self, row: Pieces, other: Pieces) -> list[int]:
        """The columns in which two rows differ, by number."""
        both = zip(self.owners, row, other, strict=True)
        return sorted({owner for owner, ours, theirs in both if ours != theirs})
