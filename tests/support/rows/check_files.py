"""Reports on small files that the tests of ``freshet check`` make."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from converters.check.check import report
from converters.check.data_report import ColumnReport, Report
from converters.files.csv_file import CsvFile
from converters.files.framing import csv_line
from converters.schema.schema import Schema
from tests.support.rows.schemas import Columns, build

Rows = Iterable[Sequence[object]]

LABELLED: Columns = {"late": {"role": "label"}, "x": {"kind": "numeric"}}

# A name or cell that would be code, or steer a terminal, where it is not escaped.
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&\x1b[2J"


def content(header: Sequence[str], rows: Rows) -> bytes:
    """A CSV file."""
    return "".join(f"{csv_line(row)}\n" for row in (header, *rows)).encode()


def report_on(content: bytes, schema: Schema) -> Report:
    """The report on a file of this content."""
    return report(CsvFile(io.BytesIO(content), "rows.csv"), schema, lambda _rows: None)


def checked(columns: Columns, rows: Rows, **sections: Any) -> Report:
    """The report on rows under the config of their columns."""
    return report_on(content(list(columns), rows), build(columns, **sections))


def column(found: Report, name: str) -> ColumnReport:
    """What a report says of a column."""
    return next(each for each in found.columns if each.name == name)


def codes(found: Report, level: str = "") -> set[str]:
    """The findings of a level, or all; ``code`` or ``code:column``."""
    return {
        f"{finding.code}:{finding.column}" if finding.column else finding.code
        for finding in found.findings
        if finding.level == level or not level
    }
