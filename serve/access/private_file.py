"""Small files that nobody but their owner may read, replaced as a whole and under a lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from filelock import FileLock, Timeout

from converters.errors import FreshetError
from converters.files.private import FILE, make_folder

# Another process holds the lock for milliseconds.
LOCK_SECONDS = 30.0


class PrivateFileError(FreshetError):
    """A private file cannot be written."""


def lock_of(path: Path) -> Path:
    """The lock file of a file; it stays, and so tells that the file was once written."""
    return Path(f"{path}.lock")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, so that no other process changes it meanwhile.

    Raises:
        PrivateFileError: the folder cannot be written, or another process does not let go.
    """
    try:
        make_folder(path.parent)
        lock = FileLock(lock_of(path), mode=FILE)
        with lock.acquire(timeout=LOCK_SECONDS):
            _own(Path(lock.lock_file), path.parent)
            yield
    except Timeout:
        raise PrivateFileError(
            f"{path} is being changed by another process, which has not finished in "
            f"{LOCK_SECONDS:g} s. Try again; if nothing changes it, remove {lock_of(path)}."
        ) from None
    except OSError as error:
        raise _not_written(path, error) from None


def replace(path: Path, content: bytes) -> None:
    """Write a file in full or not at all, for its owner alone whatever the umask.

    Raises:
        PrivateFileError: it cannot be written; what was there is unchanged.
    """
    try:
        # A link, perhaps to where configuration is kept, stays one.
        path = path.resolve()
        number, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _own(Path(name), path.parent)
            Path(name).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        _sync(path.parent)
    except OSError as error:
        raise _not_written(path, error) from None


def _own(path: Path, folder: Path) -> None:
    """Let the owner alone use a file; if root wrote it, that is the owner of the folder."""
    path.chmod(FILE)
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    """Let the new name survive a loss of power."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _not_written(path: Path, error: OSError) -> PrivateFileError:
    return PrivateFileError(
        f"{path} cannot be written: {error.strerror or error}. Run this as the user who owns the "
        "folder, or make the folder writable."
    )
