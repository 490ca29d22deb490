"""The value of a log record (or of an HTTP body) -> checked rows and refusals, in order.

Has CSV framed (:mod:`converters.files.framing`) and reads JSON, then hands each row's cells to the
one compiled converter. Follows :mod:`converters.convert.to_vw_text`; the reader in the stream floor
calls it once per record.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import orjson

from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError, quoted, quoted_bytes
from converters.cells.times import time_ms
from converters.convert.to_vw_text import (
    FEWEST_IN_BLOCK,
    MOST_IN_BLOCK,
    Row,
    columns_of,
    compile_schema,
    wrong_width,
)
from converters.files.framing import BYTE_ORDER_MARK, MOST_ROWS, Dialect, too_many
from converters.schema.schema import Schema


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


Headers = Sequence[tuple[str, bytes]]
LabelRow = tuple[str, int]
Cells = Callable[[Sequence[str]], Sequence[str] | Refusal]

CSV, JSON = b"text/csv", b"application/json"
# Whole numbers of JSON from here on are parsed as floats.
PARSED_INTEGERS = 2.0**64

LABEL_NAMES = ("id", "label", "time")


class RowReader:
    """Reads the records of the events and labels topics under one schema.

    Attributes:
        schema: names the columns and says what cells mean.
        dialect: the CSV of the rows.
        convert: the cells of an event's row, in the schema's order, to what is learned.
        convert_rows: the same for many, quicker than one by one.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.dialect = Dialect(schema.delimiter)
        self._conversion = compile_schema(schema)
        self.convert = self._conversion.row
        self.convert_rows = self._conversion.rows
        self._labels = schema.label_codes
        self._order_of = lru_cache(maxsize=64)(self._named_order)

    def events(self, value: bytes, headers: Headers = ()) -> list[Row | Refusal]:
        """The rows of an event record, or their refusals; an empty record is one refused row."""
        json = is_json(value, headers) if headers else value.startswith((b"{", b"["))
        if not json and b'"' not in value and b"\r" not in value:
            # The hot path, 1.4x csv.reader: without quotes a row is what stands between commas.
            lines = _lines(value)
            if lines is not None:
                return self._lines(lines, dict(headers).get("columns") if headers else None)
        return self.convert_rows(list(self.event_cells(value, headers)))

    def labels(self, value: bytes, headers: Headers = ()) -> list[LabelRow | Refusal]:
        """The rows of a label record: ``id,label[,time]`` or objects with those keys."""
        label = self._label
        if not headers and b'"' not in value and b"\r" not in value:
            lines = _lines(value)
            if lines is not None and not value.startswith((b"{", b"[")):
                delimiter = self.dialect.delimiter
                many = self._many_labels(lines)
                return many or [label(line.split(delimiter)) for line in lines]
        rows = self.label_cells(value, headers)
        return [c if isinstance(c, Refusal) else label(c) for c in rows]

    def ordered(self, names: Sequence[str]) -> Cells:
        """The function that brings cells under these column names into the schema's order."""
        if tuple(names) == self.schema.names:
            return lambda cells: cells  # the converter checks how many they are
        return column_order(names, self.schema.names, self.schema.delimiter).row

    def label_cells(self, value: bytes, headers: Headers) -> Iterable[Sequence[str] | Refusal]:
        """The cells of a label record's rows, unchecked, or why they cannot be told apart."""
        if is_json(value, headers):
            return self._json(value, LABEL_NAMES)
        return self.dialect.cells(value)

    def event_cells(self, value: bytes, headers: Headers) -> Iterable[Sequence[str] | Refusal]:
        """The cells of an event record's rows, unchecked, in the schema's order where it is told.

        A row that cannot be told apart into cells is the refusal that says why.
        """
        if is_json(value, headers):
            return self._json(value, self.schema.names)
        columns = dict(headers).get("columns")
        rows = self.dialect.cells(value)
        if columns is None:
            return rows
        order = self._order_of(columns).row
        return [cells if isinstance(cells, Refusal) else order(cells) for cells in rows]

    def _lines(self, lines: Sequence[str], columns: bytes | None) -> list[Row | Refusal]:
        order = None if columns is None else self._order_of(columns)
        if len(lines) <= MOST_IN_BLOCK:
            return self._block(lines, order)
        starts = range(0, len(lines), MOST_IN_BLOCK)
        blocks = [self._block(lines[at : at + MOST_IN_BLOCK], order) for at in starts]
        return list(chain.from_iterable(blocks))

    def _block(self, lines: Sequence[str], order: ColumnOrder | None) -> list[Row | Refusal]:
        delimiter = self.dialect.delimiter
        if order is None:
            return self._conversion.lines(lines, delimiter)
        if len(lines) >= FEWEST_IN_BLOCK and order.refusal is None:
            cut = columns_of(lines, delimiter, order.width)
            if cut is not None:
                return self._conversion.block(order.columns(cut, len(lines)))
        cells = (line.split(delimiter) if line else [] for line in lines)
        return self.convert_rows(list(map(order.row, cells)))

    def _named_order(self, columns: bytes) -> ColumnOrder:
        """The order that a record's header names, itself a line of CSV."""
        named = self.dialect.cells_of(columns)
        return column_order(
            [] if isinstance(named, Refusal) else named, self.schema.names, self.schema.delimiter
        )

    def _json(self, value: bytes, names: Sequence[str]) -> Iterator[Sequence[str] | Refusal]:
        try:
            content = orjson.loads(value)
        except orjson.JSONDecodeError:
            yield Refusal("bad-json", "", quoted_bytes(value))
            return
        rows = content if isinstance(content, list) else [content]
        if not rows:
            yield Refusal("empty-record", "", "")
        for row in rows[:MOST_ROWS]:
            yield object_cells(row, names, self.schema.numbers)
        if len(rows) > MOST_ROWS:
            yield too_many()

    def _many_labels(self, lines: Sequence[str]) -> list[LabelRow | Refusal] | None:
        """The label rows of these lines if all are plain ``id,label``: a third of one by one."""
        columns = columns_of(lines, self.dialect.delimiter, 2) if len(lines) > 1 else None
        if columns is None:
            return None
        names, labels = columns
        codes = list(map(self._labels.get, labels))
        if None in codes or "" in names or max(map(len, names)) > MOST_ID:
            return None
        return list(zip(names, codes, strict=True))  # type: ignore[arg-type]  # no code is None

    def _label(self, cells: Sequence[str]) -> LabelRow | Refusal:
        if len(cells) not in (2, 3):
            return Refusal("wrong-width", "", f"{len(cells)} cells, not id,label[,time]")
        name, label = cells[0], cells[1]
        code = self._labels.get(label)
        if not name:
            return Refusal("missing-id", "id", "")
        if len(name) > MOST_ID:
            return Refusal("id-too-long", "id", quoted(name))
        if code is None:
            reason = "missing-label" if label in self._labels else "bad-label"
            return Refusal(reason, "label", quoted(label))
        if len(cells) == 3 and cells[2]:
            try:
                time_ms(cells[2])
            except RefusedCellError as refused:
                return Refusal(refused.reason, "time", quoted(refused.cell))
        return name, code


