"""One command of Freshet as a process, and the entry by which that process ends with its parent.

:class:`Child` is the parent's side: it starts the process, collects its output and ends it. Run as
``python -m serve.processes.child COMMAND …``, this module is the other side. The parent holds the
write end of the child's standard input and never writes to it: end of file means that the parent is
gone, however it ended, ``kill -9`` included. No signal or system call tells this on every platform.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Thread
from time import monotonic, sleep
from typing import IO, Protocol

from serve.processes.liveness import Probe
from stream.process_control import Death, are_alike

# Called with a child's name and each line it prints on standard error.
OnLine = Callable[[str, str], None]

# How a command begins the paragraph that it ends with.
OWN = "freshet: "
# How many of a child's last lines are kept, to explain its death.
LAST_LINES = 20
# A result is one document; what is longer is not kept.
MOST_OUTPUT_LINES = 100_000
# A process of the child's own may hold its streams open after it has ended.
STREAMS_CLOSE_SECONDS = 2.0


class Refusable(Protocol):
    """A config that a child may refuse without ending the others."""

    def now(self) -> Hashable:
        """What the refusal depends on, to be compared with what it is later."""

    def refused(self, words: str) -> None:
        """Take note of what the child said."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, what messages call it, and what is known of it besides.

    Attributes:
        name: in messages.
        argv: what is run.
        probe: asks whether it works, if one can ask.
        config: what it reads, if the others go on without it while it refuses that; of a child
            with a probe, once it has answered.
    """

    name: str
    argv: tuple[str, ...]
    probe: Probe | None = None
    config: Refusable | None = None

    def probed(self, probe: Probe) -> Command:
        """The same, with a way to ask whether it works."""
        return replace(self, probe=probe)

    def reading(self, config: Refusable) -> Command:
        """The same, which may refuse its config while the others run."""
        return replace(self, config=config)


def freshet(name: str, *arguments: str) -> Command:
    """A command of Freshet that ends when this process does.

    It runs under this very interpreter, wherever Freshet is installed; ``-P`` keeps a folder that
    is called ``serve`` in the working directory from being taken for ours.
    """
    return Command(name, (sys.executable, "-P", "-m", "serve.processes.child", *arguments))


class Child:
    """A command and its process, if one runs; used by one thread."""

    def __init__(
        self, command: Command, on_line: OnLine, environment: dict[str, str] | None
    ) -> None:
        self.command = command
        self._on_line = on_line
        self._environment = environment
        self._process: Popen[str] | None = None
        self._listeners: list[Thread] = []
        self._words: deque[str] = deque(maxlen=LAST_LINES)
        self._output: deque[str] = deque(maxlen=MOST_OUTPUT_LINES)
        self._started = 0.0
        self._told = ""

    @property
    def output(self) -> str:
        """What the last process printed on standard output."""
        return "".join(self._output)

    def start(self) -> None:
        """Start a process, in its own session so that Ctrl-C reaches only the parent."""
        # New ones: a listener of the process before may still be writing to the old.
        self._words, self._output = deque(maxlen=LAST_LINES), deque(maxlen=MOST_OUTPUT_LINES)
        self._started = monotonic()
        process = Popen(  # noqa: S603  # our own command
            self.command.argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._environment,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._listeners = [
            Thread(target=self._output.extend, args=(process.stdout,), daemon=True),
            Thread(target=self._listen, args=(process.stderr, self._words), daemon=True),
        ]
        for listener in self._listeners:
            listener.start()

    def death(self) -> Death | None:
        """How the process ended, reported once; None while one runs or when none was started."""
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self._reap(self._process)
        # A process killed by a signal did not expect it: its last lines are no cause.
        words, own = self._last_words() if status >= 0 else ("", False)
        return Death(status, monotonic() - self._started, words, own)

    @property
    def seconds(self) -> float:
        """How long the process has run; 0 while none does."""
        return 0.0 if self._process is None else monotonic() - self._started

    def forget(self) -> None:
        """Pass on its own paragraph again, even if it is the last one."""
        self._told = ""

    def ask_to_end(self) -> None:
        """Send SIGTERM, if a process runs."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """Kill the process and those that it started: a worker that hangs would keep the port."""
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def end_by(self, deadline: float) -> bool:
        """Wait for the process to end; kill it at the deadline, and return whether it was."""
        process = self._process
        if process is None:
            return False
        killed = False
        try:
            process.wait(max(0.0, deadline - monotonic()))
        except TimeoutExpired:
            self.kill()
            process.wait()
            killed = True
        self._reap(process)
        return killed

    def _reap(self, process: Popen[str]) -> None:
        """Collect the last output and close the streams."""
        self._process = None
        for listener in self._listeners:
            listener.join(STREAMS_CLOSE_SECONDS)
        for stream, listener in zip((process.stdout, process.stderr), self._listeners, strict=True):
            if stream is not None and not listener.is_alive():
                stream.close()
        if process.stdin is not None:
            process.stdin.close()

    def _listen(self, stream: IO[str], words: deque[str]) -> None:
        for text in stream:
            line = text.rstrip("\n")
            words.append(line)
            if line.startswith(OWN):
                if are_alike(line, self._told):
                    continue  # the process before ended with it, and it is known
                self._told = line
            self._on_line(self.command.name, line)

    def _last_words(self) -> tuple[str, bool]:
        """Freshet's own paragraph if the process ended with one, else its last lines."""
        words = [line.strip() for line in self._words.copy() if line.strip()]
        words = [line for line in words if not is_record(line)]
        if words and words[-1].startswith(OWN):
            return words[-1].removeprefix(OWN), True
        return " / ".join(words[-5:]), False


def is_record(line: str) -> bool:
    """Whether a line is for programs, such as one of the access log: a JSON object."""
    return line.startswith("{")


# Named and not imported: the command line imports this package.
ENTRY = "serve.cli"
# How long a command may take to finish cleanly once its parent is gone.
GRACE_SECONDS = 15.0


def main() -> None:
    """Run the command, and end when the parent does."""
    Thread(target=_end_with_parent, daemon=True).start()
    import_module(ENTRY).main()


def _end_with_parent() -> None:
    """Ask for a clean end when standard input ends, then insist."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(GRACE_SECONDS)
    sys.stderr.write("freshet: The supervisor is gone, and this did not end in time.\n")
    os._exit(1)


if __name__ == "__main__":
    main()
