"""Saves the joins in a snapshot's folder, and restores them.

The manifest has the segments of each queue and the counts; ``joins.npz`` has a bit for each row of
the segments that tells whether it is left.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from converters.logger import log
from learners.metrics.arrays import AnyArray
from learners.snapshots.disk import FileMark
from learners.snapshots.errors import SnapshotError
from learners.snapshots.store import Draft, Snapshot
from stream.joins.joiner import Joiner, LabelCounts
from stream.joins.segments import Change, Frozen, Segments

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
        self._looked = 0

    def freeze(self, draft: Draft) -> FrozenJoins:
        """What is new, to be written on any thread; what is not new is linked now.

        Call :meth:`accept` once the snapshot is committed; until then freeze nothing else.
        """
        queues = {name: self._frozen(name, draft) for name in self._segments}
        said = {
            "stream_time": self._joiner.stream_time,
            "counts": asdict(self._joiner.counts),
            "crowded_out_labels": self._joiner.crowded_out_labels,
        }
        looked_at = [self._next(frozen.reused) for frozen in queues.values() if frozen.reused]
        return FrozenJoins(queues, said, looked_at)

    def rewrite(self) -> None:
        """Files of the last checkpoint are damaged: the next one takes over none of them."""
        self._folder = None

    def accept(self, changes: Mapping[str, Change], draft: Draft) -> None:
        """Take what was frozen last as the state on disk from now on.

        Args:
            changes: what :meth:`FrozenJoins.write` gave.
            draft: the finished one.
        """
        for name, change in changes.items():
            self._segments[name].accept(change)
        self._folder, self._marks = draft.path, dict(draft.marks)

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
        self._joiner.resolved.known.update(self._joiner.waiting)
        marks = snapshot.manifest["files"]
        self._folder = snapshot.origin
        self._marks = {name: FileMark(**mark) for name, mark in marks.items()}

    def _frozen(self, name: str, draft: Draft) -> Frozen:
        segments = self._segments[name]
        frozen = segments.freeze()
        if all(self._taken_over(file, draft) for file in frozen.reused):
            return frozen
        log.warning("previous checkpoint's files cannot be reused; rewriting all", of=name)
        for file in frozen.reused:
            (draft.path / file).unlink(missing_ok=True)
        return segments.freeze(everything=True)

    def _taken_over(self, file: str, draft: Draft) -> bool:
        if self._folder is None or file not in self._marks:
            return False
        return draft.take_over(file, self._folder, self._marks[file])

    def _next(self, files: Sequence[str]) -> str:
        """The next of the files in turn."""
        self._looked += 1
        return sorted(files)[self._looked % len(files)]


class DamagedSegmentError(SnapshotError):
    """A file that the last checkpoint wrote is damaged; its rows are in memory."""


class FrozenJoins(NamedTuple):
    """The joins as a checkpoint found them.

    Attributes:
        queues: by name.
        said: the manifest's entries, without the segments.
        looked_at: one of the reused files of each queue, to see that it is intact.
    """

    queues: dict[str, Frozen]
    said: dict[str, Any]
    looked_at: Sequence[str]

    def write(self, draft: Draft) -> dict[str, Change]:
        """Write what is new.

        Raises:
            DamagedSegmentError: a file that is reused is not what was written.
        """
        for file in self.looked_at:
            _check(draft.path / file, draft.marks[file])
        changes = {name: frozen.change() for name, frozen in self.queues.items()}
        left: dict[str, AnyArray] = {}
        for change in changes.values():
            left |= change.left
            for file, content in change.files.items():
                draft.write(file, content)
        bits = io.BytesIO()
        np.savez(bits, allow_pickle=False, **left)
        draft.write(LEFT, bits.getbuffer())
        return changes

    def to_json(self, changes: Mapping[str, Change]) -> dict[str, Any]:
        """The manifest's entries."""
        return self.said | {
            "segments": {name: change.to_json() for name, change in changes.items()}
        }


def _check(path: Path, mark: FileMark) -> None:
    """See that a segment's file is intact.

    All checkpoints share a segment's bytes: damage there would be passed on to every later one,
    although the rows are in memory and can be written again.
    """
    try:
        whole = sha256(path.read_bytes()).hexdigest() == mark.sha256
    except OSError:
        whole = False
    if not whole:
        raise DamagedSegmentError(
            f"The file {path} of the last checkpoint is damaged: its rows are written again."
        )
