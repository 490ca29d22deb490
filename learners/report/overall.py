"""The first tables of a report: each contender's measures, over all lessons and the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.show.tables import Table, counted
from learners.evaluation.served_lag import REMEMBERED, given_words
from learners.metrics.metrics import FEWEST_LABELS
from learners.report.document import (
    called,
    contenders,
    copied,
    equations,
    report_of,
    trouble_words,
)
from learners.report.figures import HEADINGS, MEASURES, Section, figure, headings
from learners.report.served_version import served_words

NO_LABELS = (
    "No label has been joined to its event yet, so there is nothing to measure. Labels are "
    "measured when they come, with the score that their event was given at arrival."
)

EXACT = (
    "The tables of the last labels and of the most recent event-time window are exact. A "
    "figure behind ± is the maximum error of a histogram, not a confidence interval."
)


def overall_section(document: Mapping[str, Any]) -> Section:
    """Contenders side by side in every view."""
    measures = document["measures"]
    if not measures.get("count"):
        return Section("Measures", [NO_LABELS])
    tables = [_table(title, document, view) for view, title in _views(document).items()]
    return Section("Measures", _words(document), [table for table in tables if table.rows])


def _views(document: Mapping[str, Any]) -> dict[str, str]:
    """Each view's key, and its title with its size."""
    measures, settings = document["measures"], document["evaluation"]
    window = (measures.get("window") or {}).get("count", 0)
    recent = (measures.get("recent") or {}).get("count", 0)
    return {
        "": f"All {counted(measures['count'], 'label', 'labels')}",
        "window": f"The last {counted(window, 'label', 'labels')}",
        "recent": f"The last {duration(settings['window_seconds'] * 1000)} of event time, "
        f"{counted(recent, 'label', 'labels')}",
        "faded": f"Exponentially weighted, half-life {settings['half_life']:,g} labels",
    }


def _table(title: str, document: Mapping[str, Any], view: str) -> Table:
    rows, measures = [], document["measures"]
    for name in contenders(measures):
        report = report_of(measures, name)
        group = report.get(view) if view else report
        if isinstance(group, Mapping):
            labels = "" if view == "faded" else figure(group, "count")
            named = called(name, document) + copied(name, document, group)
            rows.append([named, labels, *(figure(group, each) for each in MEASURES)])
    # Windows are measured anew each time, and so wholly by the newest threshold.
    every = view in ("", "faded")
    shown = headings(measures, MEASURES) if every else [HEADINGS[name] for name in MEASURES]
    header = ("", "labels", *shown)
    return Table(title, header, (False, *[True] * (len(header) - 1)), rows)


def _words(document: Mapping[str, Any]) -> list[str]:
    measures = document["measures"]
    errors = {"AUC": measures.get("auc_error"), "PR AUC": measures.get("pr_auc_error")}
    stated = [f"{name} within {error:.1g}" for name, error in errors.items() if error]
    said = f"Over all labels: {', '.join(stated)}. " if stated else ""
    asked = document["evaluation"]
    return [
        *served_words(document),
        *given_words({**measures, REMEMBERED: document[REMEMBERED]}),
        *_few(document),
        f"{said}{EXACT}",
        *_frozen(asked["static"]),
        *_changed(asked["changed"]),
        *trouble_words(document["shadows"]),
    ]


def few_labels(document: Mapping[str, Any]) -> bool:
    """Whether the labels are too few to be spread over groups and bins."""
    return 0 < (document["measures"].get("count") or 0) < FEWEST_LABELS


def _few(document: Mapping[str, Any]) -> list[str]:
    if not few_labels(document):
        return []
    labels = counted(document["measures"]["count"], "label", "labels")
    said = f"{labels} so far: these figures are mostly chance."
    return [f"{said} Curves, calibration and groups are shown from {FEWEST_LABELS} labels on."]


def _frozen(static: Mapping[str, Any] | None) -> list[str]:
    if static is None or not static["from_lesson"]:
        return []
    after = f"{static['from_lesson']:,} labelled examples"
    said = f"* The copy was frozen after {after}; until then it was the learner itself, and its "
    said += "figures are in part the learner's."
    return [f"{said} 'freshet compare' counts it from there on."]


def _changed(changed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the config asks for something else than was measured."""
    each = [f"{one['setting']} ({one['measured']}, now {one['config']})" for one in changed]
    if not each:
        return []
    words = f"The config has changed since this was measured: {', '.join(each)}."
    return [f"{words} The learner measures by it from its next start on; this is what it was."]


def duration(milliseconds: float) -> str:
    """A length of time in its largest fitting unit."""
    for size, one, more in (
        (86_400_000, "day", "days"),
        (3_600_000, "hour", "hours"),
        (60_000, "minute", "minutes"),
        (1_000, "second", "seconds"),
    ):
        if milliseconds >= size:
            number = milliseconds / size
            return f"{number:g} {one if number == 1 else more}"
    return f"{milliseconds:g} milliseconds"


# Part of the count 'learned', so in no equation.
LEFT_OUT = "left_out"

MEANINGS = {
    "events": "rows of the events topic",
    "learned": "scored, measured and learned, or learned as negative after the wait",
    "waiting": "scored, and remembered until the label comes",
    "expired": "expired: no label came in time",
    "scored_only": "scored only: neither a label nor an id",
    "rejected": "refused; they are in the dead letters",
    "duplicates": "dropped: the id was seen shortly before",
    "quarantined": "left out: in quarantine",
    "labels": "rows of the labels topic",
    "labels_joined": "joined to their event",
    "labels_waiting": "came before their event, and wait for it",
    "labels_rejected": "refused; they are in the dead letters",
    "labels_duplicates": "repeated a known label",
    "labels_quarantined": "left out: they, or their event, are in quarantine",
    "labels_late": "came after their event had expired",
    "labels_expired": "expired unmatched",
    "labels_corrected": "changed the label of an event that was learned",
    LEFT_OUT: "of those learned: negative ones that were measured and not trained on",
}


def counts_section(counts: Mapping[str, int]) -> Section:
    """What became of every row."""
    shown = [name for equation in equations(counts) for name in (equation.whole, *equation.parts)]
    shown += [LEFT_OUT] if counts.get(LEFT_OUT) else []
    rows = [[name, f"{counts.get(name, 0):,}", MEANINGS.get(name, "")] for name in shown]
    return Section(
        "What became of events and labels",
        [equation.words() for equation in equations(counts)],
        [Table("Counts over the lineage", ("count", "rows", "is"), (False, True, False), rows)],
    )
