"""Files as snapshots need them: on disk when said so, hashed, never followed elsewhere.

Stands at the bottom of the snapshot store; knows the system calls and nothing of manifests.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from learners.snapshots.errors import CorruptSnapshotError

_CHUNK = 1 << 20
# NONBLOCK, because opening a pipe that someone put in a file's place would wait for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FileMark:
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
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def seal(path: Path) -> FileMark:
    """Put a regular file on disk and say what it is.

    Raises:
        CorruptSnapshotError: this is a folder, a link or a pipe.
    """
    digest, size = hashlib.sha256(), 0
    with _regular(path.name, path, None) as handle:
        os.fsync(handle)
        while chunk := os.read(handle, _CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileMark(digest.hexdigest(), size)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet, and put it on disk."""
    with path.open("xb") as file:
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
    with _regular(name, name, folder) as handle, target.open("xb") as copy:
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
