"""Measures as figures: how many digits they are shown with, and why one is missing.

Every section of the report words its cells here, and the JSON document takes its reasons from
here too, so that nowhere stands a bare dash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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


def figure(group: Group | None, name: str) -> str:
    """A measure of a group of lessons, or in few words why there is none."""
    value = None if group is None else group.get(name)
    if value is None:
        return reason(group, name)
    if name == "count":
        return f"{value:,}"
    return f"{value:.4f}"


def reason(group: Group | None, name: str) -> str:
    """Why a measure of a group of lessons is undefined."""
    if not group or not group.get("count"):
        return "no labels"
    positives = positives_of(group)
    if name in OF_TWO_CLASSES and positives == group["count"]:
        return "only positive"
    if name in OF_TWO_CLASSES and positives == 0:
        return "only negative"
    if name == "lift":
        return "no base rate"
    return "not measured"


def positives_of(group: Group) -> int | None:
    """The positive labels of a group; None where the group does not say."""
    if group.get("positives") is not None:
        return int(group["positives"])
    rate = group.get("base_rate")
    return None if rate is None else round(rate * group["count"])


def undefined(content: object, place: str = "") -> Iterator[tuple[str, str]]:
    """The places of a document at which a measure is undefined, and why, for each."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            here = f"{place}.{name}" if place else str(name)
            if value is None and "count" in content:
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
