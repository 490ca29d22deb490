"""The value of a log record (or of an HTTP body) -> checked rows and refusals, in order.

CSV is framed and JSON parsed; each row's cells then go through the one compiled converter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import Enum, auto
from functools import lru_cache, partial
from itertools import islice
from typing import NamedTuple

import orjson

from converters.cells.escaping import quoted, quoted_bytes
from converters.cells.refusal import Refusal
from converters.convert.label_rows import Cells, LabelReader, LabelRow
from converters.convert.row_block import MOST_IN_BLOCK
from converters.convert.to_vw_text import (
    FEWEST_IN_BLOCK,
    Conversion,
    Row,
    compile_schema,
)
from converters.files.cut_lines import CutLines
from converters.files.first_line import named
from converters.files.framing import (
    MOST_ROWS,
    ByteColumns,
    Dialect,
    TextColumns,
    plain_lines,
    text_columns,
    too_many,
)
from converters.objects import json_rows
from converters.objects.alike_objects import AlikeObjects
from converters.objects.json_columns import Literals, Shape, object_columns
from converters.objects.json_rows import (
    Broken,
    Nowhere,
    begins_as_json,
    opens_as_json,
    registered_schema,
    rows_in,
    without_prefix,
)
from converters.schema.column_names import ColumnOrder, ordered
from converters.schema.schema import Schema
from converters.schema.writer_schema import WriterSchema

Headers = Sequence[tuple[str, bytes]]

# In the headers of a record whose row is at the top, whatever path the config names.
AT_THE_TOP: tuple[str, bytes] = ("path", b"")

# What records begin with that may not be CSV.
_BRACKETS = (b"{", b"[")
SUSPECT = frozenset((b"{", b"[", b"\0", b"\xef", b" ", b"\t", b"\r", b"\n"))
# Refusals of what has no cells, or another number of them.
_UNSHAPED = frozenset(
    ("wrong-width", "empty-row", "text-after-quote", "unclosed-quote", "bare-cr", "not-utf8")
)


class Format(Enum):
    """What the content-type header says of a record."""

    UNSAID = auto()
    CSV = auto()
    JSON = auto()
    # One of JSON's many relatives.
    LIKE_JSON = auto()
    OTHER = auto()


# Looking a member up takes as long as comparing it ten times.
_UNSAID, _CSV, _JSON, _SAY_JSON = (
    Format.UNSAID,
    Format.CSV,
    Format.JSON,
    (
        Format.JSON,
        Format.LIKE_JSON,
    ),
)


# The rows of a record, before they are checked: the cells of each, or why it cannot be read; and a
# function that gives the bytes of each. A NamedTuple would take longer to make than a row.
Rows = tuple[Iterable[Cells], Callable[[], list[bytes]]]


class Layout(NamedTuple):
    """How the rows of a record are laid out, as far as its headers say it.

    Attributes:
        order: of rows of CSV; None for the schema's own.
        format: of the record.
        at_the_top: whether rows of JSON are at the top, whatever path the config names.
        delimiter: between the cells of rows of CSV.
    """

    order: ColumnOrder | None
    format: Format
    at_the_top: bool
    delimiter: str


class _Kind(NamedTuple):
    """How the rows of a topic are read.

    Attributes:
        path: where they are in JSON.
        cells: elements of JSON, as :func:`rows_in` gives them -> the cells of each.
        check: cells -> what they say.
    """

    path: tuple[str, ...]
    cells: Callable[[Sequence[object]], list[Cells]]
    check: Callable[[Sequence[str]], object]


class RowReader:
    """Reads the records of the events and labels topics under one schema.

    Args:
        schema: the reader's: names the columns and says what cells mean.
        writer: how rows were laid out whose record does not say it itself; as the schema's own if
            not given.
        conversion: that of the schema, if it is compiled already.

    Attributes:
        schema: the reader's.
        dialect, conversion: the CSV of the rows, and what all of them go through.
        convert: the cells of an event's row, in the schema's order, to what is learned.
        convert_rows: the same for many, quicker than one by one.
        label_cells: the cells of a label's JSON object.
        label: what the cells of a label say.
        label_columns: the same for many labels, column by column.
    """

    def __init__(
        self,
        schema: Schema,
        writer: WriterSchema | None = None,
        conversion: Conversion | None = None,
    ) -> None:
        self.schema = schema
        self.conversion = conversion or compile_schema(schema)
        self.convert = self.conversion.row
        self.convert_rows = self.conversion.rows
        self._read_as(WriterSchema.of(schema) if writer is None else writer)

    def of_writer(self, writer: WriterSchema) -> RowReader:
        """The reader of rows that were laid out in another way; the conversion is shared."""
        return RowReader(self.schema, writer, self.conversion)

    def _read_as(self, writer: WriterSchema) -> None:
        schema, numbers, whole = self.schema, self.schema.numbers, self.schema.whole
        # What either of the two schemas passes over does not refuse a row.
        self._read = replace(
            schema,
            former=schema.former.union(writer.names),
            ignore_extra=schema.ignore_extra or writer.ignore_extra,
        )
        self._names = names = self._read.column_names.at(writer.meanings)
        self.dialect = Dialect(writer.delimiter)
        self._delimiter = writer.delimiter
        self._unsaid = Layout(None, _UNSAID, at_the_top=False, delimiter=writer.delimiter)
        if writer.names != schema.names or writer.meanings:
            source = f" as the columns were then ({len(schema.names)} now)"
            order = names.order(writer.names, writer.delimiter, source)
            self._unsaid = self._unsaid._replace(order=order)
        # A producer's records all have the same few headers.
        self._said = lru_cache(maxsize=64)(self._said_by)

        self._alike, self._literals = AlikeObjects(), Literals(numbers, whole)

        def cells(rows: Sequence[object]) -> list[Cells]:
            found: list[Cells] = []
            for at in range(0, len(rows), MOST_IN_BLOCK):
                part = rows[at : at + MOST_IN_BLOCK]
                many = len(part) >= FEWEST_IN_BLOCK
                columns = object_columns(part, names, numbers, whole) if many else None
                found += _each(one, part) if columns is None else zip(*columns, strict=True)
            return found

        one = partial(json_rows.object_cells, names=names, numbers=numbers, whole=whole)
        self._event_kind = _Kind(writer.path, cells, self.convert)
        labels = LabelReader(self._read)
        self.label_cells, self.label = labels.cells, labels.label
        self.label_columns = labels.columns
        self._label_kind = _Kind(writer.labels_path, partial(_each, self.label_cells), self.label)

    def events(self, value: bytes, headers: Headers = ()) -> list[Row | Refusal]:
        """The rows of an event record, or their refusals; an empty record is one refused row."""
        return self.convert_rows(list(self.event_rows(value, headers)[0]))

    def csv_layout(self, value: bytes, headers: Headers = ()) -> Layout | None:
        """The layout of a record that is CSV; None if it is JSON, or only its rows can tell."""
        # Of a record of one row all this takes a hundredth of the time.
        layout = self._said(tuple(headers)) if headers else self._unsaid
        said = layout.format
        if said is _CSV or not (said in _SAY_JSON or _may_be_json(value)):
            return layout
        return None

    def holds_objects(self, headers: Headers) -> bool:
        """Whether an event record that begins with a bracket, and is JSON, is its rows itself."""
        layout = self._said(tuple(headers)) if headers else self._unsaid
        is_json = layout.format is _JSON or layout.format is _UNSAID
        return is_json and (layout.at_the_top or not self._event_kind.path)

    def cut_objects(self, content: bytes) -> CutLines | None:
        """The columns of objects parted by commas; None unless they are good and written alike."""
        cut = self._alike.cut(content)
        if cut is None or self._names.unknown(cut.keys):
            return None
        return Shape.of(cut.keys, self._names).cut_cells(cut, self._literals)

    def cut(self, content: bytes, rows: int, layout: Layout) -> ByteColumns | None:
        """The columns of lines, each ended, in the schema's order; None if few, or one is odd."""
        if rows < FEWEST_IN_BLOCK:
            return None  # nor is numpy imported
        order = layout.order
        if order is not None and order.refusal is not None:
            return None
        width = self.conversion.width if order is None else order.width
        cut_up: Callable[[bytes, int, str, int], CutLines | TextColumns | None] = text_columns
        if self.conversion.by_bytes(rows):
            from converters.files.cut_lines import cut_lines as cut_up
        cut = cut_up(content, rows, layout.delimiter, width)
        return cut if cut is None or order is None else cut.ordered(order.places)

    def labels(self, value: bytes, headers: Headers = ()) -> list[LabelRow | Refusal]:
        """The rows of a label record: ``id,label[,time]`` or objects with those keys."""
        lines = None if headers or value[:1] in SUSPECT else plain_lines(value)
        if lines and len(lines) <= MOST_ROWS and "" not in lines:
            return [self.label(line.split(self._delimiter)) for line in lines]
        rows, _ = self.label_rows(value, headers)
        return [cells if isinstance(cells, Refusal) else self.label(cells) for cells in rows]

    def order(self, names: Sequence[str]) -> ColumnOrder | None:
        """The order of rows under these column names; None for the schema's own."""
        return self._order(names, self._delimiter)

    def _order(self, names: Sequence[str], delimiter: str) -> ColumnOrder | None:
        plainly = self._names.then is None and delimiter == self._delimiter
        if plainly and tuple(names) == self.schema.names:
            return None
        source = " as the names in its columns header"
        return self._names.order(names, delimiter, source)

    def label_rows(self, value: bytes, headers: Headers) -> Rows:
        """A label record's rows, their cells unchecked."""
        said = self._said(tuple(headers))._replace(order=None, delimiter=self._delimiter)
        return self._rows(value, said, self._label_kind)

    def event_rows(self, value: bytes, headers: Headers) -> Rows:
        """An event record's rows, their cells unchecked and in the schema's order."""
        return self._rows(value, self._said(tuple(headers)), self._event_kind)

    def _said_by(self, headers: tuple[tuple[str, bytes], ...]) -> Layout:
        named = dict(headers)
        columns, content_type = named.get("columns"), named.get("content-type")
        order = self._unsaid.order if columns is None else self._named_order(columns)
        return Layout(
            order,
            _format(content_type) if content_type else _UNSAID,
            named.get(AT_THE_TOP[0]) == AT_THE_TOP[1],
            self._delimiter if order is None else order.delimiter,
        )

    def _rows(self, value: bytes, by: Layout, kind: _Kind) -> Rows:
        """The rows of a record, read as CSV or as JSON.

        What neither its header nor its beginning decides is CSV if a single row is good as CSV.
        """
        order, said, dialect = by.order, by.format, self.dialect
        if by.delimiter != self._delimiter:
            dialect = Dialect(by.delimiter)
        if by.at_the_top:
            kind = kind._replace(path=())
        begins = said is _UNSAID and value[:1] in _BRACKETS
        if not begins and (said is _CSV or not (said in _SAY_JSON or _may_be_json(value))):
            return _csv(ordered(dialect.cells(value), order), value, dialect)
        text = without_prefix(value) if value[:1] == b"\0" else value
        content = json_rows.parsed(text)
        if said is _JSON or (begins and not isinstance(content, Broken)):
            return _json(content, value, kind)
        rows = list(ordered(dialect.cells(value), order))
        results = [row if isinstance(row, Refusal) else kind.check(row) for row in rows]
        if _is_csv(results, content, value, said, dialect.delimiter):
            return _csv(rows, value, dialect)
        return _json(content, value, kind)

    def _named_order(self, columns: bytes) -> ColumnOrder | None:
        """The order that a record's header names, itself a line of CSV.

        A sender may have the config of now while rows are still read as they were laid out before:
        then the header has the delimiter of now.
        """
        order = self._order_between(columns, self.dialect)
        if order is None or order.refusal is None or self._delimiter == self.schema.delimiter:
            return order
        now = self._order_between(columns, Dialect(self.schema.delimiter))
        return order if now is None or now.refusal is not None else now

    def _order_between(self, columns: bytes, dialect: Dialect) -> ColumnOrder | None:
        cells = dialect.cells_of(columns)
        return self._order([] if isinstance(cells, Refusal) else named(cells), dialect.delimiter)


