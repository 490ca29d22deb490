"""What is measured: the part of the configuration that the evaluation needs.

Made from the settings by whoever builds an evaluator; nothing here changes what is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from converters.config.learning_settings import ValueSettings
from converters.config.settings import HALF, Settings
from learners.lessons import MetricsError

MILLISECONDS = 1000
# What the window by event time may hold, in windows by count, and in lessons unless the window by
# count is longer: it is kept in memory and in each checkpoint.
MOST_WINDOWS = 10
MOST_RECENT = 1_000_000


@dataclass(frozen=True, slots=True)
class Measuring:
    """What is measured.

    Attributes:
        window: lessons in the window by count.
        window_ms: event time that the other window reaches back from the newest event.
        half_life: lessons after which a lesson counts half in the faded measures.
        period_ms: event time that a point of the curves stands for.
        threshold: the score from which an event is taken for positive.
        value: what decisions are worth; None where nobody said.
        slices: the columns whose values are measured each by itself.
        confidence: of the best threshold's interval.

    Raises:
        MetricsError: a length is none.
    """

    window: int = 10_000
    window_ms: int = 86_400_000
    half_life: float = 10_000.0
    period_ms: int = 86_400_000
    threshold: float = HALF
    value: ValueSettings | None = None
    slices: tuple[str, ...] = ()
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.window < 1:
            raise MetricsError(
                f"A window of {self.window} lessons cannot be measured; take 1 or more."
            )
        if min(self.window_ms, self.period_ms) < 1 or self.half_life <= 0:
            raise MetricsError(
                f"Cannot measure by a window of {self.window_ms} ms, periods of {self.period_ms} "
                f"ms and a half-life of {self.half_life} lessons; all must be above zero."
            )

    @classmethod
    def by(cls, settings: Settings, slices: tuple[str, ...] = ()) -> Self:
        """What the settings ask for; ``slices`` as :func:`converters.schema.carried.carried_by` says."""
        asked = settings.evaluation
        return cls(
            window=asked.window,
            window_ms=milliseconds(asked.window_seconds),
            half_life=asked.half_life,
            period_ms=milliseconds(asked.period),
            threshold=settings.threshold,
            value=settings.value,
            slices=slices,
            confidence=asked.confidence,
        )

    @property
    def most_recent(self) -> int:
        """The most lessons that are kept one by one, for both windows."""
        return max(self.window, min(MOST_WINDOWS * self.window, MOST_RECENT))

    @property
    def scale(self) -> str:
        """The column of the amounts; empty where each event counts one."""
        return "" if self.value is None else self.value.scale


def milliseconds(seconds: float) -> int:
    """Event time is in whole milliseconds; a length is one at least."""
    return max(1, round(seconds * MILLISECONDS))
