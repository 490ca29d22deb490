"""Many JSON objects with the same keys as columns of cells: what ``object_cells`` gives of each.

Clients and producers send objects of one shape. What their keys mean is then worked out once, and
a column whose values are of one kind becomes cells at once: 0.5 us a row of 13 columns, where
:func:`~converters.objects.json_rows.object_cells` takes 2 to 4. It remains for objects of which one
has other keys, or is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeGuard

import numpy as np
import orjson
from numpy.typing import NDArray

from converters.cells.spellings import EXACT_INTEGERS
from converters.files.cut_lines import MASKS, CutLines, Places, Words
from converters.objects.alike_objects import Cut
from converters.objects.json_rows import NONE_WHOLE, scalar_cell
from converters.schema.column_names import ColumnNames
from converters.schema.schema import PARSED_INTEGERS

Object = dict[str, Any]

_OBJECTS, _TEXT, _TEXT_OR_NONE = frozenset({dict}), frozenset({str}), frozenset({str, type(None)})
_BARE = frozenset({int, float, bool, type(None)})
_SCALARS = _BARE | {str}
# Spellings remembered of a column and of all, some 150 bytes each, and how long they may be.
MOST_LITERALS, ALL_LITERALS, LONGEST_LITERAL = 8_192, 2**16, 24
_FEW = 8
# What makes a number of JSON a float.
_FRACTION = frozenset(".eE")
# Of eight characters at once.
_WORD = 8
_BYTE, _ZERO = np.uint64(0xFF), np.uint64(0x30)
_ZEROS, _SIXES = np.uint64(0x3030303030303030), np.uint64(0x0606060606060606)
_UPPER, _THREES = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0x3030303030303030)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the keys of objects mean.

    Attributes:
        columns: those that such an object has, in the schema's order.
        pick: an object -> their values.
        places: where among the keys each of them is.
        absent: the places in a row of the columns that it lacks.
        keys: how many keys it has.
    """

    columns: tuple[str, ...]
    pick: Callable[[Object], Sequence[Any]]
    places: tuple[int, ...]
    absent: tuple[int, ...]
    keys: int

    @classmethod
    def of(cls, keys: Collection[str], names: ColumnNames) -> Shape:
        """That of objects with these keys, none of which is unknown."""
        held = dict(zip(names.own, names.held(keys), strict=True))
        at = {name: place for place, name in enumerate(keys)}
        present = {own: name for own, name in held.items() if name in at}
        absent = tuple(place for place, own in enumerate(held) if own not in present)
        places = tuple(map(at.__getitem__, present.values()))
        return cls(tuple(present), _picker(tuple(present.values())), places, absent, len(keys))

    def values(self, rows: Sequence[Object]) -> list[Sequence[Any]] | None:
        """The columns' values of objects; None if the keys of one of them are others."""
        if len(set(map(len, rows))) > 1:
            return None
        # As many keys, all of them columns that this has: no others. Whether what is passed over
        # is the same has to be looked at.
        if self.keys > len(self.columns) and len(set(map(frozenset, rows))) > 1:
            return None
        try:
            return list(zip(*map(self.pick, rows), strict=True))
        except KeyError:
            return None

    def cells(
        self,
        values: Sequence[Sequence[Any]],
        numbers: Container[str],
        whole: Mapping[str, float],
        rows: int,
    ) -> list[Sequence[str]] | None:
        """The cells of all columns of the schema; None if one of them is refused."""
        columns: list[Sequence[str]] = []
        for name, given in zip(self.columns, values, strict=True):
            cells = column_cells(given, name, numbers, whole)
            if cells is None:
                return None
            columns.append(cells)
        for place in self.absent:
            columns.insert(place, [""] * rows)
        return columns

    def cut_cells(
        self, cut: Cut, literals: Literals, integers: Container[str] = ()
    ) -> CutLines | None:
        """The same of objects that were cut; None too if a value that is no text is none at all.

        And if a number in one of the columns of integers is written as another.
        """
        columns = dict(zip(self.places, self.columns, strict=True))
        bare = [at for at, quoted in enumerate(cut.quoted) if not quoted]
        if bare and not literals.are_cells(cut.values, bare, columns, integers):
            return None
        places: list[int | None] = list(self.places)
        for place in self.absent:
            places.insert(place, None)
        return cut.values.ordered(places)


