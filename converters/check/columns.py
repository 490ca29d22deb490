"""Each column of a profile, looked at: its values, its numbers, what it tells, how it drifts.

Follows :mod:`converters.check.profile`; :mod:`converters.check.findings` judges the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest, nsmallest

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import quoted
from converters.check.bars import bars_of_numbers, bars_of_values
from converters.check.cells import ColumnPlan
from converters.check.column_counts import Counts, Totals
from converters.check.data_report import Bar, ColumnReport, NumberSummary, Rare, Value
from converters.check.profile import Profile
from converters.check.time_order import always_later, happened
from converters.sampling.column_sample import NEARLY_UNIQUE, UNIQUE_FROM_ROWS
from converters.sampling.drift import SPANS, Drift, drift
from converters.sampling.leak_suspects import Judge, spans
from converters.sampling.reservoir import POSITIVE, UNLABELLED, Sampled
from converters.sampling.sketches import Estimate

# A value that fewer rows hold is rare.
RARE_SHARE = 0.05
SHOWN_VALUES = 10
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
# What is told of these roles are counts, and nothing of classes or drift: an id names its row, a
# label tells itself, and time goes on.
ONLY_COUNTED = frozenset({"id", "label"})


@dataclass(frozen=True)
class Cells:
    """The sampled cells of a column.

    Attributes:
        codes: the number of each row's cell among ``names``.
        names: the different cells.
        missing: whether each row's is missing.
        values: each row's number, NaN where there is none; of a numeric column.
    """

    codes: NDArray[np.int64]
    names: Sequence[str]
    missing: NDArray[np.bool_]
    values: NDArray[np.float64] | None


def column_reports(profile: Profile) -> Iterator[ColumnReport]:
    """One a column, in the file's order."""
    judge = Judge(profile.sampled, sum(plan.learned for plan in profile.plans))
    refused = Counter[str]()
    for (_, column), rows in profile.rejects.counts.items():
        refused[column] += rows
    columns = profile.sample.columns(len(profile.plans))
    events = happened(profile.plans, profile.sample)
    for plan, totals, cells in zip(profile.plans, profile.totals, columns, strict=True):
        found = _report(plan, totals, _cells(plan, cells), profile.sampled, judge)
        later = always_later(plan, cells, events)
        yield replace(found, refused=refused[plan.name], after_event=later)


def _report(
    plan: ColumnPlan,
    totals: Totals,
    cells: Cells,
    sampled: Sampled,
    judge: Judge,
) -> ColumnReport:
    there = totals.rows - totals.missing
    distinct = totals.distinct
    counts = totals.counts or _sampled_counts(cells, sampled)
    present = _present(plan, counts)
    shown = sampled.rows > 0 and plan.role not in ONLY_COUNTED
    bars = _bars(cells, sampled) if shown and not plan.hidden else []
    return ColumnReport(
        plan.name,
        plan.role,
        plan.kind,
        totals.missing,
        totals.missing / totals.rows if totals.rows else 0.0,
        distinct,
        constant=there > 0 and distinct.count == 1,
        nearly_unique=there >= UNIQUE_FROM_ROWS and distinct.count >= NEARLY_UNIQUE * there,
        counted=totals.counts is not None,
        top=[] if plan.hidden else _top(plan, present, counts),
        rare=_rare(present, distinct),
        numbers=_numbers(plan, totals, present),
        unseen=totals.unseen,
        refused=0,
        alone=judge.alone(cells.codes, cells.missing, cells.values) if shown else None,
        after_event=False,
        drift=_drift(plan, cells, sampled) if shown else None,
        bars=bars,
    )


def _cells(plan: ColumnPlan, cells: Sequence[str]) -> Cells:
    names = list(dict.fromkeys(cells))
    known = {cell: code for code, cell in enumerate(names)}
    codes = np.fromiter(map(known.__getitem__, cells), np.int64, len(cells))
    lacking = np.fromiter(map(plan.is_missing, names), np.bool_, len(names))
    missing = lacking[codes]
    if not plan.numeric:
        return Cells(codes, names, missing, None)
    numbers = np.full(len(names), np.nan)
    numbers[~lacking] = plan.values([n for n, gone in zip(names, lacking, strict=True) if not gone])
    return Cells(codes, names, missing, numbers[codes])


