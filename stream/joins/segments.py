"""A queue on disk: a checkpoint writes the rows since the last one, and which of all are left.

Rows are kept in *segments*: files that are written once and linked from snapshot to snapshot. One
bit per row of a segment tells whether it is still there; the bits are rewritten every time.

Empty segments are dropped; neighbours of one level are merged into one of the next (O'Neil et al.
1996, in its tiered form), so there are few of them however long events wait, and a row is
rewritten once for each level; a segment of which little is left is rewritten by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

import numpy as np

from learners.metrics.arrays import AnyArray, IntArray
from stream.joins import row_files
from stream.joins.column_store import Layout
from stream.joins.queue import KeyedQueue
from stream.joins.row_files import FrameCache, Rows, packed, unpacked

# So many neighbours of one level are merged.
FAN = 8


@dataclass
class Segment:
    """Rows that are in a file.

    Attributes:
        file: its name within a snapshot.
        level: how often its rows have been merged.
        first: number of its first row in the queue; ``end`` is one after its last.
        slots: rows in the file; those that were gone when it was written are not in it.
        frames: the texts, compressed.
        text_bytes: characters of the texts.
        spilled: whether the queue no longer holds the texts.
    """

    file: str
    level: int
    first: int
    end: int
    slots: int
    frames: list[bytes] = field(default_factory=list)
    text_bytes: int = 0
    spilled: bool = False


@dataclass
class Entry:
    """A segment of the next checkpoint: reused, or rewritten from the rows that are left."""

    first: int
    end: int
    level: int
    left: IntArray
    held: Segment | None


class Copied(NamedTuple):
    """Rows of a new segment, as they are when a checkpoint begins.

    Attributes:
        segment: without its texts.
        rows: without their texts.
        texts: None for one that is spilled; where none are kept there are none.
    """

    segment: Segment
    numbers: IntArray
    rows: Rows
    texts: list[str | None]


class Change(NamedTuple):
    """What a checkpoint does to the segments; see :meth:`Segments.accept`.

    Attributes:
        files: the contents to write, by name.
        left: for each segment its rows that are left, a bit each.
    """

    segments: list[Segment]
    files: dict[str, bytes]
    left: dict[str, AnyArray]

    def to_json(self) -> list[dict[str, Any]]:
        """The segments as the manifest lists them."""
        return [{"file": s.file, "level": s.level, "slots": s.slots} for s in self.segments]


class Frozen(NamedTuple):
    """The queue as a checkpoint found it: the fold may go on, whatever thread writes this.

    Attributes:
        before: the segments of the last checkpoint, whose frames hold the texts that are spilled.
        segments: those of this one, each held or copied.
        slots: the slots that are left of a held one, unless all are.
        layout: of the copied rows.
    """

    before: list[Segment]
    segments: list[Segment | Copied]
    slots: dict[str, IntArray]
    layout: Layout

    @property
    def reused(self) -> list[str]:
        """Names of the files that are reused."""
        return [each.file for each in self.segments if isinstance(each, Segment)]

    def change(self) -> Change:
        """Everything that has to be on disk."""
        cache = FrameCache()
        segments: list[Segment] = []
        files: dict[str, bytes] = {}
        left: dict[str, AnyArray] = {}
        for each in self.segments:
            if isinstance(each, Copied):
                frames, size = self._frames(each, cache)
                segment = replace(each.segment, frames=frames, text_bytes=size)
                rows = each.rows._replace(frames=frames)
                files[segment.file] = row_files.to_bytes(rows, self.layout, SLOT)
                bits = np.ones(segment.slots, dtype=np.bool_)
            else:
                segment, slots = each, self.slots.get(each.file)
                bits = np.full(segment.slots, slots is None)
                bits[[] if slots is None else slots] = True
            segments.append(segment)
            left[segment.file] = np.packbits(bits)
        return Change(segments, files, left)

    def _frames(self, copied: Copied, cache: FrameCache) -> tuple[list[bytes], int]:
        """The texts of copied rows as frames, and how many characters they are."""
        texts = copied.texts
        if None in texts:
            at = self.layout.integers.index(SLOT)
            held = zip(
                copied.numbers.tolist(), copied.rows.block.integers[at].tolist(), texts, strict=True
            )
            texts = [
                _spilled(self.before, number, slot, cache) if text is None else text
                for number, slot, text in held
            ]
        whole = cast("list[str]", texts)
        return packed(whole), sum(map(len, whole))


def _spilled(segments: list[Segment], number: int, slot: int, cache: FrameCache) -> str:
    """The text of a row that is in a segment's frames alone."""
    segment = segments[bisect_right(segments, number, key=lambda s: s.first) - 1]
    return cache.text(segment.file, segment.frames, slot)


