"""Whether a corrected row would be learned, and the record that it is sent as.

It is judged by the learner's own conversion, at the place of the row that it takes the place of.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import orjson

from converters.cells.refusal import Refusal
from converters.cells.spellings import EXACT_INTEGERS
from converters.convert.records import AT_THE_TOP
from converters.convert.whole_file import CSV_HEADERS
from converters.objects.json_rows import opens_as_json
from converters.schema.schema import LABEL_NAMES
from stream.dead_letters.corrected_file import Filed, as_meant, printable
from stream.dead_letters.refused_rows import Letter, RefusedRow
from stream.log.contract import Record
from stream.log.topics import Topics
from stream.reading.record_reader import RecordReader

Headers = tuple[tuple[str, bytes], ...]
JSON_HEADERS: Headers = (("content-type", b"application/json"),)


class Written(NamedTuple):
    """A corrected row as it is sent."""

    value: bytes
    headers: Headers


class Judge(NamedTuple):
    """Judges corrected rows.

    Attributes:
        reader: the learner's own conversion.
        topics: distinguish events from labels.
    """

    reader: RecordReader
    topics: Topics

    def judged(self, letter: Letter, row: Filed, before: RefusedRow | None) -> Written | Refusal:
        """The record that the learner would accept, or why it would refuse the row.

        One with no cell filled in, and nothing else in its place than before, is not corrected.
        """
        assert not isinstance(row.cells, Refusal), "those are refused before"
        if any(row.cells):
            return self._accepted(letter, self.written(letter, row.cells, before))
        if not row.raw or (before is not None and row.raw == printable(before.raw)):
            return Refusal("cells-not-filled-in", "", "")
        ways = [way for value in as_meant(row.raw) for way in self._ways(letter, value)]
        judged = [self._accepted(letter, way) for way in ways]
        return next((each for each in judged if not isinstance(each, Refusal)), judged[0])

    def _accepted(self, letter: Letter, written: Written) -> Written | Refusal:
        place, offset, _ = letter.origin
        record = Record(place, offset, letter.time, written.value, written.headers)
        (taken,) = self.reader.read([record])
        if len(taken.rows) != 1:
            return Refusal("not-one-row", "", "")
        (row,) = taken.rows
        return row if isinstance(row, Refusal) else written

    def _ways(self, letter: Letter, value: bytes) -> list[Written]:
        """How a whole row may be laid out: as CSV, or as JSON, perhaps in the config's envelope."""
        json = ((*JSON_HEADERS, AT_THE_TOP), JSON_HEADERS) if opens_as_json(value) else ()
        return [Written(value, headers) for headers in (*json, self._csv_headers(letter))]

    def written(self, letter: Letter, cells: Sequence[str], before: RefusedRow | None) -> Written:
        """The record of a row: JSON in place of JSON, which the topic's other readers expect."""
        labels = letter.origin.place.topic == self.topics.labels
        rows = self.reader.rows
        if before is not None and before.json:
            names = LABEL_NAMES if labels else rows.schema.names
            numbers = () if labels else rows.schema.numbers
            values = (_value(c, number=n in numbers) for n, c in zip(names, cells, strict=True))
            held = {name: value for name, value in zip(names, values, strict=True) if value != ""}
            return Written(orjson.dumps(held), (*JSON_HEADERS, AT_THE_TOP))
        kept = cells[:2] if labels and not cells[2] else cells
        return Written(rows.dialect.line(kept).encode(), self._csv_headers(letter))

    def _csv_headers(self, letter: Letter) -> Headers:
        """They name an event's columns: the row may be read under a later schema."""
        if letter.origin.place.topic == self.topics.labels:
            return CSV_HEADERS
        rows = self.reader.rows
        return (*CSV_HEADERS, ("columns", rows.dialect.line(rows.schema.names).encode()))


def _value(cell: str, *, number: bool) -> str | int | float:
    """A cell in JSON: a number only where nothing of its spelling is lost."""
    for kind in (int, float) if number else ():
        with suppress(ValueError):
            found = kind(cell)
            if repr(found) == cell and abs(found) < EXACT_INTEGERS:
                return found
    return cell
