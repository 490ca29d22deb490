"""All groupings of one evaluation, and where each lesson stands in them.

Stands between :mod:`.measures` and the kinds of groupings (:mod:`.groupings`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from learners.evaluation.delays import AGE_OF_STEP, AGES
from learners.evaluation.groups import Codes, Fixed, Grouping, Move, Widening
from learners.evaluation.lessons import Lessons
from learners.evaluation.measuring import Measuring
from learners.lessons import AnyArray, IntArray

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
        since: the number of the first lesson that each holds.
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
        """The stretches of lessons behind the score."""
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
        """The row of each lesson in each grouping; -1 in one that began later.

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
        for name, kind in self.kinds.items():
            there = numbers >= self.since[name]
            if there.all():
                found[name] = kind.rows(values[name], lambda moved, name=name: move(name, moved))  # type: ignore[misc]
            else:
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
        """Go on from a state; what that does not hold, or otherwise, begins with the next lesson.

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
    """A lesson that was seen before needs no new row."""
    assert move.size
