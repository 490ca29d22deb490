"""One compiled function per schema: the cells of a row -> (id, label, Vowpal Wabbit text).

There is no other way from a row to a learner: the stream, a backfill, batch scoring and HTTP go
through it, and river reads the same text back into features.

``compile_schema`` gives the fast functions, for one row and for many; ``reference`` is the plain
twin that the tests hold them equal to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from operator import call, itemgetter

from converters.cells.escaping import quoted
from converters.cells.feature import Piece
from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError, wrong_width
from converters.cells.spellings import integer
from converters.cells.times import TimeReading
from converters.cells.weight import Weight
from converters.files.framing import columns_of
from converters.schema.column_names import ColumnOrder
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


# Real columns repeat their values, and looking a piece up takes a tenth of making it. Where every
# value differs, remembering costs more than it saves, so a full memory is watched for a while.
#
# Pieces remembered per column. Real columns repeat their values (the flights hold 4,043 tail
# numbers); at 16,384 (and those of the last look) a column costs at most some 3 MB.
REMEMBERED_PIECES = 16_384
# Of all columns together: some 60 MB.
ALL_PIECES = 2**18
# A longer cell is not remembered, so that a stream of huge cells stays bounded.
LONGEST_REMEMBERED = 64

# A memory of so many pieces, of four times as many, and so on, is watched for so many cells.
FIRST_LOOK = 1_024
WATCHED_CELLS = 512
# It is given up if it knows hardly one of them, or, once it is full, not every other one.
HARDLY = 0.05
WORTH_IT = 0.5

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

    def columns(
        self, lines: Sequence[str], delimiter: str, order: ColumnOrder | None = None
    ) -> Sequence[Sequence[str]] | None:
        """The columns of such lines for ``block``; None if they are few, or differ in width."""
        if len(lines) < FEWEST_IN_BLOCK or (order is not None and order.refusal is not None):
            return None
        columns = columns_of(lines, delimiter, self.width if order is None else order.width)
        return columns if order is None or columns is None else order.columns(columns, len(lines))

    def lines(
        self, lines: Sequence[str], delimiter: str, order: ColumnOrder | None = None
    ) -> list[Row | Refusal]:
        """What ``row`` gives for each line, where a cell is all that is between delimiters."""
        if len(lines) > MOST_IN_BLOCK:
            starts = range(0, len(lines), MOST_IN_BLOCK)
            blocks = (self.lines(lines[at : at + MOST_IN_BLOCK], delimiter, order) for at in starts)
            return list(chain.from_iterable(blocks))
        columns = self.columns(lines, delimiter, order)
        if columns is not None:
            return self.block(columns)
        rows = [line.split(delimiter) if line else [] for line in lines]
        return list(map(self.row, rows)) if order is None else self.rows([*map(order.row, rows)])


def compile_schema(schema: Schema, watched: Watched = lambda column: column) -> Conversion:
    """The functions that every row of this schema goes through; some columns perhaps watched."""
    width = len(schema.columns)
    id_at, label_at = schema.index("id"), schema.index("label")
    checked, lead = [watched(column) for column in _checked(schema)], _lead(schema)
    places = [column.place for column in checked]
    columns = Columns(checked)
    # map(call, …) over bound look-ups keeps the loop over columns in C: 1.7 us a row of 12 known
    # cells, where a comprehension takes 2.3.
    pick, each = _picker(places), columns.each
    labels, spelt = schema.label_codes, _integers if schema.has_integer_ids else _as_they_are
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

    # Column by column nearly all is done in C: half the time of row by row.
    def convert_block(block: Sequence[Sequence[str]]) -> list[Row | Refusal]:
        if not block[0]:
            return []
        try:
            known = repeat(None) if label_at is None else map(labels.__getitem__, block[label_at])
            pieces = [columns.pieces(i, block[place]) for i, place in enumerate(places)]
            ids = repeat("") if id_at is None else spelt(block[id_at])
            texts = map("".join, zip(repeat(lead), *pieces, strict=False))
            if id_at is None or max(map(len, block[id_at])) <= MOST_ID:
                return list(zip(ids, known, texts, strict=False))
        except (KeyError, RefusedCellError):
            pass
        return list(map(convert, zip(*block, strict=True)))

    return Conversion(width, convert, convert_block)


def _integers(ids: Sequence[str]) -> Sequence[str]:
    return list(map(integer, ids))


def _as_they_are(ids: Sequence[str]) -> Sequence[str]:
    return ids


def reference(schema: Schema) -> Converter:
    """The plain conversion, column by column; says which column a refusal is about."""
    labels = schema.label_codes
    id_at, label_at = schema.index("id"), schema.index("label")
    checked = _checked(schema)
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
        if id_at is not None and schema.has_integer_ids:
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


@dataclass(frozen=True)
class CheckedColumn:
    """A column whose cells are checked, and what makes its pieces.

    Attributes:
        place: its place in a row.
        name: what it is called.
        piece: a cell -> its piece.
        pieces: the same for many cells.
        plain: the plain twin of ``piece``.
    """

    place: int
    name: str
    piece: Piece
    pieces: Callable[[Sequence[str]], Iterable[str]]
    plain: Piece


# Puts another column, which gives the same pieces, in place of one.
Watched = Callable[[CheckedColumn], CheckedColumn]


class Columns:
    """The columns of a schema, each with a memory of its own while that pays.

    Attributes:
        each: for each column the function from a cell to its piece. The list is alive: a function
            is replaced in it when its memory is full or given up.
    """

    def __init__(self, checked: Sequence[CheckedColumn]) -> None:
        self._checked = checked
        self.each: list[Piece] = []
        most = max(1, min(REMEMBERED_PIECES, ALL_PIECES // max(1, len(checked))))
        for place, column in enumerate(checked):
            self.each.append(_Memory(column.piece, self.each, place, most).__getitem__)

    def pieces(self, place: int, cells: Sequence[str]) -> Iterable[str]:
        """The pieces of many cells of one column.

        Raises:
            RefusedCellError: one of the cells must not reach a learner; raised here, or when the
                pieces are taken.
        """
        column, piece = self._checked[place], self.each[place]
        return column.pieces(cells) if piece is column.piece else map(piece, cells)


class _Memory(dict[str, str]):
    """Cell -> piece. Looking a known cell up never leaves C; the rest is for those not known."""

    def __init__(self, piece: Piece, columns: list[Piece], place: int, most: int) -> None:
        super().__init__()
        self._piece = piece
        self._columns = columns
        self._place = place
        self._most = most
        self._next_look = min(FIRST_LOOK, most)
        self._asked = 0
        self._known = 0

    def __missing__(self, cell: str) -> str:
        text = self._piece(cell)
        if len(cell) <= LONGEST_REMEMBERED:
            self[cell] = text
            if len(self) >= self._next_look and not self._asked:
                self._columns[self._place] = self._watched
        return text

    def _watched(self, cell: str) -> str:
        """Keep remembering, but count hits; after some cells decide how to continue."""
        asked = self._asked = self._asked + 1
        self._known += cell in self
        text = self[cell]
        if asked >= WATCHED_CELLS:
            self._decide(self._known / asked)
            self._asked = self._known = 0
        return text

    def _decide(self, known: float) -> None:
        full = self._next_look >= self._most
        if known < (WORTH_IT if full else HARDLY):
            self._columns[self._place] = self._piece
            self.clear()
            return
        if full:
            self.clear()  # what is common now is soon known again
        self._next_look = min(4 * self._next_look, self._most)
        self._columns[self._place] = self.__getitem__


def line(text: str, label: int | None) -> str:
    """A row's text as a learner takes it: with its label in front, or without label and weight."""
    return unlabelled(text) if label is None else f"{'1' if label else '-1'} {text}"


