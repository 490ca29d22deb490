"""Self-contained pages: no script, nothing fetched, readable in light and dark and on paper.

The frame, the style and the tables of every report's page; the reports add their content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from converters.show.tables import Table

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #c9ced6;
  --soft: #f3f5f8; --first: #9db8d9; --second: #b3261e; --rate: #1b1f24;
  --problem: #b3261e; --warning: #8a5a00; --note: #49566a; }
@media screen and (prefers-color-scheme: dark) { :root {
  --ink: #e6e8eb; --paper: #14171c; --line: #414954;
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


def framed(title: str, body: Iterable[str], style: str = "") -> str:
    """A whole page.

    Args:
        title: as plain text.
        body: HTML.
        style: what the page adds to the style of all.
    """
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>",
            "<body><main>",
            *body,
            "</main></body></html>",
            "",
        )
    )


def table_html(table: Table) -> Iterator[str]:
    """A table without a heading; its title is for those who hear the page."""
    sides = [' class="right"' if right else "" for right in table.numeric]
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
