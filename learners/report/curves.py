"""Curves by the time of the events: periods as points, and gaps where there are no labels.

A point holds labels enough to say something (:mod:`learners.evaluation.stretches`); what has too
few has no figure, and no line is drawn over a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from converters.show.charts import Line, LineChart
from converters.show.tables import Table, counted, moment
from learners.metrics.metrics import FEWEST_LABELS, FEWEST_OF_A_CLASS
from learners.report.document import BASE_RATE, contenders, part_of, shortly, since_words
from learners.report.figures import HEADINGS, Section, drawn, figure
from learners.report.overall import duration

CURVES = ("log_loss", "auc")
# Contenders in the table, which has to fit a terminal; the pictures and the JSON have all.
MOST_SHOWN = 3
# Gaps that are named; the table has all.
MOST_GAPS = 3
TOO_FEW = "too few"
TITLE = "Over event time"
Entry = Mapping[str, Any]


def curves_section(document: Mapping[str, Any]) -> Section | None:
    """Each contender's measures by the time of the events."""
    periods = document["measures"].get("periods")
    if not periods:
        return None
    if not any(entry["enough"] for entry in periods):
        return Section(TITLE, [_too_few(periods)])
    names = contenders(document["measures"])
    lines = {measure: _ordering(names, measure) for measure in CURVES}
    shown = [
        (measure, name)
        for measure, of in lines.items()
        for name in of
        if name in names[:MOST_SHOWN]
    ]
    # One point is no curve: an axis around it would show times that are not there.
    pictures = tuple(_pictures(document, lines)) if len(periods) > 1 else ()
    return Section(TITLE, _words(document), [_table(document, shown)], pictures, folded=True)


def _too_few(periods: Sequence[Entry]) -> str:
    labels = counted(sum(entry["count"] for entry in periods), "label", "labels")
    among = "" if len(periods) == 1 else f", in {len(periods)} stretches of time with gaps between"
    return f"Too few labels for a curve: {labels}{among}; each point needs {FEWEST_LABELS}."


def _ordering(names: Sequence[str], measure: str) -> list[str]:
    """Those that a measure says something of: the base rate orders nothing."""
    return [name for name in names if measure != "auc" or name != BASE_RATE]


def _table(document: Mapping[str, Any], shown: Sequence[tuple[str, str]]) -> Table:
    """A line for each period, and one for each gap."""
    joined = document["curve"]["joined"]
    header = (
        *("from", *["to"] * joined, "labels"),
        *(f"{HEADINGS[measure]} {shortly(name)}" for measure, name in shown),
    )
    words = 2 if joined else 1
    rows = [
        [
            *[moment(entry["start"]), moment(entry["end"])][:words],
            f"{entry['count']:,}" if entry["count"] else "none",
            *(_cell(entry, name, measure) for measure, name in shown),
        ]
        for entry in _with_gaps(document)
    ]
    numeric = (*[False] * words, *[True] * (len(header) - words))
    return Table("Curves", header, numeric, rows)


def _with_gaps(document: Mapping[str, Any]) -> list[Entry]:
    """The periods, and the gaps between them as such without labels."""
    empty = [{**gap, "count": 0, "positives": 0} for gap in document["curve"]["gaps"]]
    return sorted([*document["measures"]["periods"], *empty], key=lambda entry: entry["start"])


def _cell(entry: Entry, name: str, measure: str) -> str:
    part = part_of(entry, name)
    return TOO_FEW if lacking(part, measure) else figure(part, measure)


def lacking(part: Mapping[str, Any], measure: str) -> bool:
    """Whether some labels are too few for a measure; none at all is another reason."""
    count = part.get("count", 0)
    positives = round(count * part.get("base_rate", 0.0))
    rarer = min(positives, count - positives)
    few = 0 < count < FEWEST_LABELS
    return few or (measure == "auc" and 0 < rarer < FEWEST_OF_A_CLASS)


def _pictures(
    document: Mapping[str, Any], lines: Mapping[str, Sequence[str]]
) -> Iterator[LineChart]:
    kinds = {name: kind for kind, name in enumerate(contenders(document["measures"]))}
    entries, width = _with_gaps(document), document["curve"]["measured_ms"]
    for measure, names in lines.items():
        drawn_lines = [_line(name, measure, entries, kinds[name]) for name in names]
        yield LineChart(HEADINGS[measure], "time", drawn_lines)
    counts = [
        (entry["start"], entry["count"] * width / (entry["end"] - entry["start"]) or None)
        for entry in entries
    ]
    yield LineChart(f"labels per {_each(width)}", "time", [Line("labels", counts)], ground=True)


def _line(name: str, measure: str, entries: Sequence[Entry], kind: int) -> Line:
    parts = [(entry["start"], part_of(entry, name)) for entry in entries]
    points = [(x, None if lacking(part, measure) else drawn(part, measure)) for x, part in parts]
    return Line(shortly(name), points, kind)


def _words(document: Mapping[str, Any]) -> list[str]:
    """What a point is, which contenders are elsewhere, and where the gaps are."""
    left_out = [shortly(name) for name in contenders(document["measures"])[MOST_SHOWN:]]
    more = [f"In the pictures and the JSON only: {', '.join(left_out)}."] if left_out else []
    since = since_words(document["measures"]["groupings"]["periods"])
    return [_periods(document), *_gaps(document["curve"]["gaps"]), *more, *since]


def _periods(document: Mapping[str, Any]) -> str:
    """How long the periods are, and why."""
    curve, entries = document["curve"], document["measures"]["periods"]
    said, width = "By the time of the event's record, not of its label", curve["measured_ms"]
    few = sum(not entry["enough"] for entry in entries)
    rest = f" {counted(few, 'period has', 'periods have')} too few labels for a point."
    rest = rest if few else ""
    if not curve["joined"]:
        return f"{said}; one point per {_each(width)}.{rest}"
    spans = [entry["end"] - entry["start"] for entry in entries]
    least, most = duration(min(spans)), duration(max(spans))
    spanned = least if least == most else f"{least} to {most}"
    words = (
        f"{said}; in periods of {spanned}, since those of {duration(width)} hold too few labels: "
        f"neighbours are joined until they have {FEWEST_LABELS}, and {FEWEST_OF_A_CLASS} of each "
        "class."
    )
    return words + rest


def _each(width: int) -> str:
    """One period: ``day``, ``2 hours``."""
    return duration(width).removeprefix("1 ")


def _gaps(gaps: Sequence[Mapping[str, int]]) -> list[str]:
    if not gaps:
        return []
    named = [f"{moment(gap['start'])} to {moment(gap['end'])}" for gap in gaps[:MOST_GAPS]]
    more = len(gaps) - len(named)
    rest = f" and {more:,} more" if more else ""
    return [f"There are no labels from {', '.join(named)}{rest}: the curves break there."]
