"""The report as one document: what ``freshet report --json`` prints, and what the sections word."""

from __future__ import annotations

from typing import Any

from converters.settings import Settings
from learners.registry import iso
from learners.reporting.balance import equations
from learners.reporting.chain import spans, versions_within
from learners.reporting.figures import undefined
from learners.reporting.measured import Measured


def document(settings: Settings, measured: Measured) -> dict[str, Any]:
    """All of it, ready for JSON; undefined measures are None, and ``undefined`` says why."""
    checkpoint = measured.checkpoint
    measures = measured.evaluator.details(measured.slices)
    return {
        "model": settings.model,
        "version": checkpoint.version,
        "lineage": checkpoint.lineage,
        "made_at": iso(checkpoint.created_at),
        "model_sha256": checkpoint.model_sha256,
        "learner": checkpoint.learner,
        "shadows": measured.shadows,
        "adjustment": measured.manifest.get("adjustment"),
        "evaluation": _settings(settings, measured),
        "counts": checkpoint.events,
        "equations": [each.to_json() for each in equations(checkpoint.events)],
        "measures": measures,
        "versions": _versions(measured, measures),
        "undefined": dict(undefined(measures)),
    }


def _settings(settings: Settings, measured: Measured) -> dict[str, Any]:
    """What was measured; the threshold and the half-life are those of then."""
    measuring = measured.evaluator.measuring
    asked = settings.evaluation.model_dump(mode="json")
    value = None if settings.value is None else settings.value.model_dump(mode="json")
    return asked | {
        "threshold": measuring.threshold,
        "half_life": measuring.half_life,
        "value": value,
        "imbalance": settings.imbalance.model_dump(mode="json"),
        "calibration": settings.calibration.model_dump(mode="json"),
    }


def _versions(measured: Measured, measures: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups by lessons behind the score, each with the versions whose scores it holds."""
    found = spans(measured.versions)
    return [
        {"versions": versions_within(found, bucket["from"], bucket["to"]), **bucket}
        for bucket in measures["by_lessons"]
    ]
