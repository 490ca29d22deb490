"""Folders that several processes use: who uses one locks it, who removes one must be alone.

Locks are ``flock`` on the folder itself and end with the process that holds them, however it
ends. A user holds a shared lock, a remover the exclusive one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from learners.snapshots.disk import make_folder
from learners.snapshots.errors import MissingSnapshotError, SnapshotError, disk_trouble

# A remover looks, asks the registry and goes; whoever takes longer is stopped.
WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.01
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def in_use(folder: Path) -> Iterator[int]:
    """The open folder, which nobody removes until the ``with`` ends.

    Raises:
        MissingSnapshotError: it is not there, or is being removed.
        SnapshotError: a remover holds it and does not let go.
        OSError: it is no folder.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    handle = _open(folder)
    try:
        while not _locked(handle, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                raise SnapshotError(
                    f"The folder {folder} is locked by a process that removes it and does not go "
                    "on: find that process (stopped?) and let it go on or end it."
                )
            time.sleep(_PAUSE_SECONDS)
        if not _still_at(handle, folder):
            raise _missing(folder)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def new_folder(parent: Path, kind: str) -> Iterator[Path]:
    """A new hidden folder, in use until the ``with`` ends; the caller removes or renames it."""
    with disk_trouble("Making a folder", parent):
        make_folder(parent)
        path = parent / f".{kind}-{os.getpid()}-{secrets.token_hex(8)}"
        path.mkdir()
    with in_use(path):
        yield path


def alone_with(folder: Path) -> int | None:
    """A handle under which nobody else uses the folder; None if someone does, or it is gone.

    Network file systems that know no such locks are worked on without; there only its age
    protects a folder in use.
    """
    try:
        handle = _open(folder)
    except (OSError, MissingSnapshotError):
        return None
    if _locked(handle, fcntl.LOCK_EX) and _still_at(handle, folder):
        return handle
    os.close(handle)
    return None


def remove(folder: Path) -> None:
    """Delete a folder that one is alone with; it is never seen half deleted under its name."""
    with disk_trouble("Deleting a snapshot", folder):
        gone = folder.rename(folder.parent / f".gone-{os.getpid()}-{secrets.token_hex(8)}")
        shutil.rmtree(gone)


def _open(folder: Path) -> int:
    try:
        return os.open(folder, _FOLDER)
    except FileNotFoundError as error:
        raise _missing(folder) from error


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _still_at(handle: int, folder: Path) -> bool:
    """Whether the folder was not moved away between its opening and its lock."""
    try:
        return os.path.samestat(os.fstat(handle), folder.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _missing(folder: Path) -> MissingSnapshotError:
    return MissingSnapshotError(
        f"The snapshot {folder} is not there: see that the snapshot folder is mounted and "
        "complete, or serve another version; `freshet models` lists them."
    )
