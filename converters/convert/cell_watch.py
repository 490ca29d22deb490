"""Which cells of accepted rows hold nothing that a model has learned: absent and unseen ones.

A cell of a feature's column is *absent* if it is missing, however that is spelt: its column was not
sent, it is null or empty, or it is one of the column's spellings of missing. It is *unseen* if its
column lists the values that are known (``values``, ``rare_values``), and it is none of them.

Nothing is looked at twice that the conversion remembers, and columns are looked at as a whole: it
takes some 2 % of the conversion's time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import NamedTuple

from converters.cells.feature import Feature
from converters.cells.kind import Pieces
from converters.cells.refusal import Refusal
from converters.convert.feature_notes import FeatureNotes
from converters.convert.row_block import Row, RowBlock
from converters.convert.to_vw_text import Conversion, compile_schema
from converters.files.framing import ByteColumns
from converters.pieces.column_memory import (
    LONGEST_REMEMBERED,
    REMEMBERED_PIECES,
    CheckedColumn,
    Watched,
)
from converters.schema.schema import Schema

ABSENT, UNSEEN = "absent", "unseen"
# So many odd cells of a column are kept: then its cells are looked at one by one.
MOST_MET = REMEMBERED_PIECES


class Odd(NamedTuple):
    """The columns of a row whose cells are absent or unseen, in the schema's order."""

    absent: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


NOTHING_ODD = Odd()


@dataclass
class CellCounts:
    """How many cells of accepted event rows were absent or unseen, by column.

    Attributes:
        rows: how many rows these are.
        absent: cells without a value.
        unseen: cells with a value that is not known.
    """

    rows: int = 0
    absent: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)

    def add(self, other: CellCounts) -> None:
        """Add those of other rows."""
        self.rows += other.rows
        self.absent.update(other.absent)
        self.unseen.update(other.unseen)

    def note(self, what: str, column: str, times: int = 1) -> None:
        """Add some cells of a column."""
        (self.absent if what == ABSENT else self.unseen)[column] += times

    def to_json(self) -> dict[str, object]:
        """As reports and manifests hold them: by column, in the order of the names."""
        by_name = {name: dict(sorted(getattr(self, name).items())) for name in (ABSENT, UNSEEN)}
        return {"rows": self.rows, **by_name}

    @classmethod
    def from_json(cls, said: Mapping[str, object]) -> CellCounts:
        """What :meth:`to_json` gave; nothing for what an older release wrote."""
        rows, absent, unseen = said.get("rows", 0), said.get(ABSENT, {}), said.get(UNSEEN, {})
        assert isinstance(rows, int)
        assert isinstance(absent, dict)
        assert isinstance(unseen, dict)
        return cls(rows, Counter(absent), Counter(unseen))


class _Column:
    """What is odd in a column of a row that a feature reads.

    The conversion remembers the pieces of cells: each cell is looked at here when it is first met.
    Most columns meet no odd one, and then cost nothing.
    """

    def __init__(self, place: int, feature: Feature, activate: Callable[[_Column], None]) -> None:
        self.place = place
        self._activate = activate
        self.name = feature.column
        self._feature = feature
        # The odd cells that were met, while they are kept.
        self._met: dict[str, str] = {}
        # Whether cells may not be met, so that each has to be looked at.
        self._each = False

    def meeting(self, column: CheckedColumn) -> CheckedColumn:
        """The same column of a conversion, of whose cells this learns."""
        make, make_many = column.piece, column.pieces

        def piece(cell: str) -> str:
            if not self._each and (what := self._look(cell)):
                self._meet(cell, what)
            return make(cell)

        def pieces(cells: Sequence[str]) -> Pieces:
            if not self._each and not self._feature.are_usual(cells):
                for cell in cells:
                    if what := self._look(cell):
                        self._meet(cell, what)
            return make_many(cells)

        return replace(column, piece=piece, pieces=pieces)

    def _meet(self, cell: str, what: str) -> None:
        if not self._met:
            self._activate(self)
        self._met[cell] = what
        if len(cell) > LONGEST_REMEMBERED or len(self._met) > MOST_MET:
            self._each = True
            self._met.clear()

    def what(self, cell: str) -> str:
        """What a cell is: :data:`ABSENT`, :data:`UNSEEN`, or neither."""
        return self._look(cell) if self._each else self._met.get(cell, "")

    def odd(self, cells: Sequence[str]) -> Mapping[str, str]:
        """What each odd one of these cells is."""
        if self._each:
            usual = self._feature.are_usual(cells)
            return {} if usual else {c: what for c in set(cells) if (what := self._look(c))}
        return {} if self._met.keys().isdisjoint(cells) else self._met

    def _look(self, cell: str) -> str:
        if self._feature.is_missing(cell):
            return ABSENT
        return UNSEEN if self._feature.is_unseen(cell) else ""


