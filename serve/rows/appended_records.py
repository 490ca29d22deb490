"""Bodies of ``POST /events`` and ``/labels`` as records of the log: checked, timed and cut.

Rows are checked as the stream will check them, and one bad row refuses the request: the sender
learns of it at once, instead of finding a dead letter later. A record's time is when its rows were
known: the time that a row gives, or now if it gives none or a future one. Only rows of equal times
share a record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import orjson

from converters.cells.refusal import Refusal
from converters.cells.times import time_ms
from converters.convert.records import object_cells
from serve.http.body import CSV, JSON, check_rows, parse
from serve.http.problems import RowsRefusedError
from serve.rows.csv_body import CsvBody, split_header
from serve.rows.request_rows import RequestReader
from serve.rows.row_errors import in_words, row_error
from stream.log.contract import Outgoing

Headers = tuple[tuple[str, bytes], ...]
# A record, and how many rows are in it.
Counted = tuple[Outgoing, int]

LABEL_COLUMNS = ("id", "label", "time")
LABEL_HEADERS = (["id", "label"], ["id", "label", "time"])
IS_CSV: Headers = (("content-type", CSV.encode()),)
IS_JSON: Headers = (("content-type", JSON.encode()),)


@dataclass(frozen=True, slots=True)
class Incoming:
    """The valid rows of a request.

    Attributes:
        times: the time cell of each row, empty where there is none.
        value: the bytes of a record of the rows from one number up to another.
        headers: of the records.
    """

    times: Sequence[str]
    value: Callable[[int, int], bytes]
    headers: Headers


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
        self._zone = "UTC" if time is None else time.settings.zone

    def events(self, kind: str, body: bytes, now: int) -> list[Counted]:
        """The records of event rows: an object, a list of objects, or CSV with a header.

        Args:
            kind: the body's media type.
            body: the body.
            now: the clock's milliseconds since 1970.

        Raises:
            NotJsonError: it is not JSON.
            RowsRefusedError: a row is wrong, or there is none.
            TooLargeError: there are too many rows.
        """
        incoming = self._csv_events(body) if kind == CSV else self._json_events(body)
        return _records(incoming, self._zone, now)

    def labels(self, kind: str, body: bytes, now: int) -> list[Counted]:
        """The records of labels: objects of ``id``, ``label`` and ``time``, or such CSV.

        The CSV may begin with that header; ``time`` may be absent. Raises as :meth:`events`.
        """
        incoming = self._csv_labels(body) if kind == CSV else self._json_labels(body)
        return _records(incoming, "UTC", now)

    def _csv_events(self, body: bytes) -> Incoming:
        rows = self._reader.csv(body)
        _check(rows.converted(0, len(rows)))
        in_order = list(rows.names) == list(self._rows.schema.names)
        columns = self._rows.dialect.line(rows.names).encode()
        headers = IS_CSV if in_order else (*IS_CSV, ("columns", columns))
        return Incoming(rows.column(self._time), rows.body.value, headers)

    def _json_events(self, body: bytes) -> Incoming:
        rows = self._reader.objects(parse(body))
        _check(rows.converted(0, len(rows)))
        names = (self._time,)
        times = _cells([{self._time: row.get(self._time)} for row in rows.objects], names, 0)
        return Incoming(times, _json_value(rows.objects, single=rows.single), IS_JSON)

    def _csv_labels(self, body: bytes) -> Incoming:
        dialect = self._rows.dialect
        header, rest = split_header(body, dialect)
        rows = CsvBody(rest if header in LABEL_HEADERS else body, self._reader.most_rows, dialect)
        _check(self._rows.labels(rows.value(0, len(rows)), IS_CSV))
        cells = rows.cells(0, len(rows))
        times = ["" if isinstance(row, Refusal) else "".join(row[2:]) for row in cells]
        return Incoming(times, rows.value, IS_CSV)

    def _json_labels(self, body: bytes) -> Incoming:
        content = parse(body)
        rows = content if isinstance(content, list) else [content]
        check_rows(len(rows), self._reader.most_rows)
        _check(self._rows.labels(orjson.dumps(rows), IS_JSON))
        times = _cells(rows, LABEL_COLUMNS, 2)
        return Incoming(times, _json_value(rows, single=rows is not content), IS_JSON)


def _check(rows: Sequence[object]) -> None:
    """Check that there are rows and that each is valid.

    Raises:
        RowsRefusedError: lists what is wrong.
    """
    refused = [(at, row) for at, row in enumerate(rows) if isinstance(row, Refusal)]
    if not rows:
        refused = [(0, Refusal("empty-record", "", ""))]
    if refused:
        errors = [row_error(at, row) for at, row in refused]
        then = "Nothing was appended: correct it and send the whole request again."
        raise RowsRefusedError(in_words(errors, max(1, len(rows)), then), errors)


def _records(incoming: Incoming, zone: str, now: int) -> list[Counted]:
    """Consecutive rows of one time as one record."""
    known = [_known_at(cell, zone, now) for cell in incoming.times]
    records: list[Counted] = []
    at = 0
    for time, group in groupby(known):
        rows = len(list(group))
        value = incoming.value(at, at + rows)
        records.append((Outgoing(value, time, incoming.headers), rows))
        at += rows
    return records


def _known_at(cell: str, zone: str, now: int) -> int | None:
    """When a row was known; None for now, which the log stamps."""
    time = time_ms(cell, zone) if cell else now
    return None if time >= now else time


def _cells(rows: Sequence[object], names: Sequence[str], which: int) -> list[str]:
    """One cell of each valid object, spelt as in CSV."""
    found = [object_cells(row, names) for row in rows]
    return ["" if isinstance(cells, Refusal) else cells[which] for cells in found]


def _json_value(rows: Sequence[object], *, single: bool) -> Callable[[int, int], bytes]:
    return lambda start, stop: orjson.dumps(rows[0] if single else rows[start:stop])
