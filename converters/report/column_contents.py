"""What a report says of one column: plain data, part of :mod:`.contents`.

Made by :mod:`.columns`, :mod:`.suspects`, :mod:`.drift` and :mod:`.plots`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converters.sampling.drift import Drift
from converters.sampling.sketches import Estimate
from converters.sampling.suspects import Alone


@dataclass(frozen=True)
class Value:
    """A value of a column.

    Attributes:
        text: the cell, cut.
        rows: how many rows hold it.
        share: of the rows in which the column is not missing.
        positive_rate: which share of their labels is positive; None if none is known.
    """

    text: str
    rows: int
    share: float
    positive_rate: float | None


@dataclass(frozen=True)
class Rare:
    """The values that fewer than 5 % of the rows hold: how many, and the share of rows."""

    values: Estimate
    share: float


@dataclass(frozen=True)
class NumberSummary:
    """The numbers of a column.

    Attributes:
        low: the smallest.
        high: the largest.
        mean: their mean.
        quantiles: (which, value) each.
        outside: how many cells lie outside the config's range.
    """

    low: float
    high: float
    mean: float
    quantiles: Sequence[tuple[float, float]]
    outside: int


@dataclass(frozen=True)
class Bar:
    """One bar of a column's plot, in sampled rows.

    Attributes:
        text: what it stands for.
        first: its share of the file's first half.
        second: its share of the second.
        positive_rate: which share of its labels is positive.
    """

    text: str
    first: float
    second: float
    positive_rate: float | None


@dataclass(frozen=True)
class ColumnReport:
    """One column of the file.

    Attributes:
        name: the column.
        role: its role, ``unknown`` if the config does not name it.
        kind: how its cells are read, or None.
        missing: in how many rows it is missing.
        missing_share: of the rows.
        distinct: how many values it has.
        constant: whether it has one value in all rows that have it.
        nearly_unique: whether hardly a value comes twice.
        counted: whether the values below were counted in all rows, not in a sample of them.
        top: the most frequent values.
        rare: the others, where each is rare.
        numbers: of a numeric column.
        unseen: rows with a value that the config does not know, where it names some.
        refused: rows refused because of this column.
        alone: how well it tells the classes apart.
        after_event: whether its times are always later than the event itself.
        drift: between the file's halves.
        bars: its plot.
    """

    name: str
    role: str
    kind: str | None
    missing: int
    missing_share: float
    distinct: Estimate
    constant: bool
    nearly_unique: bool
    counted: bool
    top: Sequence[Value]
    rare: Rare
    numbers: NumberSummary | None
    unseen: int
    refused: int
    alone: Alone | None
    after_event: bool
    drift: Drift | None
    bars: Sequence[Bar]

    @property
    def learned(self) -> bool:
        """Whether features are made of it."""
        return self.kind is not None
