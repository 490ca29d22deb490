"""From a label on the topic to a served score that it has moved, by a real learner and server.

The embedded log; the learner's default checkpoints, and closer ones for those who
ask for more.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

from benchmarks.data import config, write_flights
from benchmarks.ports import free_port
from benchmarks.table import Measured

LABELS = 4
WAIT_SECONDS = 60.0


def run() -> list[Measured]:
    """The table's lines about freshness."""
    default = _seconds("")
    asked = _seconds("[checkpoint]\nseconds = 0.5\nmin_spacing = 5\n")
    return [
        Measured(
            "label on the topic to a served score moved by it, by default",
            *(max(default), "s at most", "10", max(default) < 10),
            f"median {median(default):.1f} s of {LABELS}",
        ),
        Measured(
            "the same with checkpoint.seconds = 0.5 and min_spacing = 5",
            *(max(asked), "s at most", "2", max(asked) < 2),
            f"median {median(asked):.1f} s of {LABELS}",
        ),
    ]


def _seconds(more: str) -> list[float]:
    """How long each of a few labels took, one after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        toml = folder / "freshet.toml"
        text = config("bench", "", "", "")
        toml.write_text(f"{text}\n{more}")
        flights = folder / "flights.csv"
        write_flights(flights, 30_000)
        _freshet("produce", str(flights), config=toml)
        _freshet("learn", "--until-end", config=toml)
        with _running(toml, "learn"), _running(toml, "serve", "--port", str(port)):
            row = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "hour": "5", "distance": 1400}
            while (before := _score(port, row)) is None:
                sleep(0.1)
            return [_moved(port, row, before, number) for number in range(LABELS)]


def _moved(port: int, row: dict[str, Any], before: float, number: int) -> float:
    """Send one labelled event and wait until the served score is another one."""
    before = _score(port, row) or before
    _post(port, "/events", row | {"id": f"fresh{number}", "late": "1"})
    began = monotonic()
    while _score(port, row) == before:
        if monotonic() - began > WAIT_SECONDS:
            raise SystemExit("the served score did not move within a minute")
        sleep(0.02)
    return monotonic() - began


def _score(port: int, row: dict[str, Any]) -> float | None:
    try:
        answer: float = _post(port, "/predict", row)["score"]
    except (urllib.error.URLError, ConnectionError):
        return None
    return answer


def _post(port: int, route: str, content: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(content).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{route}", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


@contextmanager
def _running(toml: Path, command: str, *arguments: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "serve.cli", command, *arguments, "--config", str(toml)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _freshet(*arguments: str, config: Path) -> None:
    command = [sys.executable, "-m", "serve.cli", *arguments, "--config", str(config)]
    subprocess.run(command, check=True, capture_output=True)
