"""Two scores of the same labelled examples, compared in every measure, as numbers and in words.

Takes arrays of scores, labels and amounts; gives a :class:`Comparison`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from converters.config.learning_settings import ValueSettings
from converters.show.tables import counted
from learners.comparison.bootstrap import interval
from learners.comparison.delong import paired_delong
from learners.comparison.value import decision_values
from learners.metrics.arrays import BoolArray, FloatArray
from learners.metrics.metrics import (
    FEWEST_LABELS,
    FEWEST_OF_A_CLASS,
    log_losses,
    squared_errors,
)

Better = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Named:
    """A measure that is compared: what it is called, and which way is better."""

    name: str
    called: str
    higher_is_better: bool


MEASURES = (
    Named("log_loss", "log loss", higher_is_better=False),
    Named("brier", "Brier score", higher_is_better=False),
    Named("auc", "AUC", higher_is_better=True),
    Named("value", "value an event", higher_is_better=True),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two scores differ in one measure.

    Attributes:
        a: the first score's measure; None where it could not be computed.
        b: the second one's.
        difference: the first less the second.
        error: its standard error.
        low: lower end of its interval.
        high: upper end.
        p: how likely so large a difference is by chance.
        share_better: of resamples in which the first is better; None where none were drawn.
        block: lessons in a block of those resamples.
        better: which is better; None where the interval holds zero.
        reason: why nothing was computed, or empty.
    """

    a: float | None = None
    b: float | None = None
    difference: float | None = None
    error: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    share_better: float | None = None
    block: int | None = None
    better: Better | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two scores of the same lessons, measure by measure.

    Attributes:
        count: lessons with both scores.
        positives: how many of them are positive.
        confidence: of all intervals.
        differences: by measure; ``value`` only where decisions have a value.
    """

    count: int
    positives: int
    confidence: float
    differences: dict[str, Difference]

    def to_json(self) -> dict[str, Any]:
        """For scripts; measures that could not be computed are null, with the reason."""
        return asdict(self)

    def words(self, a: str, b: str, since: str = "") -> str:
        """Who is better by how much with what confidence, in a few plain sentences.

        Args:
            a: what the first score is called.
            b: what the second one is.
            since: the time of the earliest event, if there is one.
        """
        better, worse, untold = (self._clauses(which) for which in ("a", "b", None))
        if better and worse:
            said = [f"{a} against {b}: {', '.join(better + worse)}"]
        elif better:
            said = [f"{a} is better than {b}: {', '.join(better)}"]
        elif worse:
            said = [f"{a} is worse than {b}: {', '.join(worse)}"]
        elif untold:
            said = [f"Between {a} and {b} no difference can be told: {', '.join(untold)}"]
        else:
            said = [f"{a} and {b} could not be compared"]
        if (better or worse) and untold:
            said.append(f"No difference can be told in {', '.join(untold)}")
        said += self._reasons()
        of = f" of events since {since}" if since else ""
        labels = counted(self.count, "label", "labels")
        footing = f"({labels}{of}, {self.confidence * 100:g} % intervals)"
        return f"{'. '.join(said)}. {footing}"

    def _clauses(self, which: Better | None) -> list[str]:
        found = ((m, self.differences.get(m.name)) for m in MEASURES)
        return [
            _clause(m, d) for m, d in found if d is not None and not d.reason and d.better == which
        ]

    def _reasons(self) -> list[str]:
        """Why measures are missing, those with the same reason together."""
        missing: dict[str, list[str]] = {}
        for measure in MEASURES:
            found = self.differences.get(measure.name)
            if found is not None and found.reason:
                missing.setdefault(found.reason, []).append(measure.called)
        return [f"Not compared in {_listed(names)}: {why}" for why, names in missing.items()]


def _clause(measure: Named, found: Difference) -> str:
    """``log loss lower by 0.0031 (0.0012 to 0.0049)``, or just the interval."""
    assert found.difference is not None, "a clause is of a difference that was computed"
    assert found.low is not None, "and so has an interval"
    assert found.high is not None, "and so has an interval"
    if found.better is None:
        return f"{measure.called} ({_digits(found.low)} to {_digits(found.high)})"
    ends = sorted((abs(found.low), abs(found.high)))
    way = "higher" if found.difference > 0 else "lower"
    amount = f"{_digits(abs(found.difference))} ({_digits(ends[0])} to {_digits(ends[1])})"
    return f"{measure.called} {way} by {amount}"


def _digits(value: float) -> str:
    """Enough of a number to see what matters of it."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


