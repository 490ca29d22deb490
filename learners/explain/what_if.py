"""What would change a row's label: the smallest change of one number, and other categories.

All of it is about the model and not about the world: whether a cell can be changed, and what else
would change with it, no model of scores knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote

from converters.cells.feature import Feature
from converters.cells.numbers import number
from converters.cells.refusal import RefusedCellError
from converters.config.column_settings import ColumnSettings
from converters.schema.schema import Schema
from learners.explain.explainer import Work
from learners.explain.row_pieces import Pieces, RowPieces
from learners.learner import Learner
from learners.line_bounds import joined

NOTE = (
    "What the model would say of a row with this one cell changed: not what would happen in the "
    "world, where other cells may change with it."
)
# Numbers that are tried between a column's min and max, besides the edges of its bins.
TRIED = 64
# Categories that are tried at most, and told at most.
CATEGORIES, TOLD = 200, 5
# Of a number without a fraction, or of a missing one, so many digits behind the point.
DIGITS = 6


class OtherNumber(NamedTuple):
    """The nearest number of a column with which the label would be another one."""

    column: str
    value: str
    to: str
    score: float


class OtherCategories(NamedTuple):
    """Categories of a column with which the label would be another one, and their scores."""

    column: str
    value: str
    to: list[tuple[str, float]]


class WhatIf:
    """Looks for changes of single cells that cross the threshold.

    Args:
        learner: of the version, as it is served.
        schema: the version's own.
        cuts: of that schema.
        threshold: the score from which the label is positive.
        kept: lines in which categories are looked for that the config does not list.
    """

    def __init__(
        self,
        learner: Learner,
        schema: Schema,
        cuts: RowPieces,
        threshold: float,
        kept: Sequence[str],
    ) -> None:
        self._learner = learner
        self._schema = schema
        self._cuts = cuts
        self._threshold = threshold
        self._kept = kept

    def numbers(
        self, row: Pieces, cells: Mapping[str, str], score: float
    ) -> Work[list[OtherNumber]]:
        """For each numeric column with ``min`` and ``max``, its nearest number that would do it.

        Args:
            row: the pieces of the row.
            cells: its cells by column.
            score: its score.
        """
        found = []
        for feature in self._schema.features:
            if feature.settings.kind != "numeric" or None in _range(feature.settings):
                continue
            yield
            cell = cells.get(feature.column, "").strip()
            nearest = self._nearest(row, feature, cell, score >= self._threshold)
            if nearest is not None:
                found.append(OtherNumber(feature.column, cell, *nearest))
        return found

    def categories(
        self, row: Pieces, cells: Mapping[str, str], score: float
    ) -> Work[list[OtherCategories]]:
        """For each column of categories, those that would do it, the furthest across first."""
        found = []
        positive = score >= self._threshold
        for feature in self._schema.features:
            if feature.settings.kind not in ("categorical", "boolean"):
                continue
            yield
            cell = cells.get(feature.column, "").strip()
            others = [each for each in self._categories_of(feature) if each != cell]
            scored = zip(others, self._scores(row, feature.column, others), strict=True)
            across = [(each, its) for each, its in scored if (its >= self._threshold) != positive]
            across.sort(key=lambda of: -of[1] if not positive else of[1])
            if across:
                found.append(OtherCategories(feature.column, cell, across[:TOLD]))
        return found

    @cached_property
    def _seen(self) -> list[Pieces]:
        return list(map(self._cuts.cut, self._kept))

    def _categories_of(self, feature: Feature) -> list[str]:
        """The categories of a column: those of the config, and those of the rows seen."""
        settings = feature.settings
        if settings.kind == "boolean":
            return [settings.true_values[0], settings.false_values[0]]
        place = self._cuts.place_of(feature)
        written = {row[place].partition("=")[2] for row in self._seen}
        seen = sorted(map(unquote, filter(None, written)))
        listed = [*settings.values, *settings.rare_values, *seen]
        return list(dict.fromkeys(listed))[:CATEGORIES]

    def _nearest(
        self, row: Pieces, feature: Feature, cell: str, positive: bool
    ) -> tuple[str, float] | None:
        """The nearest number across the threshold, with its score."""
        try:
            now = number(cell)
        except RefusedCellError:
            return None  # there is none to change
        found: list[tuple[float, str, float]] = []
        steps = _Steps(feature.settings, cell)
        for end in steps.ends:
            points = steps.outward(now, end)
            across = self._first_across(row, feature.column, steps, points, positive)
            if across is not None:
                point, its = across
                found.append((abs(point / steps.unit - now), steps.text(point), its))
        return min(found)[1:] if found else None

    def _first_across(
        self, row: Pieces, column: str, steps: _Steps, points: Sequence[int], positive: bool
    ) -> tuple[int, float] | None:
        """The first of some points across the threshold, and from there back as far as that holds.

        The point before the one found is not across.
        """
        scores = self._scores(row, column, [steps.text(point) for point in points])
        across = [(its >= self._threshold) != positive for its in scores]
        if True not in across or across[0]:
            return None
        at = across.index(True)
        inside, outside, found = points[at - 1], points[at], scores[at]
        while abs(outside - inside) > 1:
            middle = (inside + outside) // 2
            (its,) = self._scores(row, column, [steps.text(middle)])
            if (its >= self._threshold) != positive:
                outside, found = middle, its
            else:
                inside = middle
        return outside, found

    def _scores(self, row: Pieces, column: str, cells: Sequence[str]) -> list[float]:
        """The served score of a row with each of some cells of a column."""
        if not cells:
            return []
        lines = [self._cuts.line(self._cuts.rewritten(row, column, cell)) for cell in cells]
        return self._learner.predict_blocks(joined(lines, plain=True))


class _Steps:
    """The numbers of a column that are tried: of no more digits than it has.

    Attributes:
        unit: so many steps are one.
        ends: the first and the last step within the column's range.
    """

    def __init__(self, settings: ColumnSettings, cell: str) -> None:
        low, high = _range(settings)
        assert low is not None
        assert high is not None
        named = [repr(each) for each in (low, high, *settings.edges)]
        self._digits = min(max(map(_digits, [cell, *named])), DIGITS)
        self.unit = 10**self._digits
        self.ends = math.ceil(low * self.unit), math.floor(high * self.unit)
        self._edges = [math.ceil(edge * self.unit) for edge in settings.edges]

    def text(self, step: int) -> str:
        """A step as a cell."""
        return f"{step / self.unit:.{self._digits}f}"

    def outward(self, now: float, end: int) -> list[int]:
        """Steps from a number to an end, those on both sides of an edge among them."""
        begin = round(now * self.unit)
        low, high = sorted((begin, end))
        even = {begin + (end - begin) * at // TRIED for at in range(TRIED + 1)}
        edges = {step for edge in self._edges for step in (edge - 1, edge) if low <= step <= high}
        return sorted(even | edges, reverse=end < begin)


def _digits(text: str) -> int:
    """How many digits a number has behind its point."""
    if "e" in text.lower():
        return DIGITS
    return len(text.partition(".")[2].rstrip("0"))


def _range(settings: ColumnSettings) -> tuple[float | None, float | None]:
    return settings.min, settings.max
