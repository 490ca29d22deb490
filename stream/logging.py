"""Logging of long-running processes: one line an event, on standard error."""

from __future__ import annotations

import logging
import sys
import textwrap
from contextlib import suppress
from io import TextIOBase

import structlog
from structlog.typing import EventDict


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


def _indented(_logger: object, _name: str, event: EventDict) -> EventDict:
    """Indent a traceback: whatever an exception quotes, no line of it looks like one of the log."""
    if "exception" in event:
        event["exception"] = textwrap.indent(event["exception"], "    ")
    return event


def configure_logs() -> None:
    """Timestamped lines on standard error; libraries log from warnings on."""
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,  # the id of the request, in the server
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _indented,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(Forgiving()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=Forgiving())
