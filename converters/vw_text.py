"""One compiled function per schema: the cells of a row -> (id, label, Vowpal Wabbit text).

Stands between the framing of rows (:mod:`converters.rows`) and every consumer: the stream, a
backfill, batch scoring, HTTP, and river (which reads the same text back into features). There is
no second way from a row to a learner.

``compile_schema`` gives the fast function, ``reference`` the plain twin that the tests hold it
equal to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import call, itemgetter

from converters.cells import (
    MOST_ID,
    Piece,
    Refusal,
    RefusedCellError,
    check_time,
    piece_function,
)
from converters.quoting import quoted
from converters.remembering import remembering
from converters.schema import Schema

# A checked row: its id (or empty), its label (1, 0, or None when not known yet), and its features
# as VW text, starting with "|". A plain tuple: a NamedTuple costs as much as three columns.
Row = tuple[str, int | None, str]

Converter = Callable[[Sequence[str]], Row | Refusal]


def compile_schema(schema: Schema) -> Converter:
    """The function that every row of this schema goes through.

    It takes one cell per column, in the schema's order, and returns a :data:`Row`, or a
    :class:`~converters.cells.Refusal`; it never raises for anything a row holds.
    """
    width, labels = len(schema.columns), schema.label_codes
    id_at, label_at = schema.index("id"), schema.index("label")
    checked = _checked_columns(schema)
    pick = _picker([i for i, _ in checked])
    # map(call, …) over bound look-ups keeps the loop over columns in C: 1.7 us a row of 12 known
    # cells, where a comprehension takes 2.3.
    columns = remembering([piece for _, piece in checked])
    plain = reference(schema)

    def convert(cells: Sequence[str]) -> Row | Refusal:
        if len(cells) != width:
            return wrong_width(cells, width)
        try:
            label = None if label_at is None else labels[cells[label_at]]
            text = "|" + "".join(map(call, columns, pick(cells)))
        except (KeyError, RefusedCellError):
            return plain(cells)  # the plain twin says which column it was
        id_ = "" if id_at is None else cells[id_at]
        return (id_, label, text) if len(id_) <= MOST_ID else plain(cells)

    return convert


def reference(schema: Schema) -> Converter:
    """The plain conversion, column by column; says which column a refusal is about."""
    labels = schema.label_codes
    id_at, label_at = schema.index("id"), schema.index("label")
    checked = _checked_columns(schema)

    def convert(cells: Sequence[str]) -> Row | Refusal:
        if len(cells) != len(schema.columns):
            return wrong_width(cells, len(schema.columns))
        if label_at is not None and cells[label_at] not in labels:
            return Refusal("bad-label", schema.names[label_at], quoted(cells[label_at]))
        if id_at is not None and len(cells[id_at]) > MOST_ID:
            return Refusal("id-too-long", schema.names[id_at], quoted(cells[id_at]))
        text = "|"
        for i, piece in checked:
            try:
                text += piece(cells[i])
            except RefusedCellError as refused:
                return Refusal(refused.reason, schema.names[i], quoted(refused.cell))
        label = None if label_at is None else labels[cells[label_at]]
        return ("" if id_at is None else cells[id_at], label, text)

    return convert


def line(text: str, label: int | None) -> str:
    """A row's text with its label in front, as a learner takes it."""
    return text if label is None else f"{'1' if label else '-1'} {text}"


def _checked_columns(schema: Schema) -> list[tuple[int, Piece]]:
    """Where each column stands whose cells are checked, and the function to its piece.

    The time column comes first, with an empty piece; then the features of the default namespace,
    since ``|`` opens it only once, then the others.
    """
    features = [(i, c) for i, c in enumerate(schema.columns) if c.settings.role == "feature"]
    features.sort(key=lambda place: place[1].namespace != "")
    pieces = [(i, piece_function(c.name, c.settings, c.namespace)) for i, c in features]
    time = [
        (i, _time_check(c.settings.zone))
        for i, c in enumerate(schema.columns)
        if c.settings.role == "time"
    ]
    return time + pieces


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


def wrong_width(cells: Sequence[str], width: int) -> Refusal:
    """The refusal of a row that has more or fewer cells than columns."""
    if not cells or (len(cells) == 1 and not cells[0]):
        return Refusal("empty-row", "", "")
    return Refusal("wrong-width", "", quoted(f"{len(cells)} cells, not {width}: {','.join(cells)}"))
