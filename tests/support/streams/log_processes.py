"""Programs that tests run as processes of their own, to kill them or to let them compete.

``python -m tests.support.streams.log_processes stall URL NAME TOPIC OTHER`` begins a transaction,
says so and never
ends it; ``… append URL TOPIC NAME COUNT`` appends records one by one and says after each how many
are acknowledged; ``… hold FILE`` keeps a SQLite file locked.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stream.log.contract import Outgoing
from stream.open_log import open_log
from tests.support import ROOT


def say(text: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Stalling(tuple[tuple[str, bytes], ...]):
    """Headers at which any log stops in the middle of writing its records."""

    __slots__ = ()

    def _stall(self) -> None:
        say("in the middle")
        time.sleep(3600)

    def __bool__(self) -> bool:
        return True

    def __hash__(self) -> int:
        self._stall()
        return 0

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        self._stall()
        return iter(())


def stall(url: str, name: str, topic: str, other: str) -> None:
    """Write three mebibytes to one topic, and stop in the middle of the next."""
    writer = open_log(url).writer(name)
    first = [Outgoing(b"x" * 2**18)] * 12
    writer.write({topic: first, other: [Outgoing(b"y"), Outgoing(b"z", headers=Stalling())]})


def append(url: str, topic: str, name: str, count: str) -> None:
    """Append so many records, named and numbered."""
    log = open_log(url)
    for number in range(int(count)):
        log.append(topic, [Outgoing(f"{name} {number}".encode())])
        say(str(number + 1))


def hold(path: str) -> None:
    """Lock a SQLite file for writing."""
    sqlite3.connect(path, isolation_level=None).execute("BEGIN IMMEDIATE")
    say("locked")
    time.sleep(3600)


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """One of the programs above; killed, if it still runs, when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.streams.log_processes", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[str]) -> str:
    """What the program says next; empty when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


if __name__ == "__main__":
    programs: dict[str, Callable[..., None]] = {"stall": stall, "append": append, "hold": hold}
    programs[sys.argv[1]](*sys.argv[2:])
