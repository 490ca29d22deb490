"""Requests to ``/predict?remember=true`` while versions change and everything is killed.

``python -m tests.remembered.proof --requests 100000`` runs one and prints its figures.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.faults.brokers import Broker, broker_alone
from tests.remembered.callers import FORGERIES, HISTORY, Run, call, forge, tell_labels
from tests.remembered.judging import judge
from tests.replay.night import free_port
from tests.support import ROOT
from tests.support.serving.project import Project, flights

MORE = """
[gate]
margin = 100
[checkpoint]
seconds = 1
events = 100000000
min_spacing = 1
[serve]
port = {port}
workers = 2
"""


class Everything:
    """The learner and the servers as processes, started again whenever they are killed."""

    def __init__(self, run: Run, every: float, broker: Broker | None) -> None:
        self.run, self.every, self.draw = run, every, random.Random(run.seed)
        self.broker = broker
        self.learner = self.start("learn")
        self.server = self.start("serve")

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """A command on the project's config, in a process group of its own."""
        said = (self.run.project.folder / f"{command}.log").open("ab")
        with said:
            return subprocess.Popen(
                [sys.executable, "-m", "serve.cli", command],
                cwd=self.run.project.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def kill(self, command: str) -> None:
        """Kill a process and those that it has started, and start it again."""
        process = self.learner if command == "learn" else self.server
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if command == "learn":
            self.learner = self.start("learn")
        else:
            self.server = self.start("serve")

    def kill_worker(self) -> None:
        """Kill one of the server's processes; the server starts another."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children")
        with suppress(OSError, IndexError):
            pids = [int(pid) for pid in children.read_text().split()]
            workers = [p for p in pids if b"spawn_main" in _command(p)] or pids
            os.kill(self.draw.choice(workers), signal.SIGKILL)

    def take_log(self, seconds: float) -> None:
        """Take the log away: a process holds it, and is killed; or the broker is killed."""
        if self.broker is not None:
            self.broker.kill()
            self.run.over.wait(seconds)
            self.broker.start()
            return
        path = self.run.project.settings.log.removeprefix("sqlite:///")
        code = (
            "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], timeout=60); "
            "c.execute('BEGIN EXCLUSIVE'); time.sleep(60)"
        )
        holder = subprocess.Popen([sys.executable, "-c", code, path])
        self.run.over.wait(seconds)
        holder.kill()
        holder.wait()

    def disturb(self) -> None:
        """Kill something again and again, until all is answered."""
        turns = ("worker", "learn", "log", "serve")
        at = 0
        while not self.run.over.wait(self.every * self.draw.uniform(0.6, 1.4)):
            what, at = turns[at % len(turns)], at + 1
            self.run.kills[what] += 1
            if what == "worker":
                self.kill_worker()
            elif what == "log":
                self.take_log(min(self.every, self.draw.uniform(1, 12)))
            else:
                self.kill(what)

    def end(self) -> None:
        """Stop both in an orderly way."""
        for process in (self.server, self.learner):
            process.send_signal(signal.SIGTERM)
        for process in (self.server, self.learner):
            process.wait(60)


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def proof(
    folder: Path, requests: int, every: float, seed: int, broker: Broker | None = None
) -> Run:
    """One run, judged; on a broker's log or on SQLite's."""
    port = free_port()
    log = "" if broker is None else f"kafka://{broker.address}"
    project = Project(folder, log, args="-b 16", more=MORE.format(port=port))
    run = Run(project, port, requests, seed)
    project.append(*(",".join(row).encode() for row in flights(HISTORY, seed=seed)))
    project.learn()
    everything = Everything(run, every, broker)
    began = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        told = threads.submit(tell_labels, run)
        disturbed = threads.submit(everything.disturb)
        try:
            call(run)
            forged = forge(run, max(FORGERIES, requests // 100))
        finally:
            run.over.set()
            run.labels.put(None)
        disturbed.result()
        told.result()
    if broker is not None:  # one that a thread has started ends with it
        broker.kill()
        broker.start()
    run.figures["seconds"] = round(time.monotonic() - began, 1)
    everything.end()
    run.figures |= {"kills": dict(run.kills), "requests sent again": dict(run.retries)}
    run.figures["rows answered as repeated"] = run.repeated
    judge(run, forged)
    return run


def main() -> None:
    """Run it as asked, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kafka", action="store_true", help="on a broker, which is killed, too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        broker = stack.enter_context(broker_alone()) if asked.kafka else None
        run = proof(Path(folder), asked.requests, asked.every, asked.seed, broker)
    print(json.dumps(run.figures, indent=1))  # noqa: T201
    sys.exit("\n".join(run.wrong) or 0)


if __name__ == "__main__":
    main()
