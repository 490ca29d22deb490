"""Another caller of an attacked server: asks for health and one score, and times every answer.

``python -m tests.faults.http.probe PORT PID`` is a process of its own, since a client that shares
Python's lock with the attacker would time the attacker. Commands come as lines on standard input;
``end`` prints what was seen since ``begin`` as one line of JSON.

A gap is the time from a request to its answer, less what the kernel says that the server's event
loop or this process was ready to run and not let (``run_delay`` in ``/proc/PID/schedstat``): what
is left is the time that the server took, also on a machine whose cores are busy with other work.
One that is longer than may be is divided by how much slower than usual the processor is.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support import ROOT
from tests.support.pace import slowness

# The promise: one request never keeps another waiting for longer, in seconds.
LONGEST_GAP = 0.1

HEAD = "Host: 127.0.0.1\r\n"
HEALTH = f"GET /health/live HTTP/1.1\r\n{HEAD}\r\n".encode()
ROW = b'{"carrier": "AX", "hour": 3, "distance": 100}'
PREDICT = (
    f"POST /predict HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
    f"Content-Length: {len(ROW)}\r\n\r\n"
).encode() + ROW
# Between two requests, and how long an answer is awaited. Gaps are longer than the pause.
PAUSE, PATIENCE = 0.004, 120.0
NANOSECONDS = 1e-9


@dataclass(frozen=True)
class Seen:
    """What another caller saw.

    Attributes:
        health: the longest gap before an answer of ``/health/live``, in seconds; of a processor
            of usual speed where it is longer than :data:`LONGEST_GAP`.
        predict: the same of a single-row ``/predict``.
        asked: how many requests were answered.
        failed: what was not answered by 200.
    """

    health: float
    predict: float
    asked: int
    failed: list[str]

    @property
    def gap(self) -> float:
        """The longest of both."""
        return max(self.health, self.predict)


class Probe:
    """The process, from the side of the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self) -> None:
        """Forget what was seen."""
        self._ask("begin")

    def end(self) -> Seen:
        """What was seen since."""
        seen = Seen(**json.loads(self._ask("end")))
        if seen.gap <= LONGEST_GAP:
            return seen
        slower = slowness()
        return replace(seen, health=seen.health / slower, predict=seen.predict / slower)

    def _ask(self, command: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(command, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, f"the probe ended with status {self._process.wait()}"
        return answer


@contextmanager
def probing(port: int, pid: int) -> Iterator[Probe]:
    """A probe of the server with this port and process id, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.http.probe", str(port), str(pid)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Probe(process)
    finally:
        process.kill()
        process.communicate()


def main(port: int, pid: int) -> None:
    """Ask both routes in turn until standard input ends."""
    clock = Clock(pid)
    connections = [Connection(port, HEALTH, clock), Connection(port, PREDICT, clock)]
    asking = False
    while True:
        for connection in connections if asking else ():
            connection.ask()
        if not select.select([sys.stdin], [], [], PAUSE if asking else None)[0]:
            continue
        command = sys.stdin.readline().strip()
        if not command:
            return
        asking = command == "begin"
        health, predict = connections
        failed = health.failed + predict.failed
        seen = Seen(health.worst, predict.worst, health.asked + predict.asked, failed)
        sys.stdout.write(f"{'begun' if asking else json.dumps(vars(seen))}\n")
        sys.stdout.flush()
        for connection in connections:
            connection.reset()


class Clock:
    """Time, and how much of it the server's event loop and this process were kept waiting."""

    def __init__(self, pid: int) -> None:
        self._files = [Path(f"/proc/{pid}/task/{pid}/schedstat"), Path("/proc/self/schedstat")]

    def now(self) -> float:
        """Seconds in which both could run, from any beginning."""
        kept_waiting = sum(int(path.read_text("ascii").split()[1]) for path in self._files)
        return time.monotonic() - kept_waiting * NANOSECONDS


class Connection:
    """A connection that asks one thing again and again, opened again where it is closed."""

    def __init__(self, port: int, request: bytes, clock: Clock) -> None:
        self._port, self._request, self._clock = port, request, clock
        self._socket: socket.socket | None = None
        self.reset()

    def reset(self) -> None:
        """Forget what was seen; the next request opens a connection, for an idle one ends."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.worst, self.asked = 0.0, 0
        self.failed: list[str] = []

    def ask(self) -> None:
        """One request and its answer."""
        began = self._clock.now()
        try:
            status = self._status()
        except OSError as error:
            status = f"{type(error).__name__}: {error}"
            self._socket = None
        self.worst = max(self.worst, self._clock.now() - began)
        self.asked += 1
        if status != "200":
            self.failed.append(status)

    def _status(self) -> str:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        self._socket.sendall(self._request)
        received = b""
        while not _whole(received):
            part = self._socket.recv(65_536)
            if not part:
                raise ConnectionResetError("closed without an answer")
            received += part
        return received[9:12].decode("ascii")


def _whole(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return False
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(body) >= int(lengths[0].split(b":")[1])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
