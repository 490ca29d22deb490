"""Where a command's result goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from converters.errors import FreshetError, UsageError
from converters.files.compressed import compressing
from converters.files.private import output_mode

STANDARD_STREAM = "-"
# File systems take names of 255 bytes, most of them; the partial file's adds up to 20.
LONGEST_SHOWN = 200


class OutputError(FreshetError):
    """A result cannot be written."""


@contextmanager
def writing(output: str) -> Iterator[BinaryIO]:
    """Open a result for writing; ``-`` is standard output.

    A file is written under another name and renamed when all is written; if the block is left by
    an error, whatever was there before is still there. What is not a regular file, such as
    ``/dev/stderr`` or a named pipe, is written to directly. A name that ends in ``.gz`` or ``.zst``
    says how the file is compressed.

    Raises:
        OutputError: the file cannot be written.
    """
    if output == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with _replacing(Path(output).resolve()) as file:
            yield file
    except BrokenPipeError:  # of standard output, when both are written
        raise
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror or error}.") from None


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of what is there, and its mode, once all is written."""
    mode = _mode(path)
    if mode is not None and not stat.S_ISREG(mode):
        with path.open("wb") as file, compressing(file, path.name) as compressed:
            yield compressed
        return
    partial = path.with_name(_partial_name(path.name))
    try:
        with (
            open(partial, "wb", opener=_opener(mode)) as file,
            compressing(file, path.name) as compressed,
        ):
            _set_mode(file.fileno(), mode)
            yield compressed
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _opener(mode: int | None) -> Callable[[str, int], int]:
    """Opens no wider than the file that is replaced, not even for a moment."""
    allowed = 0o666 if mode is None else stat.S_IMODE(mode) & 0o666
    return lambda path, flags: os.open(path, flags, allowed)


def _set_mode(handle: int, replaced: int | None) -> None:
    """The mode of the file that is replaced; a new one has the user's."""
    if replaced is not None:
        os.fchmod(handle, stat.S_IMODE(replaced))
    elif (mode := output_mode()) is not None:
        with suppress(OSError):  # some file systems know no modes
            os.fchmod(handle, mode)


def _partial_name(name: str) -> str:
    """A hidden name in the same folder; of a name that leaves no room for more, its digest."""
    encoded = os.fsencode(name)
    shown = name if len(encoded) <= LONGEST_SHOWN else sha256(encoded).hexdigest()
    return f".{shown}.{os.getpid()}.partial"


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
        other = what if name is None else places.setdefault(_place(name), what)
        if other != what:
            raise UsageError(f"{other} and {what} are both {name}; give {what} another.")


def _place(name: str) -> object:
    """The same for every name of a file; links count as the file."""
    if name == STANDARD_STREAM:
        return STANDARD_STREAM
    try:
        found = _identity(Path(name).stat())
    except OSError:  # not there yet; or out of reach, which opening it reports
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
