"""One compiled function per schema: the cells of a row -> (id, label, Vowpal Wabbit text).

Stands between the framing of rows (:mod:`converters.convert.records`) and every consumer: the
stream, a
backfill, batch scoring, HTTP, and river (which reads the same text back into features). There is
no second way from a row to a learner.

``compile_schema`` gives the fast functions, for one row and for many; ``reference`` is the plain
twin that the tests hold them equal to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from operator import call, itemgetter

from converters.cells.feature import Piece
from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError, quoted
from converters.cells.times import check_time
from converters.cells.weight import Weight
from converters.convert.remembered_cells import Columns, Plain
from converters.files.framing import columns_of
from converters.schema.schema import Schema

# A checked row: its id (or empty), its label (1, 0, or None when not known yet), and its features
# as VW text, starting with "|", or with its weight and then "|". A plain tuple: a NamedTuple costs
# as much as three columns.
Row = tuple[str, int | None, str]

Converter = Callable[[Sequence[str]], Row | Refusal]
# Fewer rows are converted one by one as quickly.
FEWEST_IN_BLOCK = 24
# The cells of more rows leave the processor's caches before they are joined: 1,200 rows at once
# take 1.4 times as long as 256.
MOST_IN_BLOCK = 256


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


def ordered(
    rows: Iterable[Sequence[str] | Refusal], order: ColumnOrder | None
) -> Iterable[Sequence[str] | Refusal]:
    """Rows of this order in the schema's; what is refused already stays so."""
    if order is None:
        return rows
    return [row if isinstance(row, Refusal) else order.row(row) for row in rows]


BlockConverter = Callable[[Sequence[Sequence[str]]], "list[Row | Refusal]"]


@dataclass(frozen=True)
class Conversion:
    """What every row of a schema goes through; none of it raises for what a row holds.

    Attributes:
        width: how many cells a row has.
        row: one cell per column, in the schema's order -> a :data:`Row` or a
            :class:`~converters.cells.refusal.Refusal`.
        block: one sequence per column, all of the same length, with the cells of many rows ->
            what ``row`` gives for each.
    """

    width: int
    row: Converter
    block: BlockConverter

    def rows(self, rows: Sequence[Sequence[str] | Refusal]) -> list[Row | Refusal]:
        """What ``row`` gives for the cells of each row; what is refused already stays so."""
        many = len(rows) >= FEWEST_IN_BLOCK and set(map(len, rows)) == {self.width}
        if many and Refusal not in set(map(type, rows)):
            return self.block(list(zip(*rows, strict=True)))
        convert = self.row
        return [row if isinstance(row, Refusal) else convert(row) for row in rows]

    def lines(
        self, lines: Sequence[str], delimiter: str, order: ColumnOrder | None = None
    ) -> list[Row | Refusal]:
        """What ``row`` gives for each line, where a cell is all that is between delimiters."""
        if len(lines) > MOST_IN_BLOCK:
            starts = range(0, len(lines), MOST_IN_BLOCK)
            blocks = (self.lines(lines[at : at + MOST_IN_BLOCK], delimiter, order) for at in starts)
            return list(chain.from_iterable(blocks))
        if len(lines) >= FEWEST_IN_BLOCK and (order is None or order.refusal is None):
            columns = columns_of(lines, delimiter, self.width if order is None else order.width)
            if columns is not None:
                return self.block(columns if order is None else order.columns(columns, len(lines)))
        cells = [line.split(delimiter) if line else [] for line in lines]
        return self.rows(list(ordered(cells, order)))


@dataclass(frozen=True)
class _Checked:
    """A column whose cells are checked, what makes its pieces, and the plain twin of that."""

    place: int
    name: str
    plain: Plain
    twin: Piece


