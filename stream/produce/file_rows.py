"""The rows of a CSV file with the times of their records, and late labels apart from them.

Rows are read in blocks and cut by column; a row that cannot be, or stands out of order, is looked
at by itself, with the others of its block. Rows are passed on unchanged, valid or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import sub
from typing import NamedTuple

from converters.cells.escaping import quoted
from converters.cells.local_clock import MOST_EXPLAINED, LocalClock, step_back
from converters.cells.refusal import Refusal, RefusedCellError
from converters.errors import UsageError
from converters.files.csv_file import CsvFile, CsvFileError, FileRow
from converters.files.framing import columns_of_text, plain_text
from converters.schema.schema import Schema
from stream.produce.labels_alone import require_events

# A label by itself: when it is known, and the line to send.
Label = tuple[int, bytes]


class Rows(NamedTuple):
    """Rows that follow each other.

    Attributes:
        lines: on which each begins.
        rows: as they are in the file.
        times: of their records; None for a row without one.
        contents: what is sent of each.
        labels: of each, if it comes late and is known.
    """

    lines: Sequence[int]
    rows: Sequence[bytes]
    times: Sequence[int | None]
    contents: Sequence[bytes]
    labels: Sequence[Label | None] = ()

    def row(self, at: int) -> FileRow:
        """One of them."""
        return FileRow(self.lines[at], self.rows[at])


DEFAULT_ROWS_PER_MESSAGE = 50


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """How a file becomes records.

    Attributes:
        rows_per_message: most rows in a record.
        label_delay: seconds from an event to its label; None with ``label_time`` None means that
            rows carry their label.
        label_time: column that says when a row's label was known.
        score_ahead: seconds before its time at which an event is to be scored.
    """

    rows_per_message: int = DEFAULT_ROWS_PER_MESSAGE
    label_delay: float | None = None
    label_time: str | None = None
    score_ahead: float = 0.0

    @property
    def late(self) -> bool:
        """Whether labels come on their own topic."""
        return self.label_delay is not None or self.label_time is not None

    def given(self) -> list[str]:
        """The options of a command that ask for this."""
        default = HistoryOptions()
        values: dict[str, object] = {
            "--label-delay": self.label_delay,
            "--label-time": self.label_time,
            "--score-ahead": self.score_ahead or None,
            "--rows-per-message": self.rows_per_message
            if self.rows_per_message != default.rows_per_message
            else None,
        }
        return [str(word) for pair in values.items() if pair[1] is not None for word in pair]


class FileRows:
    """Reads the rows of a file.

    Args:
        file: open at its first row.
        schema: the columns, and which of them are id, time and label.
        options: how rows become records.

    Attributes:
        header: the file's names of its columns.
        time_at: where its time column is; None if it has none.
        longest_wait: milliseconds from an event's record to its label's, so far.
        step_back: what a change of the clocks did to rows that need no order.

    Raises:
        UsageError: late labels are requested and the schema or the file lacks what they need.
        CsvFileError: the file has a column that is not in the schema.
    """

    def __init__(self, file: CsvFile, schema: Schema, options: HistoryOptions) -> None:
        self._file = file
        self._schema = schema
        self._options = options
        file.require_known(schema.column_names)
        self.header = file.header
        self.time_at = self.place("time")
        self._clock = LocalClock(schema.times, schema.time_settings().fold)
        known = self._column_of(options.label_time)
        self._label_clock = LocalClock(schema.times_of(known), schema.time_settings(known).fold)
        self._late = self._late_places() if options.late else (0, 0, None)
        self._ahead = round(options.score_ahead * 1000)
        self._delay = round((options.label_delay or 0.0) * 1000)
        require_events(file, schema, self.place)
        # The latest time, and the row that has it.
        self._last, self._above = 0, b""
        self._looks = MOST_EXPLAINED
        self.longest_wait = 0
        self.step_back = ""

    def plain(self) -> Iterator[Rows]:
        """Rows with their labels, in the order of the file."""
        for lines, rows in self._file.blocks():
            times = self._times(rows)
            block = Rows(lines, rows, times, rows)
            self._look_back(block)
            yield block

    def split(self) -> Iterator[Rows]:
        """Rows without their labels, in order of time; one without has that of the row above.

        Raises:
            CsvFileError: a row is out of order, or its label has no time.
        """
        for lines, rows in self._file.blocks():
            block = self._split_at_once(lines, rows)
            if block is not None:
                yield block
                continue
            before = self._file.rows_read - len(rows)
            for number, row in enumerate(map(FileRow, lines, rows), before):
                yield self._split(row, number)

    def place(self, role: str) -> int | None:
        """The index of a role's column in the file."""
        place = self._schema.index(role)
        if place is None:
            return None
        name = self._schema.column_names.held(self._file.header)[place]
        return self._file.header.index(name) if name in self._file.header else None

    def _columns(self, rows: Sequence[bytes]) -> list[list[str]] | None:
        """The cells of rows by column; None unless all are their lines, cut at each delimiter."""
        text = plain_text(b"\n".join(rows))
        if text is None:
            return None
        return columns_of_text(text, len(rows), self._file.dialect.delimiter, len(self.header))

    def _times(self, rows: Sequence[bytes]) -> Sequence[int | None]:
        """The times of rows; None for those that have none."""
        if self.time_at is None:
            return [None] * len(rows)
        columns = self._columns(rows)
        times = None if columns is None else self._clock.times_ms(columns[self.time_at])
        return [self._row_time(self.cells(row)) for row in rows] if times is None else times

    def _look_back(self, block: Rows) -> None:
        """Look whether a change of the clocks explains a time before that of the row above."""
        times, rows = [time for time in block.times if time is not None], block.rows
        if len(times) < len(rows):
            rows = list(compress(rows, [time is not None for time in block.times]))
        if not times:
            return
        if times[0] < self._last or times != sorted(times):
            self._look_at_each(block)
        self._last, self._above = times[-1], rows[-1]

    def _look_at_each(self, block: Rows) -> None:
        for at, time in enumerate(block.times):
            if time is None:
                continue
            if time < self._last and self._looks and not self.step_back:
                self._looks -= 1
                self._note_step_back(block.row(at))
            self._last, self._above = time, block.rows[at]

    def _note_step_back(self, row: FileRow) -> None:
        """Keep what to say of a row whose time a change of the clocks explains."""
        if told := self._step_back(row.content):
            self.step_back = f"{self._file.name}, line {row.line}: {told}"

    def _step_back(self, row: bytes) -> str | None:
        """What a change of the clocks has to do with a row's time, and that of the row above."""
        column = self._schema.only("time")
        assert column is not None
        name, settings = column.name, column.settings
        above, cell = self._time_cell(self._above), self._time_cell(row)
        return step_back(above, cell, name, self._schema.times, settings.fold)

    def _time_cell(self, row: bytes) -> str:
        """A row's time as it is written; empty if it has none."""
        cells = self.cells(row)
        return cells[self.time_at] if cells and self.time_at is not None else ""

    def _split_at_once(self, lines: Sequence[int], rows: Sequence[bytes]) -> Rows | None:
        """A block of rows of which nothing has to be told; None, with nothing done, of others."""
        columns, before = self._columns(rows), self._clock.last
        if columns is None or self.time_at is None:
            return None
        events = self._clock.times_ms(columns[self.time_at])
        if events is None:
            return None
        times = [max(0, event - self._ahead) for event in events]
        labels = None
        if times[0] >= self._last and times == sorted(times):
            labels = self._labels(columns, events, times)
        if labels is None:
            self._clock.last = before
            return None
        self._last, self._above = times[-1], rows[-1]
        label_at = self._late[1]
        each = zip(columns[label_at], labels, strict=True)
        columns[label_at] = [cell if label is None else "" for cell, label in each]
        sent = map(self._file.dialect.delimiter.join, zip(*columns, strict=True))
        contents = "\n".join(sent).encode().split(b"\n")
        return Rows(lines, rows, times, contents, labels)

    def _labels(
        self, columns: Sequence[Sequence[str]], events: Sequence[int], times: Sequence[int]
    ) -> list[Label | None] | None:
        """The labels of rows by column; None if of one it is not said when it was known."""
        id_at, label_at, label_time_at = self._late
        labels = columns[label_at]
        unknown = set(filter(self._is_unknown, set(labels)))
        known = [label not in unknown for label in labels]
        lasts = list(compress(events, known))
        moments: list[int] | None = [event + self._delay for event in lasts]
        if label_time_at is not None:
            cells = list(compress(columns[label_time_at], known))
            moments = self._label_clock.later_times_ms(cells, lasts)
        if moments is None:
            return None
        moments = list(map(max, moments, compress(times, known)))
        waits = map(sub, moments, compress(times, known))
        self.longest_wait = max(self.longest_wait, max(waits, default=0))
        both = zip(compress(columns[id_at], known), compress(labels, known), strict=True)
        lines = "\n".join(map(self._file.dialect.delimiter.join, both)).encode().split(b"\n")
        found = zip(moments, lines, strict=bool(moments))
        return [next(found) if each else None for each in known] if unknown else list(found)

    def _split(self, row: FileRow, number: int) -> Rows:
        """One row, before which so many have been read."""
        line, content = row
        cells = self.cells(content)
        event = self._row_time(cells)
        if cells is None or event is None:
            return Rows((line,), (content,), (self._last,), (content,), (None,))
        time = max(0, event - self._ahead)
        if time < self._last:
            raise self._unsorted(row, number)
        self._last, self._above = time, content
        id_at, label_at, label_time_at = self._late
        label = cells[label_at]
        if self._is_unknown(label):  # empty, or a code for unknown
            return Rows((line,), (content,), (time,), (content,), (None,))
        known = event + self._delay
        if label_time_at is not None:
            known = self._label_time(row, cells[label_time_at])
        known = max(known, time)
        self.longest_wait = max(self.longest_wait, known - time)
        cells[label_at] = ""
        written = self._file.dialect.line
        sent = known, written([cells[id_at], label]).encode()
        return Rows((line,), (content,), (time,), (written(cells).encode(),), (sent,))

    def _unsorted(self, row: FileRow, number: int) -> CsvFileError:
        """The error about a row whose time is before that of the row above it."""
        above, cell = self._time_cell(self._above), self._time_cell(row.content)
        explained = self._step_back(row.content)
        return CsvFileError(
            f"{self._file.name}, line {row.line}: the row's time, {quoted(cell)}, is before that "
            f"of the row above it, {quoted(above)}. "
            f"{explained or 'With late labels a file must be sorted by its time column.'} "
            f"{number:,} rows were read before it."
        )

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

    def cells(self, row: bytes) -> list[str] | None:
        """The cells of a row of the right width; None for one that will be refused."""
        cells = self._file.dialect.cells_of(row)
        if isinstance(cells, Refusal) or len(cells) != len(self._file.header):
            return None
        return cells

    def _row_time(self, cells: list[str] | None) -> int | None:
        if cells is None or self.time_at is None or not cells[self.time_at]:
            return None
        try:
            return self._clock.time_ms(cells[self.time_at])
        except RefusedCellError:
            return None

    def _column_of(self, name: str | None) -> str:
        """The schema's name of a column of the file."""
        held = self._schema.column_names.held(self._file.header)
        return dict(zip(held, self._schema.names, strict=True)).get(name or "", "")

    def _late_places(self) -> tuple[int, int, int | None]:
        """The indexes of id, label and the label's time."""
        id_at, label_at = self.place("id"), self.place("label")
        for role, at in (("time", self.time_at), ("id", id_at), ("label", label_at)):
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
