"""Bodies of ``POST /events`` and ``/labels`` as records of the log: checked, timed and cut.

Rows are checked as the stream will check them, and one bad row refuses the request: the sender
learns of it at once, instead of finding a dead letter later. A record's time is when its rows were
known: the time that a row gives, or now if it gives none or a future one. Only rows of equal times
share a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import orjson

from converters.cells.local_clock import LocalClock
from converters.cells.refusal import Refusal
from converters.convert.records import AT_THE_TOP
from converters.convert.row_block import RowBlock
from converters.objects.json_rows import object_cells
from converters.schema.column_names import ColumnNames
from serve.http.body import CSV, JSON
from serve.http.problems import RowsRefusedError
from serve.http.turns import Work
from serve.rows.csv_body import csv_lines, split_header, without_separator
from serve.rows.json_body import elements
from serve.rows.request_rows import RequestReader
from serve.rows.row_errors import RefusedRows
from serve.rows.whole_numbers import make_whole, whole_in_labels
from stream.log.contract import MAX_AHEAD_MS, Outgoing

Headers = tuple[tuple[str, bytes], ...]


class Counted(NamedTuple):
    """A record, and what is in it.

    Attributes:
        record: without a time, if it is to be stamped.
        rows: how many rows it has.
        waiting: how many of them are events that wait for their label.
        lost: how many are events without label and id, to which none can come.
        future: how many said a time that no log takes, and are stamped now.
    """

    record: Outgoing
    rows: int
    waiting: int = 0
    lost: int = 0
    future: int = 0


LABEL_HEADERS = (["id", "label"], ["id", "label", "time"])
IS_CSV: Headers = (("content-type", CSV.encode()),)
# The config's path, by which rows of other producers are found, may be another later.
IS_JSON: Headers = (("content-type", JSON.encode()), AT_THE_TOP)


@dataclass(frozen=True, slots=True)
class Form:
    """How records hold rows.

    Attributes:
        headers: of the records.
        before: the bytes in front of the rows.
        between: those between two rows.
        after: those behind them.
    """

    headers: Headers
    before: bytes = b""
    between: bytes = b"\n"
    after: bytes = b""


LABELS_IN_CSV = Form(IS_CSV)


def json_form(*, single: bool) -> Form:
    """That of JSON, of one row or of a list."""
    return Form(IS_JSON) if single else Form(IS_JSON, b"[", b",", b"]")


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows of a request that follow each other.

    Attributes:
        waiting: the id, perhaps empty, of each event without a label; None of other rows.
        refused: why rows are refused, by their numbers.
        times: gives the time cell of each, empty where there is none; if none is refused.
        value: the bytes of the rows from one number up to another, within the part.
        form: of their records.
        ids: of each event; empty where there is none.
    """

    waiting: Sequence[str | None]
    refused: Mapping[int, Refusal]
    times: Callable[[], Sequence[str]]
    value: Callable[[int, int], bytes]
    form: Form
    ids: Sequence[str] = ()


