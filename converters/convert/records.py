"""The value of a log record (or of an HTTP body) -> checked rows and refusals, in order.

CSV is framed and JSON parsed; each row's cells then go through the one compiled converter.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from functools import lru_cache

import orjson

from converters.cells.escaping import QUOTED_LENGTH, quoted, quoted_bytes
from converters.cells.refusal import MOST_ID, Refusal, RefusedCellError
from converters.cells.times import time_ms
from converters.convert.to_vw_text import Row, compile_schema
from converters.files.framing import MOST_ROWS, Dialect, plain_lines, too_many
from converters.schema.schema import ColumnOrder, Schema, ordered

Headers = Sequence[tuple[str, bytes]]
LabelRow = tuple[str, int]

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
        self._delimiter = schema.delimiter
        self._conversion = compile_schema(schema)
        self.convert = self._conversion.row
        self.convert_rows = self._conversion.rows
        self._labels = schema.label_codes
        self._order_of = lru_cache(maxsize=64)(self._named_order)

    def events(self, value: bytes, headers: Headers = ()) -> list[Row | Refusal]:
        """The rows of an event record, or their refusals; an empty record is one refused row."""
        json = is_json(value, headers) if headers else value.startswith((b"{", b"["))
        lines = None if json else plain_lines(value)
        if lines and len(lines) <= MOST_ROWS:
            columns = dict(headers).get("columns") if headers else None
            order = None if columns is None else self._order_of(columns)
            return self._conversion.lines(lines, self._delimiter, order)
        return self.convert_rows(list(self.event_cells(value, headers)))

    def lines(self, lines: Sequence[str], order: ColumnOrder | None) -> list[Row | Refusal]:
        """The rows of CSV that :func:`plain_lines` gave, in this order or the schema's own."""
        return self._conversion.lines(lines, self._delimiter, order)

    def labels(self, value: bytes, headers: Headers = ()) -> list[LabelRow | Refusal]:
        """The rows of a label record: ``id,label[,time]`` or objects with those keys."""
        lines = None if headers or value.startswith((b"{", b"[")) else plain_lines(value)
        if lines and len(lines) <= MOST_ROWS and "" not in lines:
            return [self.label(line.split(self._delimiter)) for line in lines]
        rows = self.label_cells(value, headers)
        return [cells if isinstance(cells, Refusal) else self.label(cells) for cells in rows]

    def order(self, names: Sequence[str]) -> ColumnOrder | None:
        """The order of rows under these column names; None for the schema's own."""
        if tuple(names) == self.schema.names:
            return None
        return self.schema.order(names)

    def label_cells(self, value: bytes, headers: Headers) -> Iterable[Sequence[str] | Refusal]:
        """The cells of a label record's rows, unchecked, or why they cannot be read."""
        if is_json(value, headers):
            return self._json(value, LABEL_NAMES)
        return self.dialect.cells(value)

    def event_cells(self, value: bytes, headers: Headers) -> Iterable[Sequence[str] | Refusal]:
        """The cells of an event record's rows, unchecked, in the schema's order.

        A row that cannot be read is the refusal that says why.
        """
        if is_json(value, headers):
            return self._json(value, self.schema.names)
        columns = dict(headers).get("columns")
        rows = self.dialect.cells(value)
        if columns is None:
            return rows
        return ordered(rows, self._order_of(columns))

    def _named_order(self, columns: bytes) -> ColumnOrder:
        """The order that a record's header names, itself a line of CSV."""
        named = self.dialect.cells_of(columns)
        return self.schema.order([] if isinstance(named, Refusal) else named)

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

    def label(self, cells: Sequence[str]) -> LabelRow | Refusal:
        """The label that the cells of one row say."""
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
    """A JSON value as a refusal quotes it."""
    if not isinstance(value, list | dict):
        return quoted(str(value))
    written: list[str] = []
    _write(value, written, QUOTED_LENGTH + 1)
    return quoted("".join(written))


def _write(value: object, written: list[str], room: int) -> int:
    """Write a value as ``str`` does, while there is room, and give what room is left.

    The parser goes deeper than ``str`` can follow, which takes the square of the depth.
    """
    if not isinstance(value, list | dict):
        written.append(repr(value))
        return room - len(written[-1])
    is_dict = isinstance(value, dict)
    lead = "{" if is_dict else "["
    for key in value:
        if room <= 0:
            return room
        written.append(f"{lead}{key!r}: " if is_dict else lead)
        inner = value[key] if isinstance(value, dict) else key
        room = _write(inner, written, room - len(written[-1]))
        lead = ", "
    end = "}" if is_dict else "]"
    written.append(end if lead == ", " else lead + end)
    return room - len(written[-1])


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
