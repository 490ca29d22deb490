"""Keys in order of arrival: any can be removed at any time, the oldest is known.

Everything is lists and arrays: a million remembered events are not objects, which saves memory
and work for Python's cycle collector (docs/late-labels.md has the bytes).

A key's *number* rises with its place. Do not keep numbers across :meth:`KeyedQueue.tidy`, which
may change them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import compress, repeat
from operator import is_not
from typing import TypeVar, cast

import numpy as np

from learners.metrics.arrays import IntArray
from stream.joins.column_store import Columns, Layout

Item = TypeVar("Item")

# Two bits with each number: a label, or another code of the owner's.
CODE_BITS = 2
CODE_MASK = (1 << CODE_BITS) - 1

# Removed rows are freed when there are more of them than remaining rows, and at least this many:
# it costs about 0.3 us for each remaining row.
FEWEST_SWEPT = 65_536


class _Key(str):
    """A key that is not exactly a string."""

    __slots__ = ()


def no_numbers() -> dict[str, int]:
    """An empty dictionary that keeps the hash of each key.

    Python's does so once there was a key of a class of its own. One of plain strings visits each of
    them whenever it grows, somewhere in memory: 60 of 240 ns a key, up to 200,000.
    """
    numbers: dict[str, int] = {_Key(): 0}
    numbers.popitem()
    return numbers


class KeyedQueue:
    """An ordered set of keys, each with a time, a code, numbers, and a text if texts are kept.

    Attributes:
        numbers: key -> ``number << CODE_BITS | code``; public, for hot loops to read.
        base: the number of the first row that is still stored.
        columns: the rows' numeric columns.
        spilled: finds the text of a row that has been spilled.
        moved: called with the old numbers, in order, when :meth:`tidy` has given new ones.
    """

    def __init__(self, layout: Layout | None = None, *, texts: bool = False) -> None:
        self.numbers = no_numbers()
        self.base = 0
        self.columns = Columns(layout or Layout())
        self.spilled: Callable[[int], str] | None = None
        self.moved: Callable[[IntArray], None] | None = None
        self._keys: list[str | None] = []
        self._codes = bytearray()
        self._times = array("q")
        self._texts: list[str | None] | None = [] if texts else None
        self._head = 0
        self._looked_at = 0
        self._spilled_until = 0

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[str]:
        """The keys, oldest first."""
        return (key for key in self._keys if key is not None)

    @property
    def end(self) -> int:
        """The next number."""
        return self.base + len(self._keys)

    def add(self, key: str, time: int, code: int = 0, text: str = "") -> None:
        """Append a key that is not there; ``time`` must not be before that of the last."""
        self.numbers[key] = (self.base + len(self._keys)) << CODE_BITS | code
        self._keys.append(key)
        self._codes.append(code)
        self._times.append(time)
        if self._texts is not None:
            self._texts.append(text)
            self._looked_at = self.end

    def add_many(
        self,
        keys: Sequence[str],
        times: IntArray,
        codes: IntArray,
        texts: Sequence[str] = (),
        *,
        plain: bool = False,
        entered: bool = False,
    ) -> None:
        """Like :meth:`add` for each of these, which are distinct and not there.

        Args:
            keys: distinct.
            times: of each.
            codes: of each.
            texts: of each, where texts are kept.
            plain: whether every learner takes the texts as they are; see :meth:`are_plain`.
            entered: whether they are known here already; see :class:`stream.joins.claims.Claims`.
        """
        self._enter(keys, codes, entered=entered)
        self._keys.extend(keys)
        self._codes.extend(codes.astype(np.uint8).tobytes())
        self._times.frombytes(np.ascontiguousarray(times, dtype=np.int64).data.cast("B"))
        if self._texts is not None:
            self._texts.extend(texts)
            self._looked_at = self._looked_at if plain else self.end

    def number(self, keys: Sequence[str], codes: IntArray) -> None:
        """Enter keys that are not there into ``numbers``, before they are added."""
        self.numbers.update(zip(keys, self._packed(codes), strict=True))

    def _packed(self, codes: IntArray) -> list[int]:
        found: list[int] = (
            np.arange(self.end, self.end + codes.size) << CODE_BITS | codes
        ).tolist()
        return found

    def are_plain(self, numbers: IntArray) -> bool:
        """Whether the texts of these rows were all added as plain ones since the start."""
        return not numbers.size or int(numbers.min()) >= self._looked_at

    def take_many(self, keys: Sequence[str]) -> IntArray:
        """Remove these keys, which are there and distinct, and return their numbers."""
        packed = np.fromiter(map(self.numbers.pop, keys), np.int64, len(keys))
        taken: IntArray = packed >> CODE_BITS
        self.remove(taken)
        return taken

    def remove(self, numbers: IntArray) -> None:
        """Remove these rows, whose keys have been taken from ``numbers`` already."""
        _clear(self._keys, numbers - self.base)

    def count_before(self, time: int) -> int:
        """At most how many keys are of a time before this one."""
        if not self.numbers:
            return 0
        self._find_head()
        return bisect_left(self._times, time, self._head) - self._head

    def take_before(self, time: int) -> tuple[list[str], IntArray]:
        """Remove the keys of a time before this one: the keys and their numbers, oldest first."""
        oldest = self.oldest_time()
        if oldest is None or oldest >= time:
            return [], np.zeros(0, dtype=np.int64)
        head, held = self._head, self._keys
        end = bisect_left(self._times, time, head)
        run = held[head:end]
        keys = [key for key in run if key is not None]
        there = np.flatnonzero(np.fromiter(map(is_not, run, repeat(None)), np.bool_, len(run)))
        deque(map(self.numbers.pop, keys), maxlen=0)
        held[head:end] = [None] * len(run)
        self._head = end
        return keys, there + (self.base + head)

    def release_many(self, numbers: IntArray) -> list[str]:
        """Like :meth:`release` for each of these."""
        assert self._texts is not None
        found = _clear(self._texts, numbers - self.base)
        if numbers.size and int(numbers.min()) < self._spilled_until:
            each = zip(numbers.tolist(), found, strict=True)
            return [self.text(number) if text is None else text for number, text in each]
        return cast("list[str]", found)

    def find(self, key: str) -> int | None:
        """Number and code of a key as one, as ``numbers`` has them; None if it is not there."""
        return self.numbers.get(key)

    def code(self, key: str) -> int | None:
        """The code of a key; None if it is not there."""
        packed = self.find(key)
        return None if packed is None else packed & CODE_MASK

    def take(self, key: str) -> tuple[int, int] | None:
        """Remove a key; its number and code, or None if it is not there."""
        packed = self.numbers.pop(key, None)
        if packed is None:
            return None
        number = packed >> CODE_BITS
        self._keys[number - self.base] = None
        return number, packed & CODE_MASK

    def take_oldest(self) -> tuple[str, int, int]:
        """Remove the oldest key: the key, its number and its code."""
        self._find_head()
        key = self._keys[self._head]
        assert key is not None
        self._leave(key)
        self._keys[self._head] = None
        return key, self.base + self._head, self._codes[self._head]

    def oldest_time(self) -> int | None:
        """The time of the oldest key; None if there is none."""
        if not self.numbers:
            return None
        self._find_head()
        return self._times[self._head]

    def newest_time(self) -> int:
        """The time of the last key, which may be gone; 0 if there was none."""
        return self._times[-1] if self._times else 0

    def text(self, number: int) -> str:
        """The text of a row, which may just have been removed."""
        assert self._texts is not None
        text = self._texts[number - self.base]
        if text is not None:
            return text
        assert self.spilled is not None
        return self.spilled(number)

    def time(self, number: int) -> int:
        """The time of a row."""
        return self._times[number - self.base]

    def times(self, numbers: IntArray) -> IntArray:
        """The time of each of these rows."""
        if not numbers.size:
            return numbers
        view: IntArray = np.frombuffer(self._times, np.int64)
        return view[numbers - self.base]

    def live(self, first: int, end: int) -> IntArray:
        """The numbers from ``first`` to before ``end`` whose keys are there."""
        self._find_head()
        begin = max(first - self.base, self._head)  # earlier rows are gone
        stop = max(begin, end - self.base)
        if len(self) == len(self._keys) - self._head:  # and none of the later ones
            return np.arange(begin, stop) + self.base
        there = np.fromiter(map(is_not, self._keys[begin:stop], repeat(None)), np.bool_)
        return np.flatnonzero(there) + (self.base + begin)

    def rows(self, numbers: IntArray) -> tuple[list[str], bytes, list[str | None]]:
        """Keys, codes and texts of rows that are there: copies, to be read on any thread.

        The text of a row that has been spilled is None; where none are kept there are no texts.
        """
        places = numbers - self.base
        if numbers.size and numbers[-1] - numbers[0] == numbers.size - 1:
            run = slice(int(places[0]), int(places[-1]) + 1)
            keys, codes = self._keys[run], bytes(self._codes[run])
            texts = [] if self._texts is None else self._texts[run]
        else:
            chosen = places.tolist()
            keys = list(map(self._keys.__getitem__, chosen))
            codes = bytes(map(self._codes.__getitem__, chosen))
            texts = [] if self._texts is None else list(map(self._texts.__getitem__, chosen))
        return cast("list[str]", keys), codes, texts

    def spill(self, first: int, end: int) -> None:
        """Drop the texts of these rows; ``spilled`` finds them from now on."""
        assert self._texts is not None
        begin, stop = max(first - self.base, 0), max(end - self.base, 0)
        self._texts[begin:stop] = [None] * (stop - begin)
        self._spilled_until = max(self._spilled_until, end)

    def release(self, number: int) -> str:
        """The text of a row that was removed; drops it."""
        text = self.text(number)
        assert self._texts is not None
        self._texts[number - self.base] = None
        return text

    def tidy(self) -> None:
        """Free removed rows, once there are more of them than remaining ones."""
        gone = len(self._keys) - len(self)
        if gone < max(FEWEST_SWEPT, len(self)):
            return
        self._find_head()
        if self._head * 2 >= gone:
            self._cut(self._head)
        else:
            self._renumber()

    def _find_head(self) -> None:
        keys, head, step = self._keys, self._head, 8
        if not self.numbers:
            self._head = len(keys)
            return
        while keys[head] is None:
            key = next(filter(None, keys[head : head + step]), None)
            if key is not None:
                head = (self.numbers[key] >> CODE_BITS) - self.base
                break
            head, step = head + step, step * 2
        self._head = head

    def _cut(self, count: int) -> None:
        """Drop the first rows; the others keep their numbers."""
        self.columns.keep(np.arange(count, len(self._keys)))
        del self._keys[:count], self._codes[:count], self._times[:count]
        if self._texts is not None:
            del self._texts[:count]
        self.base += count
        self._head = 0

    def _renumber(self) -> None:
        """Free all removed rows; the others move up, with new numbers."""
        there = [key is not None for key in self._keys]
        kept = np.flatnonzero(there)
        bounds = np.array([self._looked_at, self._spilled_until]) - self.base
        self._looked_at, self._spilled_until = (self.base + np.searchsorted(kept, bounds)).tolist()
        self._codes = bytearray(compress(self._codes, there))
        self._times = array("q", np.frombuffer(self._times, np.int64)[kept].tobytes())
        if self._texts is not None:
            self._texts = list(compress(self._texts, there))
        self._keys = list(compress(self._keys, there))
        self.columns.keep(kept)
        if self.moved is not None:
            self.moved(kept + self.base)
        self._head = 0
        self._number_again()

    def _number_again(self) -> None:
        """The rows have moved up."""
        self.numbers = no_numbers()
        self.numbers.update(
            (key, number << CODE_BITS | code)
            for number, (key, code) in enumerate(zip(self, self._codes, strict=True), self.base)
        )

    def _enter(self, keys: Sequence[str], codes: IntArray, *, entered: bool) -> None:
        if not entered:
            self.number(keys, codes)

    def _leave(self, key: str) -> None:
        del self.numbers[key]


def _clear(items: list[Item | None], places: IntArray) -> list[Item | None]:
    """The items at these places, in whose stead is None from now on."""
    if places.size and places[-1] - places[0] == places.size - 1 and (np.diff(places) == 1).all():
        run = slice(int(places[0]), int(places[-1]) + 1)
        found = items[run]
        items[run] = [None] * len(found)
        return found
    chosen = places.tolist()
    found = list(map(items.__getitem__, chosen))
    for at in chosen:
        items[at] = None
    return found
