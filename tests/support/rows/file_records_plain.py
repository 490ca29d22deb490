"""The records of a file, made row by row: what reading it in blocks must equal."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from converters.cells.escaping import quoted
from converters.cells.local_clock import MOST_EXPLAINED, LocalClock, step_back
from converters.cells.refusal import Refusal, RefusedCellError
from converters.convert.whole_file import CSV_HEADERS
from converters.errors import UsageError
from converters.files.csv_file import CsvFile, CsvFileError, FileRow
from converters.schema.schema import Schema
from stream.log.contract import Outgoing
from stream.produce.file_records import Formed, HistoryOptions
from stream.produce.labels_alone import require_events


class Timed(NamedTuple):
    """A row with its record time, and its label with the label's time; None if missing."""

    time: int | None
    row: FileRow
    content: bytes
    label: tuple[int, bytes] | None = None


# A label's time, its row's number, the line to send, and its row.
Waiting = tuple[int, int, bytes, FileRow]


class PlainHistory:
    """The records of one file, made row by row.

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
        file.require_known(schema.column_names)
        # The columns may change, and rows keep the names that they were sent with.
        self._headers: tuple[tuple[str, bytes], ...] = (
            ("columns", file.dialect.line(file.header).encode()),
        )
        self._time_at = self._place("time")
        self._clock = LocalClock(schema.times, schema.time_settings().fold)
        known = self._column_of(options.label_time)
        self._label_clock = LocalClock(schema.times_of(known), schema.time_settings(known).fold)
        self._late = self._late_places() if options.late else None
        require_events(file, schema, self._place)
        self.longest_wait = 0.0  # seconds from an event's record to its label's, so far
        self.step_back = ""  # what a change of the clocks did to rows that need no order

    def records(self) -> Iterator[Formed]:
        """The records in the order in which they are to be sent.

        Raises:
            CsvFileError: with late labels, a row is out of order or its label has no time.
        """
        yield from self._late_records() if self._late else self._plain_records()

    def _plain_records(self) -> Iterator[Formed]:
        """Rows with their labels, a fixed number a record, stamped with the latest row's time."""
        rows: list[bytes] = []
        latest: int | None = None
        by: FileRow | None = None
        last, above, looks = 0, "", MOST_EXPLAINED
        for row in self._file.rows():
            rows.append(row.content)
            cells = None if self._time_at is None else self._cells(row)
            time = self._row_time(cells)
            if cells is not None and time is not None:
                cell = cells[self._time_at or 0]
                if time < last and looks and not self.step_back:
                    looks -= 1
                    self._note_step_back(row, above, cell)
                last, above = time, cell
            if time is not None and (latest is None or by is None or time > latest):
                by = row
            latest = time if latest is None else max(latest, time or 0)
            if len(rows) == self._options.rows_per_message:
                yield self._events(rows, latest, by)
                rows = []
        if rows:
            yield self._events(rows, latest, by)

    def _note_step_back(self, row: FileRow, above: str, cell: str) -> None:
        """Keep what to say of a row whose time a change of the clocks explains."""
        column = self._schema.only("time")
        assert column is not None
        told = step_back(above, cell, column.name, self._schema.times, column.settings.fold)
        if told is not None:
            self.step_back = f"{self._file.name}, line {row.line}: {told}"

    def _late_records(self) -> Iterator[Formed]:
        """Groups of rows of one time; before each, the labels known by then."""
        labels: list[Waiting] = []
        group: list[bytes] = []
        now, by = 0, None
        for number, row in enumerate(self._timed()):
            assert row.time is not None
            if row.time > now:
                yield from self._group(labels, group, now, by)
                group, now, by = [], row.time, row.row
            group.append(row.content)
            if row.label is not None:
                heapq.heappush(labels, (row.label[0], number, row.label[1], row.row))
        yield from self._group(labels, group, now, by)
        while labels:
            yield from self._due_labels(labels, labels[0][0])

    def _group(
        self, labels: list[Waiting], group: Sequence[bytes], now: int, by: FileRow | None
    ) -> Iterator[Formed]:
        yield from self._due_labels(labels, now)
        size = self._options.rows_per_message
        for first in range(0, len(group), size):
            yield self._events(group[first : first + size], now, by)

    def _due_labels(self, labels: list[Waiting], now: int) -> Iterator[Formed]:
        """Label records up to a time, in order; labels of one time share a record."""
        due: list[bytes] = []
        while labels and labels[0][0] <= now:
            time, _, line, row = heapq.heappop(labels)
            due.append(line)
            same = labels and labels[0][0] == time
            if not same or len(due) == self._options.rows_per_message:
                record = Outgoing(b"\n".join(due), time)
                yield Formed(labels=True, rows=len(due), record=record, timed_by=row)
                due = []

    def _events(self, rows: Sequence[bytes], time: int | None, by: FileRow | None) -> Formed:
        value = b"\n".join(rows)
        if not rows[-1]:
            value += b"\n"  # or a blank last row would be lost
        headers = self._headers
        if value.startswith((b"{", b"[")):
            headers = (*headers, *CSV_HEADERS)  # or it might be read as JSON
        record = Outgoing(value, time, headers)
        return Formed(labels=False, rows=len(rows), record=record, timed_by=by)

    def _timed(self) -> Iterator[Timed]:
        """Rows with their times; a row without one gets that of the row before."""
        ahead = round(self._options.score_ahead * 1000)
        last, above = 0, ""
        for row in self._file.rows():
            cells = self._cells(row)
            event = None if cells is None else self._row_time(cells)
            if cells is None or event is None:
                yield Timed(last, row, row.content)
                continue
            time = max(0, event - ahead)
            cell = cells[self._time_at or 0]
            if time < last:
                raise self._unsorted(row, above, cell)
            last, above = time, cell
            yield self._split(row, cells, event, time)

    def _unsorted(self, row: FileRow, above: str, cell: str) -> CsvFileError:
        """The error about a row whose time is before that of the row above it."""
        column = self._schema.only("time")
        assert column is not None
        name, settings = column.name, column.settings
        explained = step_back(above, cell, name, self._schema.times, settings.fold)
        return CsvFileError(
            f"{self._file.name}, line {row.line}: the row's time, {quoted(cell)}, is before that "
            f"of the row above it, {quoted(above)}. "
            f"{explained or 'With late labels a file must be sorted by its time column.'} "
            f"{self._file.rows_read - 1:,} rows were read before it."
        )

    def _split(self, row: FileRow, cells: list[str], event: int, time: int) -> Timed:
        """A row without its label, and the label on its own."""
        assert self._late is not None
        id_at, label_at, label_time_at = self._late
        label = cells[label_at]
        if self._is_unknown(label):  # empty, or a code for unknown
            return Timed(time, row, row.content)
        if label_time_at is None:
            known = event + round((self._options.label_delay or 0.0) * 1000)
        else:
            known = self._label_time(row, cells[label_time_at])
        known = max(known, time)
        self.longest_wait = max(self.longest_wait, (known - time) / 1000)
        cells[label_at] = ""
        line = self._file.dialect.line
        label_line = line([cells[id_at], label]).encode()
        return Timed(time, row, line(cells).encode(), (known, label_line))

    def _is_unknown(self, label: str) -> bool:
        try:
            return self._schema.label_codes[label] is None
        except KeyError:
            return False

    def _label_time(self, row: FileRow, cell: str) -> int:
        try:
            return self._label_clock.later_time_ms(cell, self._clock.last)
        except RefusedCellError as refused:
            wrong = f"holds {quoted(cell)}, which is no time" if cell else "is empty"
            if refused.reason == "ambiguous-time":
                wrong = f"holds what could be another time ({refused.cell})"
            raise CsvFileError(
                f"{self._file.name}, line {row.line}: the row has a label, but its column "
                f"'{self._options.label_time}', which says when the label was known, {wrong}. "
                "Write the time; a label that is not known yet has to be empty itself."
            ) from None

    def _cells(self, row: FileRow) -> list[str] | None:
        """The cells of a row of the right width; None for one that will be refused."""
        cells = self._file.dialect.cells_of(row.content)
        if isinstance(cells, Refusal) or len(cells) != len(self._file.header):
            return None
        return cells

    def _row_time(self, cells: list[str] | None) -> int | None:
        if cells is None or self._time_at is None or not cells[self._time_at]:
            return None
        try:
            return self._clock.time_ms(cells[self._time_at])
        except RefusedCellError:
            return None

    def _column_of(self, name: str | None) -> str:
        """The schema's name of a column of the file."""
        held = self._schema.column_names.held(self._file.header)
        return dict(zip(held, self._schema.names, strict=True)).get(name or "", "")

    def _place(self, role: str) -> int | None:
        """The index of a role's column in the file."""
        place = self._schema.index(role)
        if place is None:
            return None
        name = self._schema.column_names.held(self._file.header)[place]
        return self._file.header.index(name) if name in self._file.header else None

    def _late_places(self) -> tuple[int, int, int | None]:
        """The indexes of id, label and the label's time."""
        id_at, label_at = self._place("id"), self._place("label")
        for role, at in (("time", self._time_at), ("id", id_at), ("label", label_at)):
            if at is None:
                raise UsageError(
                    f"Late labels need a column of role '{role}', in the config and in "
                    f"{self._file.name}: events are sent at their time, and labels find them by id."
                )
        name = self._options.label_time
        if name is not None and name not in self._file.header:
            raise UsageError(f"--label-time: {self._file.name} has no column '{name}'.")
        assert id_at is not None and label_at is not None  # noqa: PT018  # looked at above
        return id_at, label_at, None if name is None else self._file.header.index(name)
