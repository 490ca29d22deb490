"""One version in words: what ``freshet show`` prints for a person.

Its figures are those of ``show --json``; the registry says when it was served, and with which
columns it was learned.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from converters.show.tables import NOTHING, Table, counted, cut, print_table
from learners.registry.row_types import Entry, Lineage, Pointers, Version, iso
from learners.report.ancestry import Ancestry, TrainedOn
from learners.report.served_version import held

if TYPE_CHECKING:
    from learners.registry import Registry

KINDS = {"vw": "Vowpal Wabbit", "river": "river"}
STATES = {
    "verified": "verified: it scored its sample rows alike after being saved",
    "refused": "refused",
    "candidate": "candidate: not served unless it is promoted",
    "thinned": "thinned: its files were deleted by retention (checkpoint.keep)",
}
# The views of the measures, as a version keeps them.
VIEWS = {
    "": "all labels",
    "window": "last labels",
    "recent": "newest event time",
    "faded": "exponentially weighted",
}
MEASURES = {"base_rate": "positive", "log_loss": "log loss", "auc": "AUC", "brier": "Brier"}
EVENTS = (
    *("learned", "waiting", "expired", "scored_only", "rejected", "duplicates"),
    "quarantined",
)
LABELS = (
    "joined",
    "waiting",
    "late",
    "expired",
    "rejected",
    "duplicates",
    "corrected",
    "quarantined",
)
WIDTH, LEFT = 100, 12
# Of many times that it was served, the last ones.
MOST_TIMES = 3


@dataclass(frozen=True, slots=True)
class About:
    """What the registry knows of a version beside its own row.

    Attributes:
        version: that row.
        pointers: what is served now.
        lineage: the one that it is of, if it is known.
        trained_on: the examples behind its weights.
        served: from when until when it was served, the oldest first; None for still.
    """

    version: Version
    pointers: Pointers
    lineage: Lineage | None
    trained_on: TrainedOn
    served: Sequence[tuple[str, str | None]]


def about_version(registry: Registry, version: Version) -> About:
    """What the registry knows of a version."""
    pointers = registry.serving.pointers()
    lineage = registry.versions.lineage(version.lineage)
    served = served_times(version.version, registry.ledger.entries())
    return About(version, pointers, lineage, Ancestry(registry).trained_on(version), served)


def served_times(version: int, entries: Sequence[Entry]) -> list[tuple[str, str | None]]:
    """From when until when a version was served, by the whole ledger."""
    found: list[tuple[str, str | None]] = []
    for entry in entries:
        if entry.from_version == entry.to_version:
            continue
        if entry.to_version == version:
            found.append((iso(entry.at), None))
        elif entry.from_version == version and found:
            found[-1] = found[-1][0], iso(entry.at)
    return found


def print_version(content: Mapping[str, Any], about: About, model: str, out: TextIO) -> None:
    """Print a version for a person.

    Args:
        content: what ``show --json`` prints.
        about: what the registry knows beside that.
        model: its name.
        out: where to.
    """
    out.write(f"Version {about.version.version} of model '{model}'\n\n")
    for name, words in _facts(content, about):
        indent = " " * (LEFT + 2)
        filled = textwrap.fill(
            words, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
        out.write(f"  {name:{LEFT}}{filled[LEFT + 2 :]}\n")
    for table in (_measures(content["metrics"]), _weights(content["largest_weights"])):
        if table.rows:
            out.write("\n")
            print_table(table, out)


def _facts(content: Mapping[str, Any], about: About) -> Iterator[tuple[str, str]]:
    yield "state", _state(about.version, about.pointers)
    yield "created", content["created_at"]
    yield "served", _served(about.served)
    parent = content["parent"]
    begun = "none" if parent is None else f"version {parent}"
    origin = "" if about.lineage is None else f" ({about.lineage.origin})"
    yield "parent", f"{begun}; lineage {content['lineage']}{origin}"
    learner = content["learner"]
    yield "learner", f"{KINDS.get(learner['kind'], learner['kind'])}: {_arguments(learner)}"
    yield "columns", f"{_columns(about.lineage)}schema {content['schema_hash'][:12]}"
    yield "trained on", about.trained_on.words()
    counts = content["counts"]
    yield "events", _counted(counts, counts.get("events", 0), EVENTS)
    labels = tuple(f"labels_{name}" for name in LABELS)
    yield "labels", _counted(counts, counts.get("labels", 0), labels)
    yield "positions", _positions(content["positions"])
    yield "model", content["model_sha256"]


def _state(version: Version, pointers: Pointers) -> str:
    state = "held back" if held(version) else STATES[version.state]
    said = [f"{state}{f': {version.reason}' if version.reason else ''}"]
    if pointers.serving == version.version:
        said.append("served, pinned" if pointers.pinned else "served, following the learner")
    if pointers.latest == version.version:
        said.append("the learner's newest")
    return "; ".join(said)


def _served(times: Sequence[tuple[str, str | None]]) -> str:
    if not times:
        return "never"
    spans = [f"{begin} to {end or 'now'}" for begin, end in times[-MOST_TIMES:]]
    more = len(times) - len(spans)
    return ", ".join([*([f"{counted(more, 'time', 'times')} before"] if more else []), *spans])


def _columns(lineage: Lineage | None) -> str:
    """How many columns rows have had; nothing of a lineage that keeps no config."""
    if lineage is None or lineage.config is None:
        return ""
    return f"{counted(len(lineage.config['columns']), 'column', 'columns')}, "


def _arguments(learner: Mapping[str, Any]) -> str:
    given = learner["args"]
    words = given if isinstance(given, str) else " ".join(map(str, given))
    return words or "default arguments"


def _counted(counts: Mapping[str, int], whole: int, names: Sequence[str]) -> str:
    """A sum and those of its parts that are not zero."""
    parts = [
        f"{counts[name]:,} {name.removeprefix('labels_').replace('_', ' ')}"
        for name in names
        if counts.get(name)
    ]
    return f"{whole:,}" + (f": {', '.join(parts)}" if parts else "")


def _positions(positions: Mapping[str, Mapping[Any, int]]) -> str:
    each = [
        f"{topic}:{partition}:{offset}"
        for topic, offsets in sorted(positions.items())
        for partition, offset in sorted(offsets.items())
    ]
    return ", ".join(each) or "none: it was made from a file"


def _measures(metrics: Mapping[str, Any]) -> Table:
    """Each view that has labels."""
    rows = []
    for view, title in VIEWS.items():
        found = metrics.get(view) if view else metrics
        if not isinstance(found, Mapping) or found.get("log_loss") is None:
            continue
        count = f"{found['count']:,}" if "count" in found else NOTHING
        figures = (found.get(name) for name in (*MEASURES, "base_rate_log_loss"))
        rows.append([title, count, *(NOTHING if f is None else f"{f:.4f}" for f in figures)])
    header = ("over", "labels", *MEASURES.values(), "base rate's log loss")
    return Table("Measures", header, (False, *[True] * (len(header) - 1)), rows)


def _weights(weights: Mapping[str, float]) -> Table:
    rows = [[cut(name, 60), f"{weight:+.4f}"] for name, weight in weights.items()]
    title = "Largest weights, of the features of its sample rows"
    return Table(title, ("feature", "weight"), (False, True), rows)
