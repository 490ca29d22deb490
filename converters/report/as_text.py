"""A report for eyes: tables on a terminal, lines with blanks between elsewhere."""

from __future__ import annotations

import sys

from converters.check.contents import Report
from converters.check.in_words import LEGEND, columns_table, facts, headline, rejects_table
from converters.show.tables import print_table


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
