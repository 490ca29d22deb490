"""Which group an example belongs to: its period, its slices' values, the age of its label.

Groups number the rows of :mod:`learners.evaluation.group_sums`, and stay bounded; where neighbours
are merged, an example's group depends on all examples seen, not on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from learners.evaluation.histograms import AGE_OF_STEP, AGES
from learners.evaluation.labelled_examples import Lessons, Measuring
from learners.metrics.arrays import AnyArray, IntArray

# Merged in pairs beyond this, so that between half of them and all are in use.
MOST_GROUPS = 512


@dataclass(frozen=True, slots=True)
class Move:
    """Rows that have moved: row i is now ``rows[i]`` of ``size``."""

    rows: IntArray
    size: int


class Grouping(Protocol):
    """Numbers the groups of one kind."""

    @property
    def size(self) -> int:
        """Rows in use."""

    def rows(self, values: IntArray, move: Callable[[Move], None]) -> IntArray:
        """The row of each value; tells what has to move before they are used."""

    def state(self) -> IntArray:
        """All that it knows."""

    def continues(self, state: AnyArray) -> bool:
        """Whether it can go on from a state."""

    def restore(self, state: AnyArray) -> None:
        """Resume from a state."""


class Fixed:
    """Groups whose number never changes; the values are the rows.

    Attributes:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def rows(self, values: IntArray, _move: Callable[[Move], None]) -> IntArray:
        """The values."""
        return values

    def state(self) -> IntArray:
        """How many."""
        return np.array([self.size], dtype=np.int64)

    def continues(self, state: AnyArray) -> bool:
        """From as many only."""
        return int(state[0]) == self.size

    def restore(self, _state: AnyArray) -> None:
        """Nothing is learned."""


class Codes:
    """A row for each code of a slice, and the first for what is unknown, code -1."""

    def __init__(self) -> None:
        self._size = 1

    @property
    def size(self) -> int:
        """Rows in use."""
        return self._size

    def rows(self, values: IntArray, move: Callable[[Move], None]) -> IntArray:
        """The row of each code."""
        rows = values + 1
        needed = int(rows.max(initial=0)) + 1
        if needed > self._size:
            move(Move(np.arange(self._size), needed))
            self._size = needed
        return rows

    def state(self) -> IntArray:
        """The rows in use."""
        return np.array([self._size], dtype=np.int64)

    def continues(self, _state: AnyArray) -> bool:
        """From any."""
        return True

    def restore(self, state: AnyArray) -> None:
        """Resume from a state."""
        self._size = int(state[0])


class Widening:
    """Stretches of equal width; beyond ``MOST_GROUPS`` in use, the width doubles.

    Attributes:
        first_width: what was asked for.
        width: what it has become.
        keys: the stretches in use, in order; stretch k holds [k * width, (k + 1) * width).
    """

    def __init__(self, width: int) -> None:
        self.first_width = width
        self.width = width
        self.keys: IntArray = np.zeros(0, dtype=np.int64)

    @property
    def size(self) -> int:
        """Rows in use."""
        return self.keys.size

    def rows(self, values: IntArray, move: Callable[[Move], None]) -> IntArray:
        """The row of each value."""
        keys, width = values // self.width, self.width
        if not self._within(keys):
            self._take_in(_distinct(keys), move)
            if self.width != width:
                keys = values // self.width
        if self._dense():
            return keys - self.keys[0] if keys.size else keys
        found: IntArray = np.searchsorted(self.keys, keys)
        return found

    def _dense(self) -> bool:
        return bool(self.size) and int(self.keys[-1] - self.keys[0]) == self.size - 1

    def _within(self, keys: IntArray) -> bool:
        """Whether it is seen at once that every key is in use: the common case."""
        if not keys.size:
            return True
        return self._dense() and bool(keys.min() >= self.keys[0] and keys.max() <= self.keys[-1])

    def _take_in(self, fresh: IntArray, move: Callable[[Move], None]) -> None:
        """Bring new stretches into use, and widen until they are few enough."""
        old = self.keys
        self.keys = _distinct(np.concatenate([old, fresh]))
        if self.size == old.size:
            return
        wider = 0
        while _distinct(self.keys >> wider).size > MOST_GROUPS:
            wider += 1
        self.keys = _distinct(self.keys >> wider)
        self.width <<= wider
        move(Move(np.searchsorted(self.keys, old >> wider), self.size))

    def state(self) -> IntArray:
        """The widths and the stretches in use."""
        return np.concatenate([[self.first_width, self.width], self.keys])

    def continues(self, state: AnyArray) -> bool:
        """From one of the same first width only: what is merged cannot be divided again."""
        return int(state[0]) == self.first_width

    def restore(self, state: AnyArray) -> None:
        """Resume from a state of the same first width."""
        self.width = int(state[1])
        self.keys = state[2:].astype(np.int64)


