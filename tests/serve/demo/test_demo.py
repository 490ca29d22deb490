"""The demo, as it is run: real processes, real flights, and numbers that can be made again."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from converters.config import load
from converters.files.csv_file import open_csv
from converters.schema.schema import from_settings
from learners.registry import Registry
from learners.snapshots.store import SnapshotStore
from serve.demo.flights import LANDED
from serve.processes.ports import free_port
from stream.backfill.backfill import Backfill
from stream.produce.file_records import History, HistoryOptions
from stream.resolved_config import resolve
from tests.support.serving.modes import open_to_others

FLIGHT = b'{"carrier": "UA", "origin": "EWR", "dest": "ORD", "hour": "18"}'
REPORTED = {
    *("events", "learned", "waiting", "expired", "scored_only", "rejected", "duplicates"),
    *("labels_waiting", "log_loss", "auc", "version", "model_sha256", "events_this_run"),
    "events_per_second",
}


@dataclass
class Running:
    """A demo that runs, and what it says."""

    process: subprocess.Popen[str]
    output: Path
    said: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What it says first."""
        self.until_said("http")
        return self.said[0]

    def until_said(self, beginning: str) -> None:
        """Wait until it has said something that begins so."""
        while not any(text.startswith(beginning) for text in self.said):
            assert self.process.poll() is None, self.said
            time.sleep(0.02)

    def versions(self) -> list[int]:
        """Predict until it ends; the versions that answered, in their order."""
        versions = []
        while self.process.poll() is None:
            status, answer = predict(self.address)
            assert status in (0, 200, 503)
            if status == 200:
                assert 0.0 < answer["score"] < 1.0
                versions.append(answer["version"])
            time.sleep(0.02)
        return versions


@contextmanager
def demo(folder: Path, arguments: str) -> Iterator[Running]:
    """A real ``freshet demo`` in a folder; killed at the end, if it has not ended."""
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "serve.cli", "demo", *arguments.split()],
            cwd=folder,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
    running = Running(process, folder / "output")
    listener = Thread(target=hear, args=(process, running.said))
    listener.start()
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        listener.join()


def hear(process: subprocess.Popen[str], said: list[str]) -> None:
    """Collect what a process says."""
    assert process.stderr is not None
    with process.stderr as stream:
        said.extend(text.rstrip("\n") for text in stream)


def predict(address: str) -> tuple[int, dict[str, Any]]:
    """Status and answer of a prediction; status 0 where nobody listens."""
    request = Request(f"{address}/predict", FLIGHT, {"content-type": "application/json"})
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
    except (URLError, OSError):
        return 0, {}


@contextmanager
def taken(port: int) -> Iterator[None]:
    """See to it that somebody listens on a port: we, unless someone does already."""
    try:
        server = socket.create_server(("127.0.0.1", port))
    except OSError:
        yield
        return
    with closing(server):
        yield


def backfilled(folder: Path) -> dict[str, Any]:
    """What a backfill of the demo's own file under the demo's own config reports."""
    settings = load.load(folder / ".freshet" / "demo" / "freshet.toml")
    context = resolve(settings, from_settings(settings))
    with (
        closing(Registry(settings.registry, settings.model)) as registry,
        open_csv(str(folder / ".freshet" / "demo" / "flights.csv")) as file,
    ):
        history = History(file, context.schema, HistoryOptions(label_time=LANDED))
        maker = Backfill(context, registry, SnapshotStore(Path(context.settings.snapshots)))
        return maker.from_file(history, lambda *_: None)


def test_the_demo_plays_learns_and_serves(tmp_path: Path) -> None:
    """3,000 flights: the served version rises, the report is one JSON document, and it is true.

    The default port is taken. What was learned live equals, byte for byte, a backfill of the same
    file: nothing was lost, and nothing scored with what was not known yet. Its folder is private.
    """
    with taken(8000), demo(tmp_path, "--events 3000 --speed 60000 --exit --json") as running:
        versions = running.versions()
        assert running.process.wait() == 0
    assert versions == sorted(versions)
    assert len(set(versions)) > 1
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", running.address)
    assert not running.address.endswith(":8000")
    report = json.loads(running.output.read_text())
    assert report.keys() >= REPORTED
    assert (report["events"], report["learned"], report["rejected"]) == (3000, 3000, 0)
    assert report["events_this_run"] == 3000
    assert open_to_others(tmp_path / ".freshet") == []
    again = backfilled(tmp_path)
    for name in ("model_sha256", "auc", "log_loss"):
        assert report[name] == again[name]


def test_the_demo_serves_on_until_it_is_interrupted(tmp_path: Path) -> None:
    """Without --exit it says so and serves; another demo there is refused; Ctrl-C ends it, 0."""
    port = free_port("127.0.0.1", 0)
    with demo(tmp_path, f"--events 300 --speed 0 --port {port}") as running:
        assert running.address == f"http://127.0.0.1:{port}"
        running.until_said("All 300 flights are learned.")
        until_served(running.address)
        with demo(tmp_path, "--exit") as other:
            assert other.process.wait(60) == 1
        assert other.said[0].startswith("freshet: Another demo runs in ")
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 0
    assert predict(running.address) == (0, {})
    assert running.said[-1].startswith("300 flights at ")


def until_served(address: str) -> None:
    """Wait until a prediction is answered."""
    deadline = time.monotonic() + 40
    while predict(address)[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_interrupted_demo_ends_with_130(tmp_path: Path) -> None:
    """Ctrl-C before all is learned ends everything cleanly, with a status that says so."""
    port = free_port("127.0.0.1", 0)  # by default other demos take the same, once it is free
    with demo(tmp_path, f"--speed 1 --exit --json --port {port}") as running:
        address = running.address
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 130
    assert predict(address) == (0, {})
    assert not any("Traceback" in text for text in running.said)
