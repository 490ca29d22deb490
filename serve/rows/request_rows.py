"""The body of a request as rows: their shape checked at once, converted a chunk at a time.

Follows :mod:`serve.http.body`; scoring (:mod:`serve.routes.predict`) and appending
(:mod:`serve.routes.ingest`) take
rows from here. A row over HTTP becomes text by the very functions that the stream uses, so both
see the same features.

What is wrong with the shape (not an object, a column that nobody knows, one that must not be
missed) refuses the request; what is wrong with a cell is the matter of its row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader, object_cells
from converters.convert.to_vw_text import Row, ordered
from serve.http.body import CSV, parse
from serve.http.problems import RowsRefusedError, TooLargeError
from serve.rows.csv_body import CsvBody, split_header
from serve.rows.refusals import MISSING_COLUMN, in_words, listed, row_error

# Types whose text as a CSV cell is what str() gives.
TEXT, PLAIN = frozenset({str}), frozenset({str, int, float})
# Clients that shuffle their keys must not fill the memory.
REMEMBERED_LAYOUTS = 1_024

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the keys of an object mean, in their order.

    Attributes:
        pick: the values that the object has, in the schema's order.
        absent: the places of the columns that it lacks.
    """

    pick: Callable[[Object], Sequence[Any]]
    absent: tuple[int, ...]


class Layouts:
    """The layouts of objects under one schema.

    Args:
        names: the schema's columns.
        mandatory: those that an object must have.
        numbers: those that hold numbers.
    """

    def __init__(
        self, names: Sequence[str], mandatory: frozenset[str], numbers: frozenset[str] = frozenset()
    ) -> None:
        self._names = names
        self._numbers = numbers
        self._known = frozenset(names)
        self._mandatory = mandatory
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._layouts)

    def of(self, row: Object) -> Layout | None:
        """The layout of an object; None if it has unknown keys or lacks one that it must have."""
        keys = tuple(row)
        return self._layouts.get(keys) or self._compiled(keys)

    def cells(self, row: Object, layout: Layout) -> list[str] | Refusal:
        """The cells of an object, or why it has none."""
        values = layout.pick(row)
        types = set(map(type, values))
        if types == TEXT:
            cells = list(values)
        elif types <= PLAIN:
            cells = list(map(str, values))
            if float in types and "e+" in "".join(cells):  # large, and perhaps too large
                return object_cells(row, self._names, self._numbers)
        else:
            return object_cells(row, self._names, self._numbers)
        for place in layout.absent:
            cells.insert(place, "")
        return cells

    def _compiled(self, keys: tuple[str, ...]) -> Layout | None:
        names = frozenset(keys)
        if not (names <= self._known and names >= self._mandatory):
            return None
        present = [name for name in self._names if name in names]
        absent = tuple(at for at, name in enumerate(self._names) if name not in names)
        if len(self._layouts) >= REMEMBERED_LAYOUTS:
            self._layouts.clear()
        layout = self._layouts[keys] = Layout(_picker(present), absent)
        return layout