class IngestReader:
    """Turns bodies into records under one schema.

    Args:
        reader: of requests under that schema.
    """

    def __init__(self, reader: RequestReader) -> None:
        self._reader = reader
        self._rows = reader.converter
        time = self._rows.schema.only("time")
        self._time = "" if time is None else time.name
        self._time_names = () if time is None else (time.name, *time.settings.was)
        # Rows of a request are in no order, and may be one: the hour that comes twice is once.
        fold = "earlier" if time is None or time.settings.fold == "order" else time.settings.fold
        self._clock = LocalClock(self._rows.schema.times, fold)

    def events(self, kind: str, body: bytes, now: int) -> Work[list[Counted]]:
        """The records of event rows: an object, a list of objects, or CSV with a header.

        Args:
            kind: the body's media type.
            body: the body.
            now: the clock's milliseconds since 1970.

        Raises:
            NotJsonError: it is not JSON.
            RowsRefusedError: a row is wrong, or there is none.
            TooLargeError: there are too many rows, or one is too long.
        """
        parts = self._csv_events(body) if kind == CSV else self._json_events(body)
        return _records(parts, self._clock, now)

    def rows(self, kind: str, body: bytes) -> Iterator[Checked | None]:
        """The rows of a body to be scored, a part at a time; None for a step without rows.

        Raises as :meth:`events`, but for rows of the right shape.
        """
        return self._csv_events(body) if kind == CSV else self._json_events(body, instances=True)

    def time_ms(self, cell: str, now: int) -> int:
        """The time that a row says in its cell, or now."""
        return self._clock.time_ms(cell) if cell else now

    def labels(self, kind: str, body: bytes, now: int) -> Work[list[Counted]]:
        """The records of labels: objects of ``id``, ``label`` and ``time``, or such CSV.

        The CSV may begin with that header; ``time`` may be absent, and is read as the time column's
        cells are. Raises as :meth:`events`.
        """
        parts = self._csv_labels(body) if kind == CSV else self._json_labels(body)
        return _records(parts, self._clock, now)

    def _csv_events(self, body: bytes) -> Iterator[Checked | None]:
        form: Form | None = None
        for part in self._reader.csv(body):
            if part is None:
                yield None
                continue
            form = form or self._csv_form(part.names)
            times = partial(part.column, self._time)
            yield _events(part.converted(), times, part.lines.value, form)

    def _csv_form(self, names: Sequence[str]) -> Form:
        """That of rows with these columns, which need not be in the schema's order."""
        return Form((*IS_CSV, ("columns", self._rows.dialect.line(names).encode())))

    def _json_events(self, body: bytes, *, instances: bool = False) -> Iterator[Checked | None]:
        for part in self._reader.objects(body, instances=instances):
            if part is None:
                yield None
                continue
            times = partial(self._times, part.objects)
            form = json_form(single=part.single)
            yield _events(part.converted(), times, partial(_json_value, part.objects), form)

    def _times(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """The time of each object, spelt as in CSV."""
        given = (next(filter(row.__contains__, self._time_names), "") for row in rows)
        names = ColumnNames(("time",))
        both = zip(rows, given, strict=True)
        found = [object_cells({"time": row.get(name)}, names) for row, name in both]
        return ["" if isinstance(cells, Refusal) else cells[0] for cells in found]

    def _csv_labels(self, body: bytes) -> Iterator[Checked | None]:
        dialect, limits = self._rows.dialect, self._reader.limits
        body = without_separator(body, dialect)
        names, at = split_header(body, dialect, limits)
        for blank in (b"\n\n", b"\n\r\n"):  # at the very end it is no row, as in a record
            if body.endswith(blank):
                body = body[: 1 - len(blank)]
        own = self._rows.schema.label_fields
        is_header = [own.get(name, name) for name in names] in LABEL_HEADERS
        for lines in csv_lines(body, at if is_header else 0, dialect, limits):
            yield None if lines is None else self._labels(lines.cells(), lines.value, LABELS_IN_CSV)

    def _json_labels(self, body: bytes) -> Iterator[Checked | None]:
        limits, before, whole = self._reader.limits, 0, whole_in_labels(self._rows.schema)
        for found in elements(body, limits, instances=False):
            if found is None:
                yield None
                continue
            before += len(found.content)
            limits.check_rows(before)
            for start in range(0, len(found.content), limits.block_rows):
                rows = found.content[start : start + limits.block_rows]
                for row in rows:
                    if isinstance(row, dict):
                        make_whole(row, whole)
                cells = list(map(self._rows.label_cells, rows))
                form = json_form(single=found.single)
                yield self._labels(cells, partial(_json_value, rows), form)

    def _labels(
        self,
        cells: Sequence[Sequence[str] | Refusal],
        value: Callable[[int, int], bytes],
        form: Form,
    ) -> Checked:
        label = self._rows.label
        rows = [each if isinstance(each, Refusal) else label(each) for each in cells]
        refused = {at: row for at, row in enumerate(rows) if isinstance(row, Refusal)}
        times = lambda: ["".join(each[2:3]) for each in cells]  # noqa: E731
        return Checked([None] * len(rows), refused, times, value, form)


def _events(
    block: RowBlock,
    times: Callable[[], Sequence[str]],
    value: Callable[[int, int], bytes],
    form: Form,
) -> Checked:
    both = zip(block.ids, block.labels, strict=True)
    waiting = [id_ if label is None else None for id_, label in both]
    return Checked(waiting, block.refused, times, value, form, block.ids)


def _records(parts: Iterator[Checked | None], clock: LocalClock, now: int) -> Work[list[Counted]]:
    """Consecutive rows of one time as one record, if all rows are valid."""
    refused, rows, records = RefusedRows(), 0, Records()
    for part in parts:
        yield
        if part is None:
            continue
        for at, refusal in part.refused.items():
            refused.add(rows + at, refusal)
        rows += len(part.waiting)
        if not refused.rows:
            records.add(part, [clock.time_ms(cell) if cell else now for cell in part.times()], now)
    if not rows:
        refused.add(0, Refusal("empty-record", "", ""))
    if refused.rows:
        then = "Nothing was appended: correct it and send the whole request again."
        detail = refused.in_words(max(1, rows), then)
        raise RowsRefusedError(detail, refused.errors, refused.reasons)
    return records.all()


class Records:
    """Records of rows that come part by part; one of many rows goes on from part to part."""

    def __init__(self) -> None:
        self._done: list[Counted] = []
        self._pieces: list[bytes] = []
        self._rows = self._waiting = self._lost = self._future = 0
        self._time: int | None = None
        self._form = LABELS_IN_CSV  # until there are rows

    def add(self, part: Checked, said: Sequence[int], now: int) -> None:
        """More rows, with the time that each says; one not before now is left to the log."""
        at = 0
        for time, group in groupby(None if time >= now else time for time in said):
            rows = len(list(group))
            if self._rows and time != self._time:
                self._end()
            self._pieces.append(part.value(at, at + rows))
            self._count(part.waiting[at : at + rows])
            self._future += sum(each > now + MAX_AHEAD_MS for each in said[at : at + rows])
            self._rows, self._time, self._form = self._rows + rows, time, part.form
            at += rows

    def all(self) -> list[Counted]:
        """All records; no rows are added after that."""
        if self._rows:
            self._end()
        return self._done

    def _count(self, waiting: Sequence[str | None]) -> None:
        """Count the events without a label, with an id and without."""
        lost = waiting.count("")
        self._lost += lost
        self._waiting += len(waiting) - waiting.count(None) - lost

    def _end(self) -> None:
        form = self._form
        value = b"%b%b%b" % (form.before, form.between.join(self._pieces), form.after)
        record = Outgoing(value, self._time, form.headers)
        counts = self._rows, self._waiting, self._lost, self._future
        self._done.append(Counted(record, *counts))
        self._pieces = []
        self._rows = self._waiting = self._lost = self._future = 0


def _json_value(rows: Sequence[object], start: int, stop: int) -> bytes:
    """Some elements of a list, without its brackets."""
    return orjson.dumps(rows[start:stop])[1:-1]
