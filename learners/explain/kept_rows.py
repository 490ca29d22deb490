"""The typical rows that a snapshot keeps: which they are, and their file.

An explanation compares a row with them, and they say how common a feature is. They are a sample of
all rows that were scored, the recent ones likelier. Which are chosen follows from their number
among the scored rows alone: the same stream gives the same rows, however it is cut into batches and
wherever it was stopped. Each row has a key; those with the smallest are kept (Efraimidis and
Spirakis 2006, with weights that halve with age).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from heapq import heappush, heappushpop
from pathlib import Path

import numpy as np

from converters.convert.to_vw_text import unlabelled
from converters.files.compressed import zstd
from learners.metrics.arrays import DRAWN, FloatArray, IntArray, drawn_for

# The name of their file within a snapshot: lines with their numbers, compressed. It is not there
# where no rows are kept.
KEPT_ROWS = "kept-rows.zst"
# After so many more rows, a row is half as likely to be kept.
HALF_LIFE = 50_000
# Rows with megabytes in a cell would make snapshots large.
LONGEST_LINE = 4_096

_DECAY = math.log(2) / HALF_LIFE


def keys_of(numbers: IntArray) -> FloatArray:
    """The key of each row: log(-log(u)) less its number times the decay, u drawn by the number."""
    shares = (drawn_for(numbers).astype(np.float64) + 0.5) / DRAWN  # neither 0 nor 1
    keys: FloatArray = np.log(-np.log(shares)) - _DECAY * numbers
    return keys


class KeptRows:
    """Those that are kept.

    Args:
        most: how many at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # Negated key, number and line of each; the one to go next is the first of the heap.
        self._heap: list[tuple[float, int, str]] = []

    @property
    def lines(self) -> dict[int, str]:
        """Unlabelled lines, by the number of the row among all that were scored; in any order."""
        return {number: line for _, number, line in self._heap}

    def see(self, first: int, count: int, lines_of: Callable[[IntArray], Iterable[str]]) -> None:
        """Choose among what is kept and the next rows.

        Args:
            first: how many were scored before them.
            count: how many they are.
            lines_of: gives the lines of some of them, by ascending places among them.
        """
        if not self._most:
            return
        numbers = np.arange(first, first + count)
        keys = keys_of(numbers)
        found = np.flatnonzero(keys < self._bound)
        if found.size:
            self._choose(numbers[found], keys[found], map(unlabelled, lines_of(found)))

    def add(self, lines: Mapping[int, str]) -> None:
        """Choose among what is kept and what was kept before, by number."""
        numbers = np.array(list(lines), dtype=np.int64)
        self._choose(numbers, keys_of(numbers), lines.values())

    @property
    def _bound(self) -> float:
        """A row with a greater key is not kept."""
        return -self._heap[0][0] if len(self._heap) == self._most else math.inf

    def _choose(self, numbers: IntArray, keys: FloatArray, lines: Iterable[str]) -> None:
        for number, key, line in zip(numbers.tolist(), keys.tolist(), lines, strict=True):
            if len(line) <= LONGEST_LINE and self._most:
                push = heappush if len(self._heap) < self._most else heappushpop
                push(self._heap, (-key, number, line))


def file_of(lines: Mapping[int, str]) -> bytes:
    """The content of the file that keeps lines, by number."""
    text = "".join(f"{number} {lines[number]}\n" for number in sorted(lines))
    return zstd.compress(text.encode())


def numbered_lines(folder: Path) -> dict[int, str]:
    """The lines in a snapshot's folder by number, the oldest first; empty without the file."""
    try:
        content = (folder / KEPT_ROWS).read_bytes()
    except FileNotFoundError:
        return {}
    # Only a line feed ends a line: a cell may hold what else Python takes for a line's end.
    numbered = (line.split(" ", 1) for line in zstd.decompress(content).decode().split("\n")[:-1])
    return {int(number): line for number, line in numbered}


def kept_lines(folder: Path) -> list[str]:
    """The unlabelled lines in a snapshot's folder, the oldest first; empty where none are kept."""
    return list(numbered_lines(folder).values())
