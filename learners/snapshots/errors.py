"""What a snapshot store says when it cannot write or read, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from converters.errors import FreshetError

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space or raise it",
    errno.EROFS: "the file system is read-only: mount it writable, or set `snapshots` elsewhere",
    errno.EACCES: "make the folder readable and writable for this user",
    errno.EPERM: "make the folder readable and writable for this user",
    errno.EIO: "the disk fails to read or write: look at the system's log",
}
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class SnapshotError(FreshetError):
    """A snapshot cannot be written or read."""


class SnapshotDiskError(SnapshotError):
    """The disk is full, read-only or fails; trying again may help."""


class CorruptSnapshotError(SnapshotError):
    """A snapshot is not what was written; it must not be loaded."""


class MissingSnapshotError(SnapshotError):
    """No folder of this name is in the store; perhaps the store is not mounted."""


@contextmanager
def disk_trouble(doing: str, where: Path) -> Iterator[None]:
    """Turn whatever the disk says into a :class:`SnapshotError`; ``doing`` begins the sentence."""
    try:
        yield
    except OSError as error:
        raise _told(error, doing, where) from error


@contextmanager
def callers_disk_trouble(doing: str, where: Path) -> Iterator[None]:
    """The same for code that is not ours, whose other errors (of a network, say) pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise _told(error, doing, where) from error


def _told(error: OSError, doing: str, where: Path) -> SnapshotError:
    advice = _ADVICE.get(error.errno or 0, "see that the folder is there and can be used")
    kind = SnapshotDiskError if error.errno in _OF_THE_DISK else SnapshotError
    return kind(f"{doing} failed in {where} ({error.strerror or error}): {advice}.")
