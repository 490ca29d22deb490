"""Snapshots: the learner's state on disk, written whole or not at all, loaded only if unchanged.

Stands between the learner process, which writes one at every checkpoint, and the registry, whose
row makes it exist. Read :mod:`learners.snapshot.store` first.
"""

from learners.snapshot.draft import Draft
from learners.snapshot.errors import (
    CorruptSnapshotError,
    MissingSnapshotError,
    SnapshotDiskError,
    SnapshotError,
)
from learners.snapshot.files import FileMark
from learners.snapshot.manifest import SnapshotRef
from learners.snapshot.store import Snapshot, SnapshotStore

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
