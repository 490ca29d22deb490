"""Cells that count under another spelling: ``36.0`` as ``36``, and ids that end in ``.0``.

A report counts cells as the converter reads them, and tells which were one in the file's eyes too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from converters.cells.categories import listed
from converters.cells.kind import CANONICAL_FROM
from converters.cells.refusal import RefusedCellError
from converters.cells.spellings import (
    Spellings,
    are_integers,
    float_ids,
    integer,
    plain_number,
)
from converters.config.column_settings import ColumnSettings
from converters.config.toml_text import readable
from converters.schema.passthrough import kept_as
from converters.schema.schema import Schema
from converters.show.tables import counted

Level = Literal["problem", "warning", "note"]
# Level, code and message of a finding about a column; the message follows the column's name.
Said = tuple[Level, str, str]
Reading = Callable[[str], str]

# Readings that are remembered, and spellings that are told apart; as many as a column has values
# that are worth a list.
MOST_REMEMBERED = 10_000
MOST_TOLD, SHOWN = 1_000, 3

FLOAT_IDS = (
    "integers that are written as floats, such as {}, as pandas writes whole numbers once a cell "
    'is missing. Labels say {}: set kind = "integer" beside the role "id", so that both are one '
    "id; as texts they never meet."
)


def reading(settings: ColumnSettings, schema: Schema) -> Reading | None:
    """The spelling of a column's cells that counts; None if each counts as it is."""
    if settings.role == "id" and settings.kind == "integer":
        return _integer
    if schema.converter < CANONICAL_FROM:
        return None
    if settings.role == "label":
        return Spellings(schema.label_codes).of
    if settings.kind in ("categorical", "boolean") or settings.role == "protected":
        return kept_as(settings, schema)
    numbers = settings.kind == "numeric" or settings.role == "weight"
    if numbers and any(plain_number(each) is not None for each in settings.missing_values):
        return listed(settings).of
    return None


def _integer(cell: str) -> str:
    try:
        return integer(cell)
    except RefusedCellError:
        return cell


class Respelling:
    """Reads the cells of one column, block by block.

    Args:
        role: the column's.
        kind: its kind, or None.
        reading: of its cells; None if each counts as it is.
    """

    def __init__(self, role: str, kind: str | None, reading: Reading | None) -> None:
        self._reading = reading
        self._tells = kind == "categorical"
        # Whether all ids so far are integers; unasked where they are read as such.
        self._integer_ids = role == "id" and kind is None
        self._example = ""
        self._memory: dict[str, str] = {}
        self._found: Counter[tuple[str, str]] = Counter()

    def read(self, cells: Sequence[str]) -> Sequence[str]:
        """The cells as they count."""
        if self._integer_ids:
            self._look(cells)
        if self._reading is None:
            return cells
        spelt = list(map(self._read, cells))
        if self._tells and spelt != list(cells):
            pairs = (pair for pair in zip(cells, spelt, strict=True) if pair[0] != pair[1])
            for pair, times in Counter(pairs).items():
                if pair in self._found or len(self._found) < MOST_TOLD:
                    self._found[pair] += times
        return spelt

    def _read(self, cell: str) -> str:
        spelt = self._memory.get(cell)
        if spelt is None:
            assert self._reading is not None
            spelt = self._reading(cell)
            if len(self._memory) < MOST_REMEMBERED:
                self._memory[cell] = spelt
        return spelt

    def _look(self, cells: Sequence[str]) -> None:
        ids = {*cells}
        self._integer_ids = are_integers(ids)
        self._example = self._example or next(iter(float_ids(ids)), "")

    def said(self, rows: Mapping[str, int] | None) -> Iterator[Said]:
        """What a person should know, when all rows have come.

        Args:
            rows: how often each cell came, as it counts; None if that was not counted.
        """
        if self._integer_ids and self._example:
            said = FLOAT_IDS.format(readable(self._example), integer(self._example))
            yield "warning", "float-ids", f"holds {said}"
        spelt: dict[str, dict[str, int]] = {}
        for (cell, counts_as), times in self._found.items():
            spelt.setdefault(counts_as, {})[cell] = times
        for counts_as, others in spelt.items():
            own = 0 if rows is None else rows.get(counts_as, 0) - sum(others.values())
            if own > 0:
                others[counts_as] = own
        several = [cells for cells in spelt.values() if len(cells) > 1]
        if several:
            yield "note", "spellings", _told(several)


def _told(several: Sequence[Mapping[str, int]]) -> str:
    """Values that came in several spellings, in words."""
    shown = [
        " and ".join(
            f"{readable(cell)} in {counted(n, 'row', 'rows')}" for cell, n in cells.items()
        )
        for cells in several[:SHOWN]
    ]
    more = f"; {len(several) - SHOWN:,} more values" if len(several) > SHOWN else ""
    return (
        f"holds {'; '.join(shown)}{more}: one value each, however it is spelt. Where they are "
        "not, as versions of software, list both spellings in the column's values."
    )
