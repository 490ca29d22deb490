"""A CSV file and a schema -> a :class:`~converters.check.data_report.Report`.

:func:`report` reads the file (:mod:`.profile`), looks at each column here, its values, numbers,
bars, how well it predicts the label and how it drifts, and adds what is wrong (:mod:`.findings`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest

import numpy as np
from numpy.typing import NDArray

from converters.cells.escaping import quoted
from converters.check.column_counts import Classes, ColumnPlan, Counts, Totals
from converters.check.data_report import (
    Bar,
    ColumnReport,
    Example,
    Rare,
    RejectGroup,
    Report,
    SampleSize,
    Value,
)
from converters.check.findings import findings
from converters.check.odd_cells import odd_cells
from converters.check.profile import Profile, Shown, read_profile
from converters.check.time_order import comes_after, happened, time_span
from converters.files.csv_file import CsvFile
from converters.sampling.column_sample import NEARLY_UNIQUE, UNIQUE_FROM_ROWS, ColumnSample
from converters.sampling.drift import SPANS, Drift, drift, largest
from converters.sampling.leak_suspects import Alone, Judge, spans
from converters.sampling.reservoir import POSITIVE, UNLABELLED, Sampled
from converters.sampling.sketches import Estimate
from converters.schema.schema import Schema

NOT_SHOWN = "not shown: has protected cells"
# A value that fewer rows hold is rare.
RARE_SHARE = 0.05
SHOWN_VALUES = 10
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
# Of these roles only counts are reported, not classes or drift: an id names its row, and a label
# predicts itself.
ONLY_COUNTED = frozenset({"id", "label"})

# Bars of a column of numbers, and of values one by one.
BINS = 20
MOST_BARS = 10
# Bins reach over all but this share of the numbers at either end, which go into the outer ones: a
# few outliers would leave all others in one bin.
TAIL = 0.005
OTHERS = "all others"
# A picture of which others are nearly all would show nothing.
MOST_OTHERS = 0.95
MISSING = "missing"
NO_NUMBER = "not a number"


def report(file: CsvFile, schema: Schema, shown: Shown) -> Report:
    """Read a file to its end and say what is in it.

    Args:
        file: the rows.
        schema: what they mean.
        shown: called with the rows read so far.

    Raises:
        CsvFileError: the file cannot be framed, or not with the config's delimiter.
    """
    if file.misread:
        # A report on one column that is the whole row would be of no use.
        file.require_known(schema.column_names)
    profile = read_profile(file, schema, shown)
    columns = list(column_reports(profile))
    by_role = zip(profile.plans, profile.totals, strict=True)
    repeated_ids = next((t.repeats for plan, t in by_role if plan.role == "id"), None)
    sampled, label = profile.sampled, schema.only("label")
    return Report(
        source=profile.source,
        rows=profile.rows,
        rejected=profile.rejects.counts.total(),
        rejects=list(_rejects(profile, schema)),
        label="" if label is None else label.name,
        findings=findings(profile, schema, columns, repeated_ids),
        balance=profile.balance,
        half_rates=_half_rates(profile),
        weights=profile.weights,
        times=profile.times,
        repeated_rows=profile.repeated,
        repeated_ids=repeated_ids,
        sample=SampleSize(sampled.rows, sampled.whole, sampled.rank_margin),
        columns=columns,
    )


def _rejects(profile: Profile, schema: Schema) -> Iterator[RejectGroup]:
    """The reasons, the most frequent first."""
    protected = any(column.settings.role == "protected" for column in schema.columns)
    counts = profile.rejects.counts
    for reason, column in sorted(counts, key=lambda key: (-counts[key], key)):
        rows = counts[reason, column]
        examples = [
            # A whole row may hold what must not be shown.
            Example(line, NOT_SHOWN if protected and not column and refusal.text else refusal.text)
            for line, refusal in profile.rejects.examples[reason, column]
        ]
        yield RejectGroup(reason, column, rows, rows / profile.rows, examples)


def _half_rates(profile: Profile) -> tuple[float, float] | None:
    halves = profile.sampled.half_labels()
    if halves is None:
        return None
    (first, of_first), (second, of_second) = halves
    return first / of_first, second / of_second


@dataclass(frozen=True)
class Cells:
    """The sampled cells of a column.

    Attributes:
        texts: each row's cell.
        names: the different ones.
        codes: the number of each row's cell among these.
        missing: whether each row's is missing.
        values: each row's number, NaN where there is none; of a numeric column.
    """

    texts: Sequence[str]
    names: Sequence[str]
    codes: NDArray[np.int64]
    missing: NDArray[np.bool_]
    values: NDArray[np.float64] | None


def column_reports(profile: Profile) -> Iterator[ColumnReport]:
    """One a column, in the file's order."""
    of = profile.sampled
    judge = Judge(of.labels, of.lots, len(profile.plans), of.judged)
    columns = profile.sample.columns(len(profile.plans))
    events = happened(profile.plans, profile.sample)
    all_columns = zip(profile.plans, profile.totals, columns, strict=True)
    for plan, totals, sampled in all_columns:
        cells = sampled if plan.reading is None else list(map(plan.reading, sampled))
        spelt = profile.rejects.spellings.get(plan.name, Counter())
        found = _report(plan, totals, _cells(plan, cells), profile.sampled, spelt)
        alone = _alone(plan, sampled, judge)
        later = comes_after(plan, cells, events)
        refused = sum(n for (_, name), n in profile.rejects.counts.items() if name == plan.name)
        yield replace(found, refused=refused, alone=alone, after_event=later)


