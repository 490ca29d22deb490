"""A report for eyes: tables on a terminal, lines with blanks between elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TextIO

from converters.report.contents import Report
from converters.report.tables import (
    LEGEND,
    Table,
    columns_table,
    facts,
    headline,
    rejects_table,
)


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
            _table(table, out)
    out.write(f"\n{LEGEND}\n")


def _table(table: Table, out: TextIO) -> None:
    if out.isatty():
        _rich(table, out)
    else:
        out.writelines(f"{line}\n" for line in plain(table))


def plain(table: Table) -> Iterator[str]:
    """The table as lines, each column as wide as its widest cell."""
    rows = [table.header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield f"{table.title}:"
    for row in rows:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, table.numeric, strict=True)
        ]
        yield f"  {'  '.join(cells).rstrip()}"


def _rich(table: Table, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(title=table.title, title_justify="left")
    for name, right in zip(table.header, table.numeric, strict=True):
        shown.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*map(Text, row))  # as Text, nothing in a cell is markup
    Console(file=out).print(shown)
