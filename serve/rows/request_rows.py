"""The body of a request as rows, a part at a time: read, their shape checked, ready to convert.

Rows become text by the functions that the stream uses, so both see the same features. A wrong shape
(not an object, an unknown column, a missing one that is required) refuses the request; a bad cell
refuses only its row.

Clients send the same keys in the same order again and again: what such a layout means is worked out
at its first row. The cells equal those of :func:`converters.convert.json_rows.object_cells`, which
still handles every value that is not text or a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import CellWatch, Odd
from converters.convert.json_rows import object_cells, shown
from converters.convert.records import RowReader
from converters.convert.to_vw_text import Row
from converters.schema.column_names import ColumnOrder, ordered
from converters.schema.schema import Schema
from serve.http.body import CSV
from serve.http.problems import RowsRefusedError
from serve.rows.csv_body import CsvLines, csv_lines, split_header, without_separator
from serve.rows.json_body import Elements, at_once, elements
from serve.rows.row_errors import MISSING_COLUMN, RefusedRows, listed
from serve.rows.row_limits import RowLimits
from serve.rows.whole_numbers import make_whole, whole_columns

UNKNOWN_COLUMN = "unknown-column"
NESTED = (
    "None of these names is a column: correct the header, or send the columns themselves, not "
    "nested in a field."
)
EXTRA_IGNORED = '[record] extra = "ignore" passes over fields that are no column.'
NOTHING_DONE = "The request had no effect."
# Types whose text as a CSV cell is what str() gives.
TEXT, PLAIN = frozenset({str}), frozenset({str, int, float})
# Clients that shuffle their keys must not fill the memory.
REMEMBERED_LAYOUTS = 1_024
# Nor may keys that are no columns, of which one object may have megabytes.
REMEMBERED_KEYS = 8_192

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the keys of an object mean, in their order.

    Attributes:
        pick: the values that the object has, in the schema's order.
        absent: the places of the columns that it lacks.
        whole: the names under which it has columns of integers.
        id_name: the name under which it has the id; empty if it has none.
    """

    pick: Callable[[Object], Sequence[Any]]
    absent: tuple[int, ...]
    whole: tuple[str, ...]
    id_name: str


