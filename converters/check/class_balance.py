"""How many rows are of which class, and how much they weigh.

Part of :mod:`converters.check.profile`; looks at the label and weight columns of every row that
can be told apart into cells, refused or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import RefusedCellError
from converters.cells.weight import Weight
from converters.check.column_counts import Classes
from converters.sampling.reservoir import UNLABELLED
from converters.schema.schema import Schema

REFUSED = -2


@dataclass(frozen=True)
class Weights:
    """Sums of weights.

    Attributes:
        column: the column of role ``weight``.
        total: of all rows whose weight passes.
        positive: of those of the positive class.
        negative: of those of the negative class.
    """

    column: str
    total: float
    positive: float
    negative: float


@dataclass(frozen=True)
class Balance:
    """The classes.

    Attributes:
        column: the label column.
        positive: rows of the positive class.
        negative: rows of the negative class.
        unknown: rows whose label is missing.
        refused: rows whose label is no class of the config.
    """

    column: str
    positive: int
    negative: int
    unknown: int
    refused: int

    @property
    def known(self) -> int:
        """Rows with a label."""
        return self.positive + self.negative

    @property
    def rate(self) -> float | None:
        """Which share of the labels is positive."""
        return self.positive / self.known if self.known else None


class Balancer:
    """Takes the cells of every row.

    Args:
        header: the file's columns.
        schema: what they mean.
    """

    def __init__(self, header: Sequence[str], schema: Schema) -> None:
        places = {name: place for place, name in enumerate(header)}
        label, weight = schema.only("label"), schema.only("weight")
        self._label_at = None if label is None else places.get(label.name)
        self._weight_at = None if weight is None else places.get(weight.name)
        self._names = header
        self._codes = _Codes(
            {
                text: UNLABELLED if code is None else code
                for text, code in schema.label_codes.items()
            }
        )
        self._weight = None if weight is None else Weight(weight.settings)
        self._rows = [0, 0, 0, 0]
        self._sums = [0.0, 0.0, 0.0]

    def add(self, columns: Sequence[Sequence[str]], rows: int) -> NDArray[np.int8]:
        """Count a block of rows; gives the label of each, -1 where it is not known or refused."""
        found = self._found(columns, rows)
        for code in (0, 1, UNLABELLED, REFUSED):
            self._rows[code] += int((found == code).sum())
        labels = np.maximum(found, np.int8(UNLABELLED))
        self._weigh(columns, labels)
        return labels

    def classes(self, labels: NDArray[np.int8]) -> Classes | None:
        """The same as truth values; None if the file has no label column."""
        if self._label_at is None:
            return None
        known = labels != UNLABELLED
        return Classes((labels == 1).tolist(), known.tolist(), bool(known.all()))

    def _found(self, columns: Sequence[Sequence[str]], rows: int) -> NDArray[np.int8]:
        if self._label_at is None:
            return np.full(rows, UNLABELLED, np.int8)
        codes = map(self._codes.__getitem__, columns[self._label_at])
        return np.fromiter(codes, np.int8, rows)

    def _weigh(self, columns: Sequence[Sequence[str]], labels: NDArray[np.int8]) -> None:
        if self._weight_at is None or self._weight is None:
            return
        cells = columns[self._weight_at]
        known = {cell: self._value(cell) for cell in dict.fromkeys(cells)}
        weights = np.fromiter(map(known.__getitem__, cells), np.float64, len(cells))
        for code in (0, 1, UNLABELLED):
            self._sums[code] = math.fsum([self._sums[code], *weights[labels == code].tolist()])

    def balance(self) -> Balance | None:
        """The classes; None if the file has no label column."""
        if self._label_at is None:
            return None
        negative, positive, refused, unknown = self._rows
        return Balance(self._names[self._label_at], positive, negative, unknown, refused)

    def weights(self) -> Weights | None:
        """The weights; None if the file has no weight column."""
        if self._weight_at is None:
            return None
        negative, positive, _ = self._sums
        total = math.fsum(self._sums)
        return Weights(self._names[self._weight_at], total, positive, negative)

    def _value(self, cell: str) -> float:
        assert self._weight is not None
        try:
            return self._weight.value(cell)
        except RefusedCellError:
            return 0.0


class _Codes(dict[str, int]):
    """The code of each label cell; one that is no class is refused."""

    def __missing__(self, _cell: str) -> int:
        return REFUSED
