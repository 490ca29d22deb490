"""A long-running process: retry with backoff, collect garbage, exit statuses."""

from __future__ import annotations

import ctypes
import gc
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended: exit status (negative: a signal), lifetime, last line of output.

    ``own`` says whether that line is the paragraph with which a command of Freshet ends.
    """

    status: int
    seconds: float
    words: str
    own: bool = False

    def __str__(self) -> str:
        text = self.how + (f": {self.words}" if self.words else "")
        return text if text.endswith((".", "!", "?")) else f"{text}."

    @property
    def how(self) -> str:
        """The same without its words."""
        how = f"ended with exit status {self.status}"
        if self.status < 0:
            how = f"was killed by {_signal_name(-self.status)}"
        return f"{how} after {self.seconds:.1f} s"

    def is_like(self, other: Death | None) -> bool:
        """Whether another process ended with the same words but for numbers, and has some."""
        if other is None or not self.words or self.status != other.status:
            return False
        return are_alike(self.words, other.words)


# Times, ports and counts differ where nothing else does.
_NUMBER = re.compile(r"\d+")


def are_alike(one: str, other: str) -> bool:
    """Whether two messages are the same but for numbers."""
    return _NUMBER.split(one) == _NUMBER.split(other)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def collected_by_hand() -> Iterator[None]:
    """No automatic collection within the ``with``."""
    gc.freeze()  # existing objects stay: modules, schema, the loaded state
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def collect_new() -> None:
    """Collect among the objects made since the last collection."""
    gc.collect(0)


def collect_recent() -> None:
    """Collect among the objects that survived once, then freeze the rest."""
    gc.collect(1)
    gc.freeze()
    give_back()


def give_back() -> None:
    """Return free memory to the system."""
    _trimming()()


@cache
def _trimming() -> Callable[[], object]:
    """The C library's function for it, if it has one."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's, and not musl's
        if trim is not None:
            return lambda: trim(0)
    return lambda: None


@dataclass
class Backoff:
    """Delays in seconds, from ``first`` up to ``longest``."""

    first: float
    longest: float
    _next: float | None = None

    def next(self) -> float:
        """The delay after one more failure."""
        delay = self.first if self._next is None else self._next
        self._next = min(delay * 2, self.longest)
        return delay

    def reset(self) -> None:
        """It worked: the next failure is the first again."""
        self._next = None
