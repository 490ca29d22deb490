"""What :mod:`stream.produce.file_records` makes of a file's rows: records to be sent, and where each is from.

A log refuses a record for its time; these know which row of the file gave it that time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from converters.files.csv_file import FileRow
from stream.log.contract import MAX_AHEAD_MS, Outgoing


class Formed(NamedTuple):
    """A record ready to be appended: of labels or of events, with so many rows.

    ``timed_by`` is the row that the record has its time from; None if it has no time.
    """

    labels: bool
    rows: int
    record: Outgoing
    timed_by: FileRow | None


class Timed(NamedTuple):
    """A row with its record time, and its label with the label's; None where there is none."""

    time: int | None
    row: FileRow
    content: bytes
    label: tuple[int, bytes] | None = None


# A label's time, its row's number, what is sent of it, and its row.
Waiting = tuple[int, int, bytes, FileRow]


def out_of_range(formed: Sequence[Formed]) -> Formed | None:
    """Which of the records a log has refused for its time: the first that no log takes.

    If a broker's clock is behind this machine's it may be none of these, and is the latest.
    """
    timed = [f for f in formed if f.timed_by is not None and f.record.time is not None]
    latest = int(time.time() * 1000) + MAX_AHEAD_MS
    wrong = (f for f in timed if not 0 <= (f.record.time or 0) <= latest)
    return next(wrong, max(timed, key=lambda f: f.record.time or 0, default=None))
