"""What is logged within a ``with``, as dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from converters.logger import log


@contextmanager
def capture_logs() -> Iterator[list[dict[str, Any]]]:
    """Gives the list to which entries are appended, in place of lines."""
    taken: list[dict[str, Any]] = []

    def take(level: str, event: str, values: Mapping[str, object]) -> None:
        taken.append({**values, "event": event, "log_level": level})

    before, log.taker = log.taker, take
    try:
        yield taken
    finally:
        log.taker = before
