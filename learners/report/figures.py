"""Measures as figures: how many digits they are shown with, and why one is missing.

Every section of the report words its cells here, and the JSON document takes its reasons from
here too, so that nothing is a bare dash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from converters.show.charts import Chart
from converters.show.tables import Table

Group = Mapping[str, Any]

# Measures by their names in the documents, as headings say them.
HEADINGS = {
    "count": "labels",
    "base_rate": "positive",
    "log_loss": "log loss",
    "auc": "AUC",
    "pr_auc": "PR AUC",
    "brier": "Brier",
    "ece": "ECE",
    "accuracy": "accuracy",
    "lift": "lift",
}
MEASURES = tuple(name for name in HEADINGS if name != "count")
# What orders the classes needs both of them; the others need a label.
OF_TWO_CLASSES = frozenset({"auc", "pr_auc", "auc_error", "pr_auc_error"})
# Measures from a histogram are shown with their error from here on.
LEAST_ERROR = 5e-4
# Beyond this one they say nothing, and are left out.
MOST_ERROR = 0.05
TOO_COARSE = "not precise enough"
# Counted anew when the threshold changes.
OF_DECISIONS = frozenset({"accuracy"})
# What is looked for when a document is asked what it leaves undefined.
NUMBERS = (
    frozenset(MEASURES)
    | OF_TWO_CLASSES
    | {"base_rate_log_loss", "score_log_loss", "mean_score", "positive_share"}
)


def headings(measures: Group, names: Sequence[str]) -> list[str]:
    """The headings of measures over everything; of decisions, since when they are counted."""
    since = since_lesson(measures)
    return [HEADINGS[n] + (f" {since}" if n in OF_DECISIONS else "").rstrip() for n in names]


def since_lesson(measures: Group) -> str:
    """From which labelled example on decisions are counted; nothing where that is the first."""
    first = (measures.get("decisions") or {}).get("from") or 0
    return f"since example {first:,}" if first else ""


def figure(group: Group | None, name: str) -> str:
    """A measure of a group of examples, or in few words why there is none."""
    value = None if group is None else group.get(name)
    if group is None or value is None:
        return reason(group, name)
    if name == "count":
        return f"{value:,}"
    error = group.get(f"{name}_error") or 0.0
    if error > MOST_ERROR:
        return TOO_COARSE
    return f"{value:.4f}" if error < LEAST_ERROR else f"{value:.3f}±{error:.3f}"


def drawn(group: Group, name: str) -> float | None:
    """A measure as a picture shows it; None where there is none precise enough."""
    value: float | None = group.get(name)
    return None if (group.get(f"{name}_error") or 0.0) > MOST_ERROR else value


def reason(group: Group | None, name: str) -> str:
    """Why a measure of a group of lessons is undefined."""
    if not group or group.get("count") == 0:
        return "no labels"
    share = _positive_share(group)
    if share is None:
        return "no labels"
    if name in OF_TWO_CLASSES and share in (0.0, 1.0):
        return "only positive" if share else "only negative"
    if name in OF_DECISIONS:
        return "no decisions"
    return "not known"


def _positive_share(group: Group) -> float | None:
    """The share of positive labels; None where the group does not say."""
    if group.get("positives") is not None and group.get("count"):
        return float(group["positives"] / group["count"])
    rate = group.get("base_rate")
    return None if rate is None else float(rate)


def undefined(content: object, place: str = "") -> Iterator[tuple[str, str]]:
    """The places of a document at which a measure is undefined, and why, for each."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            here = f"{place}.{name}" if place else str(name)
            if value is None and name in NUMBERS:
                yield here, reason(content, str(name))
            else:
                yield from undefined(value, here)
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from undefined(value, f"{place}[{number}]")


def signed(value: float, digits: int = 4) -> str:
    """A difference, with its sign."""
    return f"{value:+.{digits}f}"


def money(value: float | None) -> str:
    """A sum of revenue and cost, in whatever unit the config's values are."""
    if value is None:
        return "not known"
    return f"{value:,.2f}" if abs(value) < 1e6 else f"{value:,.0f}"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report.

    Attributes:
        title: its heading.
        words: paragraphs.
        tables: in the order of reading.
        pictures: for the page only.
        folded: whether the page shows the tables only when asked.
    """

    title: str
    words: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Chart] = field(default=())
    folded: bool = False
