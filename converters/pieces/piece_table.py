"""Pieces of the cells of many rows, found by the bytes of the cells, for all columns at once.

A cell of up to eight bytes is one number, its *key*: the word at its place, what is behind the cell
masked off. (No cell holds a zero byte, so a key says how long its cell is.) The key is hashed to a
slot of its column's region of the table, compared there, and the slot's piece taken; numpy does
each of these steps for all cells of a block. That takes .3 us a row of twelve columns, where
cutting the cells and looking each up in a dictionary takes 1. Longer cells have keys of several
words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from converters.files.cut_lines import MASKS, CutLines, Places, Words
from converters.pieces.table_column import TableColumn

Mask = NDArray[np.bool_]
Objects = NDArray[np.object_]

# What no key is, for it is not UTF-8.
_EMPTY = np.uint64(2**64 - 1)
# Odd numbers without a pattern, one for each word of a key.
_FACTORS = [
    np.uint64(each)
    for each in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
]
_HALF = np.uint64(32)
# A key is in one of four neighbouring slots: that of its hash, or the others by ``^``.
_STEPS = np.arange(4)
_OTHERS = _STEPS[1:]
# So few entries are put one by one.
_FEW = 32


class Entries(NamedTuple):
    """What a table knows of some cells.

    Attributes:
        keys: the words of each, the first words of all in front.
        pieces: the piece of each.
        odd: whether its piece holds a number that is not plain.
    """

    keys: list[Words]
    pieces: Objects
    odd: Mask


@dataclass(slots=True)
class Missed:
    """Cells that were not found.

    Attributes:
        at: the place of each in the block, counted row by row.
        fit: for each whether the table can have its key.
        slots, keys: of each.
        starts, lengths: where it is in the block.
    """

    at: Places
    fit: Mask
    slots: Places
    keys: list[Words]
    starts: Places
    lengths: Places

    def alike(self) -> tuple[Places, Places]:
        """The numbers of cells that differ, and for each cell which one of these has its key.

        A cell whose key the table cannot have is by itself.
        """
        _, firsts, of = np.unique(self.slots, return_index=True, return_inverse=True)
        first = firsts[of]
        alike = self.fit & self.fit[first]
        for words in self.keys:
            alike &= words == words[first]
        others = np.flatnonzero(~alike)
        of[others] = np.arange(len(firsts), len(firsts) + len(others))
        return np.concatenate([firsts, others]), of


class PieceTable:
    """The pieces of cells of some columns.

    Args:
        words: how many a key has.
        columns: these.
        before: tables whose entries are kept, where they are of these columns and not of others.
    """

    def __init__(
        self, words: int, columns: Sequence[TableColumn], before: Sequence[PieceTable] = ()
    ) -> None:
        self.columns = columns
        self._words = words
        self._places = _as_slice([each.column.place for each in columns])
        sizes = np.array([1 << each.bits for each in columns])
        self._bases = np.cumsum(sizes) - sizes
        self._shifts = np.array([64 - each.bits for each in columns], np.uint64)
        total = int(sizes.sum())
        self._keys = [np.full(total, _EMPTY) for _ in range(words)]
        self._pieces = np.full(total, "", object)
        self._odd = np.zeros(total, bool)
        self._has_odd = False
        for table in before:
            for at, column in enumerate(table.columns):
                if column in columns and column.count and table._words == words:  # noqa: SLF001
                    self._take_over(columns.index(column), table._entries(at))  # noqa: SLF001

    def __len__(self) -> int:
        """How many slots there are."""
        return len(self._pieces)

    def look(self, cut: CutLines) -> tuple[Objects, Missed | None, bool]:
        """The pieces of a block's cells; those not found; whether a found one is odd."""
        starts, lengths = cut.starts[:, self._places], cut.lengths[:, self._places]
        keys = _keys(cut.words, starts, lengths, self._words)
        slots = _slots(keys, self._shifts, self._bases)
        found = self._holds(slots, keys)
        fit: Mask | None = None
        if lengths.max() > 8 * self._words:
            fit = lengths <= 8 * self._words
            found &= fit
        missed = None
        if not found.all():
            missed = self._missed(~found, fit, (slots, starts, lengths), keys)
        return self._pieces.take(slots), missed, self._has_odd and self._any_odd(slots, missed)

    def _any_odd(self, slots: Places, missed: Missed | None) -> bool:
        """Whether a piece that was found, in its own slot or in another one, is odd."""
        odd = self._odd.take(slots)
        if missed is not None:
            odd.reshape(-1)[missed.at] = False  # what is in their slots is of other cells
        return bool(odd.any())

    def put(self, slots: Places, entries: Entries) -> None:
        """Remember entries that are not there, and perhaps forget others; slots are of keys."""
        self._has_odd |= bool(entries.odd.any())
        if len(slots) <= _FEW:
            self._put_few(slots.tolist(), entries)
            return
        left = np.arange(len(slots))
        for _ in _STEPS:
            near = slots[left, None] ^ _STEPS
            # The first that is free; where none is, that of the hash is taken from another key.
            free = self._keys[0].take(near) == _EMPTY
            at, first = np.unique(near[np.arange(len(left)), free.argmax(1)], return_index=True)
            of = left[first]
            for keys, new in zip(self._keys, entries.keys, strict=True):
                keys[at] = new[of]
            self._pieces[at] = entries.pieces[of]
            self._odd[at] = entries.odd[of]
            if len(of) == len(left):
                break
            left = np.delete(left, first)  # wanted the same slot

    def _put_few(self, slots: Sequence[int], entries: Entries) -> None:
        """The same, without the time that each call of numpy takes."""
        first = self._keys[0]
        for n, slot in enumerate(slots):
            near = (slot, slot ^ 1, slot ^ 2, slot ^ 3)
            at = next((each for each in near if first[each] == _EMPTY), slot)
            for keys, new in zip(self._keys, entries.keys, strict=True):
                keys[at] = new[n]
            self._pieces[at] = entries.pieces[n]
            self._odd[at] = entries.odd[n]

    def _holds(self, slots: Places, keys: list[Words]) -> Mask:
        """Whether slots hold keys."""
        held: Mask = self._keys[0].take(slots) == keys[0]
        for of, words in zip(self._keys[1:], keys[1:], strict=True):
            held &= of.take(slots) == words
        return held

    def _missed(
        self,
        missing: Mask,
        fit: Mask | None,
        places: tuple[Places, Places, Places],
        keys: list[Words],
    ) -> Missed | None:
        """The cells that are in no slot at all; of others the slots are corrected."""
        slots, starts, lengths = places
        at = np.flatnonzero(missing)
        flat = slots.reshape(-1)
        own, words = flat[at], [each.reshape(-1)[at] for each in keys]
        near = own[:, None] ^ _OTHERS
        held = self._holds(near, [each[:, None] for each in words])
        fits = np.ones(len(at), bool) if fit is None else fit.reshape(-1)[at]
        held &= fits[:, None]
        there = held.any(1)
        if there.any():
            flat[at[there]] = near[held]
            if there.all():
                return None
            left = ~there
            at, fits, own, words = at[left], fits[left], own[left], [each[left] for each in words]
        return Missed(at, fits, own, words, starts.reshape(-1)[at], lengths.reshape(-1)[at])

    def _entries(self, at: int) -> Entries:
        """All of one column."""
        region = slice(self._bases[at], self._bases[at] + (1 << 64 - int(self._shifts[at])))
        taken = self._keys[0][region] != _EMPTY
        keys = [each[region][taken] for each in self._keys]
        return Entries(keys, self._pieces[region][taken], self._odd[region][taken])

    def _take_over(self, at: int, entries: Entries) -> None:
        slots = _slots(entries.keys, self._shifts[at], self._bases[at])
        self.put(slots, entries)


def _keys(words: Words, starts: Places, lengths: Places, count: int) -> list[Words]:
    """The words of the keys of cells."""
    if count == 1:
        return [words[starts] & MASKS.take(lengths, mode="clip")]
    places = range(0, 8 * count, 8)
    return [words[starts + at] & MASKS.take(lengths - at, mode="clip") for at in places]


def _slots(keys: list[Words], shifts: Words | np.uint64, bases: Places | np.int64) -> Places:
    """The slot of each key."""
    hashed = keys[0] * _FACTORS[0]
    for words, factor in zip(keys[1:], _FACTORS[1:], strict=False):
        hashed ^= words * factor
    hashed ^= hashed >> _HALF
    hashed *= _FACTORS[0]
    hashed >>= shifts
    slots = hashed.view(np.int64)
    slots += bases
    return slots


def _as_slice(places: list[int]) -> slice | list[int]:
    """Places as a slice, if they follow one another; that needs no copy."""
    first = places[0] if places else 0
    whole = list(range(first, first + len(places)))
    return slice(first, first + len(places)) if places == whole else places
