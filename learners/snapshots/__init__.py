"""Snapshots: the learner's state on disk, written whole or not at all, loaded only if unchanged.

Stands between the learner process, which writes one at every checkpoint, and the registry, whose
row makes it exist. Read :mod:`learners.snapshots.store` first.
"""

from learners.snapshots.disk import FileMark
from learners.snapshots.draft import Draft
from learners.snapshots.errors import (
    CorruptSnapshotError,
    MissingSnapshotError,
    SnapshotDiskError,
    SnapshotError,
)
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import Snapshot, SnapshotStore

__all__ = [
    "CorruptSnapshotError",
    "Draft",
    "FileMark",
    "MissingSnapshotError",
    "Snapshot",
    "SnapshotDiskError",
    "SnapshotError",
    "SnapshotRef",
    "SnapshotStore",
]
