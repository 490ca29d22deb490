"""Reasons in words: the columns that worked most against whom a row is about.

A reason is about a column that the score was really made from: what is not learned from, such as a
protected column, is none. "Low" and "high" are said of numbers beside the baseline's median, so
that reasons need a baseline with values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from converters.cells.escaping import quoted
from converters.cells.feature import Feature
from converters.config.column_settings import ExplainSettings, WordsSettings
from converters.convert.from_vw_text import read_number
from converters.schema.schema import Schema
from learners.explain.baseline import Baseline, NoReasonsError
from learners.explain.explainer import Explanation
from learners.explain.row_pieces import RowPieces

# What adds less is rounding (log-odds): Vowpal Wabbit sums in float32.
LEAST = 5e-6


class Reason(NamedTuple):
    """One reason.

    Attributes:
        column: that worked against whom the row is about.
        contribution: by how much, in log-odds of the positive class.
        words: what is told.
    """

    column: str
    contribution: float
    words: str


class ReasonCodes:
    """Gives the reasons of rows under one baseline.

    Raises:
        NoReasonsError: the config names no adverse class, or the baseline has no values.
    """

    def __init__(
        self, settings: ExplainSettings, schema: Schema, cuts: RowPieces, baseline: Baseline
    ) -> None:
        if settings.adverse is None:
            raise NoReasonsError(
                "Reasons are given for the class that is bad for whom a row is about: name it in "
                'the config (explain.adverse = "positive" or "negative").'
            )
        if not baseline.has_values:
            raise NoReasonsError(
                "Reasons say that a value is low or high, and beside a row without any value it "
                'is neither: set explain.baseline = "typical", or to a file of rows.'
            )
        self._sign = 1 if settings.adverse == "positive" else -1
        self._words = settings.words
        self._columns = cuts.columns
        self._features = {feature.column: feature for feature in reversed(schema.features)}
        self._medians: dict[str, float] = {}
        self._places: dict[str, int] = {}
        for place, owner in enumerate(cuts.owners[:-1]):
            name = cuts.columns[owner]
            if self._features[name].settings.kind != "numeric":
                continue
            self._places[name] = place
            values = (_position(row[place], self._features[name]) for row in baseline.rows)
            if known := [value for value in values if value is not None]:
                self._medians[name] = median(known)

    def of(self, found: Explanation, cells: Mapping[str, str], most: int) -> list[Reason]:
        """The reasons of a row, the strongest first; of two alike, in the order of the columns.

        Args:
            found: why it has its score.
            cells: of the row, by column.
            most: how many at most.
        """
        adverse = [
            (-self._sign * value, at)
            for at, value in enumerate(found.contributions)
            if self._sign * value > LEAST
        ]
        return [
            Reason(name, found.contributions[at], self._told(name, found, cells.get(name, "")))
            for _, at in sorted(adverse)[:most]
            for name in [self._columns[at]]
        ]

    def _told(self, name: str, found: Explanation, cell: str) -> str:
        words = self._words.get(name, WordsSettings())
        shown = quoted(cell.strip())
        if self._features[name].is_missing(cell):
            text = words.missing or f"{name} is missing"
        else:
            side = self._side(name, found)
            text = {"low": words.low, "high": words.high}.get(side, "") or words.other
            text = text or (f"{name} is {side} ({{value}})" if side else f"{name} is {{value}}")
        return text.replace("{value}", shown)

    def _side(self, name: str, found: Explanation) -> str:
        """Whether a number is low or high; empty where it is neither, or no number."""
        if name not in self._medians:
            return ""
        value = _position(found.pieces[self._places[name]], self._features[name])
        if value is None or value == self._medians[name]:
            return ""
        return "low" if value < self._medians[name] else "high"


def _position(piece: str, feature: Feature) -> float | None:
    """A number that rises with a numeric column's, read from what it wrote; None if missing."""
    span = ""
    for token in piece.split():
        _, colon, number = token.partition(":")
        if colon:
            return read_number(number)
        span = token.partition("=")[2] or span
    if not span:
        return None
    low, dots, _ = span.partition("..")
    if not dots or {"scale", "log1p", "raw"}.intersection(feature.settings.features):
        return 0.0  # which is written as a category, and beside a span not at all
    return float(low) if low else -math.inf
