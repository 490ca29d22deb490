"""Snapshots: the learner's state on disk, written whole or not at all, loaded only if unchanged.

The learner process writes one at every checkpoint; a row of the registry makes it exist. Start
with ``store`` (drafts, copies for reading, orphans); ``manifest`` says what a folder holds,
``disk`` makes the system calls.
"""

from learners.snapshots.disk import FileMark
from learners.snapshots.errors import (
    CorruptSnapshotError,
    MissingSnapshotError,
    SnapshotDiskError,
    SnapshotError,
)
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import Draft, Snapshot, SnapshotStore

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
