"""A snapshot being written: a folder that gets its name once everything in it is on disk.

Made by :mod:`learners.snapshots.store`, filled by the learner's checkpoints.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from learners.snapshots import manifest as manifests
from learners.snapshots.disk import FileMark, seal, sync_folder, write_new
from learners.snapshots.errors import CorruptSnapshotError, SnapshotError, disk_trouble
from learners.snapshots.manifest import MANIFEST, SnapshotRef

WRITING = "Writing a snapshot (nothing is left of it)"


class Draft:
    """A folder being written; its files become a snapshot by :meth:`finish`, or vanish.

    Attributes:
        marks: what each file is, once finished.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished = False
        self.marks: dict[str, FileMark] = {}

    def take_over(self, name: str, snapshot: Path, mark: FileMark) -> bool:
        """Have a file of another snapshot in this one too, without writing it again.

        A second name for the same bytes, which stay when the other snapshot is deleted. Only their
        size is looked at here: whoever opens this snapshot checks them against the mark.

        Returns:
            Whether that was possible; it is not where the other snapshot is gone or was cut, or on
            file systems without hard links.
        """
        try:
            os.link(snapshot / name, self.path / name)
            if (self.path / name).stat(follow_symlinks=False).st_size != mark.size:
                (self.path / name).unlink()
                return False
        except OSError:
            return False
        self.marks[name] = mark
        return True

    def finish(self, manifest: dict[str, Any]) -> SnapshotRef:
        """Write the manifest, put everything on disk and give the folder its name for good.

        Args:
            manifest: JSON data; ``files`` (sha256 and size of each) and ``format`` are added.

        Raises:
            SnapshotError: the disk is full, fails or is read-only, or there is something else
                than regular files; no folder is left.
        """
        store = self.path.parent
        with disk_trouble(WRITING, store):
            self.marks = _seal_all(self.path, self.marks)
            content = manifests.canonical(manifest, self.marks)
            write_new(self.path / MANIFEST, content)
            sync_folder(self.path)
            digest = manifests.sha256(content)
            self.path = _give_name(self.path, digest)
            sync_folder(store)
        self.finished = True
        return SnapshotRef(self.path.name, digest)


def _seal_all(draft: Path, taken_over: Mapping[str, FileMark]) -> dict[str, FileMark]:
    try:
        return {path.name: taken_over.get(path.name) or seal(path) for path in draft.iterdir()}
    except CorruptSnapshotError as error:
        raise SnapshotError(
            f"The snapshot drafted in {draft} cannot be finished: {error}. Only regular files can "
            "be part of one; this is a fault of freshet's, please report it."
        ) from error


def _give_name(draft: Path, digest: str) -> Path:
    """Rename to a name that sorts by time and that no other folder has."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
    base, again = f"{moment}-{digest[:12]}", 1
    name = base
    # A finished folder is never empty, and rename refuses to replace one that is not.
    while (draft.parent / name).exists():
        again += 1
        name = f"{base}-{again}"
    return draft.rename(draft.parent / name)
