"""One compiled function per schema: the cells of a row -> (id, label, Vowpal Wabbit text).

Stands between the framing of rows (:mod:`converters.rows`) and every consumer: the stream, a
backfill, batch scoring, HTTP, and river (which reads the same text back into features). There is
no second way from a row to a learner.

``compile_schema`` gives the fast function, ``reference`` the plain twin that the tests hold it
equal to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import getitem, itemgetter

from converters.cells import (
    Piece,
    Refusal,
    RefusedCellError,
    check_time,
    piece_function,
    quoted,
)
from converters.schema import Schema

# Pieces remembered per column. Real columns repeat their values (the flights hold 4,043 tail
# numbers); at 16,384 a column costs at most some 3 MB.
REMEMBERED_PIECES = 16_384
# A longer cell is not remembered, so that a stream of huge cells stays bounded.
LONGEST_REMEMBERED = 64


# A checked row: its id (or empty), its label (1, 0, or None when not known yet), and its features
# as VW text, starting with "|". A plain tuple: a NamedTuple costs as much as three columns.
Row = tuple[str, int | None, str]

Converter = Callable[[Sequence[str]], Row | Refusal]


def compile_schema(schema: Schema) -> Converter:
    """The function that every row of this schema goes through.

    It takes one cell per column, in the schema's order, and returns a :data:`Row`, or a
    :class:`~converters.cells.Refusal`; it never raises for anything a row holds.
    """
    order = _feature_order(schema)
    # One dictionary of known pieces per feature. Plain dictionaries and map(getitem, …) keep the
    # loop over columns in C: 2.1 us a row of 12 features, where a dict subclass with __missing__
    # takes 2.6 and a comprehension over pairs 3.3.
    known: list[dict[str, str]] = [{} for _ in order]
    pick = _picker(order)
    width, labels = len(schema.columns), schema.label_codes
    id_at, label_at, time_at = (schema.index(role) for role in ("id", "label", "time"))
    plain, check_time = reference(schema), _time_checked_once(schema)
    remember = _remembering(schema, known)

    def convert(cells: Sequence[str]) -> Row | Refusal:
        if len(cells) != width:
            return wrong_width(cells, width)
        try:
            label = None if label_at is None else labels[cells[label_at]]
            if time_at is not None:
                check_time(cells[time_at])
            text = "|" + "".join(map(getitem, known, pick(cells)))
        except RefusedCellError:
            return plain(cells)
        except KeyError:
            try:
                label, text = remember(cells)
            except (RefusedCellError, KeyError):
                return plain(cells)  # the plain twin says which column it was
        return ("" if id_at is None else cells[id_at], label, text)

    return convert


def _remembering(
    schema: Schema, known: list[dict[str, str]]
) -> Callable[[Sequence[str]], tuple[int | None, str]]:
    """The path of a row with a cell not known yet: compute its piece, and keep it if short."""
    order = _feature_order(schema)
    columns = [(schema.columns[i].name, schema.columns[i]) for i in order]
    pieces = [piece_function(name, c.settings, c.namespace) for name, c in columns]
    labels, label_at = schema.label_codes, schema.index("label")

    def recall(memory: dict[str, str], piece: Piece, cell: str) -> str:
        text = memory.get(cell)
        if text is None:
            text = piece(cell)
            if len(cell) <= LONGEST_REMEMBERED:
                if len(memory) >= REMEMBERED_PIECES:
                    memory.clear()
                memory[cell] = text
        return text

    def remember(cells: Sequence[str]) -> tuple[int | None, str]:
        label = None if label_at is None else labels[cells[label_at]]
        return label, "|" + "".join(map(recall, known, pieces, [cells[i] for i in order]))

    return remember


def reference(schema: Schema) -> Converter:
    """The plain conversion, column by column; says which column a refusal is about."""
    pieces = [
        (i, schema.columns[i].name, piece_function(c.name, c.settings, c.namespace))
        for i, c in ((i, schema.columns[i]) for i in _feature_order(schema))
    ]
    labels = schema.label_codes
    check_time = _time_check(schema)
    id_at, label_at, time_at = (schema.index(role) for role in ("id", "label", "time"))

    def convert(cells: Sequence[str]) -> Row | Refusal:
        if len(cells) != len(schema.columns):
            return wrong_width(cells, len(schema.columns))
        if label_at is not None and cells[label_at] not in labels:
            return Refusal("bad-label", schema.names[label_at], quoted(cells[label_at]))
        name = "" if time_at is None else schema.names[time_at]
        text = "|"
        try:
            if time_at is not None:
                check_time(cells[time_at])
            for i, name, piece in pieces:  # noqa: B007  # name outlives the loop on refusal
                text += piece(cells[i])
        except RefusedCellError as refused:
            return Refusal(refused.reason, name, quoted(refused.cell))
        label = None if label_at is None else labels[cells[label_at]]
        return ("" if id_at is None else cells[id_at], label, text)

    return convert


def line(text: str, label: int | None) -> str:
    """A row's text with its label in front, as a learner takes it."""
    return text if label is None else f"{'1' if label else '-1'} {text}"


def _feature_order(schema: Schema) -> list[int]:
    """Feature columns: those of the default namespace first, since ``|`` opens it only once."""
    features = [i for i, c in enumerate(schema.columns) if c.settings.role == "feature"]
    return sorted(features, key=lambda i: schema.columns[i].namespace != "")


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    if len(places) == 1:
        return lambda cells: (cells[places[0]],)
    return itemgetter(*places)


def _time_checked_once(schema: Schema) -> Callable[[str], None]:
    """The check of a time cell; a stream's times repeat, so the good ones are remembered."""
    check, good = _time_check(schema), set[str]()

    def check_once(cell: str) -> None:
        if cell not in good:
            check(cell)
            if len(good) >= REMEMBERED_PIECES:
                good.clear()
            good.add(cell)

    return check_once


def _time_check(schema: Schema) -> Piece:
    column = schema.only("time")
    zone = "UTC" if column is None else column.settings.zone

    def check(cell: str) -> str:
        if cell:
            check_time(cell, zone)
        return ""

    return check


def wrong_width(cells: Sequence[str], width: int) -> Refusal:
    """The refusal of a row that has more or fewer cells than columns."""
    if list(cells) in ([], [""]):
        return Refusal("empty-row", "", "")
    return Refusal("wrong-width", "", quoted(f"{len(cells)} cells, not {width}: {','.join(cells)}"))
