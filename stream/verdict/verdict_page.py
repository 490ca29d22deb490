"""The verdict as text, JSON and a page with curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from converters.show.charts import Axis, Line, LineChart
from converters.show.tables import Table, counted, moment
from learners.report.figures import Section
from stream.verdict.judgement import Verdict
from stream.verdict.outcome import CONFIDENCE, Measured, Outcome, Period

Figures = Mapping[str, float | None]
CURVES: Sequence[tuple[str, Callable[[Period], Figures]]] = (
    ("log loss", lambda period: period.log_loss),
    ("AUC", lambda period: period.auc),
)


@dataclass(frozen=True)
class Tried:
    """All that there is to show.

    Attributes:
        source: how messages call the file.
        found: the contenders.
        verdict: what to do.
        config: the text of the config that init proposes.
        warnings: what init says of the rows.
        left_aside: contenders that were not tried, and why.
    """

    source: str
    found: Outcome
    verdict: Verdict
    config: str
    warnings: tuple[str, ...]
    left_aside: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        found = self.found
        return {
            "file": self.source,
            "verdict": asdict(self.verdict),
            "rows": len(found.footing),
            "whole_file": found.footing.columns.whole,
            "left_out": {**found.footing.columns.left_out},
            "first_part": found.footing.first,
            "measured": len(found.taken),
            "positives": found.positives,
            "refused": found.refused,
            "contenders": [each.to_json() for each in found.measured],
            "not_tried": {**self.left_aside},
            "periods": [asdict(period) for period in found.periods],
            "warnings": list(self.warnings),
            "config": self.config,
        }


def title(tried: Tried) -> str:
    """What it is about."""
    return f"Would Freshet pay for {tried.source}?"


def headline(tried: Tried) -> str:
    """The verdict."""
    return tried.verdict.sentence


def sections(tried: Tried) -> list[Section]:
    """In the order of reading."""
    found = tried.found
    made = [Section("Contenders", list(_footing(tried)), [_table(found), _who(found)])]
    if len(found.periods) > 1:
        made.append(_curves(found))
    if tried.verdict.notes or tried.warnings:
        said = [*tried.verdict.notes, *(f"init says: {each}" for each in tried.warnings)]
        made.append(Section("To know", said))
    return made


def _footing(tried: Tried) -> Iterator[str]:
    found, footing = tried.found, tried.found.footing
    span = ""
    if footing.happened is not None and len(found.taken):
        ends = [moment(int(footing.happened[row])) for row in found.taken[[0, -1]]]
        span = f" from {ends[0][:16]} to {ends[1][:16]}"
    rest = "" if footing.columns.whole else " (the file has more; --rows takes them)"
    yield (
        f"Of {len(footing):,} rows with a label{rest} the first {footing.first:,} were shown to "
        "init, and train what is trained once. All are measured on the "
        f"{len(found.taken):,} behind them{span}, {found.positives / max(1, len(found.taken)):.1%} "
        "of which are positive: the same rows for all, each scored before its label was known."
    )
    gone = {**footing.columns.left_out}
    gone |= {"refused by the converter": found.refused} if found.refused else {}
    if gone:
        said = ", ".join(f"{count:,} {why}" for why, count in gone.items())
        yield f"Left out: {said}."
    yield (
        "Behind by: how much higher a contender's log loss is than the proposal's, with its "
        f"{CONFIDENCE:.0%} interval by a bootstrap of blocks of neighbouring rows."
    )
    for name, why in tried.left_aside.items():
        yield f"Not tried: {name}, {why}."


def _table(found: Outcome) -> Table:
    has_value = any(each.value is not None for each in found.measured)
    header = ["", "log loss", "behind by", "AUC", *["value"] * has_value, "rows/s"]
    rows = [_row(each, has_value=has_value) for each in found.measured]
    numeric = [False, True, True, True, *[True] * has_value, True]
    labels = counted(len(found.taken), "label", "labels")
    return Table(f"The same {labels}", header, numeric, rows)


def _row(each: Measured, *, has_value: bool) -> list[str]:
    speed = each.contender.rows_a_second
    value = ["-" if each.value is None else f"{each.value:,.4f}"] if has_value else []
    return [
        each.contender.name,
        _figure(each.log_loss),
        _behind(each),
        _figure(each.auc),
        *value,
        "-" if speed is None else f"{float(f'{speed:.2g}'):,.0f}",
    ]


def _who(found: Outcome) -> Table:
    """What each contender is, apart, so that the figures fit a narrow screen."""
    rows = [[each.contender.name, each.contender.said] for each in found.measured]
    return Table("Who they are", ["contender", "what it is"], [False, False], rows)


def _behind(each: Measured) -> str:
    if each.against is None:
        return ""
    found = each.against.differences["log_loss"]
    if found.difference is None or found.low is None or found.high is None:
        return found.reason or "-"
    if not found.difference and found.low == found.high:
        return "the same"
    return f"{-found.difference:+.4f} ({-found.high:+.4f} to {-found.low:+.4f})"


def _curves(found: Outcome) -> Section:
    """Log loss and AUC by time, of those that can be used."""
    axis: Axis = "number" if found.footing.happened is None else "time"
    names = [e.contender.name for e in found.measured if e.contender.is_choice]
    pictures = [
        LineChart(
            heading,
            axis,
            [
                Line(name, [(each.start, of(each)[name]) for each in found.periods], kind)
                for kind, name in enumerate(names)
            ],
        )
        for heading, of in CURVES
    ]
    shown = names[:4]
    rows = [
        [
            moment(each.start)[:16] if axis == "time" else f"{each.start:,}",
            f"{each.count:,}",
            *(_figure(each.log_loss[name]) for name in shown),
        ]
        for each in found.periods
    ]
    header = ["from", "labels", *shown]
    table = Table("Log loss by time", header, [False, *[True] * (len(header) - 1)], rows)
    return Section("Over time", [], [table], tuple(pictures), folded=True)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
