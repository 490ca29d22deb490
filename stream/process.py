"""SIGTERM and Ctrl-C as a request to finish what is at hand, for every long command."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask to stop; a second one of them interrupts."""

    def handle(number: int, _frame: FrameType | None) -> None:
        stop()
        signal.signal(number, signal.default_int_handler)

    before = {n: signal.signal(n, handle) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
