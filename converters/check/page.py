"""A report as one self-contained page: no script, nothing fetched, readable in light and dark.

Whatever comes from the file is escaped, and shown without control characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from converters.cells.refusal import QUOTED_LENGTH
from converters.check.bars import histogram, rows
from converters.check.data_report import Bar, ColumnReport, Report
from converters.check.rendering import LEGEND, columns_table, facts, headline, rejects_table
from converters.show.pages import framed, table_html
from converters.show.tables import NOTHING, Table, cut, percent

# A page of more pictures is slow to open; the table has all columns.
MOST_PICTURES = 500
KEY = (
    "Filled: the file's first half. Outlined: its second half. Dots: the share of labels that are "
    "positive, from none to all."
)


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
    draw = rows if column.numbers is None else histogram
    yield f"<section><h3>{escape(cut(column.name, 100))}</h3>"
    yield draw(column.name, column.bars)
    yield "<details><summary>In numbers</summary>"
    yield from table_html(_numbers(column.bars))
    yield "</details></section>"


def _numbers(bars: Sequence[Bar]) -> Table:
    header = ("value", "first half", "second half", "positive labels")
    cells = [
        [
            cut(bar.text),
            percent(bar.first),
            percent(bar.second),
            NOTHING if bar.positive_rate is None else percent(bar.positive_rate),
        ]
        for bar in bars
    ]
    return Table("Shares of the rows", header, (False, True, True, True), cells)
