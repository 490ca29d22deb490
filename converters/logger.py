"""The log of every package: structlog's, which is imported when the first line is logged.

With what it imports (rich, asyncio, ssl) it takes a tenth of a second, more than many a command
that never logs a line; without rich, which would colour the tracebacks that are plain here, a third
of that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

RICH = "rich"


def to_standard_error() -> None:
    """As structlog has it, but not among what a command prints."""
    import structlog

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


@contextmanager
def _without_rich() -> Iterator[None]:
    """As if rich were not installed, for what is imported within; not where it is imported already.

    What imports structlog there does without it, as it does for whoever has no rich.
    """
    if not {RICH, "structlog"}.isdisjoint(sys.modules):
        yield
        return
    sys.modules[RICH] = None  # type: ignore[assignment]  # with which an import fails
    try:
        yield
    finally:
        del sys.modules[RICH]


class Log:
    """What modules log to, as to structlog's: ``log.info("what happened", place=…)`` and so on."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._prepare: Callable[[], None] | None = to_standard_error

    def written_by(self, prepare: Callable[[], None]) -> None:
        """Say how lines are written; it is called before the next one."""
        with self._lock:
            self._prepare = prepare

    def ready(self) -> None:
        """Import what the first line needs, for whoever must not wait for it then."""
        with self._lock:  # a line of another thread must not be written before all is prepared
            if self._prepare is not None:
                with _without_rich():
                    self._prepare()
                self._prepare = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # structlog's methods are untyped
        if self._prepare is not None:
            self.ready()
        import structlog

        return getattr(structlog.get_logger(), name)


log = Log()
