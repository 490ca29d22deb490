"""The names of a schema's features, in a file beside the snapshots: what undoes the hashes.

The file only grows, and all models of one schema share it: learner, backfills, every lineage. No
model and no checkpoint depends on it. It is written before a checkpoint is committed: after a kill
the records behind that checkpoint are read again, and their features met again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from converters.files.private import opener
from learners.snapshots.errors import disk_trouble


def names_file(folder: Path, schema_hash: str) -> Path:
    """Where the names of a schema are.

    Args:
        folder: that of the snapshots.
        schema_hash: the schema's.
    """
    return folder / f"features-{schema_hash[:16]}.txt"


def read_names(file: Path) -> list[str]:
    """The names in a file; none where it is not there."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return list(dict.fromkeys(filter(None, text.split("\n"))))


class MetFeatures:
    """The names that a fold has met and that are not written yet.

    Args:
        most: how many a file may have.
    """

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._names: list[str] = []
        self._known: set[str] | None = None

    def add(self, names: Iterable[str]) -> None:
        """Take in more; on the thread that learns."""
        self._names += names

    def save(self, file: Path) -> None:
        """Append to the file what it does not have yet; on the thread that writes.

        Raises:
            SnapshotError: the disk is full, or fails.
        """
        end = len(self._names)
        if not end:
            return
        with disk_trouble("Writing the names of features", file.parent):
            if self._known is None:
                self._known = set(read_names(file))
            more = dict.fromkeys(self._names[:end])
            new = [name for name in more if name not in self._known]
            new = new[: max(0, self._most - len(self._known))]
            if new:
                _append(file, new)
        self._known.update(new)
        # What is met meanwhile stays: a column of ever new values must not be kept in memory.
        del self._names[:end]


def _append(file: Path, names: list[str]) -> None:
    """Append whole lines; the first line feed ends one that a kill or a full disk has cut."""
    text = "\n".join(["", *names, ""])
    with open(file, "ab", opener=opener) as out:
        out.write(text.encode("utf-8", "replace"))
        out.flush()
        os.fsync(out.fileno())
