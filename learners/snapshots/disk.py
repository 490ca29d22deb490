"""Files as snapshots need them: on disk when said so, hashed, never followed elsewhere.

Makes the system calls, and knows nothing of manifests.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from converters.files.private import FILE, FOLDER, opener
from learners.snapshots.errors import (
    CorruptSnapshotError,
    MissingSnapshotError,
    SnapshotError,
    disk_trouble,
)

_CHUNK = 1 << 20
# NONBLOCK, because opening a pipe that someone put in a file's place would wait for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


# With less free space neither a transaction nor a snapshot is sure to fit.
LEAST_FREE_BYTES = 2**16


def unwritable(*folders: Path) -> str:
    """What keeps files from being written below these folders, in words; empty if nothing does."""
    for folder in folders:
        try:
            disk = os.statvfs(folder)
        except OSError as error:
            if isinstance(error, FileNotFoundError):  # not made yet
                continue
            return f"{folder} cannot be used: {error.strerror}."
        if disk.f_flag & os.ST_RDONLY:
            return f"{folder} is on a disk that is mounted read-only."
        if disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES or (disk.f_files and not disk.f_favail):
            return f"The disk of {folder} is full: free some space."
    return ""


class FileMark(NamedTuple):
    """What a file must be: its sha256 in hexadecimal and its size in bytes."""

    sha256: str
    size: int


def sync_folder(folder: Path) -> None:
    """Put a folder's list of names on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that they are there after a power loss too."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(FOLDER, exist_ok=True)
        sync_folder(folder.parent)


def seal(path: Path) -> FileMark:
    """Put a regular file on disk, closed to other users, and say what it is.

    Raises:
        CorruptSnapshotError: this is a folder, a link or a pipe.
    """
    digest, size = hashlib.sha256(), 0
    with _regular(path.name, path, None) as handle:
        with suppress(OSError):  # some file systems know no modes
            os.fchmod(handle, FILE)
        os.fsync(handle)
        while chunk := os.read(handle, _CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileMark(digest.hexdigest(), size)


def write_new(path: Path, content: bytes | memoryview) -> None:
    """Write a file that must not exist yet, and put it on disk."""
    with open(path, "xb", opener=opener) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_all(folder: int, name: str, at_most: int) -> bytes:
    """The bytes of a regular file in an open folder, cut one byte after ``at_most``."""
    with _regular(name, name, folder) as handle, os.fdopen(os.dup(handle), "rb") as file:
        return file.read(at_most + 1)


def check_size(folder: int, name: str, mark: FileMark) -> None:
    """See that a file is a regular one of the right size, without reading it."""
    with _regular(name, name, folder) as handle:
        size = os.fstat(handle).st_size
    if size != mark.size:
        raise CorruptSnapshotError(f"the file {name} has {size} bytes, not {mark.size}")


def copy_checked(folder: int, name: str, target: Path, mark: FileMark) -> None:
    """Copy a file and check the very bytes that were copied.

    Raises:
        CorruptSnapshotError: they are not those of the mark.
    """
    digest, size = hashlib.sha256(), 0
    with _regular(name, name, folder) as handle, open(target, "xb", opener=opener) as copy:
        while size <= mark.size and (chunk := os.read(handle, _CHUNK)):
            digest.update(chunk)
            size += len(chunk)
            copy.write(chunk)
    if digest.hexdigest() != mark.sha256:
        raise CorruptSnapshotError(f"the file {name} is not the one that was written (sha256)")


@contextmanager
def _regular(name: str, path: Path | str, folder: int | None) -> Iterator[int]:
    try:
        handle = os.open(path, _READ, dir_fd=folder)
    except FileNotFoundError as error:
        raise CorruptSnapshotError(f"the file {name} is missing") from error
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise CorruptSnapshotError(f"{name} is no regular file") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise CorruptSnapshotError(f"{name} is no regular file")
        yield handle
    finally:
        os.close(handle)


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
                    "on: find that process (stopped?) and let it continue or end it."
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
        path.mkdir(FOLDER)
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
