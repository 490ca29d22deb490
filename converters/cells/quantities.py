"""The kinds of column that hold numbers, and the weight of a row.

A weight is written in front of a row's text (``2.5 |…``), behind the label when that is known. It
is bounded: one row of weight 1e30 would spoil a model for good.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from converters.cells.kind import (
    CANONICAL_FROM,
    CONVERTER_VERSION,
    Kind,
    MissingValueError,
    Pieces,
    Value,
)
from converters.cells.numbers import (
    LARGEST_FLOAT32,
    SMALLEST_READ,
    Numbers,
    log1p,
    number,
    number_pieces,
    number_text,
    numbers,
)
from converters.cells.refusal import RefusedCellError
from converters.cells.spellings import plain_number
from converters.config.column_settings import ColumnSettings

# The bounds where the config sets none, and the largest that it may set: one example of weight 1e30
# leaves a model that says .5 for ever.
LEAST, MOST = 0.0, 1000.0
MOST_WEIGHT = 1e6

# A scaled feature is written to one part in so many of its scale: shorter texts are parsed faster,
# and no learner here could make use of more digits.
STEPS = 10_000


class Bounded:
    """A number within its range.

    Args:
        settings: the column's.
        converter: the version of the converter by which cells are read; a number that a spelling of
            missing says is missing in every spelling.
    """

    def __init__(self, settings: ColumnSettings, converter: int = CONVERTER_VERSION) -> None:
        self.low = -math.inf if settings.min is None else settings.min
        self.high = math.inf if settings.max is None else settings.max
        self._rejects = settings.out_of_range == "reject"
        missing = settings.missing_values if converter >= CANONICAL_FROM else ()
        self._missing = frozenset(map(plain_number, missing)) - {None}

    def check(self, cell: str) -> float:
        """The number, clipped to the range.

        Raises:
            RefusedCellError: no number, or outside the range where that refuses.
            MissingValueError: another spelling of a number that means missing.
        """
        value = number(cell)
        if value in self._missing:
            raise MissingValueError
        if self.low <= value <= self.high:
            return value
        if self._rejects:
            raise RefusedCellError("out-of-range", cell)
        return min(max(value, self.low), self.high)

    def says_missing(self, cell: str) -> bool:
        """Whether a cell is another spelling of a number that means missing."""
        if not self._missing:
            return False
        try:
            return number(cell) in self._missing
        except RefusedCellError:
            return False

    def none_is_missing(self, cells: Sequence[str]) -> bool:
        """Whether no cell of many is such a spelling; certain if true."""
        if not self._missing:
            return True
        values = numbers(cells)
        return values is not None and self._missing.isdisjoint(values.values)

    def check_many(self, cells: Sequence[str]) -> Numbers | None:
        """The numbers of many cells; None if one needs a closer look."""
        found = numbers(cells)
        if found is None or (self._missing and not self._missing.isdisjoint(found.values)):
            return None
        low, high = self.low, self.high
        if low <= found.low and found.high <= high:
            return found
        if self._rejects:
            return None
        return found.transformed(lambda value: min(max(value, low), high))


class OfNumbers(Kind[Value]):
    """A kind whose cells are numbers within a range."""

    def __init__(
        self, name: str, settings: ColumnSettings, converter: int = CONVERTER_VERSION
    ) -> None:
        super().__init__(name)
        self._bounded = Bounded(settings, converter)

    def says_missing(self, cell: str) -> bool:
        """Whether it is a number that means missing."""
        return self._bounded.says_missing(cell)

    def are_usual(self, cells: Sequence[str]) -> bool:
        """Whether none is a number that means missing."""
        return self._bounded.none_is_missing(cells)

    def _missing_are_seen(self, settings: ColumnSettings) -> bool:
        """Whether reading many cells as numbers finds each one that is missing."""
        missing = [each for each in settings.missing_values if numbers([each]) is not None]
        return all(map(self._bounded.says_missing, missing))


class Numeric(OfNumbers[float]):
    """``name:7``; the transform is one of none, log1p and scale."""

    def __init__(
        self, name: str, settings: ColumnSettings, converter: int = CONVERTER_VERSION
    ) -> None:
        super().__init__(name, settings, converter)
        self._transform = _transform(settings)
        self.finds_missing = self._missing_are_seen(settings)

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

    def write_many(self, lead: str, cells: Sequence[str]) -> Pieces | None:
        """All at once, if all are numbers."""
        found = self._bounded.check_many(cells)
        if found is None:
            return None
        if self._transform is not None:
            found = found.transformed(self._transform)
            if not max(found.high, -found.low) <= LARGEST_FLOAT32:
                return None
        return number_pieces(f"{lead}{self.name}:", found, f"{lead}{self.name}=0")


class Bucket(OfNumbers[str]):
    """A number as the span between two edges in which it lies: ``name=10..20``."""

    def __init__(
        self, name: str, settings: ColumnSettings, converter: int = CONVERTER_VERSION
    ) -> None:
        super().__init__(name, settings, converter)
        self._edges, self._spans = settings.edges, spans(settings.edges)

    def check(self, cell: str) -> str:
        """The span, whose lower edge belongs to it.

        Raises:
            RefusedCellError: ``not-a-number``, ``not-finite``, or ``out-of-range``.
        """
        return self._spans[bisect_right(self._edges, self._bounded.check(cell))]

    def write(self, value: str) -> str:
        """One feature."""
        return f"{self.name}={value}"


class NumberFeatures(OfNumbers[tuple[str, float]]):
    """Features that one number gives: ``name=10..20 name:0.5321``.

    A value is the span (empty without ``bins``) and the number that is learned from (zero without
    one). Beside a span a zero gives nothing; alone it is a category, or it would look like missing.
    """

    def __init__(
        self, name: str, settings: ColumnSettings, converter: int = CONVERTER_VERSION
    ) -> None:
        super().__init__(name, settings, converter)
        self._number = _number_of(settings)
        bins = "bins" in settings.features
        self._edges = settings.edges if bins else ()
        self._spans = spans(settings.edges) if bins else [""]
        self.finds_missing = self._missing_are_seen(settings)

    def check(self, cell: str) -> tuple[str, float]:
        """The span and the number.

        Raises:
            RefusedCellError: ``not-a-number``, ``not-finite``, or ``out-of-range``.
        """
        value = self._bounded.check(cell)
        number = self._number(value)
        span = self._spans[bisect_right(self._edges, value)]
        return span, number if abs(number) >= SMALLEST_READ else 0.0

    def write(self, value: tuple[str, float]) -> str:
        """The span, then the number: what comes last is read back to see whether it is plain."""
        span, number = value
        if not number:
            return f"{self.name}={span or '0'}"
        text = f"{self.name}:{number_text(number)}"
        return f"{self.name}={span} {text}" if span else text

    def write_many(self, lead: str, cells: Sequence[str]) -> Pieces | None:
        """All at once, if all are numbers."""
        found = self._bounded.check_many(cells)
        if found is None:
            return None
        name = f"{lead}{self.name}"
        of_numbers = found.transformed(self._number)
        if not self._edges:
            return number_pieces(f"{name}:", of_numbers, f"{name}=0")
        texts, before, plain = number_pieces("", of_numbers, "")
        assert not before
        heads = [(f"{name}={span} {self.name}:", f"{name}={span}") for span in self._spans]
        spans = map(heads.__getitem__, map(partial(bisect_right, self._edges), found.values))
        pieces = [
            head + text if text else alone for (head, alone), text in zip(spans, texts, strict=True)
        ]
        return pieces, "", plain


def spans(edges: Sequence[float]) -> list[str]:
    """What the spans between edges are called, that below the first and above the last too."""
    ends = ["", *(repr(edge).removesuffix(".0") for edge in edges), ""]
    return [f"{low}..{high}" for low, high in pairwise(ends)]


def _number_of(settings: ColumnSettings) -> Callable[[float], float]:
    """The number that a column's features hold; nothing but zero if they hold none."""
    if "raw" in settings.features:
        return float
    if "log1p" in settings.features:
        return log1p
    if "scale" not in settings.features:
        return lambda _value: 0.0
    center, scale, clip = settings.center, settings.scale, settings.clip

    def scaled(value: float) -> float:
        within = min(max((value - center) / scale, -clip), clip)
        return round(within * STEPS) / STEPS

    return scaled


