"""Keys that are entered into queues and taken from them by the look that tells if they are there.

A look into a large dictionary costs as much as a change of it, so both are one operation. What is
known and the ``numbers`` of the queues change by it: they are in order again once each change is
completed by the queue's own method (``entered`` of
:meth:`~stream.joins.queue.KeyedQueue.add_many`, and
:meth:`~stream.joins.queue.KeyedQueue.remove`), or all are undone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import repeat

import numpy as np

from learners.metrics.arrays import IntArray
from stream.joins.id_window import IdWindow
from stream.joins.queue import KeyedQueue


class Claims:
    """Changes that are completed or undone together."""

    def __init__(self) -> None:
        self._entered: list[tuple[IdWindow, Sequence[str]]] = []
        self._numbered: list[tuple[KeyedQueue, Sequence[str]]] = []
        self._taken: list[tuple[KeyedQueue, Sequence[str], IntArray]] = []

    def enter(self, window: IdWindow, keys: Sequence[str]) -> bool:
        """Know these keys, of events that come; none if one is known or occurs twice."""
        entered = window.enter(keys)
        if entered:
            self._entered.append((window, keys))
        return entered

    def number(self, queue: KeyedQueue, keys: Sequence[str]) -> None:
        """Number these keys, which were entered and are going to be added to this queue."""
        queue.number(keys, np.zeros(len(keys), dtype=np.int64))
        self._numbered.append((queue, keys))

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
        for queue, keys in self._numbered:
            deque(map(queue.numbers.pop, keys), maxlen=0)
        for window, keys in self._entered:
            window.known.difference_update(keys)
