"""The access log (``serve.access_log``): one JSON line on standard error for each request.

Lines are written by a thread: the event loop must not wait for a disk that is full or a pipe that
nothing reads. What cannot be kept meanwhile is dropped and counted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Thread

import orjson

from serve.http.prometheus_counters import Counters
from stream.logging import put

WRITE_SECONDS = 0.1
MOST_WAITING = 20_000
# At the end, how long a stuck output may hold up the process.
CLOSE_SECONDS = 1.0
# What one write puts on a pipe in one piece (POSIX), however many processes share it.
WHOLE_BYTES = 4096
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True)
class Line:
    """A request, or what could not be read as one, and how it was answered.

    Attributes:
        time: when it was answered.
        request_id: of the answer.
        status: of the answer.
        peer: address of the other end of the connection.
        method: of the request.
        route: its template, never the path as it was sent.
        seconds: from the request's head to its whole answer.
        bytes_in, bytes_out: of the body, and of the answer's body.
        token: the name of the caller's token, also of one that has ended or does not allow this.
        refused: why the request was not let through to its route; empty if it was.
    """

    time: datetime = field(default_factory=lambda: datetime.now(UTC), kw_only=True)
    request_id: str
    status: int
    peer: str | None
    method: str = ""
    route: str = ""
    seconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    token: str = ""
    refused: str = ""


class AccessLog:
    """The access log of one process."""

    def __init__(self, counters: Counters) -> None:
        self._lost = counters.access_lines_lost
        self._lines: deque[bytes] = deque()
        self._closed = Event()
        self._thread = Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()

    def add(self, line: Line) -> None:
        """Write a line soon, if it can be."""
        if len(self._lines) < MOST_WAITING:
            self._lines.append(orjson.dumps(line, option=OPTIONS))
        else:
            self._lost.inc()

    def close(self) -> None:
        """Write what is left, if it can be written."""
        self._closed.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closed.wait(WRITE_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        """Write the waiting lines in pieces of whole lines."""
        piece = b""
        while self._lines:
            line = self._lines.popleft()
            if len(piece) + len(line) > WHOLE_BYTES:
                put(piece)
                piece = b""
            piece += line
        put(piece)