def compile_schema(schema: Schema) -> Conversion:
    """The functions that every row of this schema goes through."""
    width = len(schema.columns)
    id_at, label_at = schema.index("id"), schema.index("label")
    checked, lead = _checked(schema), _lead(schema)
    places = [column.place for column in checked]
    columns = Columns([column.plain for column in checked])
    # map(call, …) over bound look-ups keeps the loop over columns in C: 1.7 us a row of 12 known
    # cells, where a comprehension takes 2.3.
    pick, each = _picker(places), columns.each
    labels = schema.label_codes
    plain = reference(schema)

    def convert(cells: Sequence[str]) -> Row | Refusal:
        if len(cells) != width:
            return wrong_width(cells, width, schema.delimiter)
        try:
            label = None if label_at is None else labels[cells[label_at]]
            text = lead + "".join(map(call, each, pick(cells)))
        except (KeyError, RefusedCellError):
            return plain(cells)  # the plain twin says which column it was
        id_ = "" if id_at is None else cells[id_at]
        return (id_, label, text) if len(id_) <= MOST_ID else plain(cells)

    # Column by column nearly all is done in C: half the time of row by row.
    def convert_block(block: Sequence[Sequence[str]]) -> list[Row | Refusal]:
        if not block[0]:
            return []
        try:
            known = repeat(None) if label_at is None else map(labels.__getitem__, block[label_at])
            pieces = [columns.pieces(i, block[place]) for i, place in enumerate(places)]
            ids = repeat("") if id_at is None else block[id_at]
            texts = map("".join, zip(repeat(lead), *pieces, strict=False))
            if id_at is None or max(map(len, block[id_at])) <= MOST_ID:
                return list(zip(ids, known, texts, strict=False))
        except (KeyError, RefusedCellError):
            pass
        return list(map(convert, zip(*block, strict=True)))

    return Conversion(width, convert, convert_block)


def reference(schema: Schema) -> Converter:
    """The plain conversion, column by column; says which column a refusal is about."""
    labels = schema.label_codes
    id_at, label_at = schema.index("id"), schema.index("label")
    checked = _checked(schema)
    lead = _lead(schema)

    def convert(cells: Sequence[str]) -> Row | Refusal:
        if len(cells) != len(schema.columns):
            return wrong_width(cells, len(schema.columns), schema.delimiter)
        if label_at is not None and cells[label_at] not in labels:
            return Refusal("bad-label", schema.names[label_at], quoted(cells[label_at]))
        if id_at is not None and len(cells[id_at]) > MOST_ID:
            return Refusal("id-too-long", schema.names[id_at], quoted(cells[id_at]))
        text = lead
        for column in checked:
            try:
                text += column.twin(cells[column.place])
            except RefusedCellError as refused:
                return Refusal(refused.reason, column.name, quoted(refused.cell))
        label = None if label_at is None else labels[cells[label_at]]
        return ("" if id_at is None else cells[id_at], label, text)

    return convert


def line(text: str, label: int | None) -> str:
    """A row's text as a learner takes it: with its label in front, or without label and weight."""
    return unlabelled(text) if label is None else f"{'1' if label else '-1'} {text}"


def unlabelled(text: str) -> str:
    """A row's features alone; a weight says nothing where there is no label."""
    return text if text[0] == "|" else text[text.index("|") :]


def _lead(schema: Schema) -> str:
    """What each text begins with; a weight's piece holds the bar itself."""
    return "|" if schema.only("weight") is None else ""


def _checked(schema: Schema) -> list[_Checked]:
    """Each column that is checked, in the order of its pieces.

    The weight comes first, for it stands before the bar, then the time, with an empty piece; then
    the features of the default namespace, since ``|`` opens it only once, then the others.
    """
    columns: list[_Checked] = []
    for role in ("weight", "time"):
        place = schema.index(role)
        if place is not None:
            column = schema.columns[place]
            settings = column.settings
            piece = Weight(settings).piece if role == "weight" else _time_check(settings.zone)
            columns.append(_Checked(place, column.name, Plain(piece, one_by_one(piece)), piece))
    places = {name: place for place, name in enumerate(schema.names)}
    for feature in sorted(schema.features, key=lambda f: f.namespace != ""):
        place = places[feature.column]
        fast = Plain(feature.piece, feature.pieces)
        columns.append(_Checked(place, feature.column, fast, feature.plain_piece))
    return columns


def one_by_one(piece: Piece) -> Callable[[Sequence[str]], list[str]]:
    """The pieces of many cells, where nothing quicker is known."""
    return lambda cells: list(map(piece, cells))


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    if len(places) == 1:
        return lambda cells: (cells[places[0]],)
    return itemgetter(*places)


def _time_check(zone: str) -> Piece:
    def check(cell: str) -> str:
        if cell:
            check_time(cell, zone)
        return ""

    return check


def wrong_width(cells: Sequence[str], width: int, delimiter: str = ",") -> Refusal:
    """The refusal of a row that has more or fewer cells than columns."""
    if not cells or (len(cells) == 1 and not cells[0]):
        return Refusal("empty-row", "", "")
    shown = f"{len(cells)} cells, not {width}: {delimiter.join(cells)}"
    return Refusal("wrong-width", "", quoted(shown))
