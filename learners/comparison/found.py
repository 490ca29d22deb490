"""What a comparison found, as numbers and in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

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

    def words(self, a: str, b: str) -> str:
        """Who is better by how much with what confidence, in a few plain sentences.

        Args:
            a: what the first score is called.
            b: what the second one is.
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
        return f"{'. '.join(said)}. ({self.count:,} labels, {self.confidence * 100:g} % intervals)"

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
