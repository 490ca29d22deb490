"""Neighbouring periods of event time joined until each holds enough labels to be shown.

A point of a curve that stands on three labels is noise. So periods are joined to their neighbours,
until a stretch has :data:`~learners.metrics.metrics.FEWEST_LABELS`, and
:data:`~learners.metrics.metrics.FEWEST_OF_A_CLASS` of each class where there are that many to share
out. Nothing is joined over a gap: periods on both sides of one without labels meet only if labels
are as rare everywhere as in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from learners.metrics.metrics import FEWEST_LABELS, FEWEST_OF_A_CLASS

# An empty stretch of so many usual distances between two labels is a gap, not chance: of labels
# that come independently of each other, one distance in two thousand is as long.
USUAL_DISTANCES = 11


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring periods as one.

    Attributes:
        begin: the number of the first period.
        end: the number after the last one.
        negatives: negative labels.
        positives: positive ones.
    """

    begin: int
    end: int
    negatives: int
    positives: int

    @property
    def count(self) -> int:
        """Labels."""
        return self.negatives + self.positives

    @property
    def width(self) -> int:
        """Periods from the first to the last."""
        return self.end - self.begin

    def joined(self, following: Stretch) -> Stretch:
        """With a later one, and what is between them."""
        return Stretch(
            self.begin,
            following.end,
            self.negatives + following.negatives,
            self.positives + following.positives,
        )

    def enough(self, of_a_class: int = FEWEST_OF_A_CLASS) -> bool:
        """Whether there are labels enough, and so many of each class."""
        return self.count >= FEWEST_LABELS and min(self.negatives, self.positives) >= of_a_class


def stretches(periods: Sequence[Stretch]) -> list[Stretch]:
    """The periods, joined where they hold too few labels; what has too few all the same stays.

    Args:
        periods: those that hold labels, in their order.
    """
    if not periods:
        return []
    rarer = min(sum(p.negatives for p in periods), sum(p.positives for p in periods))
    # Where there are not enough for two points, the rarer class does not decide.
    of_a_class = FEWEST_OF_A_CLASS if rarer >= 2 * FEWEST_OF_A_CLASS else 0
    whole: list[Stretch] = []
    for run in _runs(periods):
        whole += _enough(run, of_a_class)
    found: list[Stretch] = []
    usual = _usual_distance(periods)
    for enough, each in groupby(whole, lambda stretch: stretch.enough(of_a_class)):
        alike = list(each)
        found += alike if enough else _over_chance(alike, usual, of_a_class)
    return found


def _runs(periods: Sequence[Stretch]) -> list[list[Stretch]]:
    """Those that follow each other without an empty one between."""
    found: list[list[Stretch]] = []
    for period in periods:
        if found and found[-1][-1].end == period.begin:
            found[-1].append(period)
        else:
            found.append([period])
    return found


def _enough(run: Iterable[Stretch], of_a_class: int) -> list[Stretch]:
    """Periods of a run joined until each has enough; a rest goes to the one before it."""
    found: list[Stretch] = []
    for period in run:
        if found and not found[-1].enough(of_a_class):
            found[-1] = found[-1].joined(period)
        else:
            found.append(period)
    if len(found) > 1 and not found[-1].enough(of_a_class):
        last = found.pop()
        found[-1] = found[-1].joined(last)
    return found


def _over_chance(few: Sequence[Stretch], usual: float, of_a_class: int) -> list[Stretch]:
    """Stretches of few labels joined over what is empty by chance, likewise."""
    found: list[Stretch] = []
    group: list[Stretch] = []
    for stretch in few:
        if group and not _by_chance(group, stretch, usual):
            found += _enough(group, of_a_class)
            group = []
        group.append(stretch)
    return found + _enough(group, of_a_class)


def _by_chance(group: Sequence[Stretch], following: Stretch, usual: float) -> bool:
    """Whether the empty stretch before the next is no gap at the distance of such labels."""
    empty = following.begin - group[-1].end
    return empty <= max(usual * USUAL_DISTANCES, group[-1].width + following.width)


def _usual_distance(periods: Sequence[Stretch]) -> float:
    """The median distance of two neighbouring labels, in periods."""
    distances = [(p.width / p.count, p.count - 1) for p in periods]
    pairs = pairwise(periods)
    distances += [(float(after.begin - before.begin), 1) for before, after in pairs]
    distances.sort()
    half = sum(times for _, times in distances) / 2
    for distance, times in distances:
        half -= times
        if half <= 0:
            return distance
    return 0.0


def gaps(found: Sequence[Stretch]) -> list[tuple[int, int]]:
    """The periods between stretches that are gaps: as long as one of those beside them."""
    return [
        (before.end, after.begin)
        for before, after in pairwise(found)
        if after.begin - before.end >= min(before.width, after.width)
    ]
