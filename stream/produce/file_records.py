"""A CSV file as the records that producing it makes: events, and late labels, in stream time.

``freshet produce`` appends these records to the log and ``freshet backfill FILE`` folds them
directly, so that both give the same model. Rows are passed on unchanged, valid or not; only
what decides a record's time is checked here.

With late labels the label cell of a row is emptied and sent on the labels topic at its own time.
Records come in order of time, labels before events; rows share a record only if their times are
equal, and a label is never known before its event is.
"""

from __future__ import annotations

import heapq
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, cast

from converters.cells.escaping import quoted
from converters.config.settings import Settings
from converters.convert.whole_file import CSV_HEADERS
from converters.files.csv_file import CsvFile, FileRow
from converters.schema.schema import Schema
from converters.show.command_line import say
from stream.log.contract import MAX_AHEAD_MS, Outgoing, StampError
from stream.produce.file_rows import FileRows, HistoryOptions, Rows

__all__ = ["Formed", "History", "HistoryOptions", "out_of_range", "warn_of_times"]


class Formed(NamedTuple):
    """A record ready to be appended: of labels or of events, with its number of rows.

    ``timed_by`` is the row that gave the record its time; None if it has no time.
    """

    labels: bool
    rows: int
    record: Outgoing
    timed_by: FileRow | None


def out_of_range(formed: Sequence[Formed]) -> Formed | None:
    """Which of the records the log refused for its time: the first that is out of range.

    If a broker's clock is behind this machine's it may be none of these; then it is the latest.
    """
    timed = [f for f in formed if f.timed_by is not None and f.record.time is not None]
    latest = int(time.time() * 1000) + MAX_AHEAD_MS
    wrong = (f for f in timed if not 0 <= (f.record.time or 0) <= latest)
    return next(wrong, max(timed, key=lambda f: f.record.time or 0, default=None))


