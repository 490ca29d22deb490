"""Cells -> a line of CSV that is read back as the same cells, by us and by ``csv.reader``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence


def csv_line(cells: Sequence[object]) -> str:
    """One CSV row without its line ending."""
    written = io.StringIO(newline="")
    # With any other line ending, Python before 3.13 leaves a CR (or LF) in a cell without quotes.
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue().removesuffix("\r\n")
