"""The body of a request as rows: their shape checked at once, converted a chunk at a time.

Rows become text by the functions that the stream uses, so both see the same features. A wrong shape
(not an object, an unknown column, a missing one that is required) refuses the request; a bad cell
refuses only its row.

Clients send the same keys in the same order again and again: what such a layout means is worked out
at its first row. The cells equal those of :func:`converters.convert.records.object_cells`, which
still handles every value that is not text or a number.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader, object_cells
from converters.convert.to_vw_text import Row
from converters.schema.schema import ordered
from serve.http.body import CSV, check_rows, parse
from serve.http.problems import RowsRefusedError
from serve.rows.csv_body import CsvBody, split_header
from serve.rows.row_errors import MISSING_COLUMN, in_words, listed, row_error

NOTHING_DONE = "The request had no effect."
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
        mandatory: the columns that an object must have.
        numbers: the columns that hold numbers.
    """

    def __init__(
        self, names: Sequence[str], mandatory: frozenset[str], numbers: frozenset[str] = frozenset()
    ) -> None:
        self._names = names
        self._numbers = numbers
        self._known = frozenset(names)
        self._mandatory = mandatory
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def of(self, row: Object) -> Layout | None:
        """The layout of an object; None if it has unknown keys or lacks a required one."""
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


class Rows(Protocol):
    """The rows of one request.

    Attributes:
        single: whether it is a single row and not a list.
    """

    single: bool

    def __len__(self) -> int:
        """How many there are."""

    def converted(self, start: int, stop: int) -> list[Row | Refusal]:
        """Those from ``start`` up to ``stop``, checked and as text, or why not."""

    def ids(self, start: int, converted: Sequence[Row | Refusal]) -> list[object]:
        """The ids of converted rows, as the client spelt them; None or empty if it gave none."""


class RequestReader:
    """Turns bodies into rows under one schema.

    Args:
        converter: of the schema.
        most_rows: more are refused.
    """

    def __init__(self, converter: RowReader, most_rows: int) -> None:
        self.converter = converter
        self.most_rows = most_rows
        schema = converter.schema
        self._known = frozenset(schema.names)
        self._mandatory = frozenset(schema.mandatory)
        identity = schema.only("id")
        self.id_name = "" if identity is None else identity.name
        self.layouts = Layouts(schema.names, self._mandatory, schema.numbers)

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
        header, rest = split_header(body, self.converter.dialect)
        self._check_header(header)
        rows = CsvBody(rest, self.most_rows, self.converter.dialect)
        return CsvRows(header, rows, self.converter)

    def objects(self, content: object) -> JsonRows:
        """The rows of JSON data: one object, or a list of them."""
        single = not isinstance(content, list)
        rows = [content] if single else content
        assert isinstance(rows, list)
        check_rows(len(rows), self.most_rows)
        return JsonRows(rows, single, self._layouts_of(rows, single=single), self)

    def _instances(self, content: object) -> object:
        """The list under ``instances``, if that is the only key."""
        if isinstance(content, dict) and content.keys() == {"instances"}:
            inner = content["instances"]
            return inner if isinstance(inner, list) else content
        return content

    def _layouts_of(self, rows: Sequence[object], *, single: bool) -> list[Layout]:
        """Check the keys of all rows before any is converted."""
        layouts: list[Layout] = []
        errors: list[dict[str, Any]] = []
        for at, row in enumerate(rows):
            if not isinstance(row, dict):
                errors.append(row_error(at, Refusal("not-a-row", "", "")))
            elif layout := self.layouts.of(row):
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
                f"The header does not match the schema. {self._columns_in_words(errors)} "
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
        """The columns that the errors are about, and those of the schema."""
        sentences = []
        for reason, said in (("unknown-column", "Unknown"), (MISSING_COLUMN, "Missing")):
            names = sorted({e["column"] for e in errors if e["reason"] == reason})
            if names:
                sentences.append(f"{said} columns: {listed(names)}.")
        if sentences:
            sentences.append(f"The schema has {listed(self.converter.schema.names)}.")
        return " ".join(sentences)


class JsonRows:
    """Objects of the right shape."""

    def __init__(
        self, objects: Sequence[Object], single: bool, layouts: Sequence[Layout], of: RequestReader
    ) -> None:
        self.objects = objects
        self.single = single
        self._layouts = layouts
        self._of = of

    def __len__(self) -> int:
        """How many there are."""
        return len(self.objects)

    def converted(self, start: int, stop: int) -> list[Row | Refusal]:
        """A part of them, checked and as text."""
        cells_of = self._of.layouts.cells
        rows = map(cells_of, self.objects[start:stop], self._layouts[start:stop])
        return self._of.converter.convert_rows(list(rows))

    def ids(self, start: int, converted: Sequence[Row | Refusal]) -> list[object]:
        """A number stays a number in the answer."""
        name = self._of.id_name
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
        """CSV has only text."""
        del start
        return [row[0] for row in converted]

    def column(self, name: str) -> list[str]:
        """The cells of a column, of rows that are all valid; empty if the header lacks it."""
        if name not in self.names:
            return [""] * len(self)
        place = self.names.index(name)
        return [cells[place] for cells in self.body.cells(0, len(self))]
