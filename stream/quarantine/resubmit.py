"""Corrected rows of a quarantine, sent to be learned in place of what it holds: each once.

Nothing that was learned changes by it. A replay, and a ``backfill log --fresh``, take them at the
place of the rows that were corrected (:mod:`stream.reading.corrections`).

A sender is a writer of a fixed name, so that a second one at the same time fences the first, and
reads what was sent only after it has become that writer. The same file twice is sent once. That all
of it was sent is told last, so that what a command has left that was killed is known as such.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

from converters.cells.refusal import Refusal
from converters.config.settings import Settings
from converters.errors import FreshetError, UsageError
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Quarantine
from stream.dead_letters.corrected_file import Filed, RefusedAgain
from stream.dead_letters.exactly_once import Sent, sent_before
from stream.dead_letters.judging import Judge, Written
from stream.dead_letters.refused_rows import (
    Letter,
    Origin,
    RefusedRow,
    is_json,
    originals,
    whole_rows,
)
from stream.log.contract import EventLog, FencedError, OutputWriter, Place, Record, TopicSpec
from stream.log.topics import topics_of
from stream.reading.corrections import (
    Correction,
    completed,
    corrections,
    incomplete,
    outgoing,
    own_headers,
)
from stream.reading.record_reader import RecordReader

# Rows of a file that are looked up together, and of one transaction.
LOOKED_AT, BATCH_ROWS = 20_000, 1_000
DIGEST_BYTES = 16

NOT_HELD = Refusal("not-in-quarantine", "", "")
NO_ROW = Refusal("no-such-row", "", "")
GONE = Refusal("original-gone", "", "")
SENT_AGAIN = Refusal("sent-again", "", "")
REPEATED = Refusal("repeated-row", "", "")
# What the reasons mean that only a row of a file can have.
OWN_SENTENCES = {
    NOT_HELD.reason: "the quarantine holds no such record; keep the first four columns as exported",
    NO_ROW.reason: "the record does not have so many rows; keep the first four columns as exported",
    GONE.reason: "the record was deleted from the log, and is not read again",
    SENT_AGAIN.reason: "'freshet replay-dead-letters' has sent this row again already",
    REPEATED.reason: "the file has another row for the same place before; only that was taken",
    "bad-origin": "partition, offset or row is no number; keep the first four columns as exported",
    "cells-not-filled-in": "no cell is filled in, and the raw text is what it was",
    "not-one-row": "the raw text is not exactly one row",
}


class ResubmittedElsewhereError(FreshetError):
    """Another sender has started while this one was running."""


class Originals(NamedTuple):
    """What some rows are corrections of.

    Attributes:
        records: those that are still there.
        rows: of them, as they are.
    """

    records: set[tuple[Place, int]]
    rows: dict[Origin, RefusedRow]


@dataclass
class Resubmitted:
    """What came of a file's rows.

    Attributes:
        rows: how many rows of the quarantine have a correction now.
        sent: rows sent now.
        already_sent: rows that were sent before as they are.
        refused: rows that were not sent.
    """

    rows: int = 0
    sent: int = 0
    already_sent: int = 0
    refused: list[RefusedAgain] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The document that ``--json`` prints."""
        return vars(self) | {"refused": [row.to_json() for row in self.refused]}


