"""What a report says: plain data, from which words, JSON and the page are made.

Made by :mod:`.findings` and :mod:`.report`; names are those of the JSON document
(:mod:`.as_json`). What it says of a column is in :mod:`.column_contents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from converters.check.balance import Balance, Weights
from converters.check.times import Times
from converters.report.column_contents import ColumnReport
from converters.sampling.sketches import Estimate

Level = Literal["problem", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something a person should know.

    Attributes:
        level: a problem makes the command fail.
        code: names the kind of finding, for scripts.
        column: which column it is about, or empty.
        message: what is so, and what helps.
    """

    level: Level
    code: str
    column: str
    message: str


@dataclass(frozen=True)
class Example:
    """A refused row: the line it begins on, and the offending text, cut."""

    line: int
    text: str


@dataclass(frozen=True)
class RejectGroup:
    """Rows refused for one reason, in one column.

    Attributes:
        reason: its stable code.
        column: the column, or empty where it is the whole row.
        rows: how many.
        share: of all rows.
        examples: the first.
    """

    reason: str
    column: str
    rows: int
    share: float
    examples: Sequence[Example]


@dataclass(frozen=True)
class SampleSize:
    """How large the sample is, and how far its shares may be from the file's.

    Attributes:
        rows: how many rows.
        whole: whether these are all.
        margin: of shares and ranks, in 95 of 100 files.
    """

    rows: int
    whole: bool
    margin: float


@dataclass(frozen=True)
class Report:
    """All of it.

    Attributes:
        source: the file.
        rows: how many it has.
        rejected: how many are refused.
        rejects: for which reasons.
        label: the label column that the config names, or empty.
        findings: what to look at, the worst first.
        balance: the classes.
        half_rates: the share of positive labels in the file's halves, in the sample.
        weights: sums of weights.
        times: the rows' times.
        repeated_rows: rows that equal one before them.
        repeated_ids: rows whose id came before.
        sample: the rows behind quantiles, drift, suspects and plots.
        columns: each column of the file.
    """

    source: str
    rows: int
    rejected: int
    rejects: Sequence[RejectGroup]
    label: str
    findings: Sequence[Finding]
    balance: Balance | None
    half_rates: tuple[float, float] | None
    weights: Weights | None
    times: Times | None
    repeated_rows: Estimate
    repeated_ids: Estimate | None
    sample: SampleSize
    columns: Sequence[ColumnReport]

    @property
    def problems(self) -> int:
        """How many findings make the command fail."""
        return sum(finding.level == "problem" for finding in self.findings)
