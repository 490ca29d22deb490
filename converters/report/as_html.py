"""A report as one self-contained page: no script, nothing fetched, readable in light and dark.

Whatever comes from the file is escaped, and shown without control characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from converters.quoting import QUOTED_LENGTH
from converters.report.column_contents import Bar, ColumnReport
from converters.report.contents import Report
from converters.report.svg import histogram, rows
from converters.report.tables import (
    LEGEND,
    NOTHING,
    Table,
    columns_table,
    cut,
    facts,
    headline,
    rejects_table,
)
from converters.report.wording import percent

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #c9ced6;
  --soft: #f3f5f8; --first: #9db8d9; --second: #b3261e; --rate: #1b1f24;
  --problem: #b3261e; --warning: #8a5a00; --note: #49566a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #14171c; --line: #414954;
  --soft: #1f242c; --first: #43648f; --second: #ff9d94; --rate: #fff; --problem: #ff9d94;
  --warning: #f2c46d; --note: #aab4c3; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0; }
.wide { overflow-x: auto; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; overflow-wrap: break-word; max-width: 32rem; }
caption { position: absolute; clip-path: inset(50%); }
th { background: var(--soft); }
.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.problem { color: var(--problem); }
.warning { color: var(--warning); }
.note { color: var(--note); }
li strong { text-transform: capitalize; }
svg { max-width: 100%; height: auto; background: var(--soft); }
svg text { font-size: 11px; fill: var(--ink); }
.first { fill: var(--first); }
.second { fill: none; stroke: var(--second); stroke-width: 1.5; }
.rate { fill: var(--rate); } .scale { stroke: var(--line); }
section { border-top: 1px solid var(--line); margin-top: 1.5rem; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
# A page of more pictures is slow to open; the table has all columns.
MOST_PICTURES = 500
KEY = (
    "Filled: the file's first half. Outlined: its second half. Dots: the share of labels that are "
    "positive, from none to all."
)


def page(report: Report) -> str:
    """The whole page."""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(report.source)}: data report</title><style>{STYLE}</style></head>",
            f"<body><main><h1>Data report</h1><p>{escape(headline(report))}.</p>",
            *_findings(report),
            "<h2>The file</h2>",
            "".join(f"<p>{escape(fact)}.</p>" for fact in facts(report)),
            *_table(rejects_table(report, QUOTED_LENGTH)),
            *_table(columns_table(report)),
            f"<p>{escape(LEGEND)}</p>",
            *_pictures(report),
            "</main></body></html>",
            "",
        )
    )


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


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    sides = [' class="right"' if right else "" for right in table.numeric]
    yield f"<h2>{escape(table.title)}</h2>"
    yield f'<div class="wide"><table><caption>{escape(table.title)}</caption><thead><tr>'
    heads = zip(table.header, sides, strict=True)
    yield "".join(f'<th scope="col"{side}>{escape(name)}</th>' for name, side in heads)
    yield "</tr></thead><tbody>"
    for row in table.rows:
        first, *others = row
        cells = "".join(
            f"<td{side}>{escape(cell)}</td>" for cell, side in zip(others, sides[1:], strict=True)
        )
        yield f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'
    yield "</tbody></table></div>"


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
    yield f"<section><h3>{_text(column.name)}</h3>"
    yield draw(column.name, column.bars)
    yield "<details><summary>In numbers</summary>"
    yield from _table(_numbers(column.bars))
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


def _text(text: str) -> str:
    return escape(cut(text, 100))
