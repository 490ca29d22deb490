"""One compiled function per schema: the cells of a row -> (id, label, Vowpal Wabbit text).

There is no other way from a row to a learner: the stream, a backfill, batch scoring and HTTP go
through it, and river reads the same text back into features.

``compile_schema`` gives the fast functions, for one row and for many; ``reference`` is the plain
twin that the tests hold them equal to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, repeat
from operator import call, itemgetter
from typing import TYPE_CHECKING

from converters.cells.escaping import quoted
from converters.cells.kind import Pieces
from converters.cells.quantities import Weight
from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError, wrong_width
from converters.cells.spellings import integer
from converters.cells.times import TimeReading
from converters.convert.row_block import (
    LABELLED,
    MOST_IN_BLOCK,
    Row,
    RowBlock,
    block_of,
    weights_of,
)
from converters.files.framing import ByteColumns, columns_of
from converters.pieces.column_memory import CheckedColumn, Columns, Watched, at_one_look
from converters.pieces.time_pieces import TimePieces
from converters.schema.column_names import ColumnOrder
from converters.schema.schema import Schema

if TYPE_CHECKING:
    from converters.convert.byte_blocks import ByteBlocks

__all__ = [
    "FEWEST_IN_BLOCK",
    "Conversion",
    "Row",
    "compile_schema",
    "reference",
    "unlabelled",
]

Converter = Callable[[Sequence[str]], Row | Refusal]
# Fewer rows are converted one by one as quickly.
FEWEST_IN_BLOCK = 24
BlockConverter = Callable[[Sequence[Sequence[str]]], "list[Row | Refusal]"]

# What each line of a text begins with, by label: the line feed before it, and the label.
_HEADS: Mapping[int | None, str] = {
    None: "\n",
    **{label: "\n" + head for label, head in enumerate(LABELLED)},
}


@dataclass(frozen=True)
class Conversion:
    """What every row of a schema goes through; none of it raises for what a row holds.

    Attributes:
        width: how many cells a row has.
        row: one cell per column, in the schema's order -> a :data:`Row` or a
            :class:`~converters.cells.refusal.Refusal`.
        block: one sequence per column, all of the same length, with the cells of many rows ->
            what ``row`` gives for each.
        row_block: the same cells -> the rows with their text as one, as a learner takes it.
        byte_blocks: the lines of many rows -> the same of each
            :data:`~converters.convert.row_block.MOST_IN_BLOCK` of them, made when it is its turn.
        by_bytes: whether so many lines are better cut by their bytes than to strings.
    """

    width: int
    row: Converter
    block: BlockConverter
    row_block: Callable[[Sequence[Sequence[str]]], RowBlock]
    byte_blocks: Callable[[ByteColumns], Iterator[RowBlock]]
    by_bytes: Callable[[int], bool]

    def rows(self, rows: Sequence[Sequence[str] | Refusal]) -> list[Row | Refusal]:
        """What ``row`` gives for the cells of each row; what is refused already stays so."""
        columns = self._columns_of(rows)
        if columns is not None:
            return self.block(columns)
        convert = self.row
        return [row if isinstance(row, Refusal) else convert(row) for row in rows]

    def block_of_rows(self, rows: Sequence[Sequence[str] | Refusal]) -> RowBlock:
        """The same rows, not more than a block has, with their text as one."""
        columns = self._columns_of(rows)
        return block_of(self.rows(rows)) if columns is None else self.row_block(columns)

    def _columns_of(
        self, rows: Sequence[Sequence[str] | Refusal]
    ) -> Sequence[Sequence[str]] | None:
        """The columns of rows; None if they are few, or one is refused or of another width."""
        many = len(rows) >= FEWEST_IN_BLOCK and set(map(len, rows)) == {self.width}
        if many and Refusal not in set(map(type, rows)):
            return list(zip(*rows, strict=True))
        return None

    def columns(
        self, lines: Sequence[str], delimiter: str, order: ColumnOrder | None = None
    ) -> Sequence[Sequence[str]] | None:
        """The columns of such lines for ``block``; None if they are few, or differ in width."""
        if len(lines) < FEWEST_IN_BLOCK or (order is not None and order.refusal is not None):
            return None
        columns = columns_of(lines, delimiter, self.width if order is None else order.width)
        return columns if order is None or columns is None else order.columns(columns, len(lines))


def compile_schema(schema: Schema, watched: Watched = lambda column: column) -> Conversion:
    """The functions that every row of this schema goes through; some columns perhaps watched."""
    width = len(schema.columns)
    id_at, label_at = schema.index("id"), schema.index("label")
    checked = [watched(column) for column in at_one_look(checked_columns(schema))]
    lead = _lead(schema)
    places = [column.place for column in checked]
    columns = Columns(checked)
    # map(call, …) over bound look-ups keeps the loop over columns in C: 1.7 us a row of 12 known
    # cells, where a comprehension takes 2.3.
    pick, each = _picker(places), columns.each
    labels, spelt = schema.label_codes, _integers if schema.has_integer_ids else list
    plain = reference(schema)

    def convert(cells: Sequence[str]) -> Row | Refusal:
        if len(cells) != width:
            return wrong_width(cells, width, schema.delimiter)
        try:
            label = None if label_at is None else labels[cells[label_at]]
            text = lead + "".join(map(call, each, pick(cells)))
            (id_,) = ("",) if id_at is None else spelt((cells[id_at],))
        except (KeyError, RefusedCellError):
            return plain(cells)  # the plain twin says which column it was
        return (id_, label, text) if id_at is None or len(cells[id_at]) <= MOST_ID else plain(cells)

    blocks = _Blocks(schema, columns, checked, convert, plain)
    of_many = blocks.rows, blocks.text, blocks.of_bytes, blocks.by_bytes
    return Conversion(width, convert, *of_many)


class _Blocks:
    """Many rows at once: column by column nearly all is done in C, in half the time.

    Args:
        schema: of the rows.
        columns: those that are checked, with their memories.
        checked: the same.
        convert: what is done with each row of a block of which one is refused.
        plain: the same, slower; says at once why a row is refused.
    """

    def __init__(
        self,
        schema: Schema,
        columns: Columns,
        checked: Sequence[CheckedColumn],
        convert: Converter,
        plain: Converter,
    ) -> None:
        places = [column.place for column in checked]
        self._pieces = list(zip(columns.pieces, places, strict=True))
        self._each, self._convert, self._plain = columns.each, convert, plain
        self._id_at, self._label_at = schema.index("id"), schema.index("label")
        self._labels, self._lead = schema.label_codes, _lead(schema)
        self._spelt = _integers if schema.has_integer_ids else list
        self._heads = {label: head + self._lead for label, head in _HEADS.items()}
        self._schema, self._columns, self._checked = schema, columns, checked
        # Whether no row was refused among those that were converted before.
        self._is_good = True

    def rows(self, block: Sequence[Sequence[str]]) -> list[Row | Refusal]:
        """Each row as it is converted by itself."""
        found = self._found(block)
        if found is None:
            return list(map(self._convert, zip(*block, strict=True)))
        ids, labels, columns = found
        pieces = [of for texts, lead, _ in columns for of in ([lead] * len(ids), texts)]
        texts = map("".join, zip(repeat(self._lead, len(ids)), *pieces, strict=True))
        return list(zip(ids, labels, texts, strict=True))

    def text(self, block: Sequence[Sequence[str]]) -> RowBlock:
        """The rows as one text."""
        found = self._found(block)
        if found is None:
            return self._around_refused(block)
        return self._joined(*found)

    def of_bytes(self, cut: ByteColumns) -> Iterator[RowBlock]:
        """The rows of lines, in blocks."""
        return self._byte_blocks.blocks(cut)

    def by_bytes(self, rows: int) -> bool:
        """Whether so many lines are better cut by their bytes."""
        return self._byte_blocks.pays(rows)

    def texts(self, columns: ByteColumns) -> Iterator[RowBlock]:
        """The rows of at least one line in blocks; all at once, unless one is refused."""
        rows = columns.rows
        found = self._found(columns) if self._is_good or rows <= MOST_IN_BLOCK else None
        self._is_good = True
        if found is None:
            for part in columns.parts(MOST_IN_BLOCK):
                block = self.text(part)
                self._is_good &= not block.refused
                yield block
            return
        ids, labels, pieces = found
        for at in range(0, rows, MOST_IN_BLOCK):
            yield self._joined(
                ids[at : at + MOST_IN_BLOCK],
                labels[at : at + MOST_IN_BLOCK],
                [(texts[at : at + MOST_IN_BLOCK], lead, plain) for texts, lead, plain in pieces],
            )

    @cached_property
    def _byte_blocks(self) -> ByteBlocks:
        """Made when it is first needed, since it imports numpy."""
        from converters.convert.byte_blocks import ByteBlocks

        given = self._schema, self._checked, self._columns, self._heads
        return ByteBlocks(*given, self._plain, self.texts)

    def _joined(self, ids: list[str], labels: list[int | None], columns: list[Pieces]) -> RowBlock:
        weights = None
        if not self._lead:
            weights, pieces = weights_of(columns[0][0], labels)
            columns[0] = (pieces, "", True)
        line = [""]
        for _, lead, _ in columns:
            line += (lead, "") if lead else ("",)
        flat, step = line * len(ids), len(line)
        flat[::step] = map(self._heads.__getitem__, labels)
        at = 0
        for texts, lead, _ in columns:
            at += 2 if lead else 1
            flat[at::step] = texts
        flat[0] = flat[0][1:]
        flat.append("\n")
        plain = weights is None and all(plain for _, _, plain in columns)
        return RowBlock(ids, labels, "".join(flat), {}, weights, plain)

    def _around_refused(self, block: Sequence[Sequence[str]]) -> RowBlock:
        """A block of which rows are refused: the others are still converted at once."""
        suspects = sorted(self._suspects(block))
        rows = [(at, self._plain([of[at] for of in block])) for at in suspects]
        refused = {at: row for at, row in rows if isinstance(row, Refusal)}
        good = [at not in refused for at in range(len(block[0]))]
        found = self._found([list(compress(of, good)) for of in block]) if refused else None
        if found is None:
            return block_of(list(map(self._convert, zip(*block, strict=True))))
        return self._joined(*found).among(refused)

    def _suspects(self, block: Sequence[Sequence[str]]) -> set[int]:
        """The rows with a cell that is refused."""
        looks: list[tuple[Callable[[str], object], Sequence[str]]] = [
            (piece, block[place])
            for piece, (_, place) in zip(self._each, self._pieces, strict=True)
        ]
        found: set[int] = set()
        if self._label_at is not None:
            looks.append((self._labels.__getitem__, block[self._label_at]))
        if self._id_at is not None:
            ids = block[self._id_at]
            looks.append((integer if self._spelt is _integers else str, ids))
            found.update(at for at, cell in enumerate(ids) if len(cell) > MOST_ID)
        for look, cells in looks:
            found.update(_refused_by(look, cells))
        return found

    def _found(
        self, block: Sequence[Sequence[str]]
    ) -> tuple[list[str], list[int | None], list[Pieces]] | None:
        """Ids, labels and pieces; None if a row is refused, or there is none."""
        size = len(block[0])
        if not size:
            return None
        labels: list[int | None] = [None] * size
        ids = [""] * size
        try:
            if self._label_at is not None:
                labels = list(map(self._labels.__getitem__, block[self._label_at]))
            found = [pieces(block[place]) for pieces, place in self._pieces]
            if self._id_at is not None:
                ids = self._spelt(block[self._id_at])
                if max(map(len, block[self._id_at])) > MOST_ID:
                    return None
        except (KeyError, RefusedCellError):
            return None
        return ids, labels, found


def _refused_by(look: Callable[[str], object], cells: Sequence[str]) -> list[int]:
    """The places of the cells at which it raises; what it gives for the others is not used."""
    refused: list[int] = []
    given: list[object] = []
    looks = map(look, cells)
    while len(given) < len(cells):
        try:
            given.extend(looks)  # until one raises; what comes after it is looked at next
        except (KeyError, RefusedCellError):
            refused.append(len(given))
            given.append(None)
    return refused


def _integers(ids: Sequence[str]) -> list[str]:
    return list(map(integer, ids))


def reference(schema: Schema) -> Converter:
    """The plain conversion, column by column; says which column a refusal is about."""
    labels = schema.label_codes
    id_at, label_at = schema.index("id"), schema.index("label")
    checked, has_integer_ids = checked_columns(schema), schema.has_integer_ids
    lead = _lead(schema)

    def convert(cells: Sequence[str]) -> Row | Refusal:
        if len(cells) != len(schema.columns):
            return wrong_width(cells, len(schema.columns), schema.delimiter)
        try:
            label = None if label_at is None else labels[cells[label_at]]
        except KeyError:
            return Refusal("bad-label", schema.names[label_at or 0], quoted(cells[label_at or 0]))
        id_ = "" if id_at is None else cells[id_at]
        if id_at is not None and len(id_) > MOST_ID:
            return Refusal("id-too-long", schema.names[id_at], quoted(id_))
        if id_at is not None and has_integer_ids:
            try:
                id_ = integer(id_)
            except RefusedCellError as refused:
                return Refusal(refused.reason, schema.names[id_at], quoted(refused.cell))
        text = lead
        for column in checked:
            try:
                text += column.plain(cells[column.place])
            except RefusedCellError as refused:
                return Refusal(refused.reason, column.name, quoted(refused.cell))
        return id_, label, text

    return convert


def unlabelled(text: str) -> str:
    """A row's features without its weight, which means nothing where there is no label."""
    return text if text[0] == "|" else text[text.index("|") :]


