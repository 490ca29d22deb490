"""The ids resolved most recently: whether one is among them is asked of every row, little else.

So they are a set, to which a block of ids is added in one call, in half the time that a dictionary
takes for their numbers. The numbers are looked up once an id is known, which is rare: a dictionary
of them is brought up to date then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from learners.metrics.arrays import IntArray
from stream.joins.column_store import Layout
from stream.joins.queue import CODE_BITS, CODE_MASK, KeyedQueue, no_numbers

# The dictionary of numbers keeps what has been removed; it is made again when that is most of it.
LEAST_KEPT = 65_536


class IdWindow(KeyedQueue):
    """A :class:`~stream.joins.queue.KeyedQueue` without texts, of which ``numbers`` is behind.

    Attributes:
        numbers: of the keys up to some number; of others that were removed as well.
    """

    def __init__(self, layout: Layout | None = None) -> None:
        super().__init__(layout)
        self._known: set[str] = set()
        self._numbered = 0

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, key: object) -> bool:
        return key in self._known

    def isdisjoint(self, keys: Iterable[str]) -> bool:
        """Whether none of these is there."""
        return self._known.isdisjoint(keys)

    def among(self, keys: set[str]) -> set[str]:
        """Those of these keys that are there."""
        return self._known & keys

    def find(self, key: str) -> int | None:
        """Number and code of a key as one; None if it is not there."""
        if key not in self._known:
            return None
        self._bring_up_to_date()
        return self.numbers[key]

    def enter(self, keys: Sequence[str], codes: IntArray) -> bool:
        """Know these keys, which are going to be added; none if one is known or occurs twice."""
        del codes
        before = len(self._known)
        self._known.update(keys)
        if len(self._known) == before + len(keys):
            return True
        self._bring_up_to_date()
        held = self._keys
        # What was there has a row of its own; what was removed may still have a number.
        for key in keys:
            packed = self.numbers.get(key)
            place = -1 if packed is None else (packed >> CODE_BITS) - self.base
            if place < 0 or held[place] is None:
                self._known.discard(key)
        return False

    def leave(self, keys: Collection[str]) -> None:
        """Know these keys, which are there, no more."""
        self._known.difference_update(keys)

    def add(self, key: str, time: int, code: int = 0, text: str = "") -> None:
        """Append a key that is not there."""
        self._known.add(key)
        self._append(key, time, code, text)

    def take(self, key: str) -> tuple[int, int] | None:
        """Remove a key; its number and code, or None if it is not there."""
        packed = self.find(key)
        if packed is None:
            return None
        self._known.discard(key)
        number = packed >> CODE_BITS
        self._keys[number - self.base] = None
        return number, packed & CODE_MASK

    def drop_oldest(self, count: int) -> None:
        """Remove so many of the oldest keys."""
        while count > 0:
            self._find_head()
            held, head = self._keys, self._head
            run = held[head : head + count]
            keys = [key for key in run if key is not None]
            self.leave(keys)
            held[head : head + count] = [None] * len(run)
            self._head = head + len(run)
            count -= len(keys)

    def _leave_one(self, key: str) -> None:
        self._known.discard(key)

    def _enter_new(self, keys: Sequence[str], codes: IntArray) -> None:
        del codes
        self._known.update(keys)

    def _find_head(self) -> None:
        """Mostly the oldest are removed, one after the other."""
        keys, head = self._keys, self._head
        if not self._known:
            head = len(keys)
        while head < len(keys) and keys[head] is None:
            head += 1
        self._head = head

    def _number_again(self) -> None:
        self.numbers, self._numbered = no_numbers(), self.base

    def _bring_up_to_date(self) -> None:
        """Number the keys that were added since."""
        if len(self.numbers) > 2 * len(self._known) + LEAST_KEPT:
            self._number_again()
        begin, self._numbered = max(self._numbered, self.base), self.end
        if begin < self.end:
            self._number_from(begin)
