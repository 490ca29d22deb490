"""The report for a terminal: the sections' words and tables, one after the other."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence

from converters.show.tables import Table, print_table
from learners.reporting.sections import Section

WIDTH = 96
# Of a long table of moments, the terminal shows the latest; page and JSON have all.
MOST_ROWS = 24


def show(head: str, sections: Sequence[Section]) -> None:
    """Print a report on standard output."""
    out = sys.stdout
    out.write(f"{head}\n")
    for section in sections:
        out.write(f"\n{section.title}\n{'-' * len(section.title)}\n")
        for paragraph in section.words:
            out.write(f"{textwrap.fill(paragraph, WIDTH, break_on_hyphens=False)}\n")
        for table in section.tables:
            if table.rows:
                out.write("\n")
                print_table(shortened(table) if section.folded else table, out)


def shortened(table: Table) -> Table:
    """A table's last rows; the title says that there are more."""
    left_out = len(table.rows) - MOST_ROWS
    if left_out <= 0:
        return table
    said = f"{table.title} (the last {MOST_ROWS}; {left_out:,} more with --json or --html)"
    return table._replace(title=said, rows=table.rows[-MOST_ROWS:])
