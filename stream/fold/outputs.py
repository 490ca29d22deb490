"""The records that the learner writes for each input record: one of scores, one of dead letters.

Both carry the key ``topic:partition:offset`` of the record they answer, and one CSV line a row:
``row,id,score,lessons,lineage`` and ``row,reason,column,text``. As JSON a score is a record by
itself, an object under the key of its id. The readers give the rows back, whatever their form.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import orjson

from converters.cells.refusal import Refusal
from converters.files.framing import csv_line
from stream.fold.plan import Scored
from stream.log.batch import Taken
from stream.log.contract import LogError, Outgoing, Place, Record

# Existing Kafka topics take records of a mebibyte at most.
MOST_BYTES = 2**19
# From here to 1 orjson writes what repr does, in a fifth of the time.
SAME_AS_REPR = 1e-4

# The scores of a record's rows as records; see :func:`score_records`.
ScoreRecords = Callable[[Taken, Sequence[Scored], Sequence[str], int], list[Outgoing]]


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


def score_records(
    record: Taken, rows: Sequence[Scored], shown: Sequence[str], lineage: int
) -> list[Outgoing]:
    """The scores of a record's rows: one record, or several if it would be a large one.

    Args:
        record: whose rows were scored.
        rows: those rows.
        shown: the score of each line of the plan, formatted.
        lineage: number of the lineage that gave them.
    """
    plain = "".join([row[1] for row in rows]).isalnum()
    lines = [
        f"{n},{i if plain else csv_field(i)},{shown[at]},{lessons},{lineage}"
        for n, i, at, lessons in rows
    ]
    return [Outgoing(value, record.time, key=_key(record)) for value in _values(lines)]


def json_score_records(
    record: Taken, rows: Sequence[Scored], shown: Sequence[str], lineage: int
) -> list[Outgoing]:
    """The same as an object for each row; a row without an id has no key."""
    place, time = record.place, record.time
    origin = f'"topic":"{place.topic}","partition":{place.partition},"offset":{record.offset}'
    return [
        Outgoing(
            f'{{"id":{_json_text(i)},"score":{shown[at]},{origin},"row":{n},"lessons":{lessons},'
            f'"lineage":{lineage}}}'.encode(),
            time,
            key=i.encode() or None,
        )
        for n, i, at, lessons in rows
    ]


def _json_text(text: str) -> str:
    """A text as JSON holds it; most ids need no escapes."""
    return f'"{text}"' if text.isalnum() else orjson.dumps(text).decode()


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
    """The scores of these records of the scores topic, which may have changed its form midway.

    Raises:
        LogError: a record is not the learner's.
    """
    for record in records:
        with _own(record):
            if record.value.startswith(b"{"):
                yield Score(**orjson.loads(record.value))
                continue
            place, offset = _origin(record)
            for row, id_, score, lessons, lineage in _rows(record):
                yield Score(*place, offset, int(row), id_, float(score), int(lessons), int(lineage))


def read_dead_letters(records: Iterable[Record]) -> Iterator[DeadLetter]:
    """The refused rows of these records of the dead-letters topic.

    Raises:
        LogError: a record is not the learner's.
    """
    for record in records:
        with _own(record):
            place, offset = _origin(record)
            for row, reason, column, text in _rows(record):
                yield DeadLetter(*place, offset, int(row), reason, column, text)


@contextmanager
def _own(record: Record) -> Iterator[None]:
    """Say of what cannot be read that others have written it."""
    try:
        yield
    except (ValueError, TypeError, csv.Error):
        raise LogError(
            f"The topic {record.place.topic} holds a record at offset {record.offset} that Freshet "
            "did not write. Nothing else may write to this topic; delete the record, or read from "
            "behind it ('freshet scores --from')."
        ) from None


def _key(record: Taken) -> bytes:
    return f"{record.place.topic}:{record.place.partition}:{record.offset}".encode()


def _origin(record: Record) -> tuple[Place, int]:
    topic, partition, offset = (record.key or b"").decode().rsplit(":", 2)
    return Place(topic, int(partition)), int(offset)


def _rows(record: Record) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(record.value.decode(), newline=""))
