"""How many different values there are and how often they repeat, in bounded memory.

Adaptive sampling (Wegman; analysed by Flajolet, "On adaptive sampling", Computing 43, 1990): of all
hashed values those below a limit are kept, each with how often it came. When they are too many, the
limit is halved. What is left depends only on the values, not on their order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Times = NDArray[np.int64]
Few = NDArray[np.uint32]

_HALF = np.uint64(32)
# The finishing step of MurmurHash3.
_SHIFT = np.uint64(33)
_FIRST, _SECOND = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)

BITS = 64
# How many standard errors on either side hold the truth in 95 of 100 files.
NORMAL_95 = 1.96
# Where none of n was seen, fewer than 3 in n are there, in 95 of 100 files.
RULE_OF_THREE = 3.0


def hashes(texts: Sequence[str]) -> Hashes:
    """One hash a text; some 0.3 us each."""
    return hashes_of_bytes(list(map(str.encode, texts)))


def hashes_of_bytes(encoded: Sequence[bytes]) -> Hashes:
    """As :func:`hashes`, of texts in UTF-8."""
    high = np.fromiter(map(crc32, encoded), np.uint64, len(encoded))
    low = np.fromiter(map(crc32c, encoded), np.uint64, len(encoded))
    values: Hashes = high << _HALF | low
    values ^= values >> _SHIFT
    values *= _FIRST
    values ^= values >> _SHIFT
    values *= _SECOND
    values ^= values >> _SHIFT
    return values


@dataclass(frozen=True)
class Estimate:
    """A count.

    Attributes:
        count: how many.
        margin: in 95 of 100 files the truth is at most so far away; 0 if the count is exact.
    """

    count: int
    margin: int = 0

    @property
    def exact(self) -> bool:
        """Whether this was counted, and not estimated."""
        return self.margin == 0


def about(estimate: Estimate) -> str:
    """A count in words."""
    return f"{estimate.count:,}" if estimate.exact else f"about {estimate.count:,}"


def estimated(number: Estimate, one: str, more: str) -> str:
    """A count, which may be an estimate, and the words that go with one, or with more."""
    return f"{about(number)} {one if number == Estimate(1) else more}"


class HashSample:
    """Hashed values and how often each came: all, or all whose hash is below a limit.

    Args:
        capacity: the most values that are kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._level = 0  # the limit has been halved so many times
        self._kept: Hashes = np.empty(0, np.uint64)
        self._times: Few = np.empty(0, np.uint32)
        self._pending: list[tuple[Hashes, Times]] = []
        self._waiting = 0
        self._patience = max(256, capacity // 16)

    def add(self, values: Hashes, times: Times) -> None:
        """Take hashed values, and how often each came."""
        if self._level:
            below = values < self._limit
            values, times = values[below], times[below]
        self._pending.append((values, times))
        self._waiting += len(values)
        if self._waiting >= self._patience:
            self._merge()

    def distinct(self) -> Estimate:
        """How many different values came."""
        self._merge()
        kept = len(self._kept)
        if not self._level:
            return Estimate(kept)
        margin = NORMAL_95 * math.sqrt(max(kept, 1) * (1 - self._rate)) / self._rate
        return Estimate(round(kept / self._rate), math.ceil(margin))

    def repeats(self) -> Estimate:
        """How many values came that had come before."""
        self._merge()
        seen = int(self._times.sum(dtype=np.int64)) - len(self._times)
        if not self._level:
            return Estimate(seen)
        if not seen:
            return Estimate(0, math.ceil(RULE_OF_THREE / self._rate))
        # Each value is kept with the chance `rate`, with all its repeats or none.
        again = self._times[self._times > 1].astype(np.float64) - 1
        variance = float((again**2).sum()) * (1 - self._rate)
        margin = NORMAL_95 * math.sqrt(variance) / self._rate
        return Estimate(round(seen / self._rate), math.ceil(margin))

    @property
    def _rate(self) -> float:
        return 0.5**self._level

    @property
    def _limit(self) -> np.uint64:
        return np.uint64(1 << (BITS - self._level))

    def _merge(self) -> None:
        """Put what came lately among what is kept; copies it once, and sorts only what came."""
        if not self._waiting:
            return
        values = np.concatenate([values for values, _ in self._pending])
        came = np.concatenate([times for _, times in self._pending])
        self._pending, self._waiting = [], 0
        values, places = np.unique(values, return_inverse=True)
        times = np.bincount(places, weights=came).astype(np.uint32)
        at = np.searchsorted(self._kept, values)
        if len(self._kept):
            known = self._kept[np.minimum(at, len(self._kept) - 1)] == values
            self._times[at[known]] += times[known]
            values, times, at = values[~known], times[~known], at[~known]
        self._kept = np.insert(self._kept, at, values)
        self._times = np.insert(self._times, at, times)
        while len(self._kept) > self._capacity and self._level < BITS - 1:
            self._level += 1
            below = int(np.searchsorted(self._kept, self._limit))
            self._kept, self._times = self._kept[:below].copy(), self._times[:below].copy()
