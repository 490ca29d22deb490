"""A model of flights in real processes: what it is fed, who learns, serves and asks meanwhile."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from learners.registry import Registry
from serve.demo.flights import CONFIG, write_flights
from tests.support import ROOT

AHEAD = 4 * 3600
MORE = """
[checkpoint]
keep = 100000
events = 1000
min_spacing = 0
[topics]
partitions = 4
[serve]
workers = 2
"""
# What stands beside the learner, by the name of the night.
KINDS = {
    "plain": "",
    "negative": '[late_labels]\nexpired = "negative"\nwait = 172800\n',
    "corrected": "[late_labels]\nallow_corrections = true\n",
    "calibrated": '[calibration]\nmethod = "platt"\n',
    "fewer": "[imbalance]\nnegative_share = 0.5\n",
    "shadows": '[[shadow]]\nname = "slow"\nargs = "-b 18 -l 0.1"\n',
}
SECONDS = 900.0


@dataclass
class Night:
    """A folder with a model of flights, on an embedded log of four partitions."""

    folder: Path
    kind: str = "plain"
    flights: int = 20_000

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = CONFIG.partition("[checkpoint]")[0] + MORE
        (self.folder / "freshet.toml").write_text(text + KINDS[self.kind], encoding="utf-8")
        write_flights(self.folder / "flights.csv", self.flights)

    def rows(self) -> list[dict[str, str]]:
        """The flights, in order of departure."""
        with (self.folder / "flights.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def run(self, *arguments: str) -> str:
        """A command; what it printed."""
        done = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A process that goes on; its log is in a file of its name."""
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            return subprocess.Popen(
                self._command(arguments),
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )

    def produce(self, rows: list[dict[str, str]]) -> None:
        """Send flights, with their labels at landing."""
        path = self.write(rows)
        late = ("--label-time", "landed", "--score-ahead", str(AHEAD), "--behind")
        self.run("produce", str(path), *late)

    def write(self, rows: list[dict[str, str]]) -> Path:
        """Flights as a file."""
        path = self.folder / "part.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def registry(self) -> closing[Registry]:
        """The registry, open until the ``with`` ends."""
        return closing(Registry(f"sqlite:///{self.folder}/.freshet/registry.db", "flights"))

    def heartbeat(self) -> dict[str, Any]:
        """What the learner said last."""
        with self.registry() as registry:
            found = registry.writer.status()
        return {} if found is None else found.status

    def wait(self, done: Callable[[], object], meanwhile: Callable[[], None] | None = None) -> None:
        """Until something is so."""
        end = time.monotonic() + SECONDS
        while not done():
            assert time.monotonic() < end, (self.folder / "learn.log").read_text()[-3000:]
            if meanwhile is not None:
                meanwhile()
            time.sleep(0.1)

    def has_learned_all(self) -> bool:
        """Whether a learner that runs has nothing left to read."""
        beat = self.heartbeat()
        lag = beat.get("lag") or {}
        return bool(beat.get("alive")) and bool(lag) and not any(lag.values())

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "serve.cli", *arguments]

    def _environment(self) -> dict[str, str]:
        own = {n: v for n, v in os.environ.items() if not n.startswith("FRESHET_")}
        return own | {"PYTHONPATH": str(ROOT)}


def poisoned(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Labels flipped, and a column in the place of another."""
    return [
        row | {"late": "1" if row["late"] == "0" else "0", "origin": row["dest"]} for row in rows
    ]


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Client:
    """Asks for one score after another, from when it begins until it is stopped.

    Attributes:
        answers: by version, each row that it was asked about and the score that it gave.
        failed: what did not answer with one.
        seen: when each answer came, and the version that it names.
    """

    port: int
    asked: list[dict[str, Any]]
    answers: dict[int, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)
    seen: list[tuple[float, int]] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)

    def run(self) -> None:
        """Ask until stopped."""
        at = 0
        while not self._stop.is_set():
            at = (at + 1) % len(self.asked)
            body = json.dumps(self.asked[at]).encode()
            headers = {"Content-Type": "application/json"}
            url = f"http://127.0.0.1:{self.port}/predict"
            try:
                request = urllib.request.Request(url, body, headers)
                with urllib.request.urlopen(request, timeout=10) as answer:
                    found = json.loads(answer.read())
            except OSError as error:
                self.failed.append(repr(error))
                continue
            self.answers[found["version"]].append((at, found["score"]))
            self.seen.append((time.monotonic(), found["version"]))

    @contextmanager
    def asking(self) -> Iterator[Client]:
        """Ask while the ``with`` lasts."""
        thread = Thread(target=self.run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join(20)


def ended(process: subprocess.Popen[bytes]) -> None:
    """End a process cleanly."""
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def killed(process: subprocess.Popen[bytes]) -> None:
    """End a process as no process can keep from being ended."""
    with suppress(ProcessLookupError):
        process.kill()
    process.wait(60)
