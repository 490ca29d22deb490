"""How long labels took: a histogram of the time from an event to its label.

Stands inside :mod:`.measures`. Steps are times that people name, from a second to a year.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from learners.evaluation.lessons import Lessons
from learners.lessons import AnyArray, BoolArray, IntArray

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
STEPS = (
    *(seconds * SECOND for seconds in (0, 1, 2, 5, 10, 20, 30)),
    *(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 18)),
    *(days * DAY for days in (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 365)),
)


_STEPS = np.array(STEPS, dtype=np.int64)

# Steps at which the age of a label begins another group; each is one of the above.
AGES = (
    0,
    *(minutes * MINUTE for minutes in (1, 5, 15)),
    *(hours * HOUR for hours in (1, 4, 12)),
    *(days * DAY for days in (1, 3, 7, 30, 90)),
)
AGE_OF_STEP: IntArray = np.searchsorted(np.array(AGES[1:]), _STEPS, side="right")


def delay_steps(lessons: Lessons) -> IntArray:
    """The last step that is not above each lesson's delay; the first one for none at all."""
    delays = lessons.known - lessons.arrived
    if delays.size and int(delays.max()) < STEPS[1]:
        return np.zeros(delays.size, dtype=np.int64)
    found: IntArray = np.searchsorted(_STEPS[1:], delays, side="right")
    return found


class Delays:
    """Counts of labels by their delay and by what they say."""

    def __init__(self) -> None:
        self._counts: IntArray = np.zeros((2, len(STEPS)), dtype=np.int64)

    def add(self, steps: IntArray, positive: BoolArray, sign: int) -> None:
        """Count lessons, or with a sign of -1 take them back."""
        np.add.at(self._counts.reshape(-1), steps + positive * len(STEPS), sign)

    def report(self) -> list[dict[str, Any]]:
        """``from_ms``, ``to_ms`` (None for the last), ``count`` and ``positives`` of each step."""
        negatives, positives = self._counts.tolist()
        ends = [*STEPS[1:], None]
        return [
            {"from_ms": low, "to_ms": high, "count": n + p, "positives": p}
            for low, high, n, p in zip(STEPS, ends, negatives, positives, strict=True)
        ]

    def state(self) -> dict[str, AnyArray]:
        """The counts."""
        return {"delays": self._counts.copy()}

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state."""
        self._counts = arrays["delays"].astype(np.int64)
