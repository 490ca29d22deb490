"""The last examples themselves: two windows, by count and by event time, exact when asked.

Examples that neither window needs are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.config.learning_settings import ValueSettings
from learners.evaluation.example_costs import loss_units, mean, units
from learners.evaluation.histograms import defined
from learners.evaluation.labelled_examples import BASE_RATE, Lessons, Measuring
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray
from learners.metrics.metrics import (
    calibration_bins,
    exact_areas,
)


def value_of(value: ValueSettings, amounts: Sequence[float]) -> float:
    """The value of decisions.

    Args:
        value: the price of each outcome.
        amounts: sums of true negatives, false positives, false negatives, true positives.
    """
    prices = (
        value.true_negative,
        value.false_positive,
        value.false_negative,
        value.true_positive,
    )
    return sum(price * amount for price, amount in zip(prices, amounts, strict=True))


def never(amounts: Sequence[float]) -> tuple[float, ...]:
    """The same events, none of them acted on."""
    return amounts[0] + amounts[1], 0.0, amounts[2] + amounts[3], 0.0


def always(amounts: Sequence[float]) -> tuple[float, ...]:
    """The same events, each acted on."""
    return 0.0, amounts[0] + amounts[1], 0.0, amounts[2] + amounts[3]


def decided_amounts(
    scores: FloatArray, positive: BoolArray, amounts: FloatArray, threshold: float
) -> list[float]:
    """The sums of amounts of true and false negatives and positives, unknown amounts left out."""
    known = np.isfinite(amounts)
    kinds = (scores >= threshold) + 2 * positive
    found: list[float] = np.bincount(kinds[known], weights=amounts[known], minlength=4).tolist()
    return found


SCORES = "score:"
# Before the first lesson; any event time is later.
NEVER = -(2**62)


@dataclass(frozen=True, slots=True)
class Kept:
    """Some of the last examples, oldest first.

    Attributes:
        scores: by contender, nan where it gave none.
        positive: what the label says by now.
        arrived: the events' record times, ms.
        amounts: by what the events' values are multiplied.
    """

    scores: dict[str, FloatArray]
    positive: BoolArray
    arrived: IntArray
    amounts: FloatArray


class Recent:
    """The last examples, in columns of the same length, which are never written to again."""

    def __init__(self, measuring: Measuring) -> None:
        self._measuring = measuring
        self._newest = NEVER
        self._count = 0
        # What lies before these may have been forgotten, under shorter windows than today's too.
        self._first_number = 0
        self._after = NEVER
        self._columns: dict[str, AnyArray] = {
            "number": np.zeros(0, dtype=np.int64),
            "positive": np.zeros(0, dtype=np.bool_),
            "arrived": np.zeros(0, dtype=np.int64),
            "amount": np.zeros(0),
        }
        self._fresh: list[dict[str, AnyArray]] = []
        self._held = 0

    def append(self, lessons: Lessons) -> None:
        """Add examples, the next in number."""
        if not len(lessons):
            return
        numbers = np.arange(self._count, self._count + len(lessons))
        self._count += len(lessons)
        self._newest = max(self._newest, int(lessons.arrived.max()))
        columns = {
            "number": numbers,
            "positive": lessons.positive,
            "arrived": lessons.arrived,
            "amount": lessons.amounts,
        }
        self._fresh.append(columns | {SCORES + name: s for name, s in lessons.scores.items()})
        self._held += len(lessons)
        if self._held > 2 * self._measuring.most_recent:
            self._settle()

    def _settle(self) -> None:
        """Bring everything into one place, without what neither window needs."""
        if not self._fresh:
            return
        parts = [self._columns, *self._fresh]
        names = dict.fromkeys(name for part in parts for name in part)
        columns = {name: np.concatenate([_column(part, name) for part in parts]) for name in names}
        self._fresh.clear()
        self._keep(columns)

    def _keep(self, columns: dict[str, AnyArray]) -> None:
        """Keep what a window needs; in copies, so that nothing of the callers' is written to."""
        measuring, numbers = self._measuring, columns["number"]
        self._first_number = max(self._first_number, self._count - measuring.window)
        self._after = max(self._after, self._newest - measuring.window_ms)
        in_time = columns["arrived"] > self._after
        in_time &= numbers >= self._count - measuring.most_recent
        keep = in_time | (numbers >= self._first_number)
        self._columns = {name: column[keep] for name, column in columns.items()}
        self._held = int(keep.sum())

    def correct(self, numbers: IntArray, positive: BoolArray) -> None:
        """Give examples another label, where they are still there; of two, the later one counts."""
        self._settle()
        held = self._columns["number"]
        places = np.searchsorted(held, numbers)
        there = places < held.size
        there[there] = held[places[there]] == numbers[there]
        labels = self._columns["positive"].copy()  # what was given out keeps the old ones
        labels[places[there]] = positive[there]
        self._columns["positive"] = labels

    def fork(self, name: str, of: str) -> None:
        """Let a contender have given the scores of another."""
        self._settle()
        if SCORES + of in self._columns:
            self._columns[SCORES + name] = self._columns[SCORES + of].copy()

    def drop(self, name: str) -> None:
        """Forget a contender's scores."""
        self._settle()
        self._columns.pop(SCORES + name, None)

    def window(self) -> Kept:
        """The last examples by count."""
        self._settle()
        return self._kept(self._columns["number"] >= self._first_number)

    def by_time(self) -> Kept:
        """The examples whose events are the newest."""
        self._settle()
        in_time: BoolArray = self._columns["arrived"] > self._after
        bound = self._count - self._measuring.most_recent
        return self._kept(in_time & (self._columns["number"] >= bound))

    def _kept(self, chosen: BoolArray) -> Kept:
        columns = self._columns
        if not chosen.all():
            columns = {name: column[chosen] for name, column in columns.items()}
        return Kept(
            {
                name.removeprefix(SCORES): column
                for name, column in columns.items()
                if name.startswith(SCORES)
            },
            columns["positive"],
            columns["arrived"],
            columns["amount"],
        )

    def state(self) -> dict[str, AnyArray]:
        """The examples that are kept."""
        self._settle()
        kept = {f"recent_{name}": _short(self._columns[name]) for name in sorted(self._columns)}
        return kept | {"recent_bounds": self._bounds()}

    def _bounds(self) -> IntArray:
        bounds = self._newest, self._count, self._after, self._first_number
        return np.array(bounds, dtype=np.int64)

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Resume from a state, as far back as that reaches."""
        self._newest, self._count, self._after, self._first_number = arrays[
            "recent_bounds"
        ].tolist()
        columns = {
            name.removeprefix("recent_"): _long(column)
            for name, column in arrays.items()
            if name.startswith("recent_") and name != "recent_bounds"
        }
        self._keep(columns)


def _column(part: Mapping[str, AnyArray], name: str) -> AnyArray:
    return part[name] if name in part else np.full(part["number"].size, np.nan)


def _short(column: AnyArray) -> AnyArray:
    """Floats in half the room where that loses nothing: the learners' own scores are such."""
    if column.dtype != np.float64:
        return column
    with np.errstate(over="ignore"):
        short = column.astype(np.float32)
    same = short == column
    return short if same.all() or (same | np.isnan(column)).all() else column


