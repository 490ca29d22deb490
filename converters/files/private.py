"""Files and folders for one user only: a home holds the rows of customers, and secrets.

Every folder below a home has mode 0700 and every file 0600, whatever the umask. The command line
sees to it for whole processes and their children (:func:`keep_private`), the functions here also
for those that use the packages in another way. What a user names as output keeps the user's umask.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pydantic takes a quarter of a second to import
    from converters.config.settings import Settings

OTHERS = 0o077
FOLDER, FILE = 0o700, 0o600
# The files of a SQLite database.
PARTS = ("", "-wal", "-shm", "-journal")
# What makes a folder of a store a snapshot.
MANIFEST = "manifest.json"

_users_umask: int | None = None


@contextmanager
def keep_private() -> Iterator[None]:
    """What this process and its children create is for this user only, until the ``with`` ends."""
    global _users_umask  # noqa: PLW0603  # a umask is the process's, and cannot be read safely
    before, _users_umask = _users_umask, os.umask(OTHERS)
    try:
        yield
    finally:
        os.umask(_users_umask)
        _users_umask = before


def output_mode() -> int | None:
    """The mode of a new output that the user named; None where the umask is still the user's."""
    return None if _users_umask is None else 0o666 & ~_users_umask


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it; one that exists keeps its mode.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        if folder.parent != folder:
            make_folder(folder.parent)
        folder.mkdir(FOLDER, exist_ok=True)


def make_home(home: Path) -> None:
    """Make a home, or close one that is open to others.

    Raises:
        OSError: it cannot be made.
    """
    make_folder(home)
    _close(home.resolve())


def create_file(path: Path) -> None:
    """Create an empty file if there is none, for a library that would open it to others."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE))


def opener(path: str, flags: int) -> int:
    """Open a file, for :func:`open`; a new one is private."""
    return os.open(path, flags, FILE)


def narrow(settings: Settings, config: Path) -> int:
    """Close an existing home, and files of it that are elsewhere, to other users.

    What belongs to another user, or is on a file system that is read-only, stays as it is. So
    does everything else in a home that is also the folder of the config file: it may hold a whole
    project, into which nobody else can look either once the home is closed.

    Returns:
        How many files and folders were open to others.
    """
    home = settings.home.resolve()
    closed = 0
    if home.is_dir():
        closed += _close(home)
    if not config.resolve().is_relative_to(home):
        closed += sum(map(_close, _below(home)))
    return closed + sum(map(_close, _files_of(settings)))


def _files_of(settings: Settings) -> Iterator[Path]:
    """The files that the config may place outside the home."""
    for path in map(Path.resolve, settings.databases):
        yield from (path.with_name(path.name + part) for part in PARTS)
    yield settings.serve.tokens or settings.home / "tokens.json"
    if "://" not in settings.snapshots:
        with suppress(OSError):  # into which this user cannot look
            for manifest in Path(settings.snapshots).glob(f"*/{MANIFEST}"):
                yield from _below(manifest.parent)


def _below(folder: Path) -> Iterator[Path]:
    """Everything in a folder, each folder before what is in it; links are not followed."""
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))


def _close(path: Path) -> bool:
    """Take what others may do with a file or folder of this user's; whether there was anything."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
            return False
        if not found.st_mode & OTHERS:
            return False
        path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    except OSError:  # gone meanwhile, or not ours to change
        return False
    return True
