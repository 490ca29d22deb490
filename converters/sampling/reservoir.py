"""A uniform sample of rows, in bounded memory, the same for the same file.

Each row draws a lot and those with the lowest are kept (bottom-k sampling), so that how many will
come need not be known. :class:`Reservoir` keeps any rows; :class:`RowSample` keeps rows of CSV with
their labels and gives them column by column. Up to its size a sample is the whole file.

Every command gives the rows of a file the same lots (:func:`lots`), and judges columns by those
with the lowest (:func:`judged`), so that two that read one file have one figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import Refusal
from converters.files.framing import Dialect

# Shares and ranks are within one point of the whole file's, in 95 of 100 files
# (Dvoretzky-Kiefer-Wolfowitz), and the area under a ROC curve is as near where classes are even.
MOST_ROWS = 20_000
# Wide rows give fewer of them.
MOST_BYTES = 12 * 2**20
# Columns are judged by so many rows, of at most so many cells and ``MOST_BYTES``.
JUDGED_ROWS = 10_000
MOST_CELLS = 2_000_000
# Cells that are looked at together; some 60 bytes each.
CELLS_AT_ONCE = 50_000
# How far a reservoir may grow beyond its bounds before rows are evicted: a sort each time.
SLACK = 1.5

POSITIVE, NEGATIVE, UNLABELLED = 1, 0, -1
LOTS_AT_ONCE = 4_096

Lots = NDArray[np.uint64]
Mask = NDArray[np.bool_]


def lots() -> Iterator[int]:
    """The lots of a file's rows, good or bad, in their order; endless, and always the same."""
    dice = np.random.PCG64(0)
    while True:
        yield from dice.random_raw(LOTS_AT_ONCE).tolist()


