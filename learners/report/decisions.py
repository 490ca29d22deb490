"""Decisions at the threshold: the confusion matrix, and what they were worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.show.charts import Line, LineChart
from converters.show.tables import NOTHING, Table
from learners.report.document import called, contenders, report_of
from learners.report.figures import Section, figure, money, since_lesson

CELLS = ("tp", "fp", "fn", "tn")
HEADER = ("", "true positives", "false positives", "false negatives", "true negatives")
DECISIONS = {
    "served": "as served",
    "never": "never acting",
    "always": "always acting",
    "static": "by the frozen copy",
}


def decisions_section(document: Mapping[str, Any]) -> Section | None:
    """The confusion matrix of each contender."""
    measures = document["measures"]
    reports = {name: report_of(measures, name) for name in contenders(measures)}
    matrices = {
        name: found["confusion"] for name, found in reports.items() if found.get("confusion")
    }
    if not measures.get("count") or not matrices:
        return None
    rows = [
        [
            called(name),
            *(f"{cells[cell]:,}" for cell in CELLS),
            _ratio(cells["tp"], cells["tp"] + cells["fp"]),
            _ratio(cells["tp"], cells["tp"] + cells["fn"]),
            figure(reports[name], "accuracy"),
        ]
        for name, cells in matrices.items()
    ]
    header = (*HEADER, "precision", "recall", "accuracy")
    since = since_lesson(measures)
    table = Table(f"Confusion {since}".rstrip(), header, (False, *[True] * (len(header) - 1)), rows)
    threshold = document["evaluation"]["threshold"]
    said = f"An event is taken for positive when its score is at least {threshold:.4g}."
    if since:
        said += (
            f" What was decided is counted {since}: before, another threshold or other amounts "
            "held. The windows hold all their lessons at today's threshold."
        )
    return Section("Decisions", [said], [table])


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "none"


def value_section(document: Mapping[str, Any]) -> Section | None:
    """What decisions were worth, and by which threshold they would have been worth most."""
    measures = document["measures"]
    value = measures.get("value")
    if not value:
        return None
    events = value.get("events") or 0
    rows = [
        [words, money(value[name]), NOTHING if not events else f"{value[name] / events:,.4f}"]
        for name, words in DECISIONS.items()
        if value.get(name) is not None
    ]
    table = Table("Value so far", ("decisions", "value", "an event"), (False, True, True), rows)
    words = [f"Over {events:,} labelled events {since_lesson(measures)}".rstrip() + "."]
    if value.get("without_amount"):
        words[0] += f" {value['without_amount']:,} more had no amount, and do not count."
    return Section("Value", [*words, *_thresholds(document)], [table], _picture(document))


def _thresholds(document: Mapping[str, Any]) -> list[str]:
    """The served threshold, the best one looking back, and where acting begins to pay."""
    found = document["measures"].get("thresholds")
    if not found:
        return []
    served = f"{document['evaluation']['threshold']:.4g}"
    pays = f"If scores are calibrated, acting pays from {found['break_even']:.4g} on."
    words = f"Decisions are taken at a score of {served}. {pays}"
    best = found["best"]
    if best is None:
        return [
            words,
            "The best threshold is not known: no label of the newest events has an amount.",
        ]
    at = "never acting" if best["threshold"] > 1 else f"a threshold of {best['threshold']:.4g}"
    worth = f"would have been best, worth {best['value']:,.4f} an event: {best['note']}."
    return [words, f"Over the newest events, {at} {worth}"]


def _picture(document: Mapping[str, Any]) -> list[LineChart]:
    found = document["measures"].get("thresholds")
    if not found or not found["curve"]:
        return []
    line = Line("value an event", [(p["threshold"], p["value"]) for p in found["curve"]])
    places = {"served": document["evaluation"]["threshold"], "break-even": found["break_even"]}
    if found["best"] is not None:
        places["best"] = min(found["best"]["threshold"], 1.0)
    named: dict[float, list[str]] = {}
    for name, place in places.items():
        named.setdefault(place, []).append(name)
    marks = [(place, ", ".join(names)) for place, names in named.items()]
    return [LineChart("value an event by threshold", "number", [line], marks)]
