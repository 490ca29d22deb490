"""Numbers of many remembered events, column by column, addressed by their places.

A number takes eight bytes and is read for a whole batch at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from learners.metrics.arrays import FloatArray, IntArray

# What a float column that is added later holds for the rows before it.
UNKNOWN = float("nan")
# The same for an integer column.
NONE = -1
FIRST_CAPACITY = 1024


@dataclass(frozen=True)
class Layout:
    """The names of the columns, in their order.

    Attributes:
        floats: of float64.
        integers: of int64.
        alike: for a float column, the one whose values it takes for rows before it existed.
    """

    floats: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()
    alike: Mapping[str, str] = field(default_factory=dict)


def run_of(places: IntArray) -> IntArray | slice:
    """Places as a slice, if each is one behind the one before it: a tenth of the time."""
    if not places.size:
        return places
    first, last = int(places[0]), int(places[-1])
    if last - first != places.size - 1 or (np.diff(places) != 1).any():
        return places
    return slice(first, last + 1)


class Block(NamedTuple):
    """Some rows: ``floats`` is [columns, rows] of float64, ``integers`` the same of int64."""

    floats: FloatArray
    integers: IntArray

    @classmethod
    def empty(cls, layout: Layout, rows: int) -> Block:
        """Rows of a layout that are still to be filled."""
        return cls(
            np.full((len(layout.floats), rows), UNKNOWN),
            np.full((len(layout.integers), rows), NONE, dtype=np.int64),
        )

    def at(self, places: IntArray) -> Block:
        """These rows; not copied where they are a run, as mostly."""
        run = run_of(places)
        return Block(self.floats[:, run], self.integers[:, run])

    def chosen(self, places: IntArray) -> Block:
        """These rows, copied."""
        return Block(self.floats.take(places, axis=1), self.integers.take(places, axis=1))


class Columns:
    """Rows that grow at the end."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._block = Block.empty(layout, FIRST_CAPACITY)

    def put(self, first: int, block: Block) -> None:
        """Write rows from place ``first`` on."""
        rows = block.floats.shape[1]
        self._make_room(first + rows)
        self._block.floats[:, first : first + rows] = block.floats
        self._block.integers[:, first : first + rows] = block.integers

    def get(self, places: IntArray) -> Block:
        """The rows at these places, copied."""
        self._make_room(int(places.max()) + 1 if places.size else 0)
        return self._block.chosen(places)

    def integer(self, name: str, places: IntArray) -> IntArray:
        """One integer column of the rows at these places, copied."""
        self._make_room(int(places.max()) + 1 if places.size else 0)
        found: IntArray = self._block.integers[self.layout.integers.index(name), places]
        return found

    def set_integer(self, name: str, places: IntArray, values: IntArray) -> None:
        """Write one integer column of rows that may never have been put."""
        self._make_room(int(places[-1]) + 1 if places.size else 0)
        self._block.integers[self.layout.integers.index(name), places] = values

    def change(self, layout: Layout) -> None:
        """Change the layout; columns of the same name keep their values."""
        old, new = self._block, Block.empty(layout, self._block.floats.shape[1])
        for at, name in enumerate(layout.floats):
            held = name if name in self.layout.floats else layout.alike.get(name)
            if held in self.layout.floats:
                new.floats[at] = old.floats[self.layout.floats.index(held)]
        for at, name in enumerate(layout.integers):
            if name in self.layout.integers:
                new.integers[at] = old.integers[self.layout.integers.index(name)]
        self._block, self.layout = new, layout

    def keep(self, places: IntArray) -> None:
        """Keep only these rows, in this order, from place 0 on."""
        self._make_room(int(places[-1]) + 1 if places.size else 0)
        kept, room = self._block.chosen(places), max(FIRST_CAPACITY, places.size * 2)
        self._block = Block.empty(self.layout, room)
        self.put(0, kept)

    def _make_room(self, rows: int) -> None:
        capacity = self._block.floats.shape[1]
        if rows <= capacity:
            return
        old = self._block
        self._block = Block.empty(self.layout, max(rows, capacity * 2))
        self._block.floats[:, :capacity] = old.floats
        self._block.integers[:, :capacity] = old.integers
