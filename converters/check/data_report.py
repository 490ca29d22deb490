"""What a report on a file says: plain data, from which text, JSON and the page are made.

Fields are named as the keys of the JSON document; what differs is in :mod:`.rendering`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converters.check.class_balance import Balance, Weights
from converters.check.column_counts import Numbers
from converters.check.respelt import Level, Said
from converters.check.time_order import Times
from converters.files.rewriting import Rule
from converters.sampling.drift import Drift
from converters.sampling.leak_suspects import Alone
from converters.sampling.sketches import Estimate


@dataclass(frozen=True)
class Odd:
    """What a person should know of a column's cells.

    Attributes:
        said: each thing.
        rule: what a command does to the cells, if they are to be rewritten.
    """

    said: Sequence[Said] = ()
    rule: Rule | None = None


@dataclass(frozen=True)
class Value:
    """A value of a column.

    Attributes:
        text: the cell, cut.
        rows: how many rows hold it.
        share: of the rows in which the column is not missing.
        positive_rate: which share of their labels is positive; None if none is known.
    """

    text: str
    rows: int
    share: float
    positive_rate: float | None


@dataclass(frozen=True)
class Rare:
    """The values that fewer than 5 % of the rows hold: how many, and the share of rows."""

    values: Estimate
    share: float


@dataclass(frozen=True)
class Bar:
    """One bar of a column's plot, in sampled rows.

    Attributes:
        text: the value or span.
        first: its share of the file's first half.
        second: its share of the second.
        positive_rate: which share of its labels is positive.
    """

    text: str
    first: float
    second: float
    positive_rate: float | None


@dataclass(frozen=True)
class ColumnReport:
    """One column of the file.

    Attributes:
        name: the column.
        role: its role, ``unknown`` if the config does not name it.
        kind: how its cells are read, or None.
        missing: in how many rows it is missing.
        missing_share: of the rows.
        distinct: how many values it has.
        constant: whether it has one value in all rows that have it.
        nearly_unique: whether hardly a value comes twice.
        counted: whether the values below were counted in all rows, not in a sample of them.
        top: the most frequent values.
        rare: the others, where each is rare.
        numbers: of a numeric column.
        times: the first and the last of a column of times, in UTC; None for another one.
        unseen: rows with a value that the config does not know, where it names some.
        refused: rows refused because of this column.
        alone: how well it predicts the label by itself.
        after_event: whether its times are always later than the event itself.
        drift: between the file's halves.
        bars: its plot.
        odd: what its cells hardly mean.
    """

    name: str
    role: str
    kind: str | None
    missing: int
    missing_share: float
    distinct: Estimate
    constant: bool
    nearly_unique: bool
    counted: bool
    top: Sequence[Value]
    rare: Rare
    numbers: Numbers | None
    times: tuple[str, str] | None
    unseen: int
    refused: int
    alone: Alone | None
    after_event: bool
    drift: Drift | None
    bars: Sequence[Bar]
    odd: Odd = Odd()

    @property
    def learned(self) -> bool:
        """Whether features are made of it."""
        return self.kind not in (None, "integer")


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