def _csv(rows: Iterable[Cells], value: bytes, dialect: Dialect) -> Rows:
    most = MOST_ROWS + 1  # the last represents all beyond the limit

    def raw() -> list[bytes]:
        return [row for row, _ in islice(dialect.frame(value), most)] or [b""]

    return rows, raw


def _format(content_type: bytes) -> Format:
    """What a content-type header says."""
    name = content_type.split(b";")[0].strip().lower()
    known = {b"": _UNSAID, b"text/csv": _CSV, b"application/json": _JSON}
    like_json = name.endswith(b"+json") or name == b"text/json"
    return known.get(name, Format.LIKE_JSON if like_json else Format.OTHER)


def _may_be_json(value: bytes) -> bool:
    """Whether what no header calls CSV may be something else."""
    first = value[:1]
    if first not in SUSPECT:
        return False
    return first in _BRACKETS or opens_as_json(value) or registered_schema(value) is not None


def _is_csv(
    results: Sequence[object], content: object, value: bytes, said: Format, delimiter: str
) -> bool:
    """Whether a record is read, or refused, as CSV.

    Args:
        results: what its rows are as CSV.
        content: what it is as JSON.
        value: the record.
        said: what its header says.
        delimiter: between its cells, if it is CSV.
    """
    refused = [row for row in results if isinstance(row, Refusal)]
    if len(refused) < len(results):
        return True
    if not isinstance(content, Broken) or said is Format.LIKE_JSON:
        return False
    shaped = any(row.reason not in _UNSHAPED for row in refused)
    if begins_as_json(without_prefix(value)):
        return shaped and content.behind == delimiter  # the first cell is JSON by itself
    return shaped or (registered_schema(value) is None and len(refused) > 1)