def _alone(plan: ColumnPlan, cells: Sequence[str], judge: Judge) -> Alone | None:
    """How well it predicts the label by itself, as ``init`` asks it of the same cells."""
    if not cells or plan.role in ONLY_COUNTED:
        return None
    column = ColumnSample(plan.name, cells, (), plan.missing)
    return judge.of_column(column, "time" if plan.role == "time" else plan.kind)


def _report(
    plan: ColumnPlan,
    totals: Totals,
    cells: Cells,
    sampled: Sampled,
    refused: Counter[str],
) -> ColumnReport:
    there = totals.rows - totals.missing
    distinct = totals.distinct
    counts = totals.counts or _sampled_counts(cells, sampled)
    present = _present(plan, counts)
    odd = odd_cells(plan, present, refused, totals.missing_as)
    shown = sampled.rows > 0 and plan.role not in ONLY_COUNTED
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
        numbers=totals.numbers and replace(totals.numbers, quantiles=_quantiles(plan, present)),
        times=None if plan.hidden else time_span(plan, present),
        unseen=totals.unseen,
        refused=0,
        alone=None,
        after_event=False,
        drift=_drift(plan, cells, sampled) if shown else None,
        bars=_bars(cells, sampled) if shown and not plan.hidden else [],
        odd=replace(odd, said=[*odd.said, *totals.respelt]),
    )


def _cells(plan: ColumnPlan, cells: Sequence[str]) -> Cells:
    names = list(dict.fromkeys(cells))
    known = {cell: code for code, cell in enumerate(names)}
    codes = np.fromiter(map(known.__getitem__, cells), np.int64, len(cells))
    lacking = np.fromiter(map(plan.is_missing, names), np.bool_, len(names))
    missing = lacking[codes]
    if not plan.numeric:
        return Cells(cells, names, codes, missing, None)
    numbers = np.full(len(names), np.nan)
    numbers[~lacking] = plan.values([n for n, gone in zip(names, lacking, strict=True) if not gone])
    return Cells(cells, names, codes, missing, numbers[codes])


