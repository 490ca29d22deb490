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
from unittest.mock import patch

from serve.cli import main
from stream import stopping


def freshet(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder to its end: its exit status and all that it printed."""
    printed, said = _stream(), _stream()
    with (
        _as_a_process(["freshet", *arguments], cwd),
        patch("serve.cli.watch_signals", _watch_signals),
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


def _watch_signals() -> None:
    """As a process does once: another pair of sockets for each command would run out of them."""
    if not _PAIR:
        stopping.watch_signals()
        _PAIR.append(signal.set_wakeup_fd(-1))
    for number in stopping.KINDS:
        signal.signal(number, stopping._stop.handle)
    signal.set_wakeup_fd(_PAIR[0], warn_on_full_buffer=False)


_PAIR: list[int] = []


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
