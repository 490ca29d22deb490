"""The command line without a process: a start costs most of a second, and is seldom the point."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from serve.cli import main


def freshet(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder to its end: its exit status and all that it printed."""
    printed, said = _stream(), _stream()
    with (
        _as_a_process(["freshet", *arguments], cwd),
        redirect_stdout(printed),
        redirect_stderr(said),
    ):
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:  # what --debug leaves to the interpreter
            traceback.print_exc()
            status = 1
    texts = (each.buffer.getvalue().decode() for each in (printed, said))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(arguments, status, *texts)


def _stream() -> io.TextIOWrapper:
    """A standard stream that keeps what is written to it, as text or as bytes."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


@contextlib.contextmanager
def _as_a_process(arguments: list[str], folder: Path) -> Iterator[None]:
    """Arguments, folder and the handlers of signals; put back afterwards."""
    before = sys.argv
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    sys.argv = arguments
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.argv = before
        for number, handler in handlers.items():
            signal.signal(number, handler)
