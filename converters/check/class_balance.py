"""How many rows are of which class, and how much they weigh.

Counted are the label and weight of every row that can be split into cells, refused or not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.cells.quantities import Weight
from converters.cells.refusal import RefusedCellError
from converters.check.column_counts import Classes
from converters.sampling.reservoir import NEGATIVE, POSITIVE, UNLABELLED
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
        label, weight = schema.only("label"), schema.only("weight")
        self._label = label.name if label and label.name in header else None
        self._weight = weight.name if weight and weight.name in header else None
        self._places = {name: place for place, name in enumerate(header)}
        self._codes = schema.label_codes
        self._weights = Weight(weight.settings, schema.converter) if weight else None
        self._rows = Counter[int]()
        self._sums = dict.fromkeys((POSITIVE, NEGATIVE, UNLABELLED), 0.0)

    def add(
        self, columns: Sequence[Sequence[str]], rows: int
    ) -> tuple[NDArray[np.int8], Classes | None]:
        """Count a block of rows.

        Returns:
            The label of each row, -1 where it is not known or refused; and the same as truth
            values, None if the file has no label column.
        """
        found = np.full(rows, UNLABELLED, np.int8)
        if self._label is not None:
            cells = columns[self._places[self._label]]
            known = {cell: self._code(cell) for cell in dict.fromkeys(cells)}
            found = np.fromiter(map(known.__getitem__, cells), np.int8, rows)
        for code in (POSITIVE, NEGATIVE, UNLABELLED, REFUSED):
            self._rows[code] += int((found == code).sum())
        labels = np.maximum(found, np.int8(UNLABELLED))
        if self._weight is not None:
            self._weigh(columns[self._places[self._weight]], labels)
        if self._label is None:
            return labels, None
        unknown = labels == UNLABELLED
        positive = (labels == POSITIVE).tolist()
        return labels, Classes(positive, unknown.tolist() if unknown.any() else None)

    def _weigh(self, cells: Sequence[str], labels: NDArray[np.int8]) -> None:
        known = {cell: self._value(cell) for cell in dict.fromkeys(cells)}
        weights = np.fromiter(map(known.__getitem__, cells), np.float64, len(cells))
        for code, total in self._sums.items():
            self._sums[code] = math.fsum([total, *weights[labels == code].tolist()])

    def balance(self) -> Balance | None:
        """The classes; None if the file has no label column."""
        if self._label is None:
            return None
        rows = self._rows
        return Balance(self._label, rows[POSITIVE], rows[NEGATIVE], rows[UNLABELLED], rows[REFUSED])

    def weights(self) -> Weights | None:
        """The weights; None if the file has no weight column."""
        if self._weight is None:
            return None
        total = math.fsum(self._sums.values())
        return Weights(self._weight, total, self._sums[POSITIVE], self._sums[NEGATIVE])

    def _code(self, cell: str) -> int:
        try:
            code = self._codes[cell]
        except KeyError:
            return REFUSED
        return UNLABELLED if code is None else code

    def _value(self, cell: str) -> float:
        assert self._weights is not None
        try:
            return self._weights.value(cell)
        except RefusedCellError:
            return 0.0
