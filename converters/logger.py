"""The log of every package: one line an event, with the values that belong to it.

The lines are those of structlog's console renderer. With what it imports (rich, asyncio, ssl) that
library took a fifth of a learner's start, and twice, as the reader is a process of its own.
"""

from __future__ import annotations

import sys
import textwrap
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

# Takes a level, an event and its values.
Taker = Callable[[str, str, Mapping[str, object]], object]

# Values of every line that is logged in this context, such as the id of a request.
CONTEXT: ContextVar[Mapping[str, object]] = ContextVar("values of the log", default={})  # noqa: B039

# The key of a value that follows its line: a traceback.
TRACEBACK = "exception"
# Text with one of these is quoted.
_QUOTED = frozenset(" \t=\r\n\"'")
# As wide as the longest name of a level of structlog's, so that lines stay in step.
_LEVEL_WIDTH = 9
_DIM, _BRIGHT, _CYAN, _MAGENTA, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[36m", "\x1b[35m", "\x1b[0m"
_LEVEL_COLORS = {"info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}


@dataclass(frozen=True)
class Lines:
    """Writes a line for each event.

    Attributes:
        stream: where to.
        colors: whether a terminal shows them.
    """

    stream: TextIO
    colors: bool = False

    def __call__(self, level: str, event: str, values: Mapping[str, object]) -> None:
        """Write one line, and below it a traceback if there is one."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        parts = [
            self._in(_DIM, now),
            f"[{self._in(_LEVEL_COLORS[level] + _BRIGHT, level.ljust(_LEVEL_WIDTH))}]",
            self._in(_BRIGHT, event),
            *(
                f"{self._in(_CYAN, key)}={self._in(_MAGENTA, _shown(values[key]))}"
                for key in sorted(values)
                if key != TRACEBACK
            ),
        ]
        line = " ".join(parts).rstrip(" ")
        if TRACEBACK in values:
            # Whatever an exception quotes, no line of it looks like one of the log.
            line += "\n" + textwrap.indent(str(values[TRACEBACK]), "    ")
        self.stream.write(line + "\n")
        self.stream.flush()

    def _in(self, color: str, text: str) -> str:
        return f"{color}{text}{_RESET}" if self.colors else text


def _shown(value: object) -> str:
    return value if isinstance(value, str) and not _QUOTED & set(value) else repr(value)


def to_standard_error(level: str, event: str, values: Mapping[str, object]) -> None:
    """Where lines go that are logged before a process has chosen."""
    Lines(sys.stderr)(level, event, values)


class Log:
    """What modules log to. A process chooses where that goes by its ``taker``."""

    def __init__(self) -> None:
        self.taker: Taker = to_standard_error

    def info(self, event: str, /, **values: object) -> None:
        """What is as it should be."""
        self._take("info", event, values)

    def warning(self, event: str, /, **values: object) -> None:
        """What somebody should look at."""
        self._take("warning", event, values)

    def error(self, event: str, /, **values: object) -> None:
        """What failed."""
        self._take("error", event, values)

    def exception(self, event: str, /, **values: object) -> None:
        """What failed by the exception that is being handled, with its traceback."""
        self._take("error", event, values | {TRACEBACK: traceback.format_exc().rstrip("\n")})

    def _take(self, level: str, event: str, values: Mapping[str, object]) -> None:
        self.taker(level, event, {**CONTEXT.get(), **values})


log = Log()