def _picker(names: Sequence[str]) -> Callable[[Object], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: [row[name] for name in names]


NOTHING_DONE = "Nothing was done with the request."


class Rows(Protocol):
    """The rows of one request.

    Attributes:
        single: whether it is one row by itself and not a list.
    """

    single: bool

    def __len__(self) -> int:
        """How many there are."""

    def converted(self, start: int, stop: int) -> list[Row | Refusal]:
        """Those from ``start`` up to ``stop``, checked and as text, or why not."""

    def ids(self, start: int, converted: Sequence[Row | Refusal]) -> list[object]:
        """The ids, as the client spelt them, of converted rows; None or empty if it gave none."""


class RequestReader:
    """Makes rows of bodies under one schema.

    Args:
        reader: the schema's converter.
        most_rows: more are refused.
    """

    def __init__(self, reader: RowReader, most_rows: int) -> None:
        self._reader = reader
        self._most_rows = most_rows
        schema = reader.schema
        self._known = frozenset(schema.names)
        self._mandatory = frozenset(schema.mandatory)
        identity = schema.only("id")
        self._id_name = "" if identity is None else identity.name
        self._layouts = Layouts(schema.names, self._mandatory, schema.numbers)

    def read(self, kind: str, body: bytes) -> Rows:
        """The rows of a body: an object, a list, ``{"instances": [...]}``, or CSV with a header.

        Raises:
            NotJsonError: it is not JSON.
            RowsRefusedError: its shape is wrong.
            TooLargeError: there are more rows than the limit.
        """
        return self.csv(body) if kind == CSV else self.objects(self._instances(parse(body)))

    def csv(self, body: bytes) -> CsvRows:
        """The rows below a header, which may name the columns in any order."""
        header, rest = split_header(body, self._reader.dialect)
        self._check_header(header)
        rows = CsvBody(rest, self._most_rows, self._reader.dialect)
        return CsvRows(header, rows, self._reader)

    def objects(self, content: object) -> JsonRows:
        """The rows of JSON data: one object, or a list of them."""
        single = not isinstance(content, list)
        rows = [content] if single else content
        assert isinstance(rows, list)
        check_count(len(rows), self._most_rows)
        layouts = self._layouts_of(rows, single=single)
        convert_rows = self._reader.convert_rows
        return JsonRows(rows, single, layouts, self._layouts.cells, convert_rows, self._id_name)

    def _instances(self, content: object) -> object:
        """What stands under ``instances``, where that is no column of a row."""
        if isinstance(content, dict) and content.keys() == {"instances"}:
            inner = content["instances"]
            return inner if isinstance(inner, list) else content
        return content

    def _layouts_of(self, rows: Sequence[object], *, single: bool) -> list[Layout]:
        """One pass over the keys before anything is done with a row."""
        layouts: list[Layout] = []
        errors: list[dict[str, Any]] = []
        for at, row in enumerate(rows):
            if not isinstance(row, dict):
                errors.append(row_error(at, Refusal("not-a-row", "", "")))
            elif layout := self._layouts.of(row):
                layouts.append(layout)
            else:
                errors += self._name_errors(at, row.keys())
        if errors:
            then = f"{self._columns_in_words(errors)} {NOTHING_DONE}"
            raise RowsRefusedError(in_words(errors, None if single else len(rows), then), errors)
        return layouts

    def _check_header(self, header: Sequence[str]) -> None:
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise RowsRefusedError(f"The header names {listed(twice)} twice.")
        errors = self._name_errors(0, header)
        if errors:
            raise RowsRefusedError(
                f"The header does not fit the schema. {self._columns_in_words(errors)} "
                f"{NOTHING_DONE}",
                errors,
            )

    def _name_errors(self, at: int, names: Collection[str]) -> list[dict[str, Any]]:
        unknown = sorted(set(names) - self._known)
        missing = sorted(self._mandatory - set(names))
        return [
            row_error(at, Refusal(reason, name[:200], ""))
            for reason, found in (("unknown-column", unknown), (MISSING_COLUMN, missing))
            for name in found
        ]

    def _columns_in_words(self, errors: Sequence[dict[str, Any]]) -> str:
        """The columns that the errors are about, and those that there are."""
        sentences = []
        for reason, said in (("unknown-column", "Unknown"), (MISSING_COLUMN, "Missing")):
            names = sorted({e["column"] for e in errors if e["reason"] == reason})
            if names:
                sentences.append(f"{said} columns: {listed(names)}.")
        if sentences:
            sentences.append(f"The schema has {listed(self._reader.schema.names)}.")
        return " ".join(sentences)


class JsonRows:
    """Objects of the right shape."""

    def __init__(
        self,
        rows: Sequence[Object],
        single: bool,
        layouts: Sequence[Layout],
        cells: Callable[[Object, Layout], Sequence[str] | Refusal],
        convert_rows: Callable[[Sequence[Sequence[str] | Refusal]], list[Row | Refusal]],
        id_name: str,
    ) -> None:
        self.objects = rows
        self.single = single
        self._layouts = layouts
        self._cells = cells
        self._convert_rows = convert_rows
        self._id_name = id_name

    def __len__(self) -> int:
        """How many there are."""
        return len(self.objects)

    def converted(self, start: int, stop: int) -> list[Row | Refusal]:
        """A part of them, checked and as text."""
        rows = map(self._cells, self.objects[start:stop], self._layouts[start:stop])
        return self._convert_rows(list(rows))

    def ids(self, start: int, converted: Sequence[Row | Refusal]) -> list[object]:
        """A number stays a number in the answer."""
        name = self._id_name
        return [row.get(name) for row in self.objects[start : start + len(converted)]]


class CsvRows:
    """Rows of CSV below a known header."""

    single = False

    def __init__(self, names: Sequence[str], body: CsvBody, reader: RowReader) -> None:
        self.body = body
        self.names = names
        self._order = reader.order(names)
        self._reader = reader

    def __len__(self) -> int:
        """How many there are."""
        return len(self.body)

    def converted(self, start: int, stop: int) -> list[Row | Refusal]:
        """A part of them, checked and as text."""
        lines = self.body.lines(start, stop)
        if lines is not None:
            return self._reader.lines(lines, self._order)
        cells = self.body.cells(start, stop)
        return self._reader.convert_rows(list(ordered(cells, self._order)))

    def ids(self, start: int, converted: Sequence[Row | Refusal]) -> list[object]:
        """CSV knows nothing but text."""
        del start
        return [row[0] for row in converted]

    def column(self, name: str) -> list[str]:
        """The cells under a name, of rows that are all good; empty ones if nothing has it."""
        if name not in self.names:
            return [""] * len(self)
        place = self.names.index(name)
        return [cells[place] for cells in self.body.cells(0, len(self))]


def check_count(rows: int, most: int) -> None:
    """Refuse a request of too many rows.

    Raises:
        TooLargeError: there are more than ``most``.
    """
    if rows > most:
        raise TooLargeError(
            f"The request has {rows:,} rows, more than {most:,}. Send fewer at a time, or raise "
            "serve.max_rows."
        )