def _sampled_counts(cells: Cells, sampled: Sampled) -> Counts:
    """What :class:`Counts` would hold of the sample."""

    def counted(rows: NDArray[np.bool_]) -> Counter[str]:
        found = np.bincount(cells.codes[rows], minlength=len(cells.names)).tolist()
        return Counter({n: times for n, times in zip(cells.names, found, strict=True) if times})

    everywhere = np.ones(sampled.rows, np.bool_)
    unknown = sampled.labels == UNLABELLED
    return Counts(counted(everywhere), counted(sampled.labels == POSITIVE), counted(unknown))


def _present(plan: ColumnPlan, counts: Counts) -> dict[str, int]:
    """How often each cell came that is not missing."""
    present = dict(counts.rows)
    missing = present if plan.kind == "text" else plan.missing & present.keys()
    for cell in [cell for cell in missing if plan.is_missing(cell)]:
        del present[cell]
    return present


def _top(plan: ColumnPlan, present: dict[str, int], counts: Counts) -> list[Value]:
    """The most frequent values; alike in rank, in the order of their text."""
    total = sum(present.values())
    values = []
    for cell in _first(present):
        rows = present[cell]
        if plan.role == "id" and rows == 1:  # only one that comes again says something
            break
        known = rows - counts.unknown[cell]
        rate = counts.positive[cell] / known if known and counts.positive else None
        values.append(Value(quoted(cell), rows, rows / total, rate))
    return values


def _first(present: dict[str, int]) -> list[str]:
    least = min(nlargest(SHOWN_VALUES, present.values()), default=0)
    more = sorted((-rows, cell) for cell, rows in present.items() if rows > least)
    rest = nsmallest(SHOWN_VALUES, (cell for cell, rows in present.items() if rows == least))
    return [*(cell for _, cell in more), *rest][:SHOWN_VALUES]


def _rare(present: dict[str, int], distinct: Estimate) -> Rare:
    total = sum(present.values())
    frequent = [rows for rows in present.values() if rows >= RARE_SHARE * total]
    values = Estimate(max(0, distinct.count - len(frequent)), distinct.margin)
    return Rare(values, 1 - sum(frequent) / total if total else 0.0)


def _numbers(plan: ColumnPlan, totals: Totals, present: dict[str, int]) -> NumberSummary | None:
    found = totals.numbers
    if found is None:
        return None
    quantiles = _quantiles(plan, present)
    return NumberSummary(found.low, found.high, found.mean, quantiles, found.outside)


def _quantiles(plan: ColumnPlan, present: dict[str, int]) -> list[tuple[float, float]]:
    """Each the smallest number that has so great a share of the numbers at or below it."""
    values = plan.values(list(present))
    times = np.fromiter(present.values(), np.int64, len(present))
    good = ~np.isnan(values)
    values, times = values[good], times[good]
    if not len(values):
        return []
    order = np.argsort(values)
    below = np.cumsum(times[order])
    places = np.searchsorted(below, np.array(QUANTILES) * below[-1], side="left")
    return list(zip(QUANTILES, values[order][places].tolist(), strict=True))


def _drift(plan: ColumnPlan, cells: Cells, sampled: Sampled) -> Drift | None:
    if plan.role == "time" or plan.kind in ("time", "text"):
        return None  # time goes on, and texts hardly repeat
    codes = cells.codes + 1 if cells.values is None else spans(cells.values, SPANS)
    return drift(np.where(cells.missing, 0, codes), sampled.second)


def _bars(cells: Cells, sampled: Sampled) -> list[Bar]:
    if cells.values is not None:
        return bars_of_numbers(cells.values, cells.missing, sampled)
    return bars_of_values(cells.codes, cells.names, cells.missing, sampled)