class History:
    """The records of one file.

    Args:
        file: open at its first row.
        schema: the columns, and which of them are id, time and label.
        options: how rows become records.

    Raises:
        UsageError: late labels are requested and the schema or the file lacks what they need.
        CsvFileError: the file has a column that is not in the schema.
    """

    def __init__(self, file: CsvFile, schema: Schema, options: HistoryOptions) -> None:
        self._file = file
        self._schema = schema
        self._options = options
        self._rows = FileRows(file, schema, options)
        # The columns may change, and rows keep the names that they were sent with.
        self._headers: tuple[tuple[str, bytes], ...] = (
            ("columns", file.dialect.line(file.header).encode()),
        )
        # Labels that come later, and the row of each, by the time of their records.
        self._labels: dict[int, list[tuple[bytes, FileRow]]] = {}
        self._due: list[int] = []

    @property
    def longest_wait(self) -> float:
        """Seconds from an event's record to its label's, so far."""
        return self._rows.longest_wait / 1000

    @property
    def step_back(self) -> str:
        """What a change of the clocks did to rows that need no order."""
        return self._rows.step_back

    @property
    def name(self) -> str:
        """The file, for messages."""
        return self._file.name

    @property
    def rows_wait(self) -> bool:
        """Whether every row waits for a label that comes by itself."""
        return self._options.late or (self.may_wait and self._rows.place("label") is None)

    @property
    def may_wait(self) -> bool:
        """Whether a row without a label waits for one."""
        return self._rows.place("id") is not None and self._schema.index("label") is not None

    def records(self) -> Iterator[Formed]:
        """The records in the order in which they are to be sent.

        Raises:
            CsvFileError: with late labels, a row is out of order or its label has no time.
        """
        yield from self._late_records() if self._options.late else self._plain_records()

    def blaming(self, error: StampError, unsent: Sequence[Formed]) -> StampError:
        """The error with the offending cell, found among the unsent records."""
        formed = out_of_range(unsent)
        if formed is None or formed.timed_by is None or self._rows.time_at is None:
            return error
        row, cells = formed.timed_by, self._rows.cells(formed.timed_by.content)
        header, name = self._file.header, self._options.label_time if formed.labels else None
        name = name or header[self._rows.time_at or 0]
        cell = quoted(cells[header.index(name)]) if cells else ""
        return StampError(
            f"{self._file.name}, line {row.line}, column '{name}': {cell} is not a time that the "
            f"log accepts. {error}"
        )

    def rest(self, sent: int, until: int, window: int) -> str:
        """How to send the rest of a file of which only a part was sent.

        Args:
            sent: how many rows were.
            until: the latest record time that was sent, ms.
            window: how many ids are remembered, so that a row sent again is dropped.
        """
        if not self._options.late:
            return "Send the header and the rows that have not been sent."
        words = (
            "Labels of the rows that were sent are still missing: send the whole file again, with "
            "--behind. The rows that were sent are recognised by their ids and not learned twice."
        )
        if sent <= window:
            return words
        known = datetime.fromtimestamp(until / 1000, UTC).isoformat(timespec="seconds")
        return (
            f"{words} Only the newest {window:,} ids are remembered (duplicates.window): leave "
            f"out the rows whose labels were known before {known}."
        )

    def _plain_records(self) -> Iterator[Formed]:
        """Rows with their labels, a fixed number a record, stamped with the latest row's time."""
        rows: list[bytes] = []
        latest: int | None = None
        by: FileRow | None = None
        for block in self._rows.plain():
            at = 0
            while at < len(block.rows):
                some = slice(at, at + self._options.rows_per_message - len(rows))
                rows += block.rows[some]
                if self._rows.time_at is not None:
                    latest, by = _latest(block, some, latest, by)
                at = some.stop
                if len(rows) == self._options.rows_per_message:
                    yield self._events(rows, latest, by)
                    rows = []
        if rows:
            yield self._events(rows, latest, by)

    def _late_records(self) -> Iterator[Formed]:
        """Groups of rows of one time; before each, the labels known by then."""
        group: list[bytes] = []
        now, by = 0, None
        for block in self._rows.split():
            at, times = 0, cast("Sequence[int]", block.times)
            while at < len(times):
                stop = bisect_right(times, times[at], at)
                if times[at] > now:
                    yield from self._group(group, now, by)
                    group, now, by = [], times[at], block.row(at)
                group += block.contents[at:stop]
                for place in range(at, stop):
                    if (label := block.labels[place]) is not None:
                        self._wait(*label, block.row(place))
                at = stop
        yield from self._group(group, now, by)
        while self._due:
            yield from self._due_labels(self._due[0])

    def _wait(self, time: int, line: bytes, row: FileRow) -> None:
        """Keep a label until its time."""
        if time not in self._labels:
            self._labels[time] = []
            heapq.heappush(self._due, time)
        self._labels[time].append((line, row))

    def _group(self, group: Sequence[bytes], now: int, by: FileRow | None) -> Iterator[Formed]:
        yield from self._due_labels(now)
        size = self._options.rows_per_message
        for first in range(0, len(group), size):
            yield self._events(group[first : first + size], now, by)

    def _due_labels(self, now: int) -> Iterator[Formed]:
        """Label records up to a time, in order; labels of one time share a record."""
        size = self._options.rows_per_message
        while self._due and self._due[0] <= now:
            time = heapq.heappop(self._due)
            labels = self._labels.pop(time)
            for first in range(0, len(labels), size):
                some = labels[first : first + size]
                record = Outgoing(b"\n".join([line for line, _ in some]), time)
                yield Formed(labels=True, rows=len(some), record=record, timed_by=some[-1][1])

    def _events(self, rows: Sequence[bytes], time: int | None, by: FileRow | None) -> Formed:
        value = b"\n".join(rows)
        if not rows[-1]:
            value += b"\n"  # or a blank last row would be lost
        headers = self._headers
        if value.startswith((b"{", b"[")):
            headers = (*headers, *CSV_HEADERS)  # or it might be read as JSON
        record = Outgoing(value, time, headers)
        return Formed(labels=False, rows=len(rows), record=record, timed_by=by)


def _latest(
    block: Rows, some: slice, latest: int | None, by: FileRow | None
) -> tuple[int | None, FileRow | None]:
    """The latest time so far, some more rows seen, and the first row that has it."""
    times = block.times[some]
    if None not in times:
        top = max(time for time in times if time is not None)
        if latest is not None and top <= latest:
            return latest, by
        return top, block.row(some.start + times.index(top))
    for at, each in enumerate(times, some.start):
        if each is not None and (latest is None or each > latest):
            by = block.row(at)
        latest = each if latest is None else max(latest, each or 0)
    return latest, by


def warn_of_times(history: History, settings: Settings) -> None:
    """Warn when clocks were put back in the file, or labels come later than events wait."""
    if history.step_back:
        say(f"Warning: {history.step_back} The rows were taken as they are.")
    waited, allowed = history.longest_wait / 86_400, settings.late_labels.wait / 86_400
    if waited > allowed:
        say(
            f"Warning: labels come up to {waited:,.1f} days after their events, and events wait "
            f"{allowed:,.1f} days (late_labels.wait); those later than that are not learned."
        )