def judged(drawn: Sequence[float], sizes: Sequence[int], width: int) -> Mask:
    """By which rows columns are judged, of some that were drawn with the lowest lots.

    Args:
        drawn: their lots, of good rows and of bad.
        sizes: the bytes of each as it stands in the file.
        width: how many columns there are.
    """
    order = np.argsort(np.array(drawn, np.uint64), kind="stable")
    most = max(1, min(JUDGED_ROWS, MOST_CELLS // width))
    fitting = np.searchsorted(np.cumsum(np.array(sizes)[order]), MOST_BYTES, side="right")
    found: Mask = np.zeros(len(order), np.bool_)
    found[order[: max(1, min(most, int(fitting)))]] = True
    return found


@dataclass(frozen=True)
class Sampled:
    """The sampled rows, in the file's order, without their cells.

    Attributes:
        ordinals: the place of each among the file's rows.
        labels: 1, 0, or -1 where it is not known.
        lots: a number drawn by chance for each.
        second: whether each is in the file's second half.
        judged: whether columns are judged by it.
        whole: whether these are all rows.
    """

    ordinals: NDArray[np.int64]
    labels: NDArray[np.int8]
    lots: Lots
    second: Mask
    judged: Mask
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


Row = TypeVar("Row")


class Reservoir(Generic[Row]):
    """The rows with the lowest lots, as many as fit; which ones depends on lots and sizes only.

    Args:
        most: how many rows are kept.
        most_bytes: how large they may be together; one row is kept whatever its size.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._lots: list[float] = []
        self._sizes: list[int] = []
        self._rows: list[Row] = []
        self._bytes = 0
        self.limit = math.inf

    def offer(self, lot: float, size: int, row: Row) -> None:
        """Keep a row of so many bytes if its lot is below the limit."""
        if lot >= self.limit:
            return
        self._lots.append(lot)
        self._sizes.append(size)
        self._rows.append(row)
        self._bytes += size
        if len(self._rows) > SLACK * self._most or self._bytes > SLACK * self._most_bytes:
            self._evict()

    def kept(self) -> tuple[list[float], list[Row]]:
        """The lots and the rows that are kept, in the order in which they came."""
        self._evict()
        return self._lots, self._rows

    def _evict(self) -> None:
        """Keep the lowest lots, and from now on take none that is higher."""
        if len(self._rows) <= self._most and self._bytes <= self._most_bytes:
            return
        order = np.argsort(np.array(self._lots), kind="stable")
        sizes = np.cumsum(np.array(self._sizes)[order])
        fitting = int(np.searchsorted(sizes, self._most_bytes, side="right"))
        kept = sorted(order[: max(1, min(self._most, fitting))].tolist())
        if len(kept) < len(order):
            self.limit = self._lots[order[len(kept)]]
        self._lots = [self._lots[place] for place in kept]
        self._sizes = [self._sizes[place] for place in kept]
        self._rows = [self._rows[place] for place in kept]
        self._bytes = sum(self._sizes)


class _Drawn(NamedTuple):
    """A row of a :class:`RowSample`; a bad one, which takes its place in it, has no text."""

    size: int
    ordinal: int = -1
    label: int = UNLABELLED
    text: bytes | None = None


class RowSample:
    """Draws rows of CSV and keeps them with their labels.

    Args:
        delimiter: what separates the cells of a row's text.
        most: how many rows are kept.
    """

    def __init__(self, delimiter: str, most: int = MOST_ROWS) -> None:
        self._dialect = Dialect(delimiter)
        self._lots = lots()  # the same file must give the same sample
        self._rows: Reservoir[_Drawn] = Reservoir(most, MOST_BYTES)
        self._offered = 0

    def offer(
        self,
        texts: Sequence[bytes],
        labels: NDArray[np.int8],
        sizes: Sequence[int] | None = None,
        bad: AbstractSet[int] = frozenset(),
    ) -> None:
        """Take those of the next rows whose lot is low.

        Args:
            texts: the good ones as lines of CSV.
            labels: theirs.
            sizes: the bytes of each row, good or bad, as it stands in the file.
            bad: the places among all of them of those that are not good.
        """
        limit = self._rows.limit  # looked up once: most rows of a large file are above it
        sizes = list(map(len, texts)) if sizes is None else sizes
        good = 0
        for place, (size, lot) in enumerate(zip(sizes, self._lots, strict=False)):
            if place in bad:
                self._rows.offer(lot, size, _Drawn(size))
                continue
            if lot < limit:
                row = _Drawn(size, self._offered + good, int(labels[good]), texts[good])
                self._rows.offer(lot, size, row)
            good += 1
        self._offered += len(texts)

    def sampled(self, width: int = 1) -> Sampled:
        """The good rows, when all have been offered; of so many columns."""
        drawn, rows = self._rows.kept()
        mask = judged(drawn, [row.size for row in rows], width)
        good = np.array([row.text is not None for row in rows], np.bool_)
        ordinals = np.array([row.ordinal for row in rows], np.int64)[good]
        return Sampled(
            ordinals,
            np.array([row.label for row in rows], np.int8)[good],
            np.array(drawn, np.uint64)[good],
            2 * ordinals >= self._offered,
            mask[good],
            len(ordinals) == self._offered,
        )

    def columns(self, width: int) -> Iterator[list[str]]:
        """The cells of each column, one column after the other; some at a time are in memory."""
        texts = self._texts()
        together = max(1, CELLS_AT_ONCE // max(1, len(texts)))
        for first in range(0, width, together):
            last = min(first + together, width)
            rows = [self._cells(text)[first:last] for text in texts]
            if rows:
                yield from map(list, zip(*rows, strict=True))
            else:
                yield from ([] for _ in range(first, last))

    def column(self, place: int) -> list[str]:
        """The cells of one column."""
        return [self._cells(text)[place] for text in self._texts()]

    def _texts(self) -> list[bytes]:
        return [row.text for row in self._rows.kept()[1] if row.text is not None]

    def _cells(self, text: bytes) -> list[str]:
        cells = self._dialect.cells_of(text)
        assert not isinstance(cells, Refusal)  # of a row that was read before
        return cells