def _distinct(keys: IntArray) -> IntArray:
    """The keys, each once, in order; by counting where they lie close, which is faster.

    Not by ``np.unique``, whose first call imports ``numpy.ma``: as long as all of it takes.
    """
    low, high = int(keys.min()), int(keys.max())
    if high - low < keys.size:
        return np.flatnonzero(np.bincount(keys - low)) + low
    ordered = np.sort(keys)
    return ordered[np.flatnonzero(np.diff(ordered, prepend=low - 1))]


ALL, AGES_OF_LABELS, PERIODS, BY_LESSONS = "all", "ages", "periods", "by_lessons"
# Those in which each contender is measured; the others are of what is served.
SIDE_BY_SIDE = (ALL, PERIODS)
# Lessons behind a score that share a group at first.
LESSONS_A_GROUP = 1_000


def slice_name(column: int) -> str:
    """The grouping of the values of a slice, by its place."""
    return f"slice@{column}"


class Grouped:
    """The groupings.

    Attributes:
        kinds: by name.
        since: the number of the first example that each holds.
    """

    def __init__(self, measuring: Measuring) -> None:
        self.kinds: dict[str, Grouping] = {
            ALL: Fixed(1),
            AGES_OF_LABELS: Fixed(len(AGES)),
            PERIODS: Widening(measuring.period_ms),
            BY_LESSONS: Widening(LESSONS_A_GROUP),
        }
        self.kinds |= {slice_name(place): Codes() for place in range(len(measuring.slices))}
        self.since = dict.fromkeys(self.kinds, 0)

    def sizes(self) -> dict[str, int]:
        """Rows in use, by name."""
        return {name: kind.size for name, kind in self.kinds.items()}

    def periods(self) -> Widening:
        """The stretches of event time."""
        return self._widening(PERIODS)

    def by_lessons(self) -> Widening:
        """The stretches of examples trained on before the score."""
        return self._widening(BY_LESSONS)

    def _widening(self, name: str) -> Widening:
        kind = self.kinds[name]
        assert isinstance(kind, Widening)
        return kind

    def rows(
        self,
        lessons: Lessons,
        steps: IntArray,
        numbers: IntArray,
        move: Callable[[str, Move], None],
    ) -> dict[str, IntArray]:
        """The row of each example in each grouping; -1 in one that began later.

        Args:
            lessons: any, seen for the first time or again.
            steps: of their labels' delays.
            numbers: theirs.
            move: told what has to move before the rows are used.
        """
        values = {
            ALL: np.zeros(len(lessons), dtype=np.int64),
            AGES_OF_LABELS: AGE_OF_STEP[steps],
            PERIODS: lessons.arrived,
            BY_LESSONS: lessons.behind,
        }
        values |= {slice_name(place): codes for place, codes in enumerate(lessons.slices)}
        found: dict[str, IntArray] = {}
        lowest = int(numbers.min())
        for name, kind in self.kinds.items():
            if lowest >= self.since[name]:
                found[name] = kind.rows(values[name], lambda moved, name=name: move(name, moved))  # type: ignore[misc]
            else:
                there = numbers >= self.since[name]
                rows = np.full(len(lessons), -1, dtype=np.int64)
                rows[there] = kind.rows(values[name][there], _stay)
                found[name] = rows
        return found

    def state(self) -> dict[str, AnyArray]:
        """What each has learned of its groups."""
        return {
            f"grouping.{name}": np.concatenate([[self.since[name]], kind.state()])
            for name, kind in self.kinds.items()
        }

    def restore(self, arrays: Mapping[str, AnyArray], count: int) -> list[str]:
        """Resume from a state; a grouping that it lacks or that has changed starts here.

        Returns:
            The groupings that begin anew.
        """
        fresh: list[str] = []
        for name, kind in self.kinds.items():
            held = arrays.get(f"grouping.{name}")
            if held is None or not kind.continues(held[1:]):
                self.since[name] = count
                fresh.append(name)
            else:
                self.since[name] = int(held[0])
                kind.restore(held[1:])
        return fresh


def _stay(move: Move) -> None:
    """An example that was seen before needs no new row."""
    assert move.size