def _sampled_counts(cells: Cells, sampled: Sampled) -> Counts:
    """What :class:`Counts` would hold of the sample."""
    counts = Counts()
    positive, unknown = sampled.labels == POSITIVE, sampled.labels == UNLABELLED
    counts.add(cells.texts, Classes(positive.tolist(), unknown.tolist()))
    return counts


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
    for cell in nsmallest(SHOWN_VALUES, present, key=lambda cell: (-present[cell], cell)):
        rows = present[cell]
        if plan.role == "id" and rows == 1:  # only one that comes again says something
            break
        known = rows - counts.unknown[cell]
        rate = counts.positive[cell] / known if known and counts.positive else None
        values.append(Value(quoted(cell), rows, rows / total, rate))
    return values


def _rare(present: dict[str, int], distinct: Estimate) -> Rare:
    total = sum(present.values())
    frequent = [rows for rows in present.values() if rows >= RARE_SHARE * total]
    values = Estimate(max(0, distinct.count - len(frequent)), distinct.margin)
    return Rare(values, 1 - sum(frequent) / total if total else 0.0)


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
        return None  # times always drift, and texts hardly repeat
    codes = cells.codes + 1 if cells.values is None else spans(cells.values, SPANS)
    return drift(np.where(cells.missing, 0, codes), sampled.second)


def _bars(cells: Cells, sampled: Sampled) -> list[Bar]:
    """Each half's share of the values, and the share of positive labels."""
    if cells.values is None:
        codes, texts = _value_bars(cells)
    else:
        codes, texts = _number_bars(cells.values, cells.missing)
    second = sampled.second
    size = max(texts, default=0) + 1
    first = np.bincount(codes[~second], minlength=size) / max(1, int((~second).sum()))
    after = np.bincount(codes[second], minlength=size) / max(1, int(second.sum()))
    labelled = np.bincount(codes[sampled.labels != UNLABELLED], minlength=size)
    positive = np.bincount(codes[sampled.labels == POSITIVE], minlength=size)
    bars = []
    for code in sorted(texts):
        rate = float(positive[code] / labelled[code]) if labelled[code] else None
        if texts[code] != OTHERS or first[code] or after[code]:
            bars.append(Bar(texts[code], float(first[code]), float(after[code]), rate))
    return bars


def _value_bars(cells: Cells) -> tuple[NDArray[np.int64], dict[int, str]]:
    """The bar of each row, and texts: of the most frequent values, all others, and missing."""
    ranks = largest(np.where(cells.missing, -1, cells.codes), MOST_BARS)
    texts = {MOST_BARS: OTHERS}
    for rank in np.unique(ranks[ranks < MOST_BARS]).tolist():
        place = int(np.flatnonzero(ranks == rank)[0])
        name = cells.names[int(cells.codes[place])]
        texts[rank] = MISSING if cells.missing[place] else quoted(name)
    if cells.missing.any() and MISSING not in texts.values():
        ranks = np.where(cells.missing, MOST_BARS + 1, ranks)
        texts[MOST_BARS + 1] = MISSING
    return ranks, {} if (ranks == MOST_BARS).mean() > MOST_OTHERS else texts


def _number_bars(
    values: NDArray[np.float64], missing: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], dict[int, str]]:
    """The bar of each row, and texts: of spans of equal width, missing, and what is no number."""
    there = ~np.isnan(values)
    bins = np.where(missing, BINS, BINS + 1)
    if not there.any():
        return bins, {}
    numbers = values[there]
    rising = np.sort(numbers)
    tail = int(TAIL * len(rising))
    low, high = float(rising[tail]), float(rising[-1 - tail])
    if low == high:
        low, high = float(rising[0]), float(rising[-1])
    edges = low + (high - low) / BINS * np.arange(BINS + 1)
    bins[there] = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, BINS - 1)
    ends = [f"{edge:.6g}" for edge in edges.tolist()]
    texts = {i: f"{ends[i]} to {ends[i + 1]}" for i in range(BINS)}
    present = set(bins.tolist())
    if low == high:
        texts = {code: f"{low:.6g}" for code in present if code < BINS}
    words = {BINS: MISSING, BINS + 1: NO_NUMBER}
    return bins, texts | {code: text for code, text in words.items() if code in present}
