"""Many rows from the bytes of their lines: the text of a block without a string for each cell.

The pieces of all cells, the labels in front, are one matrix that is joined as it stands; strings
are cut only of ids, and of columns of which the tables know too little.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress, pairwise

import numpy as np

from converters.cells.kind import Pieces
from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError
from converters.cells.spellings import integer
from converters.convert.row_block import MOST_IN_BLOCK, Row, RowBlock, weights_of
from converters.files.cut_lines import CutLines
from converters.files.framing import ByteColumns
from converters.pieces.block_pieces import BlockPieces, Found
from converters.pieces.column_memory import CheckedColumn, Columns
from converters.schema.schema import Schema


class ByteBlocks:
    """Converts blocks of lines.

    Args:
        schema: of the rows.
        columns: those that are checked, in the order of their pieces.
        memories: the same, each with its memory.
        heads: what a line begins with, by label.
        convert: says of a row by itself why it is refused.
        texts: rows by their columns, as strings.
    """

    def __init__(
        self,
        schema: Schema,
        columns: Sequence[CheckedColumn],
        memories: Columns,
        heads: Mapping[int | None, str],
        convert: Callable[[Sequence[str]], Row | Refusal],
        texts: Callable[[ByteColumns], Iterable[RowBlock]],
    ) -> None:
        self._heads, self._convert, self._texts = heads, convert, texts
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

    def pays(self, rows: int) -> bool:
        """Whether so many lines are better not cut to strings."""
        return self._pieces.pays(rows)

    def blocks(self, cut: ByteColumns) -> Iterator[RowBlock]:
        """The rows of at least one line in blocks of :data:`MOST_IN_BLOCK`.

        Why rows are refused is worked out block by block: for one it takes as long as all else for
        ten, and a request whose rows are all refused must not keep others waiting.
        """
        if not isinstance(cut, CutLines):
            yield from self._texts(cut)
            return
        if not self.pays(cut.rows):
            cut.split()
            yield from self._texts(cut)
            return
        found = self._pieces.of(cut)
        ids = self._ids(cut, found.refused)
        places = [*range(0, cut.rows, MOST_IN_BLOCK), cut.rows]
        if not found.refused:
            yield from self._joined(found, ids, places)
            return
        refused = sorted(found.refused)
        good = np.ones(cut.rows, bool)
        good[refused] = False
        lines = np.concatenate([[0], np.cumsum(good)])
        found.pieces = found.pieces[good]
        ids = list(compress(ids, good.tolist()))
        blocks = self._joined(found, ids, [int(lines[at]) for at in places])
        for block, (start, end) in zip(blocks, pairwise(places), strict=True):
            here = refused[bisect_left(refused, start) : bisect_left(refused, end)]
            yield block.among({at - start: self._refusal(cut.row(at)) for at in here})

    def _refusal(self, cells: Sequence[str]) -> Refusal:
        """Why a row is refused: for its cells, its id or its label."""
        found = self._convert(cells)
        assert isinstance(found, Refusal), "a row of which a cell is refused"
        return found

    def _joined(self, found: Found, ids: Sequence[str], places: Sequence[int]) -> list[RowBlock]:
        """The lines between each two of these places as a block."""
        pieces = found.pieces
        labels: list[int | None] = [None] * len(ids)
        if self._label_at is None:
            pieces = np.hstack([np.full((len(ids), 1), self._heads[None], object), pieces])
        else:
            labels = list(map(self._codes.__getitem__, pieces[:, 0].tolist()))
        weights = None
        if self._weighted:
            weights, pieces[:, 1] = weights_of(pieces[:, 1].tolist(), labels)
        flat: list[str] = pieces.reshape(-1).tolist()
        width = pieces.shape[1]
        blocks: list[RowBlock] = []
        for start, end in pairwise(places):
            # Each line begins with its line feed; that of the first belongs at the end.
            text = "".join(flat[start * width : end * width])[1:] + "\n" if end > start else ""
            of = None if weights is None else weights[start:end]
            of = of if of is not None and any(of) else None
            plain = found.plain and of is None
            blocks.append(RowBlock(ids[start:end], labels[start:end], text, {}, of, plain))
        return blocks

    def _ids(self, cut: CutLines, refused: set[int]) -> list[str]:
        """The ids of lines; those with a bad one are added to the refused."""
        if self._id_at is None:
            return [""] * cut.rows
        ids = cut[self._id_at]
        if cut.lengths[:, self._id_at].max() > MOST_ID:
            refused.update(at for at, id_ in enumerate(ids) if len(id_) > MOST_ID)
        if self._integers:
            for at, id_ in enumerate(ids):
                try:
                    ids[at] = integer(id_)
                except RefusedCellError:
                    refused.add(at)
        return ids
