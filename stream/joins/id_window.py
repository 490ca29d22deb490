"""The ids that make an event a duplicate: those resolved most recently, and those that wait.

Of nearly every id it is only asked whether it is known. So these are a set, to which a block of ids
is added in one call, in half the time that a dictionary takes for their numbers, and which an event
that gets its label does not leave. Number and code of a resolved id are looked up once it comes
again, which is rare: a dictionary of them is brought up to date then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from learners.metrics.arrays import IntArray
from stream.joins.column_store import Layout
from stream.joins.queue import CODE_BITS, CODE_MASK, KeyedQueue, no_numbers

# The dictionary of numbers keeps what has been removed; it is made again when that is most of it.
LEAST_KEPT = 65_536


class IdWindow(KeyedQueue):
    """A :class:`~stream.joins.queue.KeyedQueue` of resolved ids, without texts and ``numbers``.

    Args:
        waiting: the queue whose keys are known beside those here; they come from there.

    Attributes:
        known: the keys of both, and those that are entered; whoever adds to ``waiting`` adds to it.
    """

    def __init__(self, layout: Layout, waiting: KeyedQueue) -> None:
        super().__init__(layout)
        self.known: set[str] = set()
        self._waiting = waiting
        self._count = 0
        # Of the keys here up to the number ``_numbered``, and of others that were removed.
        self._numbers = no_numbers()
        self._numbered = 0
        # Whether some of the keys that were entered last were known: then they are looked for
        # first, since to enter them in vain costs more.
        self._repeated = False

    def __len__(self) -> int:
        return self._count

    def enter(self, keys: Sequence[str]) -> bool:
        """Know these keys, of events that come; nothing changes if one is known or comes twice."""
        if self._repeated:
            distinct = set(keys)
            if len(distinct) < len(keys) or not self.known.isdisjoint(distinct):
                return False
            self._repeated = False
        before = len(self.known)
        self.known.update(keys)
        if len(self.known) == before + len(keys):
            return True
        self._repeated = True
        new = set(keys) - self._waiting.numbers.keys()
        self._bring_up_to_date()
        new -= {key for key in self._numbers.keys() & new if self.find(key) is not None}
        self.known -= new
        return False

    def find(self, key: str) -> int | None:
        """Number and code of a key as one; None if it is not here."""
        if key not in self.known:
            return None
        self._bring_up_to_date()
        number = self._numbers.get(key, -1)
        place = number - self.base
        if place < 0 or self._keys[place] is None:
            return None
        return number << CODE_BITS | self._codes[place]

    def oldest(self, count: int) -> set[str]:
        """So many of the oldest keys."""
        self._find_head()
        run = self._keys[self._head : self._head + max(0, count)]
        return {key for key in run if key is not None}

    def add(self, key: str, time: int, code: int = 0, text: str = "") -> None:
        """Append a key that is not here; there are no texts."""
        del text
        self.known.add(key)
        self._count += 1
        self._keys.append(key)
        self._codes.append(code)
        self._times.append(time)

    def take(self, key: str) -> tuple[int, int] | None:
        """Remove a key; its number and code, or None if it is not here."""
        packed = self.find(key)
        if packed is None:
            return None
        self._leave(key)
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
            self.known.difference_update(keys)
            held[head : head + count] = [None] * len(run)
            self._head = head + len(run)
            self._count -= len(keys)
            count -= len(keys)

    def _leave(self, key: str) -> None:
        self.known.discard(key)
        self._count -= 1

    def _enter(self, keys: Sequence[str], codes: IntArray, *, entered: bool) -> None:
        del codes
        self._count += len(keys)
        if not entered:
            self.known.update(keys)

    def _find_head(self) -> None:
        """Mostly the oldest are removed, one after the other."""
        keys, head = self._keys, self._head
        if not self._count:
            head = len(keys)
        while head < len(keys) and keys[head] is None:
            head += 1
        self._head = head

    def _number_again(self) -> None:
        self._numbers, self._numbered = no_numbers(), self.base

    def _bring_up_to_date(self) -> None:
        """Number the keys that were added since."""
        if len(self._numbers) > 2 * self._count + LEAST_KEPT:
            self._number_again()
        base, end = self.base, self.end
        begin, self._numbered = max(self._numbered, base), end
        if begin < end:
            numbers = cast("dict[str | None, int]", self._numbers)
            numbers.update(zip(self._keys[begin - base :], range(begin, end), strict=True))
            numbers.pop(None, None)  # of all rows that were removed
