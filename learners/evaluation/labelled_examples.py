"""Labelled examples as columns, in the order of learning, and what to measure of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from converters.config.learning_settings import ValueSettings
from converters.config.settings import HALF, Settings
from learners.metrics.arrays import BoolArray, FloatArray, IntArray, MetricsError

SCORE = "score"
BASE_RATE = "base_rate"
STATIC = "static"
PINNED = "pinned"
# What callers of the server were given for events that it appended to the log.
SERVED = "served"
ALWAYS = (SCORE, BASE_RATE)


@dataclass(frozen=True, slots=True)
class Lessons:
    """Some examples.

    Attributes:
        scores: the probability given at arrival, by contender; "score" and "base_rate" always,
            nan where one of the others gave none.
        positive: what the label says.
        behind: examples that the learner had trained on at scoring time.
        arrived: the event's record time, ms.
        known: the stream time when the label came, ms.
        slices: codes of the slices' values, [column, example]; -1 where none is known.
        amounts: by what the event's value is multiplied; nan where the cell held none.
    """

    scores: dict[str, FloatArray]
    positive: BoolArray
    behind: IntArray
    arrived: IntArray
    known: IntArray
    slices: IntArray
    amounts: FloatArray

    def __len__(self) -> int:
        return self.positive.size

    def part(self, chosen: slice) -> Lessons:
        """Some of them, in their order."""
        return Lessons(
            {name: scores[chosen] for name, scores in self.scores.items()},
            self.positive[chosen],
            self.behind[chosen],
            self.arrived[chosen],
            self.known[chosen],
            self.slices[:, chosen],
            self.amounts[chosen],
        )

    def relabelled(self) -> Lessons:
        """The same with the opposite labels."""
        return replace(self, positive=~self.positive)


def joined(parts: Sequence[Lessons]) -> Lessons:
    """All in one, in their order; nan where a part lacks a contender."""
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(name for part in parts for name in part.scores)
    return Lessons(
        {name: np.concatenate([_scores(part, name) for part in parts]) for name in names},
        np.concatenate([part.positive for part in parts]),
        np.concatenate([part.behind for part in parts]),
        np.concatenate([part.arrived for part in parts]),
        np.concatenate([part.known for part in parts]),
        np.concatenate([part.slices for part in parts], axis=1),
        np.concatenate([part.amounts for part in parts]),
    )


def _scores(part: Lessons, name: str) -> FloatArray:
    return part.scores.get(name, np.full(len(part), np.nan))


def check_shape(lessons: Lessons, columns: int) -> None:
    """Refuse columns that do not fit each other.

    Raises:
        MetricsError: lengths differ, or a contender that must be there is not.
    """
    count = len(lessons)
    lacking = [name for name in ALWAYS if name not in lessons.scores]
    if lacking:
        raise MetricsError(
            f"Cannot measure examples without {', '.join(lacking)}; give each score."
        )
    for name, scores in lessons.scores.items():
        if scores.shape != (count,):
            raise MetricsError(
                f"Cannot measure {scores.size} scores of '{name}' with {count} labels; give one "
                "label for each score."
            )
    beside = (lessons.behind, lessons.arrived, lessons.known, lessons.amounts)
    if any(column.shape != (count,) for column in beside):
        raise MetricsError(f"Cannot measure {count} labels with columns of another length.")
    if lessons.slices.shape != (columns, count):
        raise MetricsError(
            f"Cannot measure slices of shape {lessons.slices.shape}; {columns} columns are sliced "
            f"and {count} examples given."
        )


def checked(lessons: Lessons, first: int) -> Lessons:
    """The examples with plain zeros for negative zeros, once each score is seen to be one.

    Args:
        lessons: of the right shape.
        first: the number of the first, for messages.

    Raises:
        MetricsError: a score is not in [0, 1], and not nan where that is allowed.
    """
    scores = {name: _probabilities(name, given, first) for name, given in lessons.scores.items()}
    return replace(lessons, scores=scores)


def _probabilities(name: str, given: FloatArray, first: int) -> FloatArray:
    # Adding zero makes -0.0 into 0.0: equal scores must have equal bits.
    scores: FloatArray = np.add(given, 0.0, dtype=np.float64)
    # False where one is nan as well.
    if scores.size and not (scores.min() >= 0.0 and scores.max() <= 1.0):
        valid = (scores >= 0.0) & (scores <= 1.0)
        if name not in ALWAYS:
            valid |= np.isnan(scores)
        if not valid.all():
            worst = int(np.argmin(valid))
            raise MetricsError(
                f"Cannot measure labelled example {first + worst:,}: its '{name}' is "
                f"{float(scores[worst])!r}; a score is a probability from 0 to 1."
            )
    return scores


MILLISECONDS = 1000
# What the window by event time may hold, in windows by count, and in examples unless the window by
# count is longer: it is kept in memory and in each checkpoint.
MOST_WINDOWS = 10
MOST_RECENT = 1_000_000


@dataclass(frozen=True, slots=True)
class Measuring:
    """What is measured.

    Attributes:
        window: labelled examples in the window by count.
        window_ms: event time that the event-time window reaches back from the newest event.
        half_life: of the exponentially weighted measures, in labelled examples.
        period_ms: event time for each point of the curves.
        threshold: the score from which an event is predicted positive.
        value: the prices of decisions; None if not configured.
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
                f"A window of {self.window} examples cannot be measured; take 1 or more."
            )
        if min(self.window_ms, self.period_ms) < 1 or self.half_life <= 0:
            raise MetricsError(
                f"Cannot measure by a window of {self.window_ms} ms, periods of {self.period_ms} "
                f"ms and a half-life of {self.half_life} examples; all must be above zero."
            )

    @classmethod
    def by(cls, settings: Settings, slices: tuple[str, ...] = ()) -> Self:
        """What the settings ask for.

        Args:
            settings: the config.
            slices: names, as :func:`converters.schema.passthrough.passthrough_of` gives them.
        """
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
        """The most examples that are kept one by one, for both windows."""
        return max(self.window, min(MOST_WINDOWS * self.window, MOST_RECENT))

    @property
    def scale(self) -> str:
        """The column of the amounts; empty where each event counts one."""
        return "" if self.value is None else self.value.scale


def milliseconds(seconds: float) -> int:
    """Event time is in whole milliseconds; a length is one at least."""
    return max(1, round(seconds * MILLISECONDS))
