"""The counts and measures of a pipeline, and the report that ``learn`` and ``backfill`` print."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from stream.fold.pipeline import Pipeline


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
    }


def metrics(pipeline: Pipeline) -> dict[str, Any]:
    """The results of progressive validation, of the learner and of the frozen copy."""
    report: dict[str, Any] = pipeline.evaluator.summary()
    troubles = {s.name: s.trouble for s in pipeline.scoring.shadows if s.trouble}
    if troubles:
        report["shadow_troubles"] = troubles
    report["stream_time"] = pipeline.joiner.stream_time
    return report


def report(
    counts: dict[str, int],
    metrics: dict[str, Any],
    version: int | None,
    model_sha256: str | None,
    this_run: tuple[int, float],
) -> dict[str, Any]:
    """Cumulative counts and measures, the newest version, and what this run did.

    Args:
        counts: of events and labels, over the lineage.
        metrics: the results of progressive validation.
        version: the newest.
        model_sha256: its model's fingerprint.
        this_run: events taken, and seconds.
    """
    events, seconds = this_run
    return {
        **summary(counts, metrics),
        "version": version,
        "model_sha256": model_sha256,
        "events_this_run": events,
        "events_per_second": round(events / max(seconds, 1e-9), 1),
    }


def summary(counts: dict[str, int], metrics: dict[str, Any]) -> dict[str, Any]:
    """The counts, then ``log_loss`` and ``auc`` over all learned events and the other metrics."""
    first = ("events", "learned", "waiting", "expired", "scored_only", "rejected", "duplicates")
    measures = {name: value for name, value in metrics.items() if name not in counts}
    ordered = {name: counts.get(name, 0) for name in (*first, "labels_waiting")}
    return ordered | counts | {"log_loss": None, "auc": None} | measures
