"""What a segment is, and which ones are merged; part of :mod:`stream.joins.segments`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from learners.metrics.arrays import AnyArray, IntArray

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
    """A segment as it will be: taken over, or written anew from the rows that are left."""

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
