"""The report as one document: what ``freshet report --json`` prints, and what the sections word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converters.cells.escaping import quoted
from converters.config.settings import Settings
from converters.show.tables import cut
from learners.evaluation.labelled_examples import MILLISECONDS, PINNED, SERVED, STATIC, Measuring
from learners.evaluation.served_lag import REMEMBERED
from learners.registry.row_types import iso
from learners.report.checkpoint_measures import Measured, spans, versions_within
from learners.report.figures import Group, undefined
from learners.report.input_rows import input_of
from learners.report.served_version import LEARNER, scores_were_served

# Settings of what is gathered, which a checkpoint's manifest alone tells.
OF_COLLECTING = ("slice_values", "static_after")
THRESHOLD, SCALE = "threshold", "value.scale"


def document(settings: Settings, measured: Measured) -> dict[str, Any]:
    """All of it, ready for JSON; undefined measures are None, and ``undefined`` says why."""
    checkpoint = measured.checkpoint
    measures = measured.evaluator.details(measured.slices)
    curve = measured.evaluator.curve()
    measures["periods"] = curve.pop("periods")
    return {
        "model": settings.model,
        "version": checkpoint.version,
        "lineage": checkpoint.lineage,
        "made_at": iso(checkpoint.created_at),
        "model_sha256": checkpoint.model_sha256,
        "learner": checkpoint.learner,
        "served": measured.served.to_json(),
        "pinned": measured.pinned,
        REMEMBERED: checkpoint.metrics.get(REMEMBERED),
        "replayed": replayed_json(measured),
        "shadows": measured.shadows,
        "adjustment": measured.manifest.get("adjustment"),
        "evaluation": _settings(settings, measured),
        "counts": checkpoint.events,
        "input": input_of(checkpoint.events, checkpoint.metrics),
        "equations": [each.to_json() for each in equations(checkpoint.events)],
        "measures": measures,
        "curve": curve,
        "versions": _versions(measured, measures),
        "oldest_version": measured.versions[0].version if measured.versions else None,
        "undefined": dict(undefined(measures)),
    }


def _settings(settings: Settings, measured: Measured) -> dict[str, Any]:
    """What the checkpoint was measured with; prices are the config's, as are intervals."""
    measuring, evaluation = measured.evaluator.measuring, settings.evaluation
    value = measuring.value
    then = as_asked(measuring)
    then |= {name: known for name, known in measured.told.items() if name in OF_COLLECTING}
    now = as_asked(measured.asked)
    if measured.told:
        now |= {name: evaluation.model_dump(mode="json")[name] for name in OF_COLLECTING}
    taken = measured.evaluator.forks.get(STATIC)
    return evaluation.model_dump(mode="json") | {
        **{name: known for name, known in then.items() if "." not in name},
        "value": None if value is None else value.model_dump(mode="json"),
        "static": None if taken is None else {"from_lesson": taken},
        "changed": [
            {"setting": setting(name), "measured": then.get(name), "config": asked}
            for name, asked in now.items()
            if asked != then.get(name)
        ],
        "imbalance": settings.imbalance.model_dump(mode="json"),
        "calibration": settings.calibration.model_dump(mode="json"),
    }


def as_asked(measuring: Measuring) -> dict[str, Any]:
    """What is measured, as the config would ask for it."""
    found = {
        "window": measuring.window,
        "window_seconds": measuring.window_ms / MILLISECONDS,
        "half_life": measuring.half_life,
        "period": measuring.period_ms / MILLISECONDS,
        "slices": list(measuring.slices),
        THRESHOLD: measuring.threshold,
    }
    return found if measuring.value is None else found | {SCALE: measuring.scale}


def setting(name: str) -> str:
    """A setting by its whole name."""
    if name == THRESHOLD:
        return f"serve.{name}"
    return name if "." in name else f"evaluation.{name}"


def replayed_json(measured: Measured) -> dict[str, int] | None:
    """What of the measures a backfill scored."""
    return None if measured.replayed is None else measured.replayed.to_json()


def _versions(measured: Measured, measures: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups by examples trained on, each with the versions whose scores it holds."""
    found = spans(measured.versions)
    return [
        {"versions": versions_within(found, bucket["from"], bucket["to"]), **bucket}
        for bucket in measures["by_lessons"]
    ]


SCORE, BASE_RATE = "score", "base_rate"
CALLED = {
    "raw": "raw (the learner's own)",
    "static": "static (frozen copy)",
    BASE_RATE: "base rate",
    SERVED: "served (given over HTTP)",
}


def contenders(measures: Group) -> list[str]:
    """The learner's score, what was given, what is pinned, the copy, the base rate and others."""
    known = measures.get("contenders") or {}
    others = [name for name in known if name not in (BASE_RATE, SERVED, PINNED)]
    pinned = [name for name in (SERVED, PINNED) if name in known]
    static = ["static"] if measures.get("static") else []
    base = [BASE_RATE] if BASE_RATE in known else []
    return [SCORE, *pinned, *static, *base, *others]


def called(name: str, document: Mapping[str, Any]) -> str:
    """A contender's name for a person, in a report or comparison."""
    if name == SCORE:
        return "score (served)" if scores_were_served(document) else LEARNER
    if name == PINNED and document["pinned"]:
        return f"pinned (version {document['pinned']['version']})"
    return CALLED.get(name, cut(name))


def copied(name: str, document: Mapping[str, Any], group: Group) -> str:
    """A mark on the frozen copy where its figures are in part of the time before its freeze."""
    taken = document["evaluation"]["static"]
    if name != STATIC or taken is None:
        return ""
    since = document["measures"]["count"] - taken["from_lesson"]
    reaches_back = taken["from_lesson"] and group.get("count", since + 1) > since
    return " *" if reaches_back else ""


def shortly(name: str) -> str:
    """A contender's name where there is little room."""
    return "base rate" if name == BASE_RATE else cut(name, 20)


def report_of(measures: Group, name: str) -> Group:
    """The report of a contender: all, and the views within."""
    if name == SCORE:
        return measures
    found = measures.get(name) if name == "static" else measures["contenders"][name]
    return found if isinstance(found, Mapping) else {}


def part_of(entry: Mapping[str, Any], name: str) -> Group:
    """A contender's measures in a group of examples; empty where it scored none of them."""
    found: Group = entry.get(name, {})
    return found


def since_words(grouping: Mapping[str, Any]) -> list[str]:
    """From which example on a grouping was recorded, where that is not the first."""
    first = grouping["from_lesson"]
    return [f"Recorded from example {first:,}, when it was added to the config."] if first else []


def trouble_words(shadows: Mapping[str, Any]) -> list[str]:
    """Which shadows have failed, and why."""
    return [
        f"The shadow '{cut(name)}' has failed and is disabled (rename it to restart it): "
        f"{quoted(said['trouble'])}"
        for name, said in shadows.items()
        if said["trouble"]
    ]


# What becomes of an event row is one of these.
EVENT_PARTS = (
    *("learned", "waiting", "expired", "scored_only", "rejected", "duplicates"),
    "quarantined",
)
LABELS = "labels"


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
            f"{left} is NOT {right}: the counts do not add up. This is a bug in Freshet; "
            "please report it."
        )

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {"whole": self.whole, "parts": list(self.parts), "holds": self.holds}


def equations(counts: Mapping[str, int]) -> list[Equation]:
    """Those of events and labels."""
    parts = sorted(name for name in counts if name.startswith(f"{LABELS}_"))
    return [Equation("events", EVENT_PARTS, counts), Equation(LABELS, parts, counts)]
