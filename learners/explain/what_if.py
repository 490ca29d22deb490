"""What would change a row's label: the smallest change of one number, and other categories.

All of it is about the model and not about the world: whether a cell can be changed, and what else
would change with it, no model of scores knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
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


class Unchanged(NamedTuple):
    """A row as it is.

    Attributes:
        row: its pieces.
        cells: by column.
        positive: whether its label is.
        at_once: as many such rows are scored in one step.
    """

    row: Pieces
    cells: Mapping[str, str]
    positive: bool
    at_once: int


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

    def numbers(self, of: Unchanged) -> Work[list[OtherNumber]]:
        """For each numeric column with ``min`` and ``max``, its nearest number that would do it."""
        found = []
        for feature in self._schema.features:
            if feature.settings.kind != "numeric" or None in _range(feature.settings):
                continue
            cell = of.cells.get(feature.column, "").strip()
            nearest = yield from self._nearest(of, feature, cell)
            if nearest is not None:
                found.append(OtherNumber(feature.column, cell, *nearest))
        return found

    def categories(self, of: Unchanged) -> Work[list[OtherCategories]]:
        """For each column of categories, those that would do it, the furthest across first."""
        found = []
        for feature in self._schema.features:
            if feature.settings.kind not in ("categorical", "boolean"):
                continue
            cell = of.cells.get(feature.column, "").strip()
            others = [each for each in self._categories_of(feature) if each != cell]
            scored = yield from self._scores(of, feature.column, others)
            across = [each for each in scored.items() if self._is_across(of, each[1])]
            across.sort(key=lambda each: each[1] if of.positive else -each[1])
            if across:
                found.append(OtherCategories(feature.column, cell, across[:TOLD]))
        return found

    def _is_across(self, of: Unchanged, score: float) -> bool:
        return (score >= self._threshold) != of.positive

    @cached_property
    def _seen(self) -> list[Pieces]:
        return list(map(self._cuts.cut, self._kept))

    def _categories_of(self, feature: Feature) -> list[str]:
        """The categories of a column: those of the config, and those of the rows seen."""
        settings = feature.settings
        if settings.kind == "boolean":
            return [settings.true_values[0], settings.false_values[0]]
        place = self._cuts.place_of(feature)
        seen = {row[place]: unquote(row[place].partition("=")[2]) for row in self._seen}
        # What is written of many values, such as a group, is no value itself.
        own = sorted(cell for piece, cell in seen.items() if cell and _writes(feature, cell, piece))
        listed = [*settings.values, *settings.rare_values, *own]
        return list(dict.fromkeys(listed))[:CATEGORIES]

    def _nearest(
        self, of: Unchanged, feature: Feature, cell: str
    ) -> Work[tuple[str, float] | None]:
        """The nearest number across the threshold, with its score."""
        try:
            now = number(cell)
        except RefusedCellError:
            return None  # there is none to change
        found: list[tuple[float, str, float]] = []
        steps = _Steps(feature.settings, cell)
        for end in steps.ends:
            points = steps.outward(now, end)
            across = yield from self._first_across(of, feature.column, steps, points)
            if across is not None:
                point, its = across
                found.append((abs(point / steps.unit - now), steps.text(point), its))
        return min(found)[1:] if found else None

    def _first_across(
        self, of: Unchanged, column: str, steps: _Steps, points: Sequence[int]
    ) -> Work[tuple[int, float] | None]:
        """The first of some points across the threshold, and from there back as far as that holds.

        The point before the one found is not across.
        """
        texts = {steps.text(point): point for point in points}
        scores = yield from self._scores(of, column, list(texts))
        inside: int | None = None
        for text, score in scores.items():
            if not self._is_across(of, score):
                inside = texts[text]
                continue
            if inside is None:  # the number itself, rounded
                return None
            return (yield from self._back(of, column, steps, (inside, texts[text], score)))
        return None

    def _back(
        self, of: Unchanged, column: str, steps: _Steps, between: tuple[int, int, float]
    ) -> Work[tuple[int, float]]:
        """Halve the way between a point that is not across and one that is, with its score."""
        inside, outside, found = between
        while abs(outside - inside) > 1:
            middle = (inside + outside) // 2
            scores = yield from self._scores(of, column, [steps.text(middle)])
            if not scores:  # the converter refuses it
                break
            ((_, score),) = scores.items()
            if self._is_across(of, score):
                outside, found = middle, score
            else:
                inside = middle
        return outside, found

    def _scores(self, of: Unchanged, column: str, cells: Sequence[str]) -> Work[dict[str, float]]:
        """The served score of a row with each of some cells of a column; none of a refused one."""
        lines = {}
        for cell in cells:
            with suppress(RefusedCellError):
                lines[cell] = self._cuts.line(self._cuts.rewritten(of.row, column, cell))
        found: dict[str, float] = {}
        for at in range(0, len(lines), of.at_once):
            yield
            some = list(lines)[at : at + of.at_once]
            scores = self._learner.predict_blocks(joined([lines[c] for c in some], plain=True))
            found |= zip(some, scores, strict=True)
        return found


def _writes(feature: Feature, cell: str, piece: str) -> bool:
    """Whether a cell is a value of its own, and writes this piece."""
    if feature.is_unseen(cell) and feature.settings.unseen != "keep":
        return False
    try:
        return feature.plain_piece(cell) == piece
    except RefusedCellError:
        return False


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
