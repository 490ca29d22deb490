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
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import orjson

from converters.cells.refusal import Refusal
from converters.files.framing import csv_line
from learners.metrics.arrays import AnyArray, FloatArray
from stream.fold.plan import Arrivals, Integers, Origin, values
from stream.log.contract import LogError, Outgoing, Place, Record

# Existing Kafka topics take records of a mebibyte at most.
MOST_BYTES = 2**19
# From here to 1 orjson writes what repr does, in a fifth of the time.
SAME_AS_REPR = 1e-4

# The scores of some records' rows as records; see :func:`score_records`.
ScoreRecords = Callable[
    [Sequence[tuple[Origin, int, int]], Arrivals, FloatArray, int], list[Outgoing]
]


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


_QUOTED = (",", '"', "\r", "\n")


def csv_field(text: str) -> str:
    """A field as CSV holds it; most ids need no quotes."""
    if not any(c in text for c in _QUOTED):
        return text
    return '"' + text.replace('"', '""') + '"'


def score_texts(scores: FloatArray) -> list[str]:
    """Each score, from 0 to 1, formatted like ``repr``."""
    texts = _number_texts(scores)
    for at in np.flatnonzero(scores < SAME_AS_REPR).tolist():
        texts[at] = repr(float(scores[at]))
    return texts


def _number_texts(numbers: AnyArray) -> list[str]:
    """Many numbers at once, in a fifth of the time of one by one."""
    if not numbers.size:
        return []
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY).decode()[1:-1].split(",")


def score_records(
    scored: Sequence[tuple[Origin, int, int]], arrivals: Arrivals, scores: FloatArray, lineage: int
) -> list[Outgoing]:
    """The scores of some records' rows: for each one record, or several if it would be large.

    Args:
        scored: the records, with the first of their arrivals and the one after the last.
        arrivals: those rows.
        scores: the score of each arrival.
        lineage: number of the lineage that gave them.
    """
    rows, pieces, last = arrivals.rows, _pieces(arrivals, scores, lineage), str(lineage)
    found: list[Outgoing] = []
    new, join = tuple.__new__, ",".join
    # The hot loop of records of a few rows: .8 us a record.
    for record, begin, end in scored:
        pieces[4 * end - 1] = last
        text = f"{rows[begin]},{join(pieces[4 * begin : 4 * end])}"
        value = text.encode("utf-8", "backslashreplace")
        key = b"%s%d" % (_key_of(record[0]), record[1])
        if len(value) <= MOST_BYTES:
            found.append(new(Outgoing, (value, record[2], (), key, 0)))
        else:
            parts = _values(
                [
                    f"{rows[at]},{join(pieces[4 * at : 4 * at + 3])},{last}"
                    for at in range(begin, end)
                ]
            )
            found += [Outgoing(part, record.time, key=key) for part in parts]
    return found


def _pieces(arrivals: Arrivals, scores: FloatArray, lineage: int) -> list[str]:
    """What stands between the commas behind each row's number: four pieces a row.

    The last goes up to the comma of the next line.
    """
    ids = arrivals.ids
    whole = "".join(ids)
    if any(c in whole for c in _QUOTED):
        ids = list(map(csv_field, ids))
    pieces = [""] * (4 * len(ids))
    pieces[0::4] = ids
    pieces[1::4] = score_texts(scores)
    pieces[2::4] = _number_texts(values(arrivals.behind))
    pieces[3:-1:4] = _line_breaks(arrivals.rows[1:], lineage)
    return pieces


def _line_breaks(rows: Integers, lineage: int) -> list[str]:
    """The end of a line with the number of the row behind it, for each of these."""
    try:
        return list(map(_known_breaks(lineage).__getitem__, rows))
    except IndexError:
        return [f"{lineage}\n{number}" for number in rows]


@lru_cache(2)
def _known_breaks(lineage: int) -> list[str]:
    return [f"{lineage}\n{number}" for number in range(1_024)]


def json_score_records(
    scored: Sequence[tuple[Origin, int, int]], arrivals: Arrivals, scores: FloatArray, lineage: int
) -> list[Outgoing]:
    """The same as an object for each row; a row without an id has no key."""
    shown, found = score_texts(scores), list[Outgoing]()
    for record, begin, end in scored:
        place, time = record.place, record.time
        origin = f'"topic":"{place.topic}","partition":{place.partition},"offset":{record.offset}'
        found += [
            Outgoing(
                f'{{"id":{_json_text(i)},"score":{score},{origin},"row":{n},"lessons":{lessons},'
                f'"lineage":{lineage}}}'.encode(),
                time,
                key=i.encode() or None,
            )
            for n, i, score, lessons in zip(
                arrivals.rows[begin:end],
                arrivals.ids[begin:end],
                shown[begin:end],
                arrivals.behind[begin:end],
                strict=True,
            )
        ]
    return found


def _json_text(text: str) -> str:
    """A text as JSON holds it; most ids need no escapes."""
    return f'"{text}"' if text.isalnum() else orjson.dumps(text).decode()


def dead_letter_records(record: Origin, refused: Sequence[tuple[int, Refusal]]) -> list[Outgoing]:
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


def _key(record: Origin) -> bytes:
    return b"%s%d" % (_key_of(record.place), record.offset)


@lru_cache
def _key_of(place: Place) -> bytes:
    """How the keys of a partition's records begin."""
    return f"{place.topic}:{place.partition}:".encode()


def _origin(record: Record) -> tuple[Place, int]:
    topic, partition, offset = (record.key or b"").decode().rsplit(":", 2)
    return Place(topic, int(partition)), int(offset)


def _rows(record: Record) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(record.value.decode(), newline=""))
