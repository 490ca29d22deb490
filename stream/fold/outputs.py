"""The records that the learner writes for each input record: one of scores, one of dead letters.

Both carry the key ``topic:partition:offset`` of the record they answer, and one CSV line a row:
``row,id,score,lessons,lineage`` and ``row,reason,column,text``. The readers give the rows back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from converters.cells.refusal import Refusal
from converters.files.framing import csv_line
from stream.log.batch import Taken
from stream.log.contract import Outgoing, Place, Record

# Existing Kafka topics take records of a mebibyte at most.
MOST_BYTES = 2**19
# From here to 1 orjson writes what repr does, in a fifth of the time.
SAME_AS_REPR = 1e-4


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


def score_texts(scores: Sequence[float]) -> list[str]:
    """Each score, from 0 to 1, formatted like ``repr``."""
    texts = orjson.dumps(scores).decode()[1:-1].split(",")
    # strict=False: without scores there is one empty text.
    return [t if s >= SAME_AS_REPR else repr(s) for s, t in zip(scores, texts, strict=False)]


def score_records(record: Taken, lines: Sequence[str]) -> list[Outgoing]:
    """The scores of a record's rows: one record, or several if it would be a large one."""
    return [Outgoing(value, record.time, key=_key(record)) for value in _values(lines)]


def dead_letter_records(record: Taken, refused: Sequence[tuple[int, Refusal]]) -> list[Outgoing]:
    """The refused rows of a record: one record, or several if it would be a large one."""
    lines = [csv_line((row, *refusal)) for row, refusal in refused]
    return [Outgoing(value, record.time, key=_key(record)) for value in _values(lines)]


def _values(lines: Sequence[str]) -> list[bytes]:
    """The lines as values of :data:`MOST_BYTES` at most; a single line is never as long."""
    value = "\n".join(lines).encode("utf-8", "backslashreplace")
    if len(value) <= MOST_BYTES or len(lines) == 1:
        return [value]
    middle = len(lines) // 2
    return _values(lines[:middle]) + _values(lines[middle:])


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
