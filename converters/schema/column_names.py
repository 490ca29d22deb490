"""The names under which rows hold columns: a schema's own, and those that rows of before have.

The ``columns`` header of a record, the first line of a file and the fields of a JSON object name
columns. A row keeps the names that it was written with, while columns are renamed and removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from converters.cells.escaping import quoted
from converters.cells.refusal import Refusal, no_column, wrong_width


class ColumnOrder(NamedTuple):
    """The place of each column of the schema in a row of this order.

    Attributes:
        width: how many cells such a row has.
        places: for each column of the schema its place; None for one that is left out.
        refusal: why no row in this order can be read, if none can.
        delimiter: between its cells.
        source: what says that rows have this width, for messages.
    """

    width: int
    places: tuple[int | None, ...]
    refusal: Refusal | None = None
    delimiter: str = ","
    source: str = ""

    def row(self, cells: Sequence[str]) -> Sequence[str] | Refusal:
        """A row's cells in the schema's order, empty where they are left out."""
        if self.refusal is not None:
            return self.refusal
        if len(cells) != self.width:
            return wrong_width(cells, self.width, self.delimiter, self.source)
        return ["" if place is None else cells[place] for place in self.places]

    def columns(self, columns: Sequence[Sequence[str]], rows: int) -> list[Sequence[str]]:
        """The same for the columns of many rows."""
        absent = [""] * rows
        return [absent if place is None else columns[place] for place in self.places]


def ordered(
    rows: Iterable[Sequence[str] | Refusal], order: ColumnOrder | None
) -> Iterable[Sequence[str] | Refusal]:
    """Rows of this order in the schema's; what is refused already stays so."""
    if order is None:
        return rows
    return [row if isinstance(row, Refusal) else order.row(row) for row in rows]


# In place of the name of a column that a row has not: none that a row can have.
ABSENT = "\0 absent"


class NamesThen(NamedTuple):
    """What the names of a time meant, where some of them mean another column now.

    Attributes:
        own: the schema's columns now, in its order.
        columns: each name of then -> the column; empty for one that is gone.
    """

    own: tuple[str, ...]
    columns: Mapping[str, str]

    def held(self, names: Collection[str]) -> tuple[str, ...]:
        """For each column the name under which a row of then, with these names, holds it."""
        holding = {self.columns[name]: name for name in names}
        return tuple(holding.get(column, ABSENT) for column in self.own)


@dataclass(frozen=True)
class ColumnNames:
    """Which column of a schema each name of a row means.

    Attributes:
        own: the schema's, in its order.
        former: each name that a column had before -> the column, the preferred first; empty for
            the name of a column that is gone, whose cells are passed over.
        ignore_extra: whether a row may have other names, beside some of these.
        then: what the names of a row meant in its own time, where that was something else; for
            rows that have only names of that time.
    """

    own: tuple[str, ...]
    former: Mapping[str, str] = field(default_factory=dict)
    ignore_extra: bool = False
    then: NamesThen | None = None

    @cached_property
    def plain(self) -> AbstractSet[str]:
        """The names of a row each of which is the column of that name."""
        return self.known if self.then is None else frozenset()

    @cached_property
    def known(self) -> AbstractSet[str]:
        """The schema's own as a set, which would take as long as two cells to make for each row."""
        return frozenset(self.own)

    def at(self, meanings: Iterable[tuple[str, str]]) -> ColumnNames:
        """The same for rows of a time when these names meant these columns."""
        then = NamesThen(self.own, dict(meanings))
        return replace(self, then=then) if then.columns else self

    def unknown(self, names: Collection[str]) -> list[str]:
        """Those of a row's names that it may not have, in their order."""
        meant = self.known | self.former.keys() if self.former else self.known
        unknown = [name for name in names if name not in meant]
        return [] if self.ignore_extra and len(unknown) < len(names) else unknown

    def held(self, names: Collection[str]) -> tuple[str, ...]:
        """For each column the name under which a row with these names holds it.

        That of now, if the row has neither.
        """
        if self.then is not None and self.then.columns.keys() >= set(names):
            return self.then.held(names)
        renamed: dict[str, str] = {}
        for name, column in self.former.items():
            if column and name in names and column not in names:
                renamed.setdefault(column, name)
        return tuple(renamed.get(name, name) for name in self.own) if renamed else self.own

    def now(self, names: Sequence[str]) -> list[str]:
        """The names of a row, each that holds a column as the column is called now."""
        own = dict(zip(self.held(names), self.own, strict=True))
        return [own.get(name, name) for name in names]

    def order(self, names: Sequence[str], delimiter: str, source: str = "") -> ColumnOrder:
        """The order of rows of CSV under these names."""
        unknown = self.unknown(names)
        if unknown or not names or len(set(names)) < len(names):
            reason = "unknown-column" if unknown else "bad-columns-header"
            refusal = Refusal(reason, quoted("".join(unknown[:1])), quoted(",".join(names)))
            if unknown and len(unknown) == len(names):
                refusal = no_column(", ".join(names))
            return ColumnOrder(0, (), refusal, delimiter)
        places = {name: place for place, name in enumerate(names)}
        found = tuple(map(places.get, self.held(places)))
        return ColumnOrder(len(names), found, None, delimiter, source)
