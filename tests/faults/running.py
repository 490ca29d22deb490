"""A real learner process for the tests of faults, what it says, and whether its result is the same.

Stands between the tests and ``freshet learn``: started as users start it, stopped by signals to
its own pid, watched through what it prints and through the registry, like anybody would.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from learners.registry.errors import RegistryError
from tests.support import ROOT
from tests.support.serving import command
from tests.support.serving.project import Project, answers, same

PATIENCE_SECONDS = 60.0
TERMINAL = re.compile(r"\x1b\[[0-9;]*m")

Outcome = tuple[tuple[Any, ...], list[tuple[int, str, float, int]]]


@dataclass
class Learner:
    """A learner that runs, or has run: its process and the files that it prints into."""

    project: Project
    process: subprocess.Popen[bytes]
    errors: Path
    output: Path

    def said(self) -> str:
        """All that it has said so far on standard error."""
        return TERMINAL.sub("", self.errors.read_text(encoding="utf-8", errors="replace"))

    def says(self, text: str, seconds: float = PATIENCE_SECONDS, *, times: int = 1) -> None:
        """Wait until it has said something so many times."""
        self.until(lambda: self.said().count(text) >= times, f"it did not say {text!r}", seconds)

    def seen(self, events: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it has taken so many events, as it says itself in the registry."""
        what = f"it has not taken {events} events"
        self.until(lambda: status(self.project).get("events", 0) >= events, what, seconds)

    def saved(self, events: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until a checkpoint holds so many events."""
        what = f"it has not saved {events} events"
        self.until(lambda: saved(self.project) >= events, what, seconds)

    def tells(self, trouble: str) -> None:
        """Wait until the registry's status names a trouble."""
        self.until(lambda: status(self.project).get(trouble), f"the status has no {trouble}")

    def is_well(self, trouble: str) -> None:
        """Wait until the registry's status names a trouble no more."""
        self.until(lambda: not status(self.project).get(trouble), f"it still has {trouble}")

    def until(
        self,
        condition: Callable[[], object],
        what: str = "it does not come about",
        seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Wait until something is so, while it lives."""

        def otherwise() -> str:
            known = f"{saved(self.project)} events saved, status {status(self.project)}"
            return f"{what}: {known}\n{self.said()[-3000:]}"

        until(lambda: condition() or self.process.poll() is not None, seconds, otherwise)
        assert condition(), otherwise()

    def ends(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait until it ends by itself; its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.said()[-3000:]}") from None

    def stop(self) -> dict[str, Any]:
        """SIGTERM: it must end well; its report."""
        self.process.send_signal(signal.SIGTERM)
        return self.report()

    def report(self) -> dict[str, Any]:
        """Wait until it has ended well; its report."""
        assert self.ends() == 0, self.said()[-3000:]
        found: dict[str, Any] = json.loads(self.output.read_text(encoding="utf-8"))
        return found

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def learner(
    project: Project, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[Learner]:
    """``freshet learn --json`` as a process; killed by its pid, should it outlive the block."""
    number = time.time_ns()
    errors, output = project.folder / f"errors-{number}", project.folder / f"output-{number}"
    with errors.open("wb") as said, output.open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "serve.cli", "learn", "--json", *arguments],
            cwd=project.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
        )
    running = Learner(project, process, errors, output)
    try:
        yield running
    finally:
        running.kill()


@contextmanager
def begun(
    project: Project, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[Learner]:
    """The same, once it has said that it learns."""
    with learner(project, *arguments, environment=environment) as running:
        running.says("Learning model")
        yield running


def freshet(
    project: Project, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Any other command, to its end; in a process of its own if it is to have an environment."""
    if environment is None:
        return command.freshet(*arguments, cwd=project.folder)
    return subprocess.run(
        [sys.executable, "-m", "serve.cli", *arguments],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def until(
    condition: Callable[[], object],
    seconds: float = PATIENCE_SECONDS,
    otherwise: Callable[[], str] = lambda: "it does not come about",
) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)


def status(project: Project) -> dict[str, Any]:
    """What the learner last said of itself in the registry; nothing yet if it has not."""
    with suppress(RegistryError), project.registry() as registry:
        word = registry.writer.status()
        return {} if word is None else dict(word.status)
    return {}


def saved(project: Project) -> int:
    """How many events are in the checkpoint from which a learner would go on."""
    with suppress(RegistryError), project.registry() as registry:
        point = registry.versions.resume_point()
        return 0 if point is None else point.events["events"]
    return 0


def outcome(project: Project, report: dict[str, Any]) -> Outcome:
    """All that counts: the model's hash, loss, AUC and counts, and every score."""
    return same(report), answers(project.scores())


def without_faults(folder: Path, rows: Sequence[Sequence[str]], **options: Any) -> Outcome:
    """What comes of the rows where nothing fails, on a SQLite log."""
    project = Project(folder / "without-faults")
    project.produce(project.write_csv(rows), **options)
    return outcome(project, project.learn())


def verified(project: Project) -> int:
    """Open every snapshot that the registry still names, which checks all its files; how many."""
    with project.registry() as registry:
        kept = registry.versions.folders()
        refs = [v.snapshot for v in registry.versions.all() if v.snapshot.folder in kept]
    for ref in refs:
        with project.snapshots().open(ref):
            pass
    return len(refs)
