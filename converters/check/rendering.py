"""A report as text for the terminal, as a JSON document, and as one self-contained page.

The page has no script, fetches nothing, and is readable in light and dark. What comes from the file
is escaped, and shown without control characters.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from converters.cells.escaping import QUOTED_LENGTH, quoted
from converters.check.data_report import Bar, ColumnReport, Report
from converters.check.time_order import Times
from converters.sampling.sketches import Estimate, about, estimated
from converters.show.charts import BarChart, draw
from converters.show.pages import framed, table_html
from converters.show.tables import (
    NOTHING,
    SHOWN_CHARACTERS,
    Table,
    counted,
    cut,
    moment,
    percent,
    print_table,
)

TOP_SHOWN = 3
LEAST_SHOWN = 0.001
# A page of more pictures is slow to open; the table has all columns.
MOST_PICTURES = 500
KEY = (
    "Filled: the file's first half. Outlined: its second half. Dots: the share of labels that are "
    "positive, on a scale of their own from none to all."
)


def headline(report: Report) -> str:
    """What the file is, in a line."""
    refused = f"{report.rejected:,} refused" if report.rejected else "none refused"
    return f"{quoted(report.source)}: {counted(report.rows, 'row', 'rows')}, {refused}"


def facts(report: Report) -> Iterator[str]:
    """What is true of the whole file, a line each."""
    yield from _classes(report)
    weights, times = report.weights, report.times
    if weights is not None:
        yield (
            f"Weights '{quoted(weights.column)}': {weights.total:,.6g} in all, "
            f"{weights.positive:,.6g} positive, {weights.negative:,.6g} negative"
        )
    if times is not None:
        order = "in order" if times.in_order else "in order but where clocks were changed"
        if times.unsorted:
            order = f"{counted(times.unsorted, 'row', 'rows')} out of order"
        span = f"{moment(times.first)} to {moment(times.last)}"
        yield f"Times '{quoted(times.column)}': {span}, {order}"
    repeats = f"Repeats: {_within(report.repeated_rows, 'duplicate row', 'duplicate rows')}"
    if report.repeated_ids is not None:
        repeats += f", {_within(report.repeated_ids, 'duplicate id', 'duplicate ids')}"
    yield repeats
    sample = report.sample
    if not sample.whole:
        yield (
            f"Quantiles, drift, plots, and values where they are many, are those of "
            f"{sample.rows:,} rows drawn at random: shares are within {100 * sample.margin:.1f} "
            "points of the file's in 95 of 100 files"
        )


def rejects_table(report: Report, length: int = SHOWN_CHARACTERS) -> Table:
    """Refused rows by reason; of each example's text no more characters than this are shown."""
    header = ("reason", "column", "rows", "share", "first (line: text)")
    rows = []
    for group in report.rejects:
        first = "; ".join(f"{each.line:,}: {cut(each.text, length)}" for each in group.examples)
        reason = [group.reason, cut(group.column)]
        rows.append([*reason, f"{group.rows:,}", percent(group.share), first])
    return Table("Refused rows", header, (False, False, True, True, False), rows)


def columns_table(report: Report) -> Table:
    """All columns of the file."""
    header = ("column", "is", "missing", "distinct", "rare", "values", "alone", "drift")
    right = (False, False, True, True, True, False, True, True)
    return Table("Columns", header, right, [_column_cells(column) for column in report.columns])


LEGEND = (
    "distinct: values, ~ where estimated. rare: values that fewer than 5 % of the rows hold, and "
    "the rows that hold one. alone: how well the column by itself predicts the label "
    "(AUC), over the rows that 'freshet init' judges by, 10,000 at most. "
    "drift: how the file's halves differ (population stability index; .25 is a large shift)."
)


def _column_cells(column: ColumnReport) -> list[str]:
    role = column.role if column.kind is None else column.kind
    alone, drift, rare = column.alone, column.drift, column.rare
    named = column.numbers is None and column.role != "id"
    return [
        cut(column.name),
        role,
        percent(column.missing_share) if column.missing else "0",
        _approximate(column.distinct),
        f"{_approximate(rare.values)} ({percent(rare.share)})" if named else NOTHING,
        values(column),
        NOTHING if alone is None else f"{alone.auc:.3f}",
        NOTHING if drift is None else f"{drift.psi:.3f}",
    ]


def values(column: ColumnReport) -> str:
    """The numbers of a column, or its most frequent values."""
    if column.role == "protected":
        return "not shown (protected)"
    if column.numbers is not None:
        numbers = column.numbers
        middle = {share: f"{value:.6g}" for share, value in numbers.quantiles}.get(0.5, NOTHING)
        span = f"{numbers.min:.6g} .. {middle} .. {numbers.max:.6g}, mean {numbers.mean:.6g}"
        return f"{span}; {numbers.out_of_range:,} out of range" if numbers.out_of_range else span
    if column.times is not None:
        return " to ".join(column.times)
    often = [value for value in column.top[:TOP_SHOWN] if value.share >= LEAST_SHOWN]
    top = [f"{cut(value.text, 20)} {percent(value.share)}" for value in often]
    return ", ".join(top) or NOTHING


def _classes(report: Report) -> Iterator[str]:
    balance = report.balance
    if balance is None:
        lacking = f"the file lacks the column '{quoted(report.label)}'"
        yield f"Labels: {lacking if report.label else 'the config names no label column'}"
        return
    said = f"Labels '{quoted(balance.column)}': "
    if balance.rate is None:
        said += "none known"
    else:
        said += f"{balance.positive:,} positive of {balance.known:,} ({percent(balance.rate)})"
    if balance.unknown and balance.rate is not None:
        said += f", {balance.unknown:,} missing"
    if balance.refused:
        said += f", {balance.refused:,} refused (not in the config's label map)"
    if report.half_rates is not None:
        first, second = report.half_rates
        said += f"; {percent(first)} in the file's first half, {percent(second)} in the second"
    yield said


