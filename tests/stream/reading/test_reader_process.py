"""The reader in a process of its own: the same batches, and whoever dies hinders nobody."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from stream.learner.loop import Learning
from stream.learner.process import assembled
from stream.log.batch import Batch
from stream.reading import reader_process
from tests.faults.running import begun, status
from tests.support.serving.processes import alive, until
from tests.support.serving.project import Project, answers, flights, same

SMALL = 100
OFTEN = "[checkpoint]\nevents = 400\nseconds = 0.3\nmin_spacing = 0"
# Nobody may outlive its learner for longer; a busy machine included.
SOON_SECONDS = 3.0

READER = "stream.reading.reader_main"
Act = Callable[[], None]


def children(pid: int) -> list[int]:
    """The readers that a process has started and that run."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    found = (line.split(None, 2) for line in listed.splitlines())
    return [int(own) for own, parent, what in found if parent == str(pid) and READER in what]


def reader_of(pid: int) -> int:
    """The one reader of a learner, once it runs."""
    until(lambda: len(children(pid)) == 1)
    return children(pid)[0]


def is_gone_soon(pid: int) -> bool:
    """Whether a process ends within moments."""
    deadline = monotonic() + SOON_SECONDS
    while alive(pid) and monotonic() < deadline:
        sleep(0.01)
    return not alive(pid)


