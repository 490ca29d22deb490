"""Curves over event time: each contender's measures, period by period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.show.pictures import Line, LineChart
from converters.show.tables import Table, moment
from learners.report.figures import HEADINGS, drawn, figure
from learners.report.overall import duration
from learners.reporting.contenders import (
    BASE_RATE,
    contenders,
    part_of,
    shortly,
    since_words,
)
from learners.reporting.sections import Section

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
    width = duration(periods[0]["end"] - periods[0]["start"])
    said = f"By the time of the event, not of its label; a point stands for {width}."
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