def merged(entries: list[Entry]) -> list[Entry]:
    """The entries with each run of :data:`FAN` neighbours of one level merged into one."""
    at = 0
    while at + FAN <= len(entries):
        run = entries[at : at + FAN]
        if any(entry.level != run[0].level for entry in run):
            at += 1
            continue
        left = np.concatenate([entry.left for entry in run])
        whole = Entry(run[0].first, run[-1].end, run[0].level + 1, left, None)
        entries[at : at + FAN] = [whole]
        at = max(0, at - FAN)
    return entries


# A segment is rewritten when less than this share of its rows is left.
SPARSE = 0.25
# The integer column in which a row keeps its place in its segment's file.
SLOT = "slot"


class Segments:
    """The segments of one queue.

    Args:
        queue: whose rows they are; its layout has the column :data:`SLOT`.
        name: prefix of the files' names.
        memory: bytes of texts that the queue may hold; older ones are read from compressed frames.
    """

    def __init__(self, queue: KeyedQueue, name: str, memory: int) -> None:
        self.queue = queue
        self._name = name
        self._memory = memory
        self._segments: list[Segment] = []
        self._saved = 0
        self._serial = 0
        self._cache = FrameCache()
        self._under_way: _UnderWay | None = None
        queue.spilled = self._text
        queue.moved = self._moved

    def freeze(self, *, everything: bool = False) -> Frozen:
        """What the next checkpoint has to write, while the queue goes on.

        Args:
            everything: whether no file of the last one can be reused.
        """
        entries = merged(self._entries(everything=everything))
        segments = [
            self._copied(entry, f"{self._name}-{serial:08d}") if entry.held is None else entry.held
            for serial, entry in enumerate(entries, self._serial)
        ]
        slots = {
            entry.held.file: self._slots(entry.left)
            for entry in entries
            if entry.held is not None and entry.left.size < entry.held.slots
        }
        written = [each.numbers for each in segments if isinstance(each, Copied)]
        places = [(numbers, np.arange(numbers.size)) for numbers in written]
        self._under_way = _UnderWay([(e.first, e.end) for e in entries], self.queue.end, places)
        return Frozen(self._segments, segments, slots, self.queue.columns.layout)

    def accept(self, change: Change) -> None:
        """What was frozen last is on disk; the queue may have changed since."""
        under_way = self._under_way
        assert under_way is not None, "a checkpoint is frozen before it is accepted"
        for numbers, slots in under_way.places:
            held = numbers >= self.queue.base  # others have been freed
            self.queue.columns.set_integer(SLOT, numbers[held] - self.queue.base, slots[held])
        self._serial += len(change.segments)
        self._segments = [
            replace(segment, first=first, end=end)
            for segment, (first, end) in zip(change.segments, under_way.bounds, strict=True)
        ]
        self._saved = under_way.end
        self._under_way = None
        self._spill()

    def restore(
        self,
        said: list[dict[str, Any]],
        left: Mapping[str, AnyArray],
        read: Callable[[str], bytes],
    ) -> None:
        """Fill the empty queue from a checkpoint.

        Args:
            said: the result of :meth:`Change.to_json`.
            left: which rows are left, as bits, by file.
            read: the content of a file.
        """
        layout = self.queue.columns.layout
        for each in said:
            rows = row_files.from_bytes(read(each["file"]), layout)
            bits = np.unpackbits(left[each["file"]], count=each["slots"])
            self._segments.append(self._restored(each, rows, np.flatnonzero(bits)))
            self._serial = max(self._serial, int(each["file"].rsplit("-", 1)[1]) + 1)
        self._saved = self.queue.end
        self._spill()

    def _restored(self, said: dict[str, Any], rows: Rows, slots: IntArray) -> Segment:
        queue, first = self.queue, self.queue.end
        texts = unpacked(rows.frames)
        times = rows.times.tolist()
        for slot in slots.tolist():
            text = texts[slot] if texts else ""
            queue.add(rows.keys[slot], times[slot], rows.codes[slot], text)
        block = rows.block.chosen(slots)
        block.integers[queue.columns.layout.integers.index(SLOT)] = slots
        queue.columns.put(first - queue.base, block)
        size = sum(map(len, texts))
        return Segment(
            said["file"], said["level"], first, queue.end, said["slots"], list(rows.frames), size
        )

    def _entries(self, *, everything: bool) -> list[Entry]:
        """The segments that have rows left, and one of the new rows."""
        entries = []
        for segment in self._segments:
            left = self.queue.live(segment.first, segment.end)
            if left.size:
                again = everything or left.size < segment.slots * SPARSE
                held = None if again else segment
                entries.append(Entry(segment.first, segment.end, segment.level, left, held))
        new = self.queue.live(self._saved, self.queue.end)
        if new.size:
            entries.append(Entry(int(new[0]), self.queue.end, 0, new, None))
        return entries

    def _copied(self, entry: Entry, file: str) -> Copied:
        queue, numbers = self.queue, entry.left
        keys, codes, texts = queue.rows(numbers)
        block = queue.columns.get(numbers - queue.base)
        segment = Segment(file, entry.level, entry.first, entry.end, numbers.size)
        return Copied(segment, numbers, Rows(keys, codes, queue.times(numbers), block, ()), texts)

    def _slots(self, numbers: IntArray) -> IntArray:
        return self.queue.columns.integer(SLOT, numbers - self.queue.base)

    def _spill(self) -> None:
        """Keep the queue's texts within the memory limit; the oldest are spilled first."""
        held = sum(s.text_bytes for s in self._segments if not s.spilled)
        for segment in self._segments:
            if held <= self._memory or not segment.frames:
                return
            if not segment.spilled:
                self.queue.spill(segment.first, segment.end)
                segment.spilled = True
                held -= segment.text_bytes

    def _text(self, number: int) -> str:
        slot = int(self._slots(np.array([number]))[0])
        return _spilled(self._segments, number, slot, self._cache)

    def _moved(self, old: IntArray) -> None:
        """The queue has renumbered its rows: ``old`` are the numbers before, in order."""
        renumbered = _Renumbered(old, self.queue.base)
        self._segments = [
            replace(s, first=renumbered.bound(s.first), end=renumbered.bound(s.end))
            for s in self._segments
        ]
        self._saved = renumbered.bound(self._saved)
        if self._under_way is not None:
            self._under_way = self._under_way.moved(renumbered)


class _Renumbered(NamedTuple):
    """The numbers of rows before they moved up, in order, and the first one after."""

    old: IntArray
    base: int

    def bound(self, number: int) -> int:
        """The number of the first row that is left from this one on."""
        return self.base + int(np.searchsorted(self.old, number))

    def of(self, numbers: IntArray, slots: IntArray) -> tuple[IntArray, IntArray]:
        """The rows among these that are left, under their new numbers."""
        left = np.isin(numbers, self.old, assume_unique=True)
        return self.base + np.searchsorted(self.old, numbers[left]), slots[left]


class _UnderWay(NamedTuple):
    """The places that a checkpoint gives to rows, once it is on disk; rows may move meanwhile.

    Attributes:
        bounds: first number and end of each segment.
        end: of the queue when it was frozen.
        places: the numbers of each new file's rows, and their slots.
    """

    bounds: list[tuple[int, int]]
    end: int
    places: list[tuple[IntArray, IntArray]]

    def moved(self, to: _Renumbered) -> _UnderWay:
        """The same after rows were renumbered."""
        bounds = [(to.bound(first), to.bound(end)) for first, end in self.bounds]
        return _UnderWay(bounds, to.bound(self.end), [to.of(*rows) for rows in self.places])
