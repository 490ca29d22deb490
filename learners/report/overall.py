"""The first tables of a report: each contender's measures, over all lessons and the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.show.charts import Line, LineChart
from converters.show.tables import Table, counted, moment
from learners.report.document import (
    BASE_RATE,
    called,
    contenders,
    equations,
    part_of,
    report_of,
    shortly,
    since_words,
    trouble_words,
)
from learners.report.figures import HEADINGS, MEASURES, Section, drawn, figure, headings
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
            rows.append(
                [called(name, document), labels, *(figure(group, each) for each in MEASURES)]
            )
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
        f"{said}{EXACT}",
        *_frozen(asked["static"]),
        *_changed(asked["changed"]),
        *trouble_words(document["shadows"]),
    ]


def _frozen(static: Mapping[str, Any] | None) -> list[str]:
    if static is None:
        return []
    after = f"{static['from_lesson']:,} labelled examples"
    return [f"The copy was frozen after {after}; until then it was the learner itself."]


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


CURVES = ("log_loss", "auc")
# Contenders in the table, which has to fit a terminal; the pictures and the JSON have all.
MOST_SHOWN = 3
Entry = Mapping[str, Any]


def curves_section(document: Mapping[str, Any]) -> Section | None:
    """Each contender's measures by the time of the events."""
    measures = document["measures"]
    periods = measures.get("periods")
    if not periods:
        return None
    kinds = {name: kind for kind, name in enumerate(contenders(measures))}
    lines = {measure: _ordering(list(kinds), measure) for measure in CURVES}
    pictures = [
        LineChart(HEADINGS[m], "time", [_line(n, m, periods, kinds[n]) for n in names])
        for m, names in lines.items()
    ]
    counts = [(entry["start"], float(entry["count"])) for entry in periods]
    labels = LineChart("labels", "time", [Line("labels", counts)], ground=True)
    first = list(kinds)[:MOST_SHOWN]
    shown = [(measure, name) for measure, names in lines.items() for name in names if name in first]
    header = ("from", "labels", *(f"{HEADINGS[m]} {shortly(n)}" for m, n in shown))
    rows = [
        [
            moment(entry["start"]),
            f"{entry['count']:,}",
            *(figure(part_of(entry, name), measure) for measure, name in shown),
        ]
        for entry in periods
    ]
    table = Table("Curves", header, (False, *[True] * (len(header) - 1)), rows)
    per = duration(periods[0]["end"] - periods[0]["start"]).removeprefix("1 ")
    said = f"By the time of the event, not of its label; one point per {per}."
    left_out = [shortly(name) for name in list(kinds)[MOST_SHOWN:]]
    more = [f"In the pictures and the JSON only: {', '.join(left_out)}."] if left_out else []
    words = [said, *more, *since_words(measures["groupings"]["periods"])]
    return Section("Over event time", words, [table], [*pictures, labels], folded=True)


def _ordering(names: Sequence[str], measure: str) -> list[str]:
    """Those that a measure says something of: the base rate orders nothing."""
    return [name for name in names if measure != "auc" or name != BASE_RATE]


def _line(name: str, measure: str, periods: Sequence[Entry], kind: int) -> Line:
    points = [(entry["start"], drawn(part_of(entry, name), measure)) for entry in periods]
    return Line(shortly(name), points, kind)


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
    "labels": "rows of the labels topic",
    "labels_joined": "joined to their event",
    "labels_waiting": "came before their event, and wait for it",
    "labels_rejected": "refused; they are in the dead letters",
    "labels_duplicates": "repeated a known label",
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