def unlabelled(text: str) -> str:
    """A row's features without its weight, which means nothing where there is no label."""
    return text if text[0] == "|" else text[text.index("|") :]


def _lead(schema: Schema) -> str:
    """What each text begins with; a weight's piece holds the bar itself."""
    return "|" if schema.only("weight") is None else ""


def _checked(schema: Schema) -> list[CheckedColumn]:
    """Each column that is checked, in the order of its pieces.

    The weight comes first, since it is written before the bar, then the time, with an empty piece;
    then the features of the default namespace, since ``|`` opens it only once, then the others.
    """
    columns: list[CheckedColumn] = []
    for role in ("weight", "time"):
        place = schema.index(role)
        if place is not None:
            column = schema.columns[place]
            settings = column.settings
            weigh = Weight(settings, schema.converter).piece
            piece = weigh if role == "weight" else _time_check(schema.times)
            columns.append(CheckedColumn(place, column.name, piece, partial(map, piece), piece))
    places = {name: place for place, name in enumerate(schema.names)}
    for feature in sorted(schema.features, key=lambda f: f.namespace != ""):
        place = places[feature.column]
        fast = feature.piece, feature.pieces
        columns.append(CheckedColumn(place, feature.column, *fast, feature.plain_piece))
    return columns


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    if len(places) == 1:
        return lambda cells: (cells[places[0]],)
    return itemgetter(*places)


def _time_check(reading: TimeReading) -> Piece:
    check_time = reading.check

    def check(cell: str) -> str:
        if cell:
            check_time(cell)
        return ""

    return check
