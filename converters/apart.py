"""What a command writes must be nothing that it reads, and no two of its outputs one file.

Called by every command that writes files, before it opens any: an output takes the place of what
is there, and nobody gets an overwritten input back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from converters.errors import UsageError

STANDARD_STREAM = "-"


def check_apart(read: Mapping[str, str | None], written: Mapping[str, str | None]) -> None:
    """One file cannot be read and written, or written twice.

    Args:
        read: what each input is called, and its path; ``-`` is standard input, None is not there.
        written: what each output is called, and its path; ``-`` is standard output.

    Raises:
        UsageError: two of them are one file.
    """
    places: dict[object, str] = {}
    for what, name in read.items():
        if name is not None:
            place = _of_standard_input() if name == STANDARD_STREAM else _place(name)
            places.setdefault(place, what)
    for what, name in written.items():
        if name is None:
            continue
        other = places.setdefault(_place(name), what)
        if other != what:
            raise UsageError(f"{other} and {what} are both {name}; give {what} another.")


def _place(name: str) -> object:
    """The same for every name of a file; links count as the file."""
    if name == STANDARD_STREAM:
        return STANDARD_STREAM
    try:
        found = _identity(Path(name).stat())
    except OSError:  # not there yet; or not to be had, which is told when it is opened
        found = None
    return found or os.path.realpath(name)


def _of_standard_input() -> object:
    """The file that the shell has put there, if it is one."""
    try:
        return _identity(os.fstat(0))
    except OSError:
        return None


def _identity(status: os.stat_result) -> tuple[int, int] | None:
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
