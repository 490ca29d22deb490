"""Gives up old versions: what a registry no longer needs is deleted.

A running learner does it now and then, and every run at its end: many short ones would otherwise
leave a version each.
"""

from __future__ import annotations

from threading import Thread

from converters.errors import FreshetError
from converters.logger import log
from learners.registry import Registry
from learners.snapshots.store import SnapshotStore

# An orphan younger than this may be a draft that another process is writing.
ORPHAN_SECONDS = 3600.0
# How long the end of a run waits for it.
THIN_SECONDS = 30.0


def thin(registry: Registry, snapshots: SnapshotStore, keep: int) -> None:
    """Delete the folders of old versions, and orphans of killed processes.

    Args:
        registry: says which versions are needed.
        snapshots: has the folders.
        keep: how many of the newest versions keep theirs.
    """
    for gone in registry.writer.mark_thinned(registry.writer.thinnable(keep)):
        snapshots.delete(gone.snapshot.folder)
    snapshots.collect_orphans(registry.versions.folders, ORPHAN_SECONDS)


def thin_at_end(registry: Registry, snapshots: SnapshotStore, keep: int, seconds: float) -> None:
    """The same at the end of a run that has saved everything, which must not fail by it.

    Args:
        registry: as for :func:`thin`.
        snapshots: likewise.
        keep: likewise.
        seconds: how long to wait for it. A registry that is slow or locked keeps no process from
            ending; what is left is for the next run.
    """

    def quietly() -> None:
        try:
            thin(registry, snapshots, keep)
        except FreshetError as error:
            log.warning("old versions not thinned", error=str(error))

    thread = Thread(target=quietly, name="thinning", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.warning("old versions not thinned", error="the registry or a disk is slow")
