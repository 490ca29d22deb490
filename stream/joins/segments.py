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
from typing import Any

import numpy as np

from learners.metrics.arrays import AnyArray, IntArray
from stream.joins import row_files
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


@dataclass(frozen=True)
class Change:
    """What a checkpoint does to the segments; see :meth:`Segments.accept`.

    Attributes:
        files: the contents to write, by name.
        reused: names of the files that are reused.
        left: for each segment its rows that are left, a bit each.
    """

    segments: list[Segment]
    written: list[tuple[Segment, IntArray]]
    files: dict[str, bytes]
    reused: list[str]
    left: dict[str, AnyArray]

    def to_json(self) -> list[dict[str, Any]]:
        """The segments as the manifest lists them."""
        return [{"file": s.file, "level": s.level, "slots": s.slots} for s in self.segments]


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
        queue.spilled = self._text
        queue.moved = self._moved

    def change(self, *, everything: bool = False) -> Change:
        """What the next checkpoint has to write.

        Args:
            everything: whether no file of the last one can be reused.
        """
        entries = merged(self._entries(everything=everything))
        segments: list[Segment] = []
        written: list[tuple[Segment, IntArray]] = []
        files: dict[str, bytes] = {}
        for serial, entry in enumerate(entries, self._serial):
            segment = entry.held
            if segment is None:
                segment, content = self._written(entry, f"{self._name}-{serial:08d}")
                written.append((segment, entry.left))
                files[segment.file] = content
            segments.append(segment)
        fresh = {segment.file: numbers for segment, numbers in written}
        left = {
            s.file: self._bits(s, e.left, s.file in fresh)
            for s, e in zip(segments, entries, strict=True)
        }
        reused = [s.file for s in segments if s.file not in fresh]
        return Change(segments, written, files, reused, left)

    def accept(self, change: Change) -> None:
        """The change is on disk; the queue must not have changed since it was made."""
        for segment, numbers in change.written:
            self._put_slots(numbers)
            segment.spilled = False
        self._serial += len(change.segments)
        self._segments = change.segments
        self._saved = self.queue.end
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

    def _written(self, entry: Entry, file: str) -> tuple[Segment, bytes]:
        queue, numbers = self.queue, entry.left
        keys, codes, texts = queue.rows(numbers)
        frames = packed(texts)
        block = queue.columns.get(numbers - queue.base)
        rows = Rows(keys, codes, queue.times(numbers), block, frames)
        segment = Segment(
            *(file, entry.level, entry.first, entry.end, numbers.size, frames),
            text_bytes=sum(map(len, texts)),
        )
        return segment, row_files.to_bytes(rows, queue.columns.layout)

    def _bits(self, segment: Segment, left: IntArray, fresh: bool) -> AnyArray:
        """Which slots of a segment are left; of a new one, all."""
        bits = np.ones(segment.slots, dtype=np.bool_)
        if not fresh:
            bits[:] = False
            bits[self._slots(left)] = True
        return np.packbits(bits)

    def _slots(self, numbers: IntArray) -> IntArray:
        columns = self.queue.columns
        at = columns.layout.integers.index(SLOT)
        slots: IntArray = columns.get(numbers - self.queue.base).integers[at]
        return slots

    def _put_slots(self, numbers: IntArray) -> None:
        self.queue.columns.set_integer(SLOT, numbers - self.queue.base, np.arange(numbers.size))

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
        at = bisect_right(self._segments, number, key=lambda s: s.first) - 1
        segment = self._segments[at]
        slot = int(self._slots(np.array([number]))[0])
        return self._cache.text(segment.file, segment.frames, slot)

    def _moved(self, old: IntArray) -> None:
        """The queue has renumbered its rows: ``old`` are the numbers before, in order."""
        base = self.queue.base

        def new(number: int) -> int:
            return base + int(np.searchsorted(old, number))

        self._segments = [replace(s, first=new(s.first), end=new(s.end)) for s in self._segments]
        self._saved = new(self._saved)