def _transform(settings: ColumnSettings) -> Callable[[float], float] | None:
    if settings.transform == "log1p":
        return log1p
    if settings.transform == "scale":
        center, scale = settings.center, settings.scale
        return lambda value: (value - center) / scale
    return None


class Weight:
    """Reads the cells of the column of role ``weight``, by a version of the converter."""

    def __init__(self, settings: ColumnSettings, converter: int = CONVERTER_VERSION) -> None:
        low = LEAST if settings.min is None else settings.min
        high = MOST if settings.max is None else settings.max
        bounded = settings.model_copy(update={"min": low, "max": high})
        self._bounded = Bounded(bounded, converter)
        self._filling = Bounded(bounded.model_copy(update={"missing_values": ()}))
        self._missing = frozenset({"", *settings.missing_values})
        self._rejects_missing = settings.missing == "reject"
        self._fill = settings.fill_value

    def value(self, cell: str) -> float:
        """The weight; 1 or ``fill_value`` where the cell is missing.

        Raises:
            RefusedCellError: no number, out of bounds, or missing, where those refuse.
        """
        if cell not in self._missing:
            try:
                return self._bounded.check(cell)
            except MissingValueError:
                pass
        if self._rejects_missing:
            raise RefusedCellError("missing-value", cell)
        return 1.0 if self._fill is None else self._filling.check(self._fill)

    def piece(self, cell: str) -> str:
        """What a row's text begins with: the weight, unless it is 1, and the first bar.

        Raises:
            RefusedCellError: as :meth:`value`.
        """
        value = self.value(cell)
        if value == 1:
            return "|"
        return f"{number_text(value) if value else '0'} |"
