"""The log of every package: structlog's, which is imported when the first line is logged.

With what it imports (rich, asyncio, ssl) it takes a tenth of a second, more than many a command
that never logs a line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Log:
    """What modules log to: ``log.info("what happened", place=…)`` and so on, as structlog has it.

    Attributes:
        prepare: says how lines are written, before the first; None for structlog's own way.
    """

    def __init__(self) -> None:
        self.prepare: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # structlog's methods are untyped
        import structlog

        prepare, self.prepare = self.prepare, None
        if prepare is not None:
            prepare()
        return getattr(structlog.get_logger(), name)


log = Log()
