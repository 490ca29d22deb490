"""Tables of groups: slices, versions, and ages and delays of labels.

Each shows the learner's measures of the group, and how many labels they stand on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from converters.show.charts import BarChart, Line, LineChart
from converters.show.tables import Table, cut
from learners.metrics.metrics import FEWEST_LABELS
from learners.report.checkpoint_measures import versions_text
from learners.report.curves import lacking
from learners.report.document import SCORE, part_of, since_words
from learners.report.figures import Group, Section, figure, headings
from learners.report.overall import duration

SHOWN = ("base_rate", "log_loss", "auc", "brier", "ece", "accuracy")
Entry = Mapping[str, Any]


def slices_section(document: Mapping[str, Any]) -> Section | None:
    """Each sliced column's values, the highest log loss first."""
    slices = document["measures"].get("slices") or {}
    measures = document["measures"]
    tables = [
        _table(measures, f"By {cut(column)}", "value", worst_first(groups), _value)
        for column, groups in slices.items()
    ]
    if not any(table.rows for table in tables):
        return None
    kept = measures["groupings"]["slices"]
    since = [f"{cut(c)}: {said}" for c in slices for said in since_words(kept[c])]
    said = "Sorted by log loss, the highest first; values with fewer than "
    said += f"{FEWEST_LABELS} labels are last."
    return Section("Slices", [said, *since], tables)


def worst_first(entries: Sequence[Entry]) -> list[Entry]:
    """The groups by falling log loss; the small ones at the end."""

    # The worst of many small ones is worst by chance.
    def place(entry: Entry) -> tuple[bool, float]:
        loss = part_of(entry, SCORE).get("log_loss")
        return entry["count"] < FEWEST_LABELS, 0.0 if loss is None else -loss

    return sorted(entries, key=place)


def _value(entry: Entry) -> str:
    if entry["value"] is None:
        return "(not known)"
    return cut(entry["value"]) or "(empty)"


def versions_section(document: Mapping[str, Any]) -> Section | None:
    """By the number of examples trained on, and so by version."""
    buckets = [entry for entry in document["versions"] if entry["count"]]
    if not buckets:
        return None
    measures = document["measures"]
    named, oldest = ("By version", "versions"), document["oldest_version"]
    table = _table(
        measures, *named, buckets, lambda entry: versions_text(entry["versions"], oldest)
    )
    behind = [f"{entry['from']:,} to {entry['to'] - 1:,}" for entry in buckets]
    rows = [[row[0], trained, *row[1:]] for row, trained in zip(table.rows, behind, strict=True)]
    header = (table.header[0], "examples trained on", *table.header[1:])
    said = (
        "Each score is attributed to the newest version at scoring time. Examples are grouped by "
        "training count, so a row may span versions."
    )
    whole = table._replace(header=header, numeric=(False, *[True] * (len(header) - 1)), rows=rows)
    pictures = [_by_lessons(buckets)] if len(buckets) > 1 else []
    return Section("Versions", [said], [whole], pictures, folded=True)


def _by_lessons(buckets: Sequence[Entry]) -> LineChart:
    """A point for each bucket with labels enough; the line breaks where buckets are missing."""
    points: list[tuple[float, float | None]] = []
    for before, entry in zip([None, *buckets], buckets, strict=False):
        part = part_of(entry, SCORE)
        if before is not None and before["to"] < entry["from"]:
            points.append((before["to"], None))
        points.append((entry["from"], None if lacking(part, "log_loss") else part["log_loss"]))
    return LineChart("log loss by examples trained on", "number", [Line(SCORE, points)])


COUNTED_FROM = (
    "From stream time when the event came, which is later than the event's own time where it came "
    "behind others."
)


def ages_section(document: Mapping[str, Any]) -> Section | None:
    """By how long after its event the label came."""
    measures = document["measures"]
    ages = measures.get("ages")
    if not ages:
        return None
    table = _table(measures, "By age", "label came after", ages, between)
    return Section("Age of the label", (COUNTED_FROM,), [table])


def delays_section(document: Mapping[str, Any]) -> Section | None:
    """How long labels took."""
    every = document["measures"].get("delays") or []
    used = [place for place, entry in enumerate(every) if entry["count"]]
    if not used:
        return None
    delays = _without_gaps(every[used[0] : used[-1] + 1])
    total = sum(entry["count"] for entry in delays)
    bars = [(between(entry), [float(entry["count"])]) for entry in delays]
    rows = [
        [between(entry), f"{entry['count']:,}", f"{100 * entry['count'] / total:.1f} %"]
        for entry in delays
    ]
    table = Table("Delays", ("label came after", "labels", "share"), (False, True, True), rows)
    return Section(
        "Delay of labels", (COUNTED_FROM,), [table], [BarChart("labels", ["labels"], bars)]
    )


def _without_gaps(steps: Sequence[Entry]) -> list[Entry]:
    """The steps, with those in a row that hold no label as one."""
    found: list[Entry] = []
    for step in steps:
        if found and not step["count"] and not found[-1]["count"]:
            found[-1] = {**found[-1], "to_ms": step["to_ms"]}
        else:
            found.append(step)
    return found


def between(entry: Entry) -> str:
    """A span of time."""
    low, high = entry["from_ms"], entry["to_ms"]
    if high is None:
        return f"{duration(low)} or more"
    return f"{duration(low) if low else '0'} to {duration(high)}"


def _table(
    measures: Group,
    title: str,
    first: str,
    entries: Sequence[Entry],
    called: Callable[[Entry], str],
) -> Table:
    header = (first, "labels", *headings(measures, SHOWN))
    rows = [
        [
            called(entry),
            f"{entry['count']:,}",
            *(figure(part_of(entry, SCORE), name) for name in SHOWN),
        ]
        for entry in entries
    ]
    return Table(title, header, (False, *[True] * (len(header) - 1)), rows)
