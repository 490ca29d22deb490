"""When a checkpoint is due, and what the learner says of itself every second.

The only parts of the learner that look at a clock: what they decide changes when state is saved
and what is shown, never what is learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from converters.config.settings import CheckpointSettings
from stream.reading.batches import Batch

HEARTBEAT_SECONDS = 1.0
# Over how long the shown rate is averaged.
RATE_SECONDS = 5.0


# Where nothing was learned, a checkpoint only shortens the next start: it may come this much later.
UNLEARNED_FACTOR = 12


# What the first checkpoint will cost is not known; many cost about this much.
FIRST_COST_SECONDS = 0.05


# After a checkpoint that failed.
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 60.0


class Pacing:
    """Decides when a checkpoint is due."""

    def __init__(self, settings: CheckpointSettings, learned: int) -> None:
        self._settings = settings
        self._learned = learned
        self._at = monotonic()
        self._cost = FIRST_COST_SECONDS
        self._delay = FIRST_DELAY_SECONDS
        self._not_before = 0.0

    def due(self, learned: int, *, changed: bool) -> bool:
        """Enough learned, or enough time passed with something new, and the last one paid off."""
        if monotonic() < self._not_before:
            return False
        passed = monotonic() - self._at
        new = learned - self._learned
        enough = new >= self._settings.events
        wait = self._settings.seconds * (1 if new else UNLEARNED_FACTOR)
        return (
            enough or (changed and passed >= wait)
        ) and passed >= self._settings.min_spacing * self._cost

    def saved(self, learned: int, seconds: float) -> None:
        """A checkpoint was made and took so long."""
        self._learned, self._cost, self._at = learned, seconds, monotonic()
        self._delay, self._not_before = FIRST_DELAY_SECONDS, 0.0

    def failed(self) -> float:
        """It could not be made; in how many seconds it may be tried again."""
        delay = self._delay
        self._not_before = monotonic() + delay
        self._delay = min(delay * 2, LONGEST_DELAY_SECONDS)
        return delay


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
