"""Rows sent again, each once: a corrected row and the mark that it was sent are one transaction.

The marks are on a separate topic, one record for each record that had rows sent again: its
key is ``topic:partition:offset``, its value the numbers of those rows. A sender is a writer of a
fixed name, so that a second one at the same time fences the first. It reads the marks only after
it has become that writer, when older transactions are committed or aborted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from converters.cells.refusal import Refusal
from converters.config.settings import Settings
from converters.errors import FreshetError
from stream.dead_letters.refused_rows import Letter, Origin
from stream.log import journal
from stream.log.batch import Taken
from stream.log.contract import (
    EventLog,
    FencedError,
    LogError,
    Outgoing,
    OutputWriter,
    Place,
    Record,
    TopicSpec,
)
from stream.log.topics import Topics, topics_of
from stream.reading.corrections import NO_ROWS, Rows
from stream.reading.record_reader import RecordReader

# The header with the original position of a row that was sent again.
ORIGIN_HEADER = "replays"

# The size of one transaction: small enough to be fast, large enough that its commit does not
# dominate.
BATCH_ROWS, BATCH_BYTES = 500, 4 * 2**20

Sent = dict[tuple[Place, int], set[int]]


class TakenOverError(FreshetError):
    """Another sender has started while this one was running."""


class Corrected(NamedTuple):
    """A row to be sent again, in place of a dead letter's; ``headers`` say how it is laid out."""

    letter: Letter
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def outgoing(self) -> Outgoing:
        """With the time of its original record: stream time must not jump for a late row."""
        origin = self.letter.origin
        headers = (*self.headers, (ORIGIN_HEADER, str(origin).encode()))
        return Outgoing(self.value, self.letter.time, headers, partition=origin.place.partition)


def sent_before(log: EventLog, topic: str) -> Sent:
    """Which rows of which records have been sent again."""
    sent: Sent = {}
    if log.describe([topic]):
        for record in journal.records(log, topic):
            origin, rows = _marked(record)
            sent.setdefault(origin, set()).update(rows)
    return sent


@dataclass
class Sender:
    """Sends corrected rows with their marks, until a newer sender fences it off.

    Attributes:
        sent: rows that any sender has sent, and those about to be sent.
        added: rows that this sender has sent or is about to send.
        sent_now: how many rows this one has sent.
    """

    writer: OutputWriter
    topics: Topics
    sent: Sent
    added: set[Origin] = field(default_factory=set)
    sent_now: int = 0
    _held: list[Corrected] = field(default_factory=list)
    _held_bytes: int = 0

    def knows(self, origin: Origin) -> bool:
        """Whether the row of this origin has been sent, or is about to be."""
        return origin.row in self.sent.get((origin.place, origin.offset), ())

    def add(self, corrected: Corrected) -> None:
        """Queue a row for sending; never more than once."""
        origin = corrected.letter.origin
        if self.knows(origin):
            return
        self.sent.setdefault((origin.place, origin.offset), set()).add(origin.row)
        self.added.add(origin)
        self._held.append(corrected)
        self._held_bytes += len(corrected.value)
        if len(self._held) >= BATCH_ROWS or self._held_bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send the queued rows, as one transaction with their marks.

        Raises:
            TakenOverError: another sender has started.
            LogError: see :meth:`stream.log.contract.OutputWriter.write`.
        """
        if not self._held:
            return
        rows: dict[str, list[Outgoing]] = {}
        marks: Sent = {}
        for corrected in self._held:
            place, offset, number = corrected.letter.origin
            rows.setdefault(place.topic, []).append(corrected.outgoing)
            marks.setdefault((place, offset), set()).add(number)
        try:
            self.writer.write(
                {**rows, self.topics.replays: [_mark(*mark) for mark in marks.items()]}
            )
        except FencedError as error:
            raise TakenOverError(
                "Another 'freshet replay-dead-letters' of this model has started, or the log took "
                "too long to answer; the last rows were not sent. Run the command again when the "
                "other one is done: rows that either has sent are skipped."
            ) from error
        self.sent_now += len(self._held)
        self._held, self._held_bytes = [], 0


@contextmanager
def sender(log: EventLog, settings: Settings) -> Iterator[Sender]:
    """The one sender of a model; creates the topic of marks the first time."""
    topics = topics_of(settings)
    # Never with retention: if a mark is lost, a row can be learned twice.
    log.create_topics([TopicSpec(topics.replays)], accept_retention=False)
    with closing(log.writer(f"{settings.model}.replays")) as writer:
        yield Sender(writer, topics, sent_before(log, topics.replays))


@dataclass(frozen=True)
class OnceReader(RecordReader):
    """Reads a log from its beginning under another config than it was learned under.

    A row that was refused then may be accepted now, at its original position. If a corrected one
    was sent for it since, that is the same event again; it is refused as ``accepted-in-place``.

    Attributes:
        sent: the rows that were sent again.
        corrected: the rows that are taken in place of records in quarantine.
        accepted: those that were accepted at their original position, or sent for such a row.
    """

    sent: Sent = field(default_factory=dict)
    corrected: Rows = field(default_factory=dict)
    accepted: set[Origin] = field(default_factory=set)

    def read(self, records: Iterable[Record]) -> list[Taken]:
        """Convert each record of a batch; a partition's records must come in order."""
        held = list(records)
        taken = super().read(held)
        for record, each in zip(held, taken, strict=True):
            self._look(record, each)
        return taken

    def _look(self, record: Record, taken: Taken) -> None:
        again = dict(record.headers).get(ORIGIN_HEADER)
        passed_over = again is not None and _origin(again) in self.accepted
        instead = self.corrected.get((record.place, record.offset))
        for number in self.sent.get((record.place, record.offset), ()):
            good = (
                not isinstance(taken.rows[number], Refusal)
                if instead is None
                else number in instead
            )
            if passed_over or good:
                self.accepted.add(Origin(record.place, record.offset, number))
        if passed_over:
            taken.rows[:] = [Refusal("accepted-in-place", "", "")] * len(taken.rows)


def once_reader(
    reader: RecordReader, log: EventLog, topics: Topics, corrected: Rows = NO_ROWS
) -> RecordReader:
    """The same conversion, but a row that was sent again counts once."""
    sent = sent_before(log, topics.replays)
    return OnceReader(**vars(reader), sent=sent, corrected=corrected) if sent else reader


def _mark(origin: tuple[Place, int], rows: set[int]) -> Outgoing:
    (topic, partition), offset = origin
    key = f"{topic}:{partition}:{offset}".encode()
    return Outgoing(",".join(map(str, sorted(rows))).encode(), key=key)


def _marked(record: Record) -> tuple[tuple[Place, int], set[int]]:
    """The inverse of :func:`_mark`."""
    try:
        topic, partition, offset = (record.key or b"").decode().rsplit(":", 2)
        rows = {int(row) for row in record.value.decode().split(",")}
        return (Place(topic, int(partition)), int(offset)), rows
    except ValueError:
        raise LogError(
            f"The topic {record.place.topic} holds a record at offset {record.offset} that "
            "Freshet did not write, so it is unknown which rows were sent again. Nothing else "
            "may write to this topic; restore it."
        ) from None


def _origin(header: bytes) -> Origin | None:
    """The origin that a header names; None for what Freshet did not write."""
    try:
        topic, partition, offset, row = header.decode().rsplit(":", 3)
        return Origin(Place(topic, int(partition)), int(offset), int(row))
    except ValueError:
        return None
