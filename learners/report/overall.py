"""The first tables of a report: each contender's measures, over all lessons and the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.show.tables import Table, counted
from learners.report.figures import HEADINGS, MEASURES, Group, figure, headings
from learners.reporting.contenders import called, contenders, report_of, trouble_words
from learners.reporting.sections import Section

NO_LABELS = (
    "No label has met its event yet, so there is nothing to measure. Labels are measured when they "
    "come, with the score that their event was given at arrival."
)

EXACT = (
    "The tables of the last labels and of the last stretch of event time are exact. A figure "
    "behind ± is the most by which one from a histogram can be off, not a matter of chance."
)


def overall_section(document: Mapping[str, Any]) -> Section:
    """Contenders side by side in every view."""
    measures = document["measures"]
    if not measures.get("count"):
        return Section("Measures", [NO_LABELS])
    tables = [_table(title, measures, view) for view, title in _views(document).items()]
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
        "faded": f"Faded: a label counts half after {settings['half_life']:,g} others",
    }


def _table(title: str, measures: Group, view: str) -> Table:
    rows = []
    for name in contenders(measures):
        report = report_of(measures, name)
        group = report.get(view) if view else report
        if isinstance(group, Mapping):
            labels = "" if view == "faded" else figure(group, "count")
            rows.append([called(name), labels, *(figure(group, each) for each in MEASURES)])
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
        f"{said}{EXACT}",
        *_frozen(asked["static"]),
        *_changed(asked["changed"]),
        *trouble_words(document["shadows"]),
    ]


def _frozen(static: Mapping[str, Any] | None) -> list[str]:
    if static is None:
        return []
    after = f"{static['from_lesson']:,} lessons"
    return [f"The frozen copy was taken after {after}; until then it was the served score itself."]


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