def _within(estimate: Estimate, one: str, more: str) -> str:
    if estimate.exact:
        return estimated(estimate, one, more)
    if not estimate.count:
        return f"0 (fewer than {estimate.margin:,}) {more}"
    return f"{about(estimate)} (within {estimate.margin:,}) {more}"


def _approximate(estimate: Estimate) -> str:
    return f"{'' if estimate.exact else '~'}{estimate.count:,}"


def show(report: Report) -> None:
    """Print a report on standard output."""
    out = sys.stdout
    out.write(f"{headline(report)}\n\n")
    for finding in report.findings:
        out.write(f"{finding.level:8} {finding.code}: {finding.message}\n")
    out.write("\n" if report.findings else "")
    out.writelines(f"{fact}.\n" for fact in facts(report))
    for table in (rejects_table(report), columns_table(report)):
        if table.rows:
            out.write("\n")
            print_table(table, out)
    out.write(f"\n{LEGEND}\n")


def document(report: Report) -> dict[str, Any]:
    """The report as plain dictionaries and lists."""
    return {
        "source": report.source,
        "rows": report.rows,
        "rejected": report.rejected,
        "problems": report.problems,
        "findings": [asdict(finding) for finding in report.findings],
        "rejects": [asdict(group) for group in report.rejects],
        "labels": _labels(report),
        "weights": None if report.weights is None else asdict(report.weights),
        "times": None if report.times is None else _times(report.times),
        "repeated_rows": _estimate(report.repeated_rows),
        "repeated_ids": None if report.repeated_ids is None else _estimate(report.repeated_ids),
        "sample": asdict(report.sample),
        "columns": [_column_values(column) for column in report.columns],
    }


def _labels(report: Report) -> dict[str, Any] | None:
    if report.balance is None:
        return None
    rates = report.half_rates
    return {
        **asdict(report.balance),
        "positive_rate": report.balance.rate,
        "halves": None if rates is None else list(rates),
    }


def _times(times: Times) -> dict[str, Any]:
    gap = times.gap
    return {
        "column": times.column,
        "rows": times.rows,
        "first": moment(times.first),
        "last": moment(times.last),
        "sorted": times.in_order,
        "unsorted": times.unsorted,
        "unsorted_line": times.unsorted_line,
        "longest_gap": None if gap is None else gap.milliseconds / 1000,
        "longest_gap_line": None if gap is None else gap.line,
    }


def _column_values(column: ColumnReport) -> dict[str, Any]:
    content = asdict(column)
    del content["odd"]  # it is among the findings
    content["distinct"] = _estimate(column.distinct)
    content["rare"]["values"] = _estimate(column.rare.values)
    if column.numbers is not None:
        quantiles = {f"{share:g}": value for share, value in column.numbers.quantiles}
        content["numbers"]["quantiles"] = quantiles
    return content


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"count": estimate.count, "exact": estimate.exact, "margin": estimate.margin}


def page(report: Report) -> str:
    """The whole page."""
    return framed(f"{cut(report.source, 100)}: data report", _body(report))


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>Data report</h1><p>{escape(headline(report))}.</p>"
    yield from _findings(report)
    yield "<h2>The file</h2>"
    yield "".join(f"<p>{escape(fact)}.</p>" for fact in facts(report))
    yield from _titled(rejects_table(report, QUOTED_LENGTH))
    yield from _titled(columns_table(report))
    yield f"<p>{escape(LEGEND)}</p>"
    yield from _pictures(report)


def _findings(report: Report) -> Iterator[str]:
    yield "<h2>Findings</h2>"
    if not report.findings:
        yield "<p>None: nothing in this file looks wrong.</p>"
        return
    yield "<ul>"
    for found in report.findings:
        level = f'<strong class="{found.level}">{found.level}</strong>'
        yield f"<li>{level} <code>{found.code}</code>: {escape(found.message)}</li>"
    yield "</ul>"


def _titled(table: Table) -> Iterator[str]:
    if table.rows:
        yield f"<h2>{escape(table.title)}</h2>"
        yield from table_html(table)


def _pictures(report: Report) -> Iterator[str]:
    drawn = [column for column in report.columns if column.bars]
    if not drawn:
        return
    yield f"<h2>Column by column</h2><p>{KEY}</p>"
    if len(drawn) > MOST_PICTURES:
        found = {finding.column for finding in report.findings}
        drawn.sort(key=lambda column: column.name not in found)
        yield f"<p>Drawn are {MOST_PICTURES} of {len(drawn):,}, those with findings first.</p>"
    for column in drawn[:MOST_PICTURES]:
        yield from _picture(column)


def _picture(column: ColumnReport) -> Iterator[str]:
    bars = [(bar.text, (bar.first, bar.second)) for bar in column.bars]
    rates = [bar.positive_rate for bar in column.bars]
    title, halves = f"{cut(column.name)}: shares of the rows", ("first half", "second half")
    yield f"<section><h3>{escape(cut(column.name, 100))}</h3>"
    yield draw(BarChart(title, halves, bars, rates, horizontal=column.numbers is None))
    yield "<details><summary>In numbers</summary>"
    yield from table_html(_bars_table(column.bars))
    yield "</details></section>"


def _bars_table(bars: Sequence[Bar]) -> Table:
    header = ("value", "first half", "second half", "positive labels")
    cells = []
    for bar in bars:
        rate = NOTHING if bar.positive_rate is None else percent(bar.positive_rate)
        cells.append([cut(bar.text), percent(bar.first), percent(bar.second), rate])
    return Table("Shares of the rows", header, (False, True, True, True), cells)
