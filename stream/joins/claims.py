"""Keys that are entered into queues and taken from them by the look that tells if they are there.

A look into a large dictionary costs as much as a change of it, so both are one operation. Only the
``numbers`` of the queues change by it (what is known, of a window): they are in order again once
each change is completed by the queue's own method (``entered`` of
:meth:`~stream.joins.queue.KeyedQueue.add_many`, and :meth:`~stream.joins.queue.KeyedQueue.remove`),
or all are undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from learners.metrics.arrays import IntArray
from stream.joins.queue import KeyedQueue


class Claims:
    """Changes that are completed or undone together."""

    def __init__(self) -> None:
        self._entered: list[tuple[KeyedQueue, Sequence[str]]] = []
        self._taken: list[tuple[KeyedQueue, Sequence[str], IntArray]] = []

    def enter(self, queue: KeyedQueue, keys: Sequence[str], codes: IntArray) -> bool:
        """Number these keys, which are going to be added; none if one is known or occurs twice."""
        entered = queue.enter(keys, codes)
        if entered:
            self._entered.append((queue, keys))
        return entered

    def take(self, queue: KeyedQueue, keys: Sequence[str]) -> IntArray:
        """Take these keys: what stood in ``numbers`` for each, or -1."""
        packed = np.fromiter(map(queue.numbers.pop, keys, repeat(-1)), np.int64, len(keys))
        self._taken.append((queue, keys, packed))
        return packed

    def give_back(self, places: IntArray) -> None:
        """What was taken last stays, at these places."""
        queue, keys, packed = self._taken[-1]
        for at in places.tolist():
            queue.numbers[keys[at]] = int(packed[at])

    def undo(self) -> None:
        """The queues are again what they were."""
        for queue, keys, packed in self._taken:
            there = (pair for pair in zip(keys, packed.tolist(), strict=True) if pair[1] >= 0)
            queue.numbers.update(there)
        for queue, keys in self._entered:
            queue.leave(keys)
