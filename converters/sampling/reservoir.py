"""A uniform sample of the rows, in bounded memory, the same for the same file.

Part of :mod:`converters.check.profile`. Each row draws a lot and those with the lowest are kept
(bottom-k sampling), so that how many will come need not be known. Quantiles, drift, leak suspects
and plots are made of it, column by column; up to its size they are those of the whole file.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Shares and ranks are within one point of the whole file's, in 95 of 100 files
# (Dvoretzky-Kiefer-Wolfowitz), and the area under a ROC curve is as near where classes are even.
MOST_ROWS = 20_000
# Wide rows give fewer of them.
MOST_BYTES = 12 * 2**20
# Cells that are looked at together; some 60 bytes each.
CELLS_AT_ONCE = 50_000

POSITIVE, NEGATIVE, UNLABELLED = 1, 0, -1


@dataclass(frozen=True)
class Sampled:
    """The sampled rows, in the file's order, without their cells.

    Attributes:
        ordinals: the place of each among the file's rows.
        labels: 1, 0, or -1 where it is not known.
        lots: a number drawn by chance for each.
        second: whether each is in the file's second half.
        whole: whether these are all rows.
    """

    ordinals: NDArray[np.int64]
    labels: NDArray[np.int8]
    lots: NDArray[np.uint64]
    second: NDArray[np.bool_]
    whole: bool

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.ordinals)

    @property
    def rank_margin(self) -> float:
        """How far a quantile's rank may be from the file's, in 95 of 100 files."""
        return 0.0 if self.whole or not self.rows else math.sqrt(math.log(2 / 0.05) / 2 / self.rows)

    def half_labels(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """(positive labels, labels) of each half of the file; None if one has no label."""
        found = []
        for half in (~self.second, self.second):
            labels = self.labels[half]
            positive = int((labels == POSITIVE).sum())
            found.append((positive, positive + int((labels == NEGATIVE).sum())))
        return (found[0], found[1]) if found[0][1] and found[1][1] else None


class RowSample:
    """Draws rows.

    Args:
        delimiter: what parts the cells of a row's text.
        most: how many rows are kept.
    """

    def __init__(self, delimiter: str, most: int = MOST_ROWS) -> None:
        self._delimiter = delimiter
        self._most = most
        self._dice = np.random.PCG64(0)  # the same file must give the same sample
        self._limit = np.uint64(2**64 - 1)
        self._lots = np.empty(0, np.uint64)
        self._ordinals = np.empty(0, np.int64)
        self._labels = np.empty(0, np.int8)
        self._texts: list[bytes] = []
        self._bytes = 0
        self._offered = 0

    def offer(self, texts: Sequence[bytes], labels: NDArray[np.int8]) -> None:
        """Take those of the next rows whose lot is low."""
        lots = self._dice.random_raw(len(texts))
        drawn = np.flatnonzero(lots < self._limit)
        self._lots = np.concatenate([self._lots, lots[drawn]])
        self._ordinals = np.concatenate([self._ordinals, self._offered + drawn])
        self._labels = np.concatenate([self._labels, labels[drawn]])
        kept = [texts[place] for place in drawn.tolist()]
        self._texts += kept
        self._bytes += sum(map(len, kept))
        self._offered += len(texts)
        if len(self._texts) > 1.25 * self._most or self._bytes > 1.25 * MOST_BYTES:
            self._thin()

    def sampled(self) -> Sampled:
        """The rows, when all have been offered."""
        self._thin()
        return Sampled(
            self._ordinals,
            self._labels,
            self._lots,
            2 * self._ordinals >= self._offered,
            len(self._texts) == self._offered,
        )

    def columns(self, width: int) -> Iterator[list[str]]:
        """The cells of each column, one column after the other; some at a time are in memory."""
        together = max(1, CELLS_AT_ONCE // max(1, len(self._texts)))
        for first in range(0, width, together):
            last = min(first + together, width)
            rows = [self._cells(text)[first:last] for text in self._texts]
            if rows:
                yield from map(list, zip(*rows, strict=True))
            else:
                yield from ([] for _ in range(first, last))

    def column(self, place: int) -> list[str]:
        """The cells of one column."""
        return [self._cells(text)[place] for text in self._texts]

    def _cells(self, text: bytes) -> list[str]:
        row = text.decode()
        if '"' not in row:
            return row.split(self._delimiter)
        return next(csv.reader([row], delimiter=self._delimiter, strict=True))

    def _thin(self) -> None:
        """Keep the lowest lots, as many as may be."""
        order = np.argsort(self._lots, kind="stable")
        sizes = np.fromiter(map(len, self._texts), np.int64, len(self._texts))
        fitting = int(np.searchsorted(np.cumsum(sizes[order]), MOST_BYTES, side="right"))
        most = max(1, min(self._most, fitting))
        if len(order) <= most:
            return
        self._limit = self._lots[order[most]]
        kept = np.sort(order[:most])
        self._lots, self._ordinals = self._lots[kept], self._ordinals[kept]
        self._labels = self._labels[kept]
        self._texts = [self._texts[place] for place in kept.tolist()]
        self._bytes = sum(map(len, self._texts))
