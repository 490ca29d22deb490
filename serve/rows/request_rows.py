"""The body of a request as rows, a part at a time: read, their shape checked, ready to convert.

Rows become text by the functions that the stream uses, so both see the same features. A wrong shape
(not an object, an unknown column, a missing one that is required) refuses the request; a bad cell
refuses only its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import CellWatch, Odd
from converters.convert.records import RowReader
from converters.convert.row_block import RowBlock
from converters.convert.to_vw_text import FEWEST_IN_BLOCK
from converters.objects.json_columns import Object
from converters.objects.json_rows import shown
from converters.schema.column_names import ColumnOrder, ordered
from serve.http.body import CSV
from serve.http.problems import RowsRefusedError
from serve.rows.csv_body import CsvLines, csv_lines, split_header, without_separator
from serve.rows.json_body import Alike, Elements, at_once, elements, inside_list
from serve.rows.object_layouts import AlikeRows, Layout, Layouts
from serve.rows.row_errors import MISSING_COLUMN, RefusedRows, listed
from serve.rows.row_limits import RowLimits
from serve.rows.whole_numbers import make_whole

UNKNOWN_COLUMN = "unknown-column"
NESTED = (
    "None of these names is a column: correct the header, or send the columns themselves, not "
    "nested in a field."
)
EXTRA_IGNORED = '[record] extra = "ignore" passes over fields that are no column.'
# In so few bytes of JSON there are not enough rows to look whether they are written alike.
FEW_BYTES = 2_048
NOTHING_DONE = "The request had no effect."


class Part(Protocol):
    """Rows of one request that follow each other, at most a block of them.

    Attributes:
        single: whether the body is one row and not a list.
    """

    single: bool

    def __len__(self) -> int:
        """How many there are."""

    def converted(self) -> RowBlock:
        """Each checked, and their text, or why it is refused."""

    def cells(self) -> Sequence[Sequence[str] | Refusal]:
        """The cells of converted rows, in the order of the schema; or why a row is none."""

    def ids(self, converted: RowBlock) -> Sequence[object]:
        """The ids of converted rows, as the client spelt them; None or empty if it gave none."""

    def odd(self, converted: RowBlock) -> Mapping[int, Odd]:
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
        self.has_integer_ids = converter.schema.has_integer_ids

    def read(self, kind: str, body: bytes) -> Iterable[Part | None]:
        """The rows of a body: an object, a list, ``{"instances": [...]}``, or CSV with a header.

        They come a part at a time, each after a step of bounded length; None for a step without
        rows. Whatever is wrong with the shape of any row is raised at the end at the latest.

        Raises:
            NotJsonError: it is not JSON.
            RowsRefusedError: its shape is wrong.
            TooLargeError: there are more rows than the limit, or a longer one.
        """
        if kind == CSV:
            return self.csv(body)
        return self._json(body, instances=True, alike=self.layouts.alike)

    def csv(self, body: bytes) -> Iterator[CsvPart | None]:
        """The rows below a header, which may name the columns in any order."""
        dialect = self.converter.dialect
        body = without_separator(body, dialect)
        names, at = split_header(body, dialect, self.limits)
        yield None
        yield from self._check_header(names)
        order = self.converter.order(names)
        for lines in csv_lines(body, at, dialect, self.limits):
            yield None if lines is None else CsvPart(lines, names, order, self)

    def objects(self, body: bytes, *, instances: bool = False) -> Iterable[JsonPart | None]:
        """The rows of JSON data as objects: one, or a list of them."""
        return cast("Iterable[JsonPart | None]", self._json(body, instances=instances))

    def _json(
        self, body: bytes, *, instances: bool, alike: Alike | None = None
    ) -> Iterable[Part | None]:
        """The rows of JSON data; no objects are made of those that ``alike`` takes."""
        if len(body) > self.limits.part_bytes:
            return self._parts(elements(body, self.limits, instances=instances, alike=alike))
        if alike is not None and len(body) > FEW_BYTES:
            rows = alike(inside_list(body, self.limits, instances=instances))
            if rows is not None:
                return self._parts(iter((Elements([], alike=rows),)))
        found = at_once(body, instances=instances)
        # The hot path: one row, which needs no generators (4 of 22 us) and no list of errors.
        if found.single and isinstance(row := found.content[0], dict):
            layout = self.layouts.of(row)
            if layout is not None:
                make_whole(row, layout.whole.values())
                return (JsonPart(found.content, True, (layout,), self),)
        return self._parts(iter((found,)))

    def _parts(self, read: Iterator[Elements | None]) -> Iterator[Part | None]:
        """Parts of what was read, a block of rows each."""
        rows, refused, single = 0, RefusedRows(), False
        for found in read:
            if found is None:
                yield None
                continue
            single, alike = found.single, found.alike
            self.limits.check_rows(rows + found.rows)
            if alike is not None:
                for each in self._alike_parts(alike):
                    rows += len(each)
                    yield None if refused.rows else each
                continue
            for start in range(0, found.rows, self.limits.block_rows):
                objects = found.content[start : start + self.limits.block_rows]
                part = self._part(objects, single, rows, refused)
                rows += len(part)
                # Once a shape is wrong, no row matters, only what else is wrong.
                yield None if refused.rows else part
        if refused.rows:
            then = f"{self._columns_in_words(refused)} {NOTHING_DONE}".lstrip()
            detail = refused.in_words(None if single else rows, then)
            raise RowsRefusedError(detail, refused.errors, refused.reasons)

    def _alike_parts(self, rows: AlikeRows) -> Iterator[AlikePart]:
        """Rows that are written alike, converted many at once."""
        for start in range(0, len(rows), self.limits.alike_rows):
            some, at = rows.part(slice(start, start + self.limits.alike_rows)), 0
            for block in self.converter.conversion.byte_blocks(some.cells):
                yield AlikePart(some.part(slice(at, at + len(block))), block, self.watch)
                at += len(block)

    def _part(
        self, objects: Sequence[Any], single: bool, before: int, refused: RefusedRows
    ) -> JsonPart:
        """Rows whose keys are checked, all at once if they are alike."""
        alike = self.layouts.of_all(objects) if len(objects) >= FEWEST_IN_BLOCK else None
        if alike is not None:
            layout, values = alike
            return JsonPart(objects, single, [layout] * len(objects), self, values)
        return JsonPart(objects, single, self._layouts_of(objects, before, refused), self)

    def _layouts_of(
        self, rows: Sequence[object], before: int, refused: RefusedRows
    ) -> list[Layout]:
        """Check the keys of rows; the first of them is row ``before``."""
        layouts: list[Layout] = []
        for at, row in enumerate(rows, before):
            if not isinstance(row, dict):
                refused.add(at, Refusal("not-a-row", "", shown(row) if refused.has_room else ""))
            elif layout := self.layouts.of(row):
                make_whole(row, layout.whole.values())
                layouts.append(layout)
            else:
                self._check_names(at, row.keys(), refused)
        return layouts

    def _check_header(self, header: Sequence[str]) -> Iterator[None]:
        """Refuse a header, in steps: it may be as long as a row, and hold nothing but names."""
        if len(set(header)) < len(header):
            twice = sorted(name for name, count in Counter(header).items() if count > 1)
            raise RowsRefusedError(f"The header names {listed(twice)} twice.")
        yield None
        refused = RefusedRows()
        self._check_names(0, frozenset(header), refused)
        if refused.rows:
            raise RowsRefusedError(
                f"The header does not match the schema. {self._columns_in_words(refused)} "
                f"{NOTHING_DONE}",
                refused.errors,
                refused.reasons,
            )
        yield None

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
    """Objects of the right shape; by column as well, if all have the same keys."""

    def __init__(
        self,
        objects: Sequence[Object],
        single: bool,
        layouts: Sequence[Layout],
        of: RequestReader,
        values: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        self.objects = objects
        self.single = single
        self._layouts = layouts
        self._of = of
        self._values = values
        self._columns: Sequence[Sequence[str]] | None = None
        self._cells: list[list[str] | Refusal] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self.objects)

    def converted(self) -> RowBlock:
        """Each checked, and their text."""
        of, values = self._of, self._values
        if values is not None:
            self._columns = of.layouts.columns(self._layouts[0], values, len(self))
            if self._columns is not None:
                return of.converter.conversion.row_block(self._columns)
        self._cells = list(map(of.layouts.cells, self.objects, self._layouts))
        return of.converter.conversion.block_of_rows(self._cells)

    def cells(self) -> Sequence[Sequence[str] | Refusal]:
        """Of rows that were just converted."""
        return self._cells if self._columns is None else list(zip(*self._columns, strict=True))

    def odd(self, converted: RowBlock) -> Mapping[int, Odd]:
        """Of rows that were just converted."""
        watch = self._of.watch
        if watch is None:
            return {}
        if self._columns is not None:
            return watch.of_columns(self._columns, converted.refused)
        return watch.of_rows(self._cells, converted.refused)

    def ids(self, converted: RowBlock) -> Sequence[object]:
        """A number stays a number in the answer."""
        given = [
            row.get(layout.id_name) for row, layout in zip(self.objects, self._layouts, strict=True)
        ]
        if not self._of.has_integer_ids:
            return given
        each = zip(given, converted.ids, strict=True)
        return [read if isinstance(sent, str) else sent for sent, read in each]


class AlikePart:
    """Objects that are written alike, of the right shape."""

    single = False

    def __init__(self, rows: AlikeRows, block: RowBlock, watch: CellWatch | None) -> None:
        self._rows = rows
        self._block = block
        self._watch = watch

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def converted(self) -> RowBlock:
        """Each checked, and their text."""
        return self._block

    def odd(self, converted: RowBlock) -> Mapping[int, Odd]:
        """Of rows that were just converted."""
        if self._watch is None or self._watch.is_idle:
            return {}
        # Cut once, not for each row that is odd.
        return self._watch.of_columns(list(self._rows.cells), converted.refused)

    def cells(self) -> Sequence[Sequence[str] | Refusal]:
        """Cut only now: few requests need them."""
        return list(zip(*self._rows.cells, strict=True))

    def ids(self, converted: RowBlock) -> Sequence[object]:
        """A number stays a number in the answer."""
        return converted.ids if self._rows.ids is None else self._rows.ids


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

    def converted(self) -> RowBlock:
        """Each checked, and their text."""
        of = self._reader.conversion
        if self.lines.plain is not None:
            mark = self._reader.dialect.delimiter
            self._columns = of.columns(self.lines.plain, mark, self._order)
            if self._columns is not None:
                return of.row_block(self._columns)
        return of.block_of_rows(list(ordered(self.lines.cells(), self._order)))

    def cells(self) -> Sequence[Sequence[str] | Refusal]:
        """In the schema's order, whatever that of the file is."""
        return list(ordered(self.lines.cells(), self._order))

    def ids(self, converted: RowBlock) -> Sequence[object]:
        """CSV has only text."""
        return converted.ids

    def odd(self, converted: RowBlock) -> Mapping[int, Odd]:
        """Of rows that were just converted."""
        if self._watch is None or self._watch.is_idle:
            return {}
        if self._columns is not None:
            return self._watch.of_columns(self._columns, converted.refused)
        cells = list(ordered(self.lines.cells(), self._order))
        return self._watch.of_rows(cells, converted.refused)

    def column(self, name: str) -> list[str]:
        """The cells of a column; empty if the header lacks it, and in rows that lack cells."""
        names = self._reader.schema.names
        place = names.index(name) if name in names else None
        if place is not None and self._order is not None:
            place = self._order.places[place]
        if place is None:
            return [""] * len(self)
        return [
            "" if isinstance(cells, Refusal) or len(cells) <= place else cells[place]
            for cells in self.lines.cells()
        ]