class CellWatch:
    """Finds what is odd in the cells of rows that its conversion has accepted.

    Args:
        schema: of the rows.
        noting: what else learns of the cells that the conversion meets.

    Attributes:
        conversion: of the schema. Only what this has converted is looked at.
    """

    def __init__(self, schema: Schema, noting: Watched = lambda column: column) -> None:
        places = {name: place for place, name in enumerate(schema.names)}
        # Of the parts of a time one says it for all.
        first = {feature.column: feature for feature in reversed(schema.features)}
        # Those in which a cell may be odd; most columns never meet one.
        self._active: list[_Column] = []
        columns = [
            _Column(place, first[name], self._activate)
            for name, place in places.items()
            if name in first
        ]
        watched = {column.place: column for column in columns}
        self.conversion = compile_schema(
            schema,
            lambda each: (
                watched[each.place].meeting(noting(each)) if each.place in watched else each
            ),
        )

    @property
    def is_idle(self) -> bool:
        """Whether no cell that was converted was odd."""
        return not self._active

    def of_row(self, cells: Sequence[str]) -> Odd:
        """What is odd in one row."""
        return _odd(self._active, cells) if self._active else NOTHING_ODD

    def of_rows(
        self, rows: Sequence[Sequence[str] | Refusal], refused: Container[int]
    ) -> dict[int, Odd]:
        """What is odd in each of many rows, by their numbers; the other rows are left out.

        Args:
            rows: the cells of each.
            refused: those that are, by their numbers.
        """
        if not self._active:
            return {}
        if len(rows) == 1:
            (row,) = rows
            odd = NOTHING_ODD if isinstance(row, Refusal) or 0 in refused else self.of_row(row)
            return {} if odd is NOTHING_ODD else {0: odd}
        good = {
            at: row
            for at, row in enumerate(rows)
            if not isinstance(row, Refusal) and at not in refused
        }
        found: set[int] = set()
        for column in self._active:
            cells = [row[column.place] for row in good.values()]
            if odd_cells := column.odd(cells):
                found.update(at for at, cell in zip(good, cells, strict=True) if cell in odd_cells)
        return {at: self.of_row(good[at]) for at in sorted(found)}

    def of_columns(
        self, columns: Sequence[Sequence[str]], refused: Container[int]
    ) -> dict[int, Odd]:
        """The same for rows that are given column by column."""
        found: set[int] = set()
        for column in self._active:
            cells = columns[column.place]
            if odd := column.odd(cells):
                found.update(at for at, cell in enumerate(cells) if cell in odd)
        good = (at for at in sorted(found) if at not in refused)
        return {at: self.of_row([column[at] for column in columns]) for at in good}

    def _activate(self, column: _Column) -> None:
        """From now on cells of this column may be odd."""
        if column not in self._active:
            self._active = sorted([*self._active, column], key=lambda each: each.place)

    def count(
        self,
        columns: Sequence[Sequence[str]],
        rows: int,
        refused: Collection[int],
        counts: CellCounts,
    ) -> None:
        """Count what is odd in so many rows that are given column by column, some of them refused.

        Columns of which nothing can be odd are not asked for.
        """
        counts.rows += rows - len(refused)
        good = [at not in refused for at in range(rows)] if refused and self._active else ()
        for column in self._active:
            cells = columns[column.place]
            if refused:
                cells = list(compress(cells, good))
            if odd := column.odd(cells):
                for cell, times in Counter(filter(odd.__contains__, cells)).items():
                    counts.note(odd[cell], column.name, times)

    def count_row(self, cells: Sequence[str], counts: CellCounts) -> None:
        """Count what is odd in one row."""
        counts.rows += 1
        for column in self._active:
            if what := column.what(cells[column.place]):
                counts.note(what, column.name)


def _odd(columns: Sequence[_Column], cells: Sequence[str]) -> Odd:
    absent: list[str] = []
    unseen: list[str] = []
    for column in columns:
        if what := column.what(cells[column.place]):
            (absent if what == ABSENT else unseen).append(column.name)
    return Odd(tuple(absent), tuple(unseen)) if absent or unseen else NOTHING_ODD


class Census:
    """Counts what is odd in all rows that a conversion accepts, and notes their features.

    Args:
        schema: of the rows.
        names: how many features are noted at most.

    Attributes:
        conversion: of the schema, whose rows are counted.
        notes: the features first met in them.
    """

    def __init__(self, schema: Schema, names: int = 0) -> None:
        self.notes = FeatureNotes(schema, names)
        self._watch = CellWatch(schema, self.notes.noting)
        self._counts = CellCounts()
        plain = self._watch.conversion
        self.conversion = Conversion(
            *(plain.width, self._row, self._block, self._row_block, self._byte_blocks),
            plain.by_bytes,
        )
        self._plain = plain

    def taken(self) -> CellCounts:
        """The counts since the last time that this was asked."""
        counts, self._counts = self._counts, CellCounts()
        return counts

    def _row(self, cells: Sequence[str]) -> Row | Refusal:
        converted = self._plain.row(cells)
        if converted.__class__ is not Refusal:
            self._watch.count_row(cells, self._counts)
        return converted

    def _block(self, columns: Sequence[Sequence[str]]) -> list[Row | Refusal]:
        converted = self._plain.block(columns)
        refused = {at for at, row in enumerate(converted) if isinstance(row, Refusal)}
        self._watch.count(columns, len(converted), refused, self._counts)
        return converted

    def _row_block(self, columns: Sequence[Sequence[str]]) -> RowBlock:
        converted = self._plain.row_block(columns)
        self._watch.count(columns, len(converted), converted.refused, self._counts)
        return converted

    def _byte_blocks(self, cut: ByteColumns) -> Iterator[RowBlock]:
        blocks = list(self._plain.byte_blocks(cut))
        refused: list[int] = []
        rows = 0
        for block in blocks:
            refused += [rows + at for at in block.refused]
            rows += len(block)
        self._watch.count(cut, rows, set(refused), self._counts)
        return iter(blocks)
