"""What the learner writes for each input record: one record of scores, one of dead letters.

Both carry the key ``topic:partition:offset`` of the record they answer, and one CSV line per row:
``row,id,score,lessons,lineage`` and ``row,reason,column,text``. The pipeline makes them, the
learner writes them in one transaction with the journal, and ``freshet scores`` and
``freshet dead-letters`` read them back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from converters.cells import Refusal
from converters.csv_text import csv_line
from stream.log import Outgoing, Place, Record
from stream.reading import Taken


class Score(NamedTuple):
    """A score as read back from the scores topic."""

    topic: str
    partition: int
    offset: int
    row: int
    id: str
    score: float
    lessons: int
    lineage: int


class DeadLetter(NamedTuple):
    """A refused row as read back from the dead-letters topic; ``row`` counts from 0."""

    topic: str
    partition: int
    offset: int
    row: int
    reason: str
    column: str
    text: str


def csv_field(text: str) -> str:
    """A field as CSV holds it; most ids need no quotes."""
    if text.isalnum() or not any(c in text for c in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def score_record(record: Taken, lines: Iterable[str]) -> Outgoing:
    """The scores of a record's rows."""
    return Outgoing("\n".join(lines).encode(), record.time, key=_key(record))


def dead_letter_record(record: Taken, refused: Sequence[tuple[int, Refusal]]) -> Outgoing:
    """The refused rows of a record."""
    text = "\n".join(csv_line((row, *refusal)) for row, refusal in refused)
    value = text.encode("utf-8", "backslashreplace")
    return Outgoing(value, record.time, key=_key(record))


def read_scores(records: Iterable[Record]) -> Iterator[Score]:
    """The scores of these records of the scores topic."""
    for record in records:
        place, offset = _origin(record)
        for row, id_, score, lessons, lineage in _rows(record):
            yield Score(*place, offset, int(row), id_, float(score), int(lessons), int(lineage))


def read_dead_letters(records: Iterable[Record]) -> Iterator[DeadLetter]:
    """The refused rows of these records of the dead-letters topic."""
    for record in records:
        place, offset = _origin(record)
        for row, reason, column, text in _rows(record):
            yield DeadLetter(*place, offset, int(row), reason, column, text)


def _key(record: Taken) -> bytes:
    return f"{record.place.topic}:{record.place.partition}:{record.offset}".encode()


def _origin(record: Record) -> tuple[Place, int]:
    topic, partition, offset = (record.key or b"").decode().rsplit(":", 2)
    return Place(topic, int(partition)), int(offset)


def _rows(record: Record) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(record.value.decode(), newline=""))
