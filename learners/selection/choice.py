"""Which of the ways that were tried is proposed, and the table that says why.

What counts is the log loss over the rows behind the first ones, in which every learner gropes. The
clock is told, and decides nothing: the same file gives the same config.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from learners.metrics.metrics import exact_areas, log_losses
from learners.selection.configurations import Way
from learners.selection.first_rows import Stretch
from learners.selection.progressive import Scored

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Profile(StrEnum):
    """What decides between ways that are nearly as good."""

    FAST = "fast"
    BEST = "best"
    AUTO = "auto"


# By how much log loss a faster way may be worse, in nats.
NEARLY = {Profile.BEST: 0.0, Profile.AUTO: 0.002, Profile.FAST: 0.02}
SAID = {
    Profile.BEST: "the lowest log loss",
    Profile.AUTO: f"the fastest that is within {NEARLY[Profile.AUTO]:g} of the lowest log loss",
    Profile.FAST: f"the fastest that is within {NEARLY[Profile.FAST]:g} of the lowest log loss",
}
# The rows before this part are not measured.
FIRST_PART = 0.5


@dataclass(frozen=True)
class Tried:
    """A way, and what it came to.

    Attributes:
        way: the way.
        loss: mean log loss of the rows that are measured, in nats.
        auc: the area under their ROC curve.
        base: the log loss of the share of positives among the rows before.
        rows_a_second: of processor time, with conversion.
    """

    way: Way
    loss: float
    auc: float
    base: float
    rows_a_second: float

    @property
    def expected(self) -> float:
        """The log loss to compare by, once all weights are learned.

        Who has hardly learned anything yet is not believed to be learning.
        """
        credit = self.way.credit
        return self.loss - (credit if self.loss + credit < self.base else 0.0)


def measured(way: Way, found: Scored, positive: Bools) -> Tried:
    """What a way came to over the later rows.

    Args:
        way: the way.
        found: its scores.
        positive: of each row.
    """
    first = int(len(positive) * FIRST_PART)
    # A row that would be refused is scored by nobody: it counts as the share of positives.
    share = float(positive[:first].mean())
    scores = np.where(np.isnan(found.scores), share, found.scores)[first:]
    base = np.full(len(scores), share)
    auc, _ = exact_areas(scores, positive[first:])
    loss = float(log_losses(scores, positive[first:]).mean())
    of_base = float(log_losses(base, positive[first:]).mean())
    return Tried(way, loss, auc, of_base, len(positive) / max(found.seconds, 1e-9))


def chosen(tried: Sequence[Tried], profile: Profile) -> Tried:
    """The way that is proposed."""
    lowest = min(each.expected for each in tried)
    near = [each for each in tried if each.expected <= lowest + NEARLY[profile]]
    return min(near, key=lambda each: (each.way.cost, each.expected))


def table(tried: Sequence[Tried], taken: Tried, profile: Profile, tried_on: Stretch) -> list[str]:
    """Lines that say what was tried."""
    rows = len(tried_on.cells)
    later = rows - int(rows * FIRST_PART)
    which = f"{rows:,} rows of the sample" if tried_on.of_sample else f"the first {rows:,} rows"
    late = "" if tried_on.labelled is None else ", labels as late as they came"
    lines = [
        f"Ways to learn, each tried on {which}: scored, then learned,",
        f"one after the other{late}. Measured over the last {later:,}:",
        "",
        f"  {'':11} log loss    AUC  rows/s",
    ]
    for each in tried:
        mark = "> " if each is taken else "  "
        speed = float(f"{each.rows_a_second:.2g}")
        lines.append(
            f"{mark}{each.way.name:11} {each.loss:8.4f} {each.auc:6.3f} {speed:7,.0f}"
            f"  {each.way.said}"
        )
    given = [each for each in tried if each.expected < each.loss]
    yet = ", ".join(f"{each.way.name} {each.way.credit:g}" for each in given)
    learning = [f"Less what more rows will yet teach: {yet}."] if yet else []
    return [*lines, "", *learning, f"Taken (--profile {profile}): {SAID[profile]}."]
