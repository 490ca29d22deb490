"""Saves the joins in a snapshot's folder, and restores them.

The manifest has the segments of each queue and the counts; ``joins.npz`` has a bit for each row of
the segments that tells whether it is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from converters.logger import log
from learners.snapshots.disk import FileMark
from learners.snapshots.store import Draft, Snapshot
from stream.joins.joiner import Joiner, LabelCounts
from stream.joins.segments import Change, Segments

LEFT = "joins.npz"
MEBIBYTE = 2**20


class SavedJoins:
    """The joins of one pipeline, and the snapshot that last held them.

    Args:
        joiner: whose queues they are.
        memory: MiB of texts of waiting events that are held in memory.
    """

    def __init__(self, joiner: Joiner, memory: int) -> None:
        self._joiner = joiner
        self._segments = {
            name: Segments(queue, name, memory * MEBIBYTE) for name, queue in joiner.queues.items()
        }
        self._folder: Path | None = None
        self._marks: Mapping[str, FileMark] = {}
        self._changes: dict[str, Change] = {}
        self._looked = 0

    def write(self, draft: Draft) -> dict[str, Any]:
        """Write what is new, and link the rest; returns the manifest's entries.

        Call :meth:`accept` once the snapshot is committed, before the pipeline continues.
        """
        self._changes = {name: self._written(name, draft) for name in self._segments}
        left = {
            file: bits for change in self._changes.values() for file, bits in change.left.items()
        }
        with (draft.path / LEFT).open("wb") as file:
            np.savez(file, allow_pickle=False, **left)
        return {
            "stream_time": self._joiner.stream_time,
            "counts": asdict(self._joiner.counts),
            "crowded_out_labels": self._joiner.crowded_out_labels,
            "segments": {name: change.to_json() for name, change in self._changes.items()},
        }

    def accept(self, folder: Path, marks: Mapping[str, FileMark]) -> None:
        """Take what was written last as the state on disk from now on."""
        for name, change in self._changes.items():
            self._segments[name].accept(change)
        self._folder, self._marks, self._changes = folder, dict(marks), {}

    def restore(self, snapshot: Snapshot) -> None:
        """Fill the empty queues of a new pipeline."""
        said = snapshot.manifest["joins"]
        self._joiner.stream_time = said["stream_time"]
        self._joiner.counts = LabelCounts(**said["counts"])
        self._joiner.crowded_out_labels = said.get("crowded_out_labels", 0)
        with np.load(snapshot.path / LEFT, allow_pickle=False) as arrays:
            left = dict(arrays)
        for name, segments in self._segments.items():
            read = lambda file: (snapshot.path / file).read_bytes()  # noqa: E731
            segments.restore(said["segments"].get(name, []), left, read)
        marks = snapshot.manifest["files"]
        self._folder = snapshot.origin
        self._marks = {name: FileMark(**mark) for name, mark in marks.items()}

    def _written(self, name: str, draft: Draft) -> Change:
        segments = self._segments[name]
        change = segments.change()
        whole = self._look_at_one(change.reused)
        if not (whole and all(self._taken_over(file, draft) for file in change.reused)):
            log.warning("previous checkpoint's files cannot be reused; rewriting all", of=name)
            for file in change.reused:
                (draft.path / file).unlink(missing_ok=True)
            change = segments.change(everything=True)
        for file, content in change.files.items():
            (draft.path / file).write_bytes(content)
        return change

    def _taken_over(self, file: str, draft: Draft) -> bool:
        if self._folder is None or file not in self._marks:
            return False
        return draft.take_over(file, self._folder, self._marks[file])

    def _look_at_one(self, files: Sequence[str]) -> bool:
        """Whether the next of the files in turn is still intact.

        All checkpoints share a segment's bytes: damage there would be passed on to every later
        one, although the rows are in memory and can be written again.
        """
        if self._folder is None or not files:
            return True
        self._looked += 1
        file = sorted(files)[self._looked % len(files)]
        try:
            content = (self._folder / file).read_bytes()
        except OSError:
            return False
        mark = self._marks.get(file)
        return mark is not None and sha256(content).hexdigest() == mark.sha256