class Literals:
    """Numbers, truth values and null as they are written -> the cells that they are.

    Args:
        numbers, whole: as for :func:`object_columns`.
    """

    def __init__(
        self, numbers: Container[str] = (), whole: Mapping[str, float] = NONE_WHOLE
    ) -> None:
        self._numbers, self._whole = numbers, whole
        self._known: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def are_cells(
        self,
        values: CutLines,
        bare: Sequence[int],
        columns: Mapping[int, str],
        integers: Container[str],
    ) -> bool:
        """Whether values are cells as they are written; null becomes an empty one.

        Args:
            values: by object and key.
            bare: the keys whose values are not texts.
            columns: the column of each key; others are passed over, but have to be JSON.
            integers: columns in which a number with a fraction or an exponent is not.
        """
        places = bare if len(bare) < len(values) else slice(None)
        starts, lengths = values.starts[:, places], values.lengths[:, places]
        odd = ~_are_integers(values.words, starts, lengths)
        for at in np.flatnonzero(odd.any(0)).tolist():
            rows, name = np.flatnonzero(odd[:, at]), columns.get(bare[at])
            written = values.cells(starts[rows, at], lengths[rows, at])
            cells = self.values(written) if name is None else self.cells(name, written)
            if cells is None:
                return False
            if name is None:
                continue
            if name in integers and not _FRACTION.isdisjoint("".join(written)):
                return False
            others = [n for n, cell in enumerate(cells) if cell != written[n]]
            if any(cells[n] for n in others):
                return False
            values.lengths[rows[others], bare[at]] = 0
        return True

    def cells(self, column: str, written: Sequence[str]) -> Sequence[str] | None:
        """The cells of a column; None if one is refused, or is none of these values."""
        known = self._known[column]
        try:
            return list(map(known.__getitem__, written))
        except KeyError:
            values = self.values(written)
        cells = values and column_cells(values, column, self._numbers, self._whole)
        if not cells:
            return None
        new = dict(zip(written, cells, strict=True))
        # What hardly repeats is not worth remembering.
        if 2 * len(new) <= len(written) + _FEW and max(map(len, new)) <= LONGEST_LITERAL:
            if len(known) >= min(MOST_LITERALS, ALL_LITERALS // len(self._known)):
                known.clear()
            known.update(new)
        return cells

    @staticmethod
    def values(written: Sequence[str]) -> list[Any] | None:
        """What each says; None if one of them is none of these values."""
        try:
            values: list[Any] = orjson.loads(f"[{','.join(written)}]")
        except orjson.JSONDecodeError:
            return None
        # As many, and none is a list: a comma or bracket in one of them would make others.
        alone = len(values) == len(written) and set(map(type, values)) <= _BARE
        return values if alone else None


def _are_integers(words: Words, starts: Places, lengths: Places) -> NDArray[np.bool_]:
    """Which cells are integers of few digits as Python spells them, without a sign."""
    first = words[starts]
    found = _are_digits(first, lengths)
    if lengths.max() > _WORD:
        found &= _are_digits(words[starts + _WORD], lengths - _WORD)
    zero = ((first & _BYTE) == _ZERO) & (lengths > 1)
    found &= ~zero & (lengths > 0) & (lengths <= 2 * _WORD)
    return found


def _are_digits(words: Words, lengths: Places) -> NDArray[np.bool_]:
    """Whether so many of the bytes of words are digits."""
    masks = MASKS.take(lengths, mode="clip")
    words = (words & masks) | (_ZEROS & ~masks)
    # The upper half of a digit's byte is a three, and stays so when six are added.
    found: NDArray[np.bool_] = (words & _UPPER) == _THREES
    found &= ((words + _SIXES) & _UPPER) == _THREES
    return found


def object_columns(
    rows: Sequence[object],
    names: ColumnNames,
    numbers: Container[str] = (),
    whole: Mapping[str, float] = NONE_WHOLE,
) -> list[Sequence[str]] | None:
    """The columns of cells that ``object_cells`` gives row by row.

    Args:
        rows: what was parsed, at least one.
        names: as there.
        numbers: as there.
        whole: as there.

    Returns:
        None if rows have different keys, or one of them would be refused.
    """
    if not are_objects(rows) or names.unknown(rows[0]):
        return None
    shape = Shape.of(rows[0].keys(), names)
    values = shape.values(rows)
    return None if values is None else shape.cells(values, numbers, whole, len(rows))


def are_objects(rows: Sequence[object]) -> TypeGuard[Sequence[Object]]:
    """Whether all are objects."""
    return set(map(type, rows)) == _OBJECTS


def column_cells(
    values: Sequence[Any], column: str, numbers: Container[str], whole: Mapping[str, float]
) -> Sequence[str] | None:
    """The cells of a column; None if one of them is refused."""
    kinds = set(map(type, values))
    if kinds == _TEXT:
        return values
    if kinds == _TEXT_OR_NONE:
        return ["" if value is None else value for value in values]
    if not kinds <= _SCALARS:
        return None
    if float in kinds and column not in numbers:
        most = max(abs(value) for value in values if type(value) is float)
        if most >= whole.get(column, PARSED_INTEGERS):
            return None
    if float in kinds and column in whole:
        values = [_integer(value) if type(value) is float else value for value in values]
    elif kinds <= _BARE and (float not in kinds or column in numbers):
        cells = _written(values, floats=float in kinds)
        if cells is not None:
            return cells
    return [value if type(value) is str else scalar_cell(value) or "" for value in values]


def _written(values: Sequence[Any], *, floats: bool) -> Sequence[str] | None:
    """Numbers and truth values as the writer of JSON spells them: 25 to 50 ns, ``repr`` 75 to 400.

    None where it may not spell one as ``repr`` does: floats that need an exponent, and integers of
    more than 64 bits.
    """
    try:
        text = orjson.dumps(values)[1:-1].decode()
    except orjson.JSONEncodeError:
        return None
    if floats and ("e" in text or "0.0000" in text):
        return None
    return text.replace("null", "").split(",")


def _integer(value: float) -> float:
    return int(value) if abs(value) < EXACT_INTEGERS and value.is_integer() else value


def _picker(names: Sequence[str]) -> Callable[[Object], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: [row[name] for name in names]