def _long(column: AnyArray) -> AnyArray:
    return column.astype(np.float64) if column.dtype == np.float32 else column


DECISIONS = ("tn", "fp", "fn", "tp")


def base_losses(kept: Kept) -> FloatArray:
    """The log losses of the base rate, in units: what each contender is compared with."""
    scores = kept.scores.get(BASE_RATE, np.zeros(0))
    return loss_units(scores, kept.positive)


def windowed(kept: Kept, bases: FloatArray, name: str, measuring: Measuring) -> dict[str, Any]:
    """All measures of a contender over the examples that it has scored; None where undefined.

    Args:
        kept: the examples.
        bases: their ``base_losses``, worked out once for all contenders.
        name: of the contender.
        measuring: threshold and value of decisions.
    """
    scores = kept.scores.get(name, np.full(kept.positive.size, np.nan))
    positive, amounts, lacking = kept.positive, kept.amounts, np.isnan(scores)
    if lacking.any():
        given = np.flatnonzero(~lacking)
        scores, positive = scores[given], positive[given]
        bases, amounts = bases[given], amounts[given]
    found: dict[str, Any] = {"count": int(positive.size), "positives": int(positive.sum())}
    if not positive.size:
        names = ("base_rate", "log_loss", "auc", "pr_auc", "brier", "ece", "accuracy")
        return found | dict.fromkeys((*names, "base_rate_log_loss", "lift")) | confusion([0] * 4)
    found |= exact(scores, positive, bases if name == BASE_RATE else None)
    found |= confusion(decided(scores, positive, measuring.threshold))
    base = mean(int(bases.sum()), positive.size)
    found |= {"base_rate_log_loss": base, "lift": lift(found["log_loss"], base)}
    if measuring.value is not None:
        sums = decided_amounts(scores, positive, amounts, measuring.threshold)
        found["value"] = value_of(measuring.value, sums)
    return found


def exact(
    scores: FloatArray, positive: BoolArray, losses: FloatArray | None = None
) -> dict[str, Any]:
    """The measures of one example or more that need no threshold.

    Args:
        scores: checked.
        positive: the labels.
        losses: log losses in units, where they are known already.
    """
    if losses is None:
        losses = loss_units(scores, positive)
    auc, pr_auc = exact_areas(scores, positive)
    gaps = scores - positive
    by_bin = np.bincount(calibration_bins(scores), weights=units(gaps))
    return {
        "base_rate": int(positive.sum()) / positive.size,
        "log_loss": mean(int(losses.sum()), positive.size),
        "auc": defined(auc),
        "pr_auc": defined(pr_auc),
        "brier": mean(int(units(gaps * gaps).sum()), positive.size),
        "ece": mean(int(np.abs(by_bin).sum()), positive.size),
    }


def decided(scores: FloatArray, positive: BoolArray, threshold: float) -> list[int]:
    """True negatives, false positives, false negatives and true positives."""
    acted = scores >= threshold
    act, say = int(np.count_nonzero(acted)), int(np.count_nonzero(positive))
    both = int(np.count_nonzero(acted & positive))
    return [scores.size - act - say + both, act - both, say - both, both]


def confusion(decided: list[int]) -> dict[str, Any]:
    """Accuracy and the four counts, from those in the order of ``DECISIONS``."""
    count = sum(decided)
    accuracy = (decided[0] + decided[3]) / count if count else None
    return {"accuracy": accuracy, "confusion": dict(zip(DECISIONS, decided, strict=True))}


def lift(log_loss: float | None, base: float | None) -> float | None:
    """By what share the log loss is below the base rate's."""
    return 1 - log_loss / base if log_loss is not None and base else None