@dataclass
class Resubmitting:
    """Sends corrected rows.

    Attributes:
        found: the quarantine.
        held: what it holds.
        log: has the rows, and takes the corrected ones.
        judge: says what would be learned.
        writer: the sender's.
        sent_again: the dead letters that were corrected and sent again already.
        known: what was sent before, of each row the last, as a digest.
        complete: whether that, if anything, was all of a file.
    """

    found: Quarantine
    held: OffsetRanges
    log: EventLog
    judge: Judge
    writer: OutputWriter
    sent_again: Sent
    known: dict[Origin, bytes]
    complete: bool = True
    report: Resubmitted = field(default_factory=Resubmitted)
    _now: set[Origin] = field(default_factory=set)
    _waiting: list[Correction] = field(default_factory=list)

    def send(self, rows: Iterable[Filed], seen: Callable[[int], None]) -> Resubmitted:
        """Send the rows that would be learned.

        Raises:
            ResubmittedElsewhereError: another sender has started.
            LogError: see :meth:`stream.log.contract.OutputWriter.write`.
        """
        left, count = iter(rows), 0
        while chunk := list(islice(left, LOOKED_AT)):
            looked = self._look_up(chunk)
            for row in chunk:
                judged = self._judged(row, looked)
                if isinstance(judged, Refusal):
                    again = RefusedAgain(row.line, row.origin, judged.reason, judged.column)
                    self.report.refused.append(again)
                elif row.origin is not None:
                    self._add(row.origin, judged)
                count += 1
                seen(count)
        self._flush(last=True)
        self.report.rows = len(self.known)
        return self.report

    def _look_up(self, rows: Sequence[Filed]) -> Originals:
        wanted = defaultdict[Place, defaultdict[int, list[Origin]]](lambda: defaultdict(list))
        for row in rows:
            if row.origin is not None and self.held.holds(row.origin.place, row.origin.offset):
                wanted[row.origin.place][row.origin.offset].append(row.origin)
        found = Originals(set(), {})
        for place, offsets in sorted(wanted.items()):
            for record in originals(self.log, place, offsets):
                found.records.add((place, record.offset))
                found.rows.update(self._rows_of(record, offsets[record.offset]))
        return found

    def _rows_of(
        self, record: Record, wanted: Iterable[Origin]
    ) -> Iterator[tuple[Origin, RefusedRow]]:
        rows, json = whole_rows(self.judge.reader, record), is_json(record)
        for origin in wanted:
            if origin.row < len(rows):
                cells, raw, _ = rows[origin.row]
                letter = Letter(origin, record.time, "", "")
                yield origin, RefusedRow(letter, cells, raw, json=json)

    def _judged(self, row: Filed, looked: Originals) -> Written | Refusal:
        """The record of a row, or why it is not sent."""
        doubt = self._doubt(row, looked)
        if doubt is not None or row.origin is None:
            return doubt or NOT_HELD
        before = looked.rows[row.origin]
        return self.judge.judged(before.letter, row, before)

    def _doubt(self, row: Filed, looked: Originals) -> Refusal | None:
        """Why no row may be sent for this one, whatever is in it."""
        origin = row.origin
        if origin is not None and not self.held.holds(origin.place, origin.offset):
            return NOT_HELD
        if isinstance(row.cells, Refusal):
            # The file is of events and the record of labels, or the other way round.
            return NOT_HELD if row.cells.reason == "not-a-dead-letter" else row.cells
        if origin is None:
            return NOT_HELD
        record = origin.place, origin.offset
        why = {
            REPEATED: origin in self._now,
            SENT_AGAIN: origin.row in self.sent_again.get(record, ()),
            GONE: record not in looked.records,
            NO_ROW: origin not in looked.rows,
        }
        return next((refusal for refusal, holds in why.items() if holds), None)

    def _add(self, origin: Origin, written: Written) -> None:
        """Queue a row, if it is not what was sent of it last."""
        self._now.add(origin)
        digest = _digest(written.value, written.headers)
        if self.known.get(origin) == digest:
            self.report.already_sent += 1
            return
        self.known[origin] = digest
        record = Record(origin.place, origin.offset, 0, written.value, written.headers)
        self._waiting.append(Correction(*origin, self.found.number, record))
        if len(self._waiting) >= BATCH_ROWS:
            self._flush()

    def _flush(self, *, last: bool = False) -> None:
        """Send what waits; with the last rows, that these are all."""
        records = list(map(outgoing, self._waiting))
        if last and (records or not self.complete):
            records.append(completed(self.found.number))
        if not records:
            return
        try:
            self.writer.write({self.judge.topics.corrections: records})
        except FencedError as error:
            raise ResubmittedElsewhereError(
                "Another 'freshet quarantine resubmit' of this model has started, or the log took "
                "too long to answer; the last rows were not sent. Run the command again when the "
                "other one is done: rows that were sent are skipped."
            ) from error
        self.report.sent += len(self._waiting)
        self.complete, self._waiting = last, []


@contextmanager
def resubmitting(
    log: EventLog, settings: Settings, reader: RecordReader, found: Quarantine
) -> Iterator[Resubmitting]:
    """The one sender of a model; creates the topic the first time.

    Args:
        log: has the records in quarantine.
        settings: of the model.
        reader: the learner's own conversion.
        found: the quarantine.

    Raises:
        UsageError: it was removed.
    """
    if found.removed_at is not None:
        raise UsageError(
            f"Quarantine {found.number} was removed, so its records are learned as they are where "
            "the log is read again. Put them into quarantine anew with 'freshet quarantine add', "
            "and correct the rows of that one."
        )
    topics = topics_of(settings)
    # Never with retention: what was learned could not be learned again.
    log.create_topics([TopicSpec(topics.corrections)], accept_retention=False)
    with closing(log.writer(f"{settings.model}.corrections")) as writer:
        known = {
            Origin(place, offset, row): _digest(record.value, own_headers(record))
            for place, offset, row, number, record in corrections(log, topics.corrections)
            if number == found.number
        }
        held, sent = OffsetRanges.from_json(found.ranges), sent_before(log, topics.replays)
        whole = not incomplete(log, topics.corrections, [found.number])
        yield Resubmitting(found, held, log, Judge(reader, topics), writer, sent, known, whole)


def _digest(value: bytes, headers: tuple[tuple[str, bytes], ...]) -> bytes:
    return blake2b(repr((value, headers)).encode(), digest_size=DIGEST_BYTES).digest()
