"""A queue on disk: a checkpoint writes what came since the last one, and which of all are left.

Rows are kept in *segments*: files that are written once and taken over from snapshot to snapshot by
a link. Which of a segment's rows are still there is a bit each, rewritten every time.

Segments that are empty go; neighbours of one level are merged into one of the next (O'Neil et al.
1996, in its tiered form), so there are few of them however long events wait, and a row is written
again once for each level; a segment of which little is left is written again alone.
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
    """Rows that stand in a file.

    Attributes:
        file: its name within a snapshot.
        level: how often its rows have been merged.
        first: number of its first row in the queue; ``end`` is one after its last.
        slots: rows in the file; those that were gone when it was written are not in it.
        frames: the texts, packed.
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
    """A segment as it will be: taken over, or rewritten from the rows that are left."""

    first: int
    end: int
    level: int
    left: IntArray
    held: Segment | None


@dataclass(frozen=True)
class Change:
    """What a checkpoint does to the segments; see :meth:`Segments.accept`.

    Attributes:
        files: what is to be written, by name.
        reused: names of the files that are taken over.
        left: for each segment its rows that are left, a bit each.
    """

    segments: list[Segment]
    written: list[tuple[Segment, IntArray]]
    files: dict[str, bytes]
    reused: list[str]
    left: dict[str, AnyArray]

    def to_json(self) -> list[dict[str, Any]]:
        """What the manifest says of the segments."""
        return [{"file": s.file, "level": s.level, "slots": s.slots} for s in self.segments]


def merged(entries: list[Entry]) -> list[Entry]:
    """With each run of :data:`FAN` neighbours of one level made one of the next."""
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


# A segment is written again when less than this share of its rows is left.
SPARSE = 0.25
# The integer column in which a row keeps its place in its segment's file.
SLOT = "slot"


class Segments:
    """The segments of one queue.

    Args:
        queue: whose rows they are; its layout has the column :data:`SLOT`.
        name: what the files' names begin with.
        memory: bytes of texts that the queue may hold; older ones are read from packed frames.
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
            everything: whether no file of the last one can be taken over.
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
        """The change is on disk; the queue must be as it was when the change was made."""
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
        """Fill the empty queue with what a checkpoint holds.

        Args:
            said: what :meth:`Change.to_json` gave.
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
        """The segments of which something is left, and one of what is new."""
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
        """Which slots of a segment are left; of one just written all are."""
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
        """Let the queue hold no more texts than it may; the oldest go first."""
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
        """The queue has given its rows new numbers: ``old`` are those that they had, in order."""
        base = self.queue.base

        def new(number: int) -> int:
            return base + int(np.searchsorted(old, number))

        self._segments = [replace(s, first=new(s.first), end=new(s.end)) for s in self._segments]
        self._saved = new(self._saved)
