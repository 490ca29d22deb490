"""Counts of events and labels, each with the equation by which they must add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converters.show.tables import Table
from learners.report.figures import Section

# What becomes of an event row is one of these.
EVENT_PARTS = ("learned", "waiting", "expired", "scored_only", "rejected", "duplicates")
LABELS = "labels"
# Part of the count 'learned', so in no equation.
LEFT_OUT = "left_out"

MEANINGS = {
    "events": "rows of the events topic",
    "learned": "scored, measured and learned, or learned as negative after the wait",
    "waiting": "scored, and remembered until the label comes",
    "expired": "given up: no label came in time",
    "scored_only": "scored only: neither a label nor an id",
    "rejected": "refused; they are in the dead letters",
    "duplicates": "dropped: the id was seen shortly before",
    "labels": "rows of the labels topic",
    "labels_joined": "met their event",
    "labels_waiting": "came before their event, and wait for it",
    "labels_rejected": "refused; they are in the dead letters",
    "labels_duplicates": "said again what was known",
    "labels_late": "came after their event was given up",
    "labels_expired": "waited in vain for their event",
    "labels_corrected": "changed the label of an event that was learned",
    LEFT_OUT: "of those learned: negative ones that were measured and not taught",
}


@dataclass(frozen=True, slots=True)
class Equation:
    """A count that is the sum of others.

    Attributes:
        whole: its name.
        parts: the names of those that it is made of.
        counts: all of them.
    """

    whole: str
    parts: Sequence[str]
    counts: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether the parts come to the whole."""
        return self.counts.get(self.whole, 0) == sum(self.counts.get(p, 0) for p in self.parts)

    def words(self) -> str:
        """The equation in numbers, and whether it holds."""
        left = f"{self.whole} {self.counts.get(self.whole, 0):,}"
        right = " + ".join(f"{part} {self.counts.get(part, 0):,}" for part in self.parts)
        if self.holds:
            return f"{left} = {right}."
        return (
            f"{left} is NOT {right}: the counts do not add up, which is a fault of freshet's; "
            "please report it."
        )

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {"whole": self.whole, "parts": list(self.parts), "holds": self.holds}


def equations(counts: Mapping[str, int]) -> list[Equation]:
    """Those of events and labels."""
    parts = sorted(name for name in counts if name.startswith(f"{LABELS}_"))
    return [Equation("events", EVENT_PARTS, counts), Equation(LABELS, parts, counts)]


def counts_section(counts: Mapping[str, int]) -> Section:
    """What became of every row."""
    shown = [name for equation in equations(counts) for name in (equation.whole, *equation.parts)]
    shown += [LEFT_OUT] if counts.get(LEFT_OUT) else []
    rows = [[name, f"{counts.get(name, 0):,}", MEANINGS.get(name, "")] for name in shown]
    return Section(
        "What became of events and labels",
        [equation.words() for equation in equations(counts)],
        [Table("Counts over the lineage", ("count", "rows", "is"), (False, True, False), rows)],
    )