def _lead(schema: Schema) -> str:
    """What each text begins with; a weight's piece holds the bar itself."""
    return "|" if schema.only("weight") is None else ""


def checked_columns(schema: Schema) -> list[CheckedColumn]:
    """Each column that is checked, in the order of its pieces.

    The weight comes first, since it is written before the bar, then the time, with an empty piece;
    then the features of the default namespace, since ``|`` opens it only once, then the others.
    """
    columns: list[CheckedColumn] = []
    place = schema.index("weight")
    if place is not None:
        column = schema.columns[place]
        piece = Weight(column.settings, schema.converter).piece
        columns.append(CheckedColumn.of_each(place, column.name, piece))
    place = schema.index("time")
    if place is not None:
        check = TimePieces(schema.times, (), checked=True)
        columns.append(CheckedColumn.of_times(place, schema.names[place], check))
    places = {name: place for place, name in enumerate(schema.names)}
    for feature in sorted(schema.features, key=lambda f: f.namespace != ""):
        place = places[feature.column]
        if feature.part:
            reading = TimeReading.of(feature.settings, feature.converter)
            times = TimePieces(reading, (feature,), checked=False)
            columns.append(CheckedColumn.of_times(place, feature.column, times))
            continue
        fast = feature.piece, feature.pieces
        columns.append(CheckedColumn(place, feature.column, *fast, feature.plain_piece))
    return columns


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    if len(places) == 1:
        return lambda cells: (cells[places[0]],)
    return itemgetter(*places)
