"""Cells -> a line of CSV that is read back as the same cells, by us and by ``csv.reader``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

# In front of a row it is no part of it, unless a quote precedes it.
BYTE_ORDER_MARK = "\ufeff"


def csv_line(cells: Sequence[object], delimiter: str = ",") -> str:
    """One CSV row without its line ending."""
    written = io.StringIO(newline="")
    marked = bool(cells) and str(cells[0]).startswith(BYTE_ORDER_MARK)
    # With any other line ending, Python before 3.13 leaves a CR (or LF) in a cell without quotes.
    csv.writer(
        written,
        delimiter=delimiter,
        lineterminator="\r\n",
        quoting=csv.QUOTE_ALL if marked else csv.QUOTE_MINIMAL,
    ).writerow(cells)
    return written.getvalue().removesuffix("\r\n")