def gone(*pids: int) -> None:
    """See that nothing of a test goes on after it."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def learned(project: Project, act: Act) -> dict[str, Any]:
    """Learn to the end in this process; something is done after each batch."""
    with assembled(project.context) as process:

        def after(batch: Batch, _learning: Learning) -> None:
            process.outage._backoff.first = 0.01
            process.outage._backoff.reset()
            if batch.records:
                act()

        return process.run(after, until_end=True)


def in_small_steps(patch: pytest.MonkeyPatch, rows: int = SMALL) -> None:
    """Small batches, and a pipe that holds none: the reader is never far ahead."""
    patch.setattr("stream.reading.merge.BATCH_ROWS", rows)
    patch.setattr(reader_process, "PIPE_BYTES", 4_096)


def is_as_in_one_process(project: Project, report: dict[str, Any], folder: Path) -> bool:
    """Whether model, measures and scores are those of one process that nobody disturbed."""
    whole = Project(folder)
    whole.produce(project.folder / "rows.csv", label_time="landed")
    assert same(report) == same(whole.learn())
    return answers(project.scores()) == answers(whole.scores())


def test_a_reader_that_is_killed_is_said_and_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice by kill -9: the learner says so, begins anew by itself, and ends the same."""
    project = Project(tmp_path / "p", more=OFTEN, processes=2)
    project.produce(project.write_csv(flights(3_000)), label_time="landed")
    killed: set[int] = set()

    def kill() -> None:
        for reader in children(os.getpid()) if len(killed) < 2 else ():
            killed.add(reader)
            gone(reader)
            until(lambda: not children(os.getpid()))

    with pytest.MonkeyPatch.context() as patch:
        in_small_steps(patch)
        report = learned(project, kill)
    assert len(killed) == 2
    assert "The reader process was killed by SIGKILL" in capsys.readouterr().err
    assert is_as_in_one_process(project, report, tmp_path / "whole")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_readers_killed_at_any_moment_change_nothing(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """A dozen kills of whatever reader there is, as it starts, reads, or waits for the learner."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=OFTEN, processes=2)
    project.produce(project.write_csv(flights(10_000)), label_time="landed")
    draw, kills, over = random.Random(3), 0, threading.Event()

    def kill_at_random() -> None:
        nonlocal kills
        while kills < 12 and not over.wait(draw.uniform(0.05, 2.5)):
            for reader in children(os.getpid()):
                gone(reader)
                kills += 1

    killer = threading.Thread(target=kill_at_random)
    killer.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stream.learner.heartbeat.LONGEST_DELAY_SECONDS", 0.1)
            in_small_steps(patch, 250)  # it lasts, to be killed often
            report = learned(project, lambda: sleep(0.2))
    finally:
        over.set()
        killer.join()
    assert kills >= 5
    assert is_as_in_one_process(project, report, tmp_path / "whole")


@pytest.mark.long
def test_a_reader_that_says_nothing_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is stopped is ended after a while, and another takes its place."""
    monkeypatch.setattr(reader_process, "SILENT_SECONDS", 2.5)
    in_small_steps(monkeypatch)
    project = Project(tmp_path / "p", more=OFTEN, processes=2, learn_more="stall_seconds = 0.5")
    project.produce(project.write_csv(flights(3_000)), label_time="landed")
    stopped: list[int] = []

    def stop() -> None:
        if not stopped:
            stopped.append(reader_of(os.getpid()))
            os.kill(stopped[0], signal.SIGSTOP)
            monkeypatch.setattr(reader_process, "SILENT_SECONDS", 100.0)

    report = learned(project, stop)
    assert "has not responded for 3 s" in capsys.readouterr().err
    assert not alive(stopped[0])
    assert is_as_in_one_process(project, report, tmp_path / "whole")


def test_a_learner_that_is_killed_leaves_no_reader_and_no_lock(tmp_path: Path) -> None:
    """Its reader ends by itself; one that cannot, for it is stopped, hinders no new learner."""
    project = Project(tmp_path, processes=2)
    project.produce(project.write_csv(flights(300)))
    with begun(project) as first:
        first.seen(300)
        reader = reader_of(first.process.pid)
        first.kill()
        assert is_gone_soon(reader)
    with begun(project) as second:
        reader = reader_of(second.process.pid)
        os.kill(reader, signal.SIGSTOP)
        second.kill()
    try:
        assert alive(reader)
        assert project.learn()["events"] == 300
        os.kill(reader, signal.SIGCONT)
        assert is_gone_soon(reader)
    finally:
        gone(reader)


@pytest.mark.long
def test_a_reader_that_is_blocked_ends_with_its_learner(tmp_path: Path) -> None:
    """The learner stands still, the pipe is full, the reader reads no further; then kill -9."""
    project = Project(tmp_path, more=OFTEN, processes=2)
    project.produce(project.write_csv(flights(80_000)))
    with begun(project) as running:
        reader = reader_of(running.process.pid)
        running.seen(1)
        running.pause()
        until(lambda: stands_still(reader))
        assert status(project)["events"] < 80_000
        running.kill()
        assert is_gone_soon(reader)


def stands_still(pid: int) -> bool:
    """Whether a process has read nothing for a while."""
    before = read_bytes(pid)
    sleep(0.5)
    return read_bytes(pid) == before


def read_bytes(pid: int) -> int:
    """How many bytes a process has read so far, wherever from."""
    counted = Path(f"/proc/{pid}/io")
    if not counted.exists():
        pytest.skip("this system does not tell what a process has read")
    return int(counted.read_text().split()[1])


def test_signals_to_the_whole_group_stop_cleanly(tmp_path: Path) -> None:
    """SIGINT and SIGTERM reach both: the reader leaves it to the learner, which saves."""
    project = Project(tmp_path, processes=2, more="[checkpoint]\nseconds = 60")
    project.produce(project.write_csv(flights(300)))
    with begun(project) as running:
        running.seen(300)
        reader = reader_of(running.process.pid)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(reader, number)
        report = running.stop()
        assert is_gone_soon(reader)
    assert (report["learned"], report["version"]) == (300, 1)
    assert "waiting" not in running.said()  # as it would for a reader that has ended
    assert "Traceback" not in running.said()


def test_a_reader_holds_nothing_of_the_learners(tmp_path: Path) -> None:
    """No lock, no registry, no connection: its pipes, standard error and the log."""
    project = Project(tmp_path, processes=2)
    project.produce(project.write_csv(flights(300)))
    with begun(project) as running:
        running.seen(300)
        folder = Path(f"/proc/{reader_of(running.process.pid)}/fd")
        if not folder.exists():
            pytest.skip("this system does not tell what a process has open")
        held = {str(file.readlink()) for file in folder.iterdir()}
        running.stop()
    ours = {name for name in held if name.startswith(str(tmp_path))}
    log = str(project.settings.home / "log.db")
    assert ours - {log, f"{log}-wal", f"{log}-shm", str(running.errors)} == set()
