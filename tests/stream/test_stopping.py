"""SIGTERM to real processes that wait for what does not answer: they end within seconds."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support import ROOT
from tests.support.serving.project import Project, flights

IN_TIME = 8.0  # on a busy machine; alone it takes two

BEGUN = """
import sqlite3, sys, time
from stream.stopping import stopped_by_signals, waiting_for, watch_signals
watch_signals()
"""
# A call into a library that no handler interrupts.
LOCKED = f"""{BEGUN}
def given_up(what):
    print("gave up", what)
    return 7
with stopped_by_signals(lambda: None, given_up), waiting_for("the log"):
    print("begun", flush=True)
    sqlite3.connect(sys.argv[1], timeout=60).execute("BEGIN IMMEDIATE")
"""
SWALLOWED = f"""{BEGUN}
try:
    print("begun", flush=True)
    time.sleep(60)
except BaseException:
    time.sleep(60)
"""
# An exception of a library that stands for the one of the handler is no bug.
TRANSLATED = """
import time
from serve import cli
def command(_arguments):
    try:
        print("begun", flush=True)
        time.sleep(60)
    except SystemExit as error:
        raise ValueError("a library's") from error
cli._call = command
cli.main()
"""
# Work is not given up, however long it takes; what is waited for behind it is.
WORKING = f"""{BEGUN}
asked = []
with stopped_by_signals(lambda: asked.append(1), lambda what: 7):
    print("begun", flush=True)
    while not asked:
        time.sleep(0.01)
    time.sleep(2.5)
    print("saved", flush=True)
    with waiting_for("the log"):
        time.sleep(60)
"""
# A server that handles signals itself, and takes its time.
SERVING = f"""{BEGUN}
import signal
asked = []
before = signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
print("begun", flush=True)
while not asked:
    time.sleep(0.01)
time.sleep(2)
signal.signal(signal.SIGTERM, before)
time.sleep(0.5)
print("served", flush=True)
"""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """A database that another connection holds."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def begin(*arguments: str, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """A Python process."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(*processes: subprocess.Popen[str]) -> list[tuple[int, str]]:
    """Ask all to end at once; their exit statuses and what they said."""
    until = time.monotonic() + IN_TIME
    for process in processes:
        process.send_signal(signal.SIGTERM)
    try:
        found = []
        for process in processes:
            said, _ = process.communicate(timeout=max(0.1, until - time.monotonic()))
            found.append((process.returncode, said))
    finally:
        for process in processes:
            process.kill()
    return found


def test_who_is_asked_to_end_waits_no_longer(tmp_path: Path) -> None:
    """Neither a library that holds handlers up nor one that swallows exceptions keeps a process.

    Work is completed, and a server that handles the signal takes the time it needs.
    """
    database = tmp_path / "held.db"
    scripts = (LOCKED, SWALLOWED, TRANSLATED, WORKING, SERVING)
    with locked(database):
        processes = [begin("-c", script, str(database)) for script in scripts]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
        gave_up, nothing = (7, "gave up the log\n"), (143, "")
        assert end(*processes) == [gave_up, nothing, nothing, (7, "saved\n"), (0, "served\n")]


def test_commands_that_wait_for_a_broker_end(tmp_path: Path) -> None:
    """Whether nobody listens at its port, or who does never answers; without a traceback."""
    with closing(socket.socket()) as nobody, closing(socket.socket()) as silent:
        processes = []
        for port, commands in ((nobody, ("learn", "produce")), (silent, ("learn", "up"))):
            port.bind(("127.0.0.1", 0))
            address = f"kafka://127.0.0.1:{port.getsockname()[1]}"
            for each in commands:  # with a home of its own, for one learner runs in each
                project = Project(tmp_path / f"{each}{address[-5:]}", log=address)
                more = {"produce": [str(project.write_csv(flights(5)))], "up": ["--port", "0"]}
                arguments = ("-m", "serve.cli", each, *more.get(each, ()))
                processes.append(begin(*arguments, cwd=project.folder))
        silent.listen(16)
        time.sleep(3.0)
        assert [process.poll() for process in processes] == [None] * 4
        ended = end(*processes)
    assert [status in (0, 143) for status, _ in ended] == [True] * 4
    assert not any("Traceback" in said or "This is a bug" in said for _, said in ended)


def test_a_learner_whose_registry_is_locked_ends(tmp_path: Path) -> None:
    """What it has learned since is replayed by the next start."""
    project = Project(tmp_path / "p", more="[checkpoint]\nseconds = 60")
    project.produce(project.write_csv(flights(500)))
    process = begin("-m", "serve.cli", "learn", cwd=project.folder)
    assert process.stdout is not None
    while "Learning model" not in (line := process.stdout.readline()):
        assert line, "it has ended"
    time.sleep(1.0)
    with locked(Path(project.settings.registry.removeprefix("sqlite:///"))):
        ((status, said),) = end(process)
    assert status in (0, 1)  # 0 if it had taken nothing yet
    assert "Nothing is lost" in said
    assert project.learn()["learned"] == 500
