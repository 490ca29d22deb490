"""Lives of a learner, cheaply: a process that has imported everything forks one child for each.

A start of Python with Vowpal Wabbit, SQLAlchemy and kafka-python takes longer than a life that is
to be killed. The zygote has one thread and nothing connected, so that a child of it is as good as
a fresh process; the child runs the very command line of ``freshet`` in the project's folder.

It speaks JSON lines over its standard streams, one :class:`Life` at a time, and ends, with its
child, when its user does.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.instruments import Instruments, set_constants
from tests.faults.points import Trace
from tests.support import ROOT

KILLED = -signal.SIGKILL
LOOK_SECONDS = 0.001
PR_SET_PDEATHSIG = 1  # from Linux's <sys/prctl.h>


@dataclass(frozen=True)
class Life:
    """One run of a command of ``freshet``.

    Attributes:
        folder: the project's folder, where it runs; ``said`` and ``printed`` are left in it.
        arguments: the command line.
        log: the kind of log, whose points are noted; empty for a run without a trace.
        point: the point to die at, if any; ``nth`` pass of it, ``delay`` seconds later.
        seconds: kill it after so long, if it is not dead by then; None: wait for its end.
        environment: variables to set, such as the config's.
        constants: the product's to change, so that in a short life much happens.
        reader_seconds: kill each reader's process so long after it has begun; None: let it be.
    """

    folder: str
    arguments: list[str]
    log: str = ""
    point: str | None = None
    nth: int = 1
    delay: float = 0.0
    seconds: float | None = None
    environment: dict[str, str] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict)
    reader_seconds: float | None = None

    @property
    def trace(self) -> Path:
        """Where its points are noted."""
        return Path(self.folder) / "trace"

    @property
    def said(self) -> Path:
        """What it wrote to standard error."""
        return Path(self.folder) / "said"

    @property
    def printed(self) -> Path:
        """What it wrote to standard output."""
        return Path(self.folder) / "printed"


class ZygoteError(Exception):
    """The zygote itself has failed; the message holds what it said."""


class Zygote:
    """The user's end: starts lives, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def live(self, life: Life) -> int:
        """Run a life to its end; its exit status, or minus the signal that ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(life)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ZygoteError(f"the zygote ended with {self._process.wait()}")
        return int(answer)


@contextlib.contextmanager
def running_zygote() -> Iterator[Zygote]:
    """A zygote for the ``with`` block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.zygote"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Zygote(process)
        finally:
            process.kill()  # and its child with it


def plain_life(life: Life) -> int:
    """The same without a zygote: a process of its own that knows no points."""
    folder = Path(life.folder)
    with life.said.open("w") as said, life.printed.open("w") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "serve.cli", *life.arguments],
            cwd=folder,
            env={**os.environ, **life.environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(life.seconds)
        process.kill()
        return process.wait()


def serve_lives() -> None:
    """The zygote's whole life: fork, wait or kill, answer."""
    die_with_parent()
    import_everything()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        life = Life(**json.loads(line))
        child = os.fork()
        if not child:
            _become(life)
        print(_end(child, life.seconds), flush=True)  # noqa: T201 - this is its answer


def import_everything() -> None:
    """What a learner, or a backfill, imports in the course of its life."""
    import converters
    import learners
    import stream

    for package in (converters, learners, stream):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "river" not in found.name:  # heavy, and no life here learns with it
                importlib.import_module(found.name)
    importlib.import_module("serve.cli")
    importlib.import_module("sqlalchemy.dialects.sqlite")


def _end(child: int, seconds: float | None) -> int:
    """Wait for a child, or kill it when its time has come."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)  # still ours: nobody else waits for it
            deadline = None
        time.sleep(LOOK_SECONDS)


def _become(life: Life) -> None:
    """In the child: run the command line, and never return."""
    status = 70
    try:
        die_with_parent()
        _redirect(life)
        os.chdir(life.folder)
        os.environ.update(life.environment)
        set_constants(life.constants)
        if life.log:
            trace = Trace(life.trace, life.point, life.nth, life.delay)
            Instruments(trace, life.reader_seconds).install(life.log)
        status = run(life.arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def run(arguments: list[str]) -> int:
    """Run a command line of ``freshet``; its exit status."""
    main: Callable[[], Any] = importlib.import_module("serve.cli").main
    sys.argv = ["freshet", *arguments]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _redirect(life: Life) -> None:
    """Standard streams to files, so that nobody has to read while it lives."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(life.printed, flags, 0o600), 1)
    os.dup2(os.open(life.said, flags, 0o600), 2)


def die_with_parent() -> None:
    """Ask Linux to end this process should its parent be killed outright."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    serve_lives()
