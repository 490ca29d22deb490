"""How long to wait before the next try: twice as long after each failure in a row."""

from __future__ import annotations

from dataclasses import dataclass


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
