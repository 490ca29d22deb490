"""What the scores are like: their calibration, their distribution, and what correcting them did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.show.charts import BarChart, CalibrationPlot
from converters.show.tables import NOTHING, Table
from learners.report.document import SCORE, called, contenders, report_of
from learners.report.figures import HEADINGS, Group, Section, figure, signed

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
        CalibrationPlot(called(name), _points(_bins(document, "calibration", name)))
        for name in contenders(document["measures"])
        if name in (SCORE, RAW)
    ]
    rows = [[_span(b), f"{b['count']:,}", _share(b[MEAN]), _share(b[SHARE])] for b in bins]
    header = ("score", "labels", "mean score", "positive")
    table = Table("Calibration of the served score", header, (False, True, True, True), rows)
    said = (
        "Of events scored .3, three in ten should be positive: dots on the slanted line are "
        "calibrated, dots below it are scored too high. The bars are the labels of each bin."
    )
    return Section("Calibration", [said], [table], plots, folded=True)


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
    header = ("over", "measure", "raw", "served", "change")
    table = Table("Raw and served", header, (False, False, True, True, True), rows)
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
    learned = f"A positive lesson weighs {weight:g}, {share:g} % of the negative ones are learned"
    return [f"{learned}; what both do is {taken_back}. Calibration: {calibration['method']}."]
