"""Standard input, output and error when whoever started the command has closed them.

Called by the command line first of all. Without it the next file opened, a database perhaps, takes
the number of the closed stream, and Python has no object for the stream.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO


def stand_in_for_closed() -> None:
    """Reading or writing a closed stream becomes an ordinary error that says it is closed.

    The null device, opened the wrong way round, gives ``EBADF`` as the closed stream would. Of
    standard error nothing is expected, so it takes what is said.
    """
    if sys.stdin is None:
        sys.stdin = _null(0, os.O_WRONLY)
    if sys.stdout is None:
        sys.stdout = _null(1, os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = _null(2, os.O_WRONLY)


def _null(number: int, way: int) -> TextIO:
    opened = os.open(os.devnull, way)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    # Left open, as the interpreter leaves its own.
    return open(number, "w" if number else "r", encoding="utf-8", closefd=False)


def let_go() -> None:
    """What can no longer be written must not decide the exit status."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