def _json(content: object, value: bytes, kind: _Kind) -> Rows:
    """The rows of JSON; of what is none, one refusal."""
    if isinstance(content, Broken):
        schema = registered_schema(value)
        refusal = Refusal("bad-json", "", content.fault)
        if schema is not None and not opens_as_json(without_prefix(value)):
            text = f"schema {schema}, perhaps Avro or Protobuf: {quoted_bytes(value[:40])}"
            refusal = Refusal("schema-registry", "", quoted(text))
        return [refusal], lambda: [value]
    found = rows_in(content, kind.path)
    cells = kind.cells(found[:MOST_ROWS])
    if len(found) > MOST_ROWS:
        cells.append(too_many())
    return cells, partial(_raw_json, content, found, value)


def _each(cells: Callable[[object], Cells], rows: Sequence[object]) -> list[Cells]:
    """The cells of elements one by one."""
    return [row.refusal if isinstance(row, Nowhere) else cells(row) for row in rows]


def _raw_json(content: object, found: Sequence[object], value: bytes) -> list[bytes]:
    """The bytes of each row of JSON."""
    if len(found) == 1 and found[0] is content:
        return [value]
    rows = (row.content if isinstance(row, Nowhere) else row for row in found[: MOST_ROWS + 1])
    return [_dumped(row, value) for row in rows]


def _dumped(row: object, value: bytes) -> bytes:
    try:
        return orjson.dumps(row)
    except orjson.JSONEncodeError:  # nested deeper than it writes: shown as all of the record
        return value