HIGHER_IS_BETTER = {measure.name: measure.higher_is_better for measure in MEASURES}


def compare(
    a_scores: FloatArray,
    b_scores: FloatArray,
    positive: BoolArray,
    amounts: FloatArray,
    confidence: float,
    value: ValueSettings | None,
    threshold: float | None = None,
) -> Comparison:
    """Compare two scores over the lessons for which both are there.

    Args:
        a_scores: the first, in the order of the lessons; nan where there is none.
        b_scores: the second.
        positive: the labels.
        amounts: by what each event's value is multiplied; nan where that is not known.
        confidence: of the intervals.
        value: the prices of decisions; None if not configured.
        threshold: the score from which both act; left out, where acting begins to pay.
    """
    both = ~(np.isnan(a_scores) | np.isnan(b_scores))
    a, b, positive, amounts = a_scores[both], b_scores[both], positive[both], amounts[both]
    found = {
        "log_loss": _bootstrapped(
            "log_loss", log_losses(a, positive), log_losses(b, positive), confidence
        ),
        "brier": _bootstrapped(
            "brier", squared_errors(a, positive), squared_errors(b, positive), confidence
        ),
        "auc": _areas(a, b, positive, confidence),
    }
    if value is not None:
        known = ~np.isnan(amounts)
        least = value.break_even if threshold is None else threshold
        of_a, of_b = (
            decision_values(s[known] >= least, positive[known], amounts[known], value)
            for s in (a, b)
        )
        found["value"] = _bootstrapped("value", of_a, of_b, confidence)
    return Comparison(int(positive.size), int(np.count_nonzero(positive)), confidence, found)


def _bootstrapped(name: str, a: FloatArray, b: FloatArray, confidence: float) -> Difference:
    """The difference of two means over the same lessons."""
    if a.size < FEWEST_LABELS:
        return _too_few(a.size)
    found = interval(a - b, confidence)
    above = found.share_above
    return Difference(
        float(np.mean(a)),
        float(np.mean(b)),
        found.mean,
        found.error,
        found.low,
        found.high,
        found.p,
        above if HIGHER_IS_BETTER[name] else 1.0 - above,
        found.block,
        _better(name, found.low, found.high),
    )


def _areas(a: FloatArray, b: FloatArray, positive: BoolArray, confidence: float) -> Difference:
    """The difference of two areas under the ROC curve."""
    if a.size < FEWEST_LABELS:
        return _too_few(a.size)
    positives = int(np.count_nonzero(positive))
    fewest = min(positives, positive.size - positives)
    if fewest < FEWEST_OF_A_CLASS:
        kind = "positive" if positives == fewest else "negative"
        return Difference(reason=f"fewer than {FEWEST_OF_A_CLASS} {kind} labels ({fewest})")
    found = paired_delong(a, b, positive, confidence)
    if found.error == 0.0 and found.difference != 0.0:
        return Difference(
            found.a, found.b, found.difference, reason="all pairs agree, so no error can be told"
        )
    return Difference(
        found.a,
        found.b,
        found.difference,
        found.error,
        found.low,
        found.high,
        found.p,
        better=_better("auc", found.low, found.high),
    )


def _too_few(count: int) -> Difference:
    return Difference(reason=f"fewer than {FEWEST_LABELS} labels ({count})")


def _better(name: str, low: float, high: float) -> Better | None:
    """Which score the interval says is better; None where it holds zero."""
    if low <= 0.0 <= high:
        return None
    return "a" if (low > 0.0) == HIGHER_IS_BETTER[name] else "b"