class Layouts:
    """The layouts of objects under one schema.

    Args:
        schema: the rows'.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._names = schema.column_names
        self._numbers = schema.numbers
        self._mandatory = frozenset(schema.mandatory)
        self._whole = whole_columns(schema)
        identity = schema.only("id")
        self._id_name = "" if identity is None else identity.name
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
            if float in types and self._may_be_too_large(row, layout, cells):
                return self._plain_cells(row)
        else:
            return self._plain_cells(row)
        for place in layout.absent:
            cells.insert(place, "")
        return cells

    def _may_be_too_large(self, row: Object, layout: Layout, cells: Sequence[str]) -> bool:
        # An integer among ids is one by now, unless it has lost digits.
        return type(row.get(layout.id_name)) is float or "e+" in "".join(cells)

    def _plain_cells(self, row: Object) -> list[str] | Refusal:
        return object_cells(row, self._names, self._numbers, self._schema.whole)

    def _compiled(self, keys: tuple[str, ...]) -> Layout | None:
        if self._names.unknown(keys) or self.missing(keys):
            return None
        names = frozenset(keys)
        held = dict(zip(self._names.own, self._names.held(names), strict=True))
        present = [name for name in held.values() if name in names]
        absent = tuple(at for at, name in enumerate(held.values()) if name not in names)
        if len(self._layouts) >= REMEMBERED_LAYOUTS:
            self._layouts.clear()
        whole = tuple(map(held.__getitem__, self._whole))
        layout = Layout(_picker(present), absent, whole, held.get(self._id_name, ""))
        if names <= self._names.known or sum(map(len, keys)) <= REMEMBERED_KEYS:
            self._layouts[keys] = layout
        return layout

    def missing(self, names: Collection[str]) -> list[str]:
        """The mandatory columns that a row with these names lacks."""
        held = zip(self._names.own, self._names.held(names), strict=True)
        return [own for own, name in held if own in self._mandatory and name not in names]


def _picker(names: Sequence[str]) -> Callable[[Object], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: [row[name] for name in names]


class Part(Protocol):
    """Rows of one request that follow each other, at most a block of them.

    Attributes:
        single: whether the body is one row and not a list.
    """

    single: bool

    def __len__(self) -> int:
        """How many there are."""

    def converted(self) -> list[Row | Refusal]:
        """Each checked and as text, or why not."""

    def ids(self, converted: Sequence[Row | Refusal]) -> list[object]:
        """The ids of converted rows, as the client spelt them; None or empty if it gave none."""

    def odd(self, converted: Sequence[Row | Refusal]) -> Mapping[int, Odd]:
        """Which features of converted rows are absent or unseen, by the number in the part."""


class RequestReader:
    """Turns bodies into rows under one schema.

    Args:
        converter: of the schema.
        limits: of rows.
        watch: finds what is absent or unseen in rows, if that is wanted.
    """

    def __init__(
        self, converter: RowReader, limits: RowLimits, watch: CellWatch | None = None
    ) -> None:
        self.converter = converter
        self.limits = limits
        self.watch = watch
        self.layouts = Layouts(converter.schema)

    def read(self, kind: str, body: bytes) -> Iterable[Part | None]:
        """The rows of a body: an object, a list, ``{"instances": [...]}``, or CSV with a header.

        They come a part at a time, each after a step of bounded length; None for a step without
        rows. Whatever is wrong with the shape of any row is raised at the end at the latest.

        Raises:
            NotJsonError: it is not JSON.
            RowsRefusedError: its shape is wrong.
            TooLargeError: there are more rows than the limit, or a longer one.
        """
        return self.csv(body) if kind == CSV else self.objects(body, instances=True)

    def csv(self, body: bytes) -> Iterator[CsvPart | None]:
        """The rows below a header, which may name the columns in any order."""
        dialect = self.converter.dialect
        body = without_separator(body, dialect)
        names, at = split_header(body, dialect, self.limits)
        self._check_header(names)
        order = self.converter.order(names)
        for lines in csv_lines(body, at, dialect, self.limits):
            yield None if lines is None else CsvPart(lines, names, order, self)

    def objects(self, body: bytes, *, instances: bool = False) -> Iterable[JsonPart | None]:
        """The rows of JSON data: one object, or a list of them."""
        if len(body) > self.limits.part_bytes:
            return self._parts(elements(body, self.limits, instances=instances))
        found = at_once(body, instances=instances)
        # The hot path: one row, which needs no generators (4 of 22 us) and no list of errors.
        if found.single and isinstance(row := found.content[0], dict):
            layout = self.layouts.of(row)
            if layout is not None:
                make_whole(row, layout.whole)
                return (JsonPart(found.content, True, (layout,), self),)
        return self._parts(iter((found,)))

    def _parts(self, read: Iterator[Elements | None]) -> Iterator[JsonPart | None]:
        """Parts of what was read, a block of rows each."""
        rows, refused, single = 0, RefusedRows(), False
        for found in read:
            if found is None:
                yield None
                continue
            single = found.single
            self.limits.check_rows(rows + len(found.content))
            for start in range(0, len(found.content), self.limits.block_rows):
                objects = found.content[start : start + self.limits.block_rows]
                layouts = self._layouts_of(objects, rows, refused)
                rows += len(objects)
                # Once a shape is wrong, no row matters, only what else is wrong.
                yield None if refused.rows else JsonPart(objects, single, layouts, self)
        if refused.rows:
            then = f"{self._columns_in_words(refused)} {NOTHING_DONE}".lstrip()
            detail = refused.in_words(None if single else rows, then)
            raise RowsRefusedError(detail, refused.errors, refused.reasons)

    def _layouts_of(
        self, rows: Sequence[object], before: int, refused: RefusedRows
    ) -> list[Layout]:
        """Check the keys of rows; the first of them is row ``before``."""
        layouts: list[Layout] = []
        for at, row in enumerate(rows, before):
            if not isinstance(row, dict):
                refused.add(at, Refusal("not-a-row", "", shown(row)))
            elif layout := self.layouts.of(row):
                make_whole(row, layout.whole)
                layouts.append(layout)
            else:
                self._check_names(at, row.keys(), refused)
        return layouts

    def _check_header(self, header: Sequence[str]) -> None:
        twice = sorted(name for name, count in Counter(header).items() if count > 1)
        if twice:
            raise RowsRefusedError(f"The header names {listed(twice)} twice.")
        refused = RefusedRows()
        self._check_names(0, frozenset(header), refused)
        if refused.rows:
            raise RowsRefusedError(
                f"The header does not match the schema. {self._columns_in_words(refused)} "
                f"{NOTHING_DONE}",
                refused.errors,
                refused.reasons,
            )

    def _check_names(self, at: int, names: Collection[str], refused: RefusedRows) -> None:
        unknown = self.converter.schema.column_names.unknown(names)
        refused.strange |= 0 < len(names) == len(unknown)
        refused.add_columns(at, UNKNOWN_COLUMN, unknown)
        refused.add_columns(at, MISSING_COLUMN, self.layouts.missing(names))

    def _columns_in_words(self, refused: RefusedRows) -> str:
        """The columns that the errors are about, and those of the schema."""
        sentences = [
            f"{said} columns: {listed(sorted(refused.columns[reason]))}."
            for reason, said in ((UNKNOWN_COLUMN, "Unknown"), (MISSING_COLUMN, "Missing"))
            if reason in refused.columns
        ]
        if sentences:
            sentences.append(f"The schema has {listed(self.converter.schema.names)}.")
            if UNKNOWN_COLUMN in refused.columns:
                sentences.append(NESTED if refused.strange else EXTRA_IGNORED)
        return " ".join(sentences)


class JsonPart:
    """Objects of the right shape."""

    def __init__(
        self, objects: Sequence[Object], single: bool, layouts: Sequence[Layout], of: RequestReader
    ) -> None:
        self.objects = objects
        self.single = single
        self._layouts = layouts
        self._of = of
        self._cells: list[list[str] | Refusal] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self.objects)

    def converted(self) -> list[Row | Refusal]:
        """Each checked and as text."""
        self._cells = list(map(self._of.layouts.cells, self.objects, self._layouts))
        return self._of.converter.convert_rows(self._cells)

    def odd(self, converted: Sequence[Row | Refusal]) -> Mapping[int, Odd]:
        """Of rows that were just converted."""
        watch = self._of.watch
        return {} if watch is None else watch.of_rows(self._cells, converted)

    def ids(self, converted: Sequence[Row | Refusal]) -> list[object]:
        """A number stays a number in the answer."""
        both = zip(self.objects, self._layouts, strict=True)
        given = [row.get(layout.id_name) for row, layout in both]
        if not self._of.converter.schema.has_integer_ids:
            return given
        each = zip(given, converted, strict=True)
        return [read[0] if isinstance(sent, str) else sent for sent, read in each]


class CsvPart:
    """Rows of CSV below a known header."""

    single = False

    def __init__(
        self, lines: CsvLines, names: Sequence[str], order: ColumnOrder | None, of: RequestReader
    ) -> None:
        self.lines = lines
        self.names = names
        self._order = order
        self._reader = of.converter
        self._watch = of.watch
        self._columns: Sequence[Sequence[str]] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self.lines)

    def converted(self) -> list[Row | Refusal]:
        """Each checked and as text."""
        if self.lines.plain is not None:
            of = self._reader.conversion
            mark = self._reader.dialect.delimiter
            self._columns = of.columns(self.lines.plain, mark, self._order)
            if self._columns is not None:
                return of.block(self._columns)
            return self._reader.lines(self.lines.plain, self._order)
        return self._reader.convert_rows(list(ordered(self.lines.cells(), self._order)))

    def ids(self, converted: Sequence[Row | Refusal]) -> list[object]:
        """CSV has only text."""
        return [row[0] for row in converted]

    def odd(self, converted: Sequence[Row | Refusal]) -> Mapping[int, Odd]:
        """Of rows that were just converted."""
        if self._watch is None or self._watch.is_idle:
            return {}
        if self._columns is not None:
            return self._watch.of_columns(self._columns, converted)
        return self._watch.of_rows(list(ordered(self.lines.cells(), self._order)), converted)

    def column(self, name: str) -> list[str]:
        """The cells of a column, of rows that are all valid; empty if the header lacks it."""
        names = self._reader.schema.names
        place = names.index(name) if name in names else None
        if place is not None and self._order is not None:
            place = self._order.places[place]
        if place is None:
            return [""] * len(self)
        return [cells[place] for cells in self.lines.cells()]
