"""Logging of long-running processes: one line an event, on standard error."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import textwrap
from contextlib import suppress
from functools import partial
from io import TextIOBase
from queue import Full, Queue
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, TextIO, cast

from converters.logger import log

if TYPE_CHECKING:
    from structlog.typing import EventDict

# How many lines may wait for an output that is stuck, and for how long one may hold up the end.
MOST_WAITING = 10_000
CLOSE_SECONDS = 1.0


class Forgiving(TextIOBase):
    """Standard error that may be a file on a full disk, or a pipe that nothing reads any more.

    Lines that cannot be written are dropped: the learner must not end because of them.
    """

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()


class Detached(TextIOBase):
    """Standard error, written by a thread: whoever logs never waits for it.

    A server's event loop must not stop because nothing reads the pipe that it logs to. Lines that
    find too many others waiting are dropped.
    """

    def __init__(self) -> None:
        self._lines: Queue[str] = Queue(MOST_WAITING)
        Thread(target=self._run, name="log", daemon=True).start()
        atexit.register(self.close)

    def write(self, text: str) -> int:
        """Write soon."""
        with suppress(Full):
            self._lines.put_nowait(text)
        return len(text)

    def flush(self) -> None:
        """Nothing: the thread writes each line at once."""

    def close(self) -> None:
        """Wait a moment until all is written; it may be stuck."""
        deadline = monotonic() + CLOSE_SECONDS
        while self._lines.unfinished_tasks and monotonic() < deadline:
            sleep(0.01)

    def _run(self) -> None:
        while True:
            put(self._lines.get().encode("utf-8", "backslashreplace"))
            self._lines.task_done()


def put(data: bytes) -> None:
    """Write to standard error if that is possible; may wait.

    Not by Python's own stream: it has a lock, at which an interpreter that ends would fail.
    """
    with suppress(OSError, ValueError):
        number = sys.stderr.fileno()
        while data:
            data = data[os.write(number, data) :]


def _indented(_logger: object, _name: str, event: EventDict) -> EventDict:
    """Indent a traceback: whatever an exception quotes, no line of it looks like one of the log."""
    if "exception" in event:
        event["exception"] = textwrap.indent(event["exception"], "    ")
    return event


def configure_logs(*, detached: bool = False) -> None:
    """Timestamped lines on standard error; libraries log from warnings on.

    Args:
        detached: whether a thread writes them, so that whoever logs never waits.
    """
    output = cast("TextIO", Detached() if detached else Forgiving())
    log.written_by(partial(_configure, output, colors=sys.stderr.isatty()))
    logging.basicConfig(level=logging.WARNING, stream=output, force=detached)


def _configure(output: TextIO, *, colors: bool) -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,  # the id of the request, in the server
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _indented,
            structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
