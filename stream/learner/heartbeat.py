"""When a checkpoint is due, and what the learner says of itself every second.

The only parts of the learner that look at a clock: what they decide changes when state is saved
and what is shown, never what is learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from stream.reading.batches import Batch

HEARTBEAT_SECONDS = 1.0
# Over how long the shown rate is averaged.
RATE_SECONDS = 5.0


class Spacing:
    """Spaces a piece of work by what it costs.

    Args:
        times: how many times as long as it took has to pass until the next time.
    """

    def __init__(self, times: float) -> None:
        self._times = times
        self._next = 0.0

    def due(self) -> bool:
        """Whether enough time has passed."""
        return monotonic() >= self._next

    @contextmanager
    def timed(self) -> Iterator[None]:
        """The work is done within the ``with``."""
        began = monotonic()
        yield
        ended = monotonic()
        self._next = ended + self._times * (ended - began)


class Heartbeat:
    """Gathers what the learner reports each second: rate and lag."""

    def __init__(self) -> None:
        self._beat_at = 0.0
        self._lag: dict[str, int] = {}
        self._seen: list[tuple[float, int]] = []
        self._positions: dict[str, int] = {}

    def saw(self, batch: Batch, events: int) -> None:
        """A batch was taken; ``events`` rows have been, over the lineage."""
        now = monotonic()
        while len(self._seen) > 1 and now - self._seen[0][0] > RATE_SECONDS:
            self._seen.pop(0)
        if not self._seen or now - self._seen[-1][0] > RATE_SECONDS / 50:
            self._seen.append((now, events))
        self._lag = {
            f"{place.topic}:{place.partition}": max(0, end - batch.cut.get(place, 0))
            for place, end in batch.ends.items()
        }
        self._positions = {f"{p.topic}:{p.partition}": at for p, at in batch.cut.items()}

    def due(self) -> bool:
        """Whether a second has passed."""
        return monotonic() - self._beat_at >= HEARTBEAT_SECONDS

    def status(self) -> dict[str, Any]:
        """The report; the next is due a second later."""
        self._beat_at = monotonic()
        rate = 0.0
        if len(self._seen) > 1 and self._seen[-1][0] > self._seen[0][0]:
            (since, first), (until, last) = self._seen[0], self._seen[-1]
            rate = (last - first) / (until - since)
        return {
            "events_per_second": round(rate, 1),
            "lag": self._lag,
            "positions": self._positions,
        }
