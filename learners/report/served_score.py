"""Sections on the learner's score: calibration, distribution, correction, decisions, value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.show.charts import BarChart, CalibrationPlot, Line, LineChart
from converters.show.tables import NOTHING, Table
from learners.report.document import SCORE, called, contenders, copied, report_of
from learners.report.figures import HEADINGS, Group, Section, figure, money, signed, since_lesson
from learners.report.served_version import scores_were_served

# What correcting and calibrating can change.
EFFECTS = ("log_loss", "brier", "ece", "auc")
MEAN, SHARE = "mean_score", "positive_share"
RAW = "raw"
BINS_A_ROW = 4
CLASSES = ("negatives", "positives")
Bin = Mapping[str, Any]


def calibration_section(document: Mapping[str, Any]) -> Section | None:
    """The share of positive labels against the mean score, bin by bin."""
    bins = _bins(document, "calibration", SCORE)
    if not any(each["count"] for each in bins):
        return None
    plots = [
        CalibrationPlot(called(name, document), _points(_bins(document, "calibration", name)))
        for name in contenders(document["measures"])
        if name in (SCORE, RAW)
    ]
    held = [each for each in bins if each["count"]]
    rows = [[_span(b), f"{b['count']:,}", _share(b[MEAN]), _share(b[SHARE])] for b in held]
    header = ("score", "labels", "mean score", "positive")
    table = Table(
        f"Calibration of the {_whose(document)} score", header, (False, True, True, True), rows
    )
    said = (
        "Of events scored .3, three in ten should be positive: dots on the slanted line are "
        "calibrated, dots below it are scored too high. The bars are the labels of each bin."
    )
    return Section("Calibration", [said], [table], plots, folded=True)


def _whose(document: Mapping[str, Any]) -> str:
    """Whose the first score is: what is served, or the learner's if something else is."""
    return "served" if scores_were_served(document) else "learner's"


def _bins(document: Mapping[str, Any], kind: str, name: str) -> list[Bin]:
    return list(report_of(document["measures"], name).get(kind, ()))


def _points(bins: Sequence[Bin]) -> list[tuple[float, float, int]]:
    return [(each[MEAN], each[SHARE], each["count"]) for each in bins if each["count"]]


def _span(each: Bin) -> str:
    return f"{each['from']:.3f} to {each['to']:.3f}"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"


def distribution_section(document: Mapping[str, Any]) -> Section | None:
    """How the scores of either class are spread."""
    bins = _bins(document, "score_distribution", SCORE)
    if not any(each["positives"] or each["negatives"] for each in bins):
        return None
    rows = [[_span(each), *(f"{each[k]:,}" for k in CLASSES)] for each in _coarser(bins)]
    table = Table("Scores by class", ("score", *CLASSES), (False, True, True), rows)
    bars = [(f"{each['from']:.2f}", [float(each[k]) for k in CLASSES]) for each in bins]
    return Section("Scores", (), [table], [BarChart("labels", CLASSES, bars)], folded=True)


def _coarser(bins: Sequence[Bin]) -> list[Bin]:
    """A few bins in one: a table of all of them would say less than the picture."""
    parts = [bins[first : first + BINS_A_ROW] for first in range(0, len(bins), BINS_A_ROW)]
    return [
        {"from": part[0]["from"], "to": part[-1]["to"]}
        | {kind: sum(each[kind] for each in part) for kind in CLASSES}
        for part in parts
    ]


def effects_section(document: Mapping[str, Any]) -> Section | None:
    """The learner's own score beside the one that was made of it."""
    measures = document["measures"]
    if RAW not in (measures.get("contenders") or {}):
        return None
    rows = []
    for view, words in (("", "all labels"), ("window", "the window")):
        raw, score = (_view(report_of(measures, name), view) for name in (RAW, SCORE))
        rows += [
            [
                words,
                HEADINGS[name],
                figure(raw, name),
                figure(score, name),
                _change(raw, score, name),
            ]
            for name in EFFECTS
        ]
    made = "served" if scores_were_served(document) else "adjusted"
    header = ("over", "measure", "raw", made, "change")
    table = Table(f"Raw and {made}", header, (False, False, True, True, True), rows)
    return Section("Effect of imbalance and calibration", _settings(document), [table])


def _view(report: Group, view: str) -> Group:
    return report[view] if view else report


def _change(raw: Group, score: Group, name: str) -> str:
    before, after = raw.get(name), score.get(name)
    return NOTHING if before is None or after is None else signed(after - before)


def _settings(document: Mapping[str, Any]) -> list[str]:
    imbalance, calibration = (document["evaluation"][k] for k in ("imbalance", "calibration"))
    weight, share = imbalance["positive_weight"], 100 * imbalance["negative_share"]
    taken_back = "taken back" if imbalance["correct"] else "left in the score"
    learned = f"Positive examples have weight {weight:g}, {share:g} % of negative ones are learned"
    return [f"{learned}; what both do is {taken_back}. Calibration: {calibration['method']}."]


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
            called(name, document) + copied(name, document, reports[name]),
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
    said = f"An event is predicted positive when its score is at least {threshold:.4g}."
    if since:
        said += (
            f" Decisions are counted {since}: earlier ones used another threshold or other values. "
            "The windows apply the current ones."
        )
    return Section("Decisions", [said], [table])


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "none"


def value_section(document: Mapping[str, Any]) -> Section | None:
    """The value of decisions, and the threshold that would have maximized it."""
    measures = document["measures"]
    value = measures.get("value")
    if not value:
        return None
    events = value.get("events") or 0
    rows = [
        [
            _acting(name, words, document),
            money(value[name]),
            NOTHING if not events else f"{value[name] / events:,.4f}",
        ]
        for name, words in DECISIONS.items()
        if value.get(name) is not None
    ]
    table = Table("Value so far", ("decisions", "value", "an event"), (False, True, True), rows)
    words = [f"Over {events:,} labelled events {since_lesson(measures)}".rstrip() + "."]
    if value.get("without_amount"):
        words[0] += f" {value['without_amount']:,} more had no amount, and do not count."
    return Section("Value", [*words, *_thresholds(document)], [table], _picture(document))


def _acting(name: str, words: str, document: Mapping[str, Any]) -> str:
    """How decisions are taken, for a person."""
    if name == "served" and not scores_were_served(document):
        return "by the learner"
    return words + copied(name, document, document["measures"])


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
    worth = f"would have been best, with a value of {best['value']:,.4f} an event: {best['note']}."
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
