"""A process that hangs says where, and its shutdown ends, whatever its threads do."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.support import ROOT

PROGRAM = """
import asyncio, signal, time
from serve.server import hang_report

signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))

hang_report.TURN_SECONDS, hang_report.HUNG_SECONDS, hang_report.SHUTDOWN_SECONDS = 0.1, 2.0, 4.0

def stuck(seconds):
    time.sleep(seconds)

async def main():
    hang_report.watch(0.0)
    print("begun", flush=True)
    await asyncio.sleep(0.2)
    {what}

asyncio.run(main())
print("ended", flush=True)
"""


def program(what: str) -> subprocess.Popen[str]:
    """A process whose event loop does something."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("{what}", what)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_loop_that_does_not_turn_is_told_with_its_place() -> None:
    """Where every thread stands; the process goes on, as it may be slow only."""
    with program("stuck(3)") as process:
        said, errors = process.communicate(timeout=60)
    assert said == "begun\nended\n"
    assert process.returncode == 0
    assert "Timeout" in errors
    assert "in stuck" in errors


def test_a_loop_that_turns_is_not_told() -> None:
    """However long it runs."""
    with program("await asyncio.sleep(3)") as process:
        said, errors = process.communicate(timeout=60)
    assert (said, errors) == ("begun\nended\n", "")


@pytest.mark.long  # fails in the whole suite and passes alone; why is not known yet
def test_a_shutdown_that_a_thread_holds_up_ends() -> None:
    """With status 1, after the grace of running requests; the handler before it is called too."""
    hold = "await asyncio.get_running_loop().run_in_executor(None, stuck, 1000)"
    with program(hold) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=60)
    assert said == "asked\n"
    assert process.returncode == 1
    assert "in stuck" in errors
