"""Numbers: checked, kept in their range, transformed, and written so that VW reads them.

VW drops a feature of value zero, and one under 1e-37, as if it were missing: both are written as
the category ``name=0``.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

from converters.cells.kind import Kind, Token
from converters.cells.numbers import (
    LARGEST_FLOAT32,
    SMALLEST_READ,
    log1p,
    number,
    number_pieces,
    number_text,
    numbers,
)
from converters.cells.refusal import RefusedCellError
from converters.config.column_settings import ColumnSettings


class Bounded:
    """A number within its range."""

    def __init__(self, settings: ColumnSettings) -> None:
        self.low = -math.inf if settings.min is None else settings.min
        self.high = math.inf if settings.max is None else settings.max
        self._rejects = settings.out_of_range == "reject"

    def check(self, cell: str) -> float:
        """The number, clipped to the range.

        Raises:
            RefusedCellError: no number, or outside the range where that refuses.
        """
        value = number(cell)
        if self.low <= value <= self.high:
            return value
        if self._rejects:
            raise RefusedCellError("out-of-range", cell)
        return min(max(value, self.low), self.high)

    def check_many(self, cells: Sequence[str]) -> list[float] | None:
        """The numbers of many cells; None if one needs a closer look."""
        values = numbers(cells)
        if values is None or (self.low <= min(values) and max(values) <= self.high):
            return values
        if self._rejects:
            return None
        low, high = self.low, self.high
        return [min(max(value, low), high) for value in values]


class Numeric(Kind[float]):
    """``name:7``; the transform is one of none, log1p and scale."""

    def __init__(self, name: str, settings: ColumnSettings) -> None:
        super().__init__(name)
        self._bounded = Bounded(settings)
        self._transform = _transform(settings)

    def check(self, cell: str) -> float:
        """The number, kept in its range and transformed; zero if VW could not tell it from zero.

        Raises:
            RefusedCellError: ``not-a-number``, ``not-finite``, or ``out-of-range``.
        """
        value = self._bounded.check(cell)
        if self._transform is not None:
            value = self._transform(value)
            if not abs(value) <= LARGEST_FLOAT32:
                raise RefusedCellError("out-of-range", cell)
        return value if abs(value) >= SMALLEST_READ else 0.0

    def write(self, value: float) -> str:
        """A number, or a zero as a category."""
        return f"{self.name}:{number_text(value)}" if value else f"{self.name}=0"

    def read(self, tokens: Sequence[Token]) -> float:
        """The number as VW holds it."""
        (token,) = tokens
        return token.value if token.text == self.name else 0.0

    def write_many(self, lead: str, cells: Sequence[str]) -> list[str] | None:
        """All at once, if all are numbers."""
        values = self._bounded.check_many(cells)
        if values is None:
            return None
        if self._transform is not None:
            values = list(map(self._transform, values))
            if not max(map(abs, values)) <= LARGEST_FLOAT32:
                return None
        return number_pieces(f"{lead}{self.name}:", values, f"{lead}{self.name}=0")


class Bucket(Kind[str]):
    """A number as the span between two edges in which it lies: ``name=10..20``."""

    def __init__(self, name: str, settings: ColumnSettings) -> None:
        super().__init__(name)
        self._bounded = Bounded(settings)
        self._edges = settings.edges
        ends = ["", *(repr(edge).removesuffix(".0") for edge in settings.edges), ""]
        self._spans = [f"{low}..{high}" for low, high in pairwise(ends)]

    def check(self, cell: str) -> str:
        """The span, whose lower edge belongs to it.

        Raises:
            RefusedCellError: ``not-a-number``, ``not-finite``, or ``out-of-range``.
        """
        return self._spans[bisect_right(self._edges, self._bounded.check(cell))]

    def write(self, value: str) -> str:
        """The span as a category."""
        return f"{self.name}={value}"

    def read(self, tokens: Sequence[Token]) -> str:
        """The span."""
        (token,) = tokens
        return token.text.removeprefix(f"{self.name}=")


def _transform(settings: ColumnSettings) -> Callable[[float], float] | None:
    if settings.transform == "log1p":
        return log1p
    if settings.transform == "scale":
        center, scale = settings.center, settings.scale
        return lambda value: (value - center) / scale
    return None