def object_cells(
    row: object, names: Sequence[str], numbers: Container[str] = ()
) -> list[str] | Refusal:
    """A JSON object's values as the cells that CSV would hold, in the order of the names.

    Args:
        row: what was parsed.
        names: the columns.
        numbers: those of them that hold numbers. In others a float from 2^64 up is refused: it may
            have been a whole number, whose digits the parser does not keep, and two ids be one.
    """
    if not isinstance(row, dict):
        return Refusal("not-a-row", "", _shown(row))
    if row.keys() - set(names):
        unknown = min(row.keys() - set(names))
        return Refusal("unknown-column", quoted(unknown), _shown(row[unknown]))
    cells = []
    for name in names:
        value = row.get(name)
        cell = _cell(value)
        if cell is None:
            return Refusal("nested-value", name, _shown(value))
        if isinstance(value, float) and abs(value) >= PARSED_INTEGERS and name not in numbers:
            return Refusal("inexact-number", name, cell)
        cells.append(cell)
    return cells


def _shown(value: object) -> str:
    """A JSON value as a refusal quotes it; the parser goes deeper than ``str`` can follow."""
    try:
        return quoted(str(value))
    except RecursionError:
        return "nested too deep to be shown"


def _cell(value: object) -> str | None:
    """A JSON scalar as CSV would spell it; None for anything nested."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else None


def is_json(value: bytes, headers: Headers) -> bool:
    """What the content-type header says; without one, whether it looks like and parses as JSON."""
    content_type = dict(headers).get("content-type", b"").split(b";")[0].strip().lower()
    if content_type == JSON:
        return True
    if content_type or not value.startswith((b"{", b"[")):
        return False
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True


def _lines(value: bytes) -> list[str] | None:
    """The lines of a value without quotes; None where they are not the rows, each by itself."""
    if value.count(b"\n") >= MOST_ROWS:
        return None
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if BYTE_ORDER_MARK in text:
        return None
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines or None
