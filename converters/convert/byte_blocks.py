"""Many rows from the bytes of their lines: the text of a block without a string for each cell.

The pieces of all cells, the labels in front, are one matrix that is joined as it stands; strings
are cut only of ids, and of columns of which the tables know too little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from converters.cells.kind import Pieces
from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError
from converters.cells.spellings import integer
from converters.convert.row_block import Row, RowBlock, block_of, weights_of
from converters.files.cut_lines import CutLines
from converters.files.framing import ByteColumns
from converters.pieces.block_pieces import BlockPieces
from converters.pieces.column_memory import CheckedColumn, Columns
from converters.schema.schema import Schema


class ByteBlocks:
    """Converts blocks of lines.

    Args:
        schema: of the rows.
        columns: those that are checked, in the order of their pieces.
        memories: the same, each with its memory.
        heads: what a line begins with, by label.
        convert: a row by itself; says why it is refused.
    """

    def __init__(
        self,
        schema: Schema,
        columns: Sequence[CheckedColumn],
        memories: Columns,
        heads: Mapping[int | None, str],
        convert: Callable[[Sequence[str]], Row | Refusal],
    ) -> None:
        self._heads, self._convert = heads, convert
        self._id_at, self._label_at = schema.index("id"), schema.index("label")
        self._integers = schema.has_integer_ids
        self._weighted = schema.index("weight") is not None
        self._codes = {head: label for label, head in heads.items()}
        self._of_labels = schema.label_codes
        checked: list[CheckedColumn] = list(columns)
        many: list[Callable[[Sequence[str]], Pieces]] = list(memories.pieces)
        if self._label_at is not None:
            label = CheckedColumn.of_each(self._label_at, "label", self._head)
            checked.insert(0, label)
            many.insert(0, label.pieces)
        self._pieces = BlockPieces(checked, many)

    def _head(self, cell: str) -> str:
        """What the line of a row with this label begins with."""
        try:
            return self._heads[self._of_labels[cell]]
        except KeyError:
            raise RefusedCellError("bad-label", cell) from None

    def text(self, cut: ByteColumns) -> RowBlock:
        """The rows of at least one line as one text."""
        assert isinstance(cut, CutLines)
        found = self._pieces.of(cut)
        ids = self._ids(cut, found.refused)
        if found.refused:
            return self._around_refused(cut, found.refused)
        pieces = found.pieces
        labels: list[int | None] = [None] * cut.rows
        if self._label_at is None:
            heads = np.full((cut.rows, 1), self._heads[None], object)
            pieces = np.hstack([heads, pieces])
        else:
            labels = list(map(self._codes.__getitem__, pieces[:, 0].tolist()))
        weights = None
        if self._weighted:
            weights, pieces[:, 1] = weights_of(pieces[:, 1].tolist(), labels)
        flat: list[str] = pieces.reshape(-1).tolist()
        flat[0] = flat[0][1:]  # the line feed that no line precedes
        flat.append("\n")
        return RowBlock(ids, labels, "".join(flat), {}, weights, found.plain and weights is None)

    def _ids(self, cut: CutLines, refused: set[int]) -> list[str]:
        """The ids of lines; those with a bad one are added to the refused."""
        if self._id_at is None:
            return [""] * cut.rows
        ids = cut[self._id_at]
        lengths = cut.lengths[:, self._id_at]
        if lengths.max() > MOST_ID:
            refused.update(np.flatnonzero(lengths > MOST_ID).tolist())
        if self._integers:
            for at, id_ in enumerate(ids):
                try:
                    ids[at] = integer(id_)
                except RefusedCellError:
                    refused.add(at)
        return ids

    def _around_refused(self, cut: CutLines, suspects: set[int]) -> RowBlock:
        """A block with such rows: the others are still converted at once."""
        rows = [(at, self._convert(cut.row(at))) for at in sorted(suspects)]
        refused = {at: row for at, row in rows if isinstance(row, Refusal)}
        good = np.ones(cut.rows, bool)
        good[list(refused)] = False
        if len(refused) < len(rows) or not good.any():
            return block_of([self._convert(cut.row(at)) for at in range(cut.rows)])
        return self.text(cut.part(good)).among(refused)
