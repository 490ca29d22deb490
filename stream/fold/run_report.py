"""The counts and measures of a pipeline, and the report that ``learn`` and ``backfill`` print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from converters.cells.remedies import NO_LOSS, commonest
from converters.convert.cell_watch import ABSENT, UNSEEN, CellCounts
from converters.convert.cell_words import remarks_on
from learners.evaluation.labelled_examples import PINNED
from learners.evaluation.served_lag import REMEMBERED
from stream.fold import expiry
from stream.fold.expiry import DECIDED, EVENTS, LABELS
from stream.fold.pipeline import Pipeline

Examples = Mapping[str, Mapping[str, str]]
# Rows of events and of labels, and the refused ones of each by reason; accepted event rows, and
# their absent and unseen cells by column.
Rows = Counter[tuple[str, str]]
# In place of a reason: all rows of the kind.
ALL = ""
REPEATED = DUPLICATES, DUPLICATE_LABELS = "duplicates", "duplicate_labels"
# More of the rows, and at least so many, and a run or a learner says so.
MOST_REPEATED, LEAST_REPEATED = 0.1, 10
# The counts of absent and unseen cells, among the metrics.
CELLS = "cells"
# In place of a kind: what became of events and labels, by the name of the count.
OUTCOME = "outcome"
JUMP = "stream_time_jump"


def counts(pipeline: Pipeline) -> dict[str, int]:
    """All counts of events and labels, as reports and the registry hold them."""
    joiner = pipeline.joiner
    evicted = joiner.crowded_out_labels
    return {
        **asdict(pipeline.counts),
        "waiting": len(joiner.waiting),
        **asdict(joiner.counts),
        "labels_waiting": len(joiner.labels),
        # Among the expired labels, and so in no equation.
        **({"crowded_out_labels": evicted} if evicted else {}),
        # Among the duplicates.
        **({DUPLICATE_LABELS: lost} if (lost := pipeline.planner.duplicate_labels) else {}),
    }


def metrics(pipeline: Pipeline) -> dict[str, Any]:
    """The results of progressive validation, of the learner and of the frozen copy."""
    return pipeline.evaluator.summary() | beside_measures(pipeline)


def beside_measures(pipeline: Pipeline) -> dict[str, Any]:
    """What :func:`metrics` tells besides the measures."""
    report: dict[str, Any] = {}
    troubles = {s.name: s.trouble for s in pipeline.scoring.shadows if s.trouble}
    if troubles:
        report["shadow_troubles"] = troubles
    if pipeline.scoring.pinned is not None:
        report[PINNED] = pipeline.scoring.pinned.to_json()
    if pipeline.scoring.remembers or pipeline.ignored:
        ignored = dict(sorted(pipeline.ignored.items()))
        report[REMEMBERED] = {"lag": pipeline.served_lag.to_json(), "ignored": ignored}
    report["stream_time"] = pipeline.joiner.stream_time
    report["rejected_reasons"] = rejected_reasons(pipeline)
    report[CELLS] = pipeline.cells.to_json()
    if pipeline.planner.duplicate_labels:
        report[DUPLICATE_LABELS] = pipeline.planner.duplicate_labels
    if pipeline.planner.jump is not None:
        report[JUMP] = pipeline.planner.jump._asdict()
    return report


def rejected_reasons(pipeline: Pipeline) -> dict[str, dict[str, int]]:
    """How many rows of events and of labels were refused for which reason, over the lineage."""
    return {kind: dict(commonest(of.reasons)) for kind, of in pipeline.planner.refused.items()}


def examples(pipeline: Pipeline) -> Examples:
    """Where the reasons of refusals occurred, since the pipeline was loaded."""
    return {kind: of.examples for kind, of in pipeline.planner.refused.items()}


def rows(
    counts: Mapping[str, int], reasons: Mapping[str, Mapping[str, int]], cells: CellCounts
) -> Rows:
    """Rows taken and refused, and what became of them, to be subtracted from those of later."""
    found = Counter({(kind, ALL): counts.get(kind, 0) for kind in (EVENTS, LABELS)})
    decided = (*(name for names in DECIDED.values() for name in names), *REPEATED)
    found.update({(OUTCOME, name): counts.get(name, 0) for name in decided})
    for kind, of in {**reasons, ABSENT: cells.absent, UNSEEN: cells.unseen}.items():
        found.update({(kind, reason): count for reason, count in of.items()})
    found[CELLS, ALL] = cells.rows
    return found


def cells_of(rows: Rows) -> CellCounts:
    """The counts of cells among these."""
    absent, unseen = (
        Counter({column: n for (of, column), n in rows.items() if of == kind and n > 0})
        for kind in (ABSENT, UNSEEN)
    )
    return CellCounts(max(0, rows[CELLS, ALL]), absent, unseen)


def rows_of(pipeline: Pipeline) -> Rows:
    """The same of a pipeline, as of now."""
    return rows(counts(pipeline), rejected_reasons(pipeline), pipeline.cells)


class ThisRun(NamedTuple):
    """What a run has to know to report what it did itself.

    Attributes:
        before: the rows that were taken before it.
        seconds: how long it took.
        examples: where reasons of refusals occurred.
    """

    before: Rows
    seconds: float
    examples: Examples


def report(
    counts: dict[str, int],
    metrics: dict[str, Any],
    version: int | None,
    model_sha256: str | None,
    this_run: ThisRun,
) -> dict[str, Any]:
    """Cumulative counts and measures, the newest version, and what this run did.

    Args:
        counts: of events and labels, over the lineage.
        metrics: the results of progressive validation.
        version: the newest.
        model_sha256: its model's fingerprint.
        this_run: what was there before it.
    """
    cells = CellCounts.from_json(metrics.get(CELLS, {}))
    taken = rows(counts, metrics.get("rejected_reasons", {}), cells)
    taken.subtract(this_run.before)
    events = max(0, taken[EVENTS, ALL])
    return {
        **summary(counts, metrics),
        "version": version,
        "model_sha256": model_sha256,
        "rejected_this_run": {
            kind: rejected(kind, taken, this_run.examples.get(kind, {}))
            for kind in (EVENTS, LABELS)
        },
        "cells_this_run": cells_of(taken).to_json(),
        "expired_this_run": expired(taken) | _jump(metrics, this_run.before),
        "duplicates_this_run": repeated(taken),
        "events_this_run": events,
        "events_per_second": round(events / max(this_run.seconds, 1e-9), 1),
    }


def remarks(report: Mapping[str, Any]) -> list[str]:
    """What a person should know of the cells of a run."""
    return remarks_on(CellCounts.from_json(report["cells_this_run"]))


def rejected(kind: str, taken: Rows, examples: Mapping[str, str]) -> dict[str, Any]:
    """How many of these rows are of a kind, and how many of those were refused for which reason."""
    lost = {r: n for (of, r), n in taken.items() if of == kind and r not in {ALL, *NO_LOSS}}
    found = {reason: count for reason, count in lost.items() if count > 0}
    return {
        "rows": max(0, taken[kind, ALL]),
        "rejected": sum(found.values()),
        "reasons": dict(commonest(found)),
        "examples": {reason: examples[reason] for reason in found if examples.get(reason)},
    }


def expired(taken: Rows) -> dict[str, dict[str, int]]:
    """How many events and labels were decided by these rows, and how many of those were lost."""
    outcomes = {name: count for (kind, name), count in taken.items() if kind == OUTCOME}
    return expiry.expired(outcomes)


def repeated(taken: Rows) -> dict[str, int]:
    """How many of these event rows were duplicates, and how many labels were lost with them."""
    rows = {"rows": max(0, taken[EVENTS, ALL])}
    return rows | {name: max(0, taken[OUTCOME, name]) for name in REPEATED}


def repeats_said(found: Mapping[str, int], of: str) -> str:
    """What :func:`repeated` gives in words, if they are many or cost labels; else nothing."""
    rows, count, labels = found["rows"], found[DUPLICATES], found[DUPLICATE_LABELS]
    many = count > MOST_REPEATED * rows and count >= LEAST_REPEATED
    if not many and not labels:
        return ""
    said = (
        f"{count:,} of {rows:,} {of} ({count / max(rows, 1):.1%}) repeat the id of an event that "
        "came before, and were dropped as duplicates."
    )
    if labels:
        said += (
            f" {labels:,} of them brought the label that their event waits for, which is lost "
            "with the row: send such a label on the labels topic, or to POST /labels."
        )
    return said


def _jump(metrics: Mapping[str, Any], before: Rows) -> dict[str, Any]:
    """The last jump of stream time, if it came after these rows."""
    jump, taken = metrics.get(JUMP), before[EVENTS, ALL] + before[LABELS, ALL]
    return {} if jump is None or jump["rows"] <= taken else {JUMP: jump}


def summary(counts: dict[str, int], metrics: dict[str, Any]) -> dict[str, Any]:
    """The counts, then ``log_loss`` and ``auc`` over all learned events and the other metrics."""
    first = (
        *("events", "learned", "waiting", "expired", "scored_only", "rejected", "duplicates"),
        "quarantined",
    )
    measures = {name: value for name, value in metrics.items() if name not in counts}
    ordered = {name: counts.get(name, 0) for name in (*first, "labels_waiting")}
    return ordered | counts | {"log_loss": None, "auc": None} | measures
