"""What some ranges of the log hold, and how much of it was learned: before anything is done.

How much was learned is looked up in the log, and is nearly exact: an event counts as learned if the
live lineage has read it, its row is accepted today, and it came with its label or the labels topic
has one for its id that was read too. A label that came too late and an event that repeats one
outside the ranges count all the same; what expired and was learned as negative does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from learners.registry import Registry
from learners.registry.requests.offset_ranges import OffsetRanges, Partition, of_positions
from stream.log import journal
from stream.log.batch import Batch, Head
from stream.log.contract import BYTES_A_POLL, RECORDS_A_POLL, EventLog, Place, Record
from stream.log.topics import Topics
from stream.quarantine.held_records import held_records
from stream.reading.record_reader import RecordReader

# Of an id in memory; two of so many ids as fit there are alike with a chance of one in a billion.
DIGEST_BYTES = 12


class ReadSoFar(NamedTuple):
    """How far the learner has read, by its newest checkpoint.

    Attributes:
        positions: of each partition the next offset.
        left_out: what it has passed and not learned.
    """

    positions: dict[Partition, int]
    left_out: OffsetRanges

    def has(self, place: Place, offset: int) -> bool:
        """Whether it has learned from a record."""
        passed = offset < self.positions.get(place, 0)
        return passed and not self.left_out.holds(place, offset)


def read_so_far(registry: Registry) -> ReadSoFar:
    """How far the live lineage has read; nothing where there is none."""
    lineage, point = registry.versions.live_lineage(), registry.versions.resume_point()
    if lineage is None:
        return ReadSoFar({}, OffsetRanges())
    start = lineage.start if point is None else point.start
    return ReadSoFar(of_positions(start.positions), OffsetRanges.from_json(lineage.quarantined))


@dataclass
class Contents:
    """What ranges of the log hold.

    Attributes:
        held: the ranges.
        records: how many records each partition has in them.
        rows: how many rows these have.
        refused: how many of the rows are refused today.
        read: how many rows of each topic the learner has read.
        ids: how many ids the event rows have.
        learned: how many events were learned.
    """

    held: OffsetRanges
    records: Counter[Partition] = field(default_factory=Counter)
    rows: Counter[Partition] = field(default_factory=Counter)
    refused: Counter[Partition] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    ids: int = 0
    learned: int = 0

    def rows_of(self, topic: str) -> int:
        """How many rows of a topic."""
        return sum(count for (name, _), count in self.rows.items() if name == topic)

    def to_json(self, topics: Topics) -> dict[str, Any]:
        """For scripts."""
        return {
            "ranges": self.held.to_json(),
            "offsets": self.held.count(),
            "partitions": [
                {
                    "topic": topic,
                    "partition": number,
                    "ranges": len(spans),
                    "records": self.records[topic, number],
                    "rows": self.rows[topic, number],
                    "refused": self.refused[topic, number],
                }
                for (topic, number), spans in self.held.spans.items()
            ],
            "events": {
                "rows": self.rows_of(topics.events),
                "ids": self.ids,
                "read": self.read[topics.events],
                "learned": self.learned,
            },
            "labels": {
                "rows": self.rows_of(topics.labels),
                "read": self.read[topics.labels],
            },
        }


class _Ids:
    """The ids of event rows, and those of them whose label is not known yet."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.unlabelled: set[bytes] = set()

    def add(self, name: str) -> bytes | None:
        """The digest of a new id; None if it is known."""
        digest = _digest(name)
        if digest in self.known:
            return None
        self.known.add(digest)
        return digest

    def labelled(self, name: str) -> bool:
        """Whether a label is the first of an event here."""
        if not self.unlabelled:
            return False
        digest = _digest(name)
        if digest not in self.unlabelled:
            return False
        self.unlabelled.discard(digest)
        return True


def contents(
    log: EventLog,
    topics: Topics,
    reader: RecordReader,
    held: OffsetRanges,
    read: ReadSoFar,
    shown: Callable[[int], None] = lambda _: None,
) -> Contents:
    """Look at each record of some ranges, and then for the labels of their events.

    The labels topic is read once, up to where the learner has read it, if any event needs it; in
    memory is a digest of each id in the ranges.

    Args:
        log: holds the records.
        topics: the model's.
        reader: converts its rows.
        held: the ranges.
        read: how far the learner has come.
        shown: is called with the count of records looked at so far.
    """
    found, ids, count = Contents(held), _Ids(), 0
    for batch in _batches(held_records(log, held), reader):
        for head, first in zip(batch.records, batch.firsts, strict=True):
            _take(batch, head, first, (found, ids), has_read=read.has(head.place, head.offset))
        count += len(batch.records)
        shown(count)
    found.ids = len(ids.known)
    if ids.unlabelled and log.describe([topics.labels]):
        labels = journal.records(log, topics.labels)
        was_read = (record for record in labels if read.has(record.place, record.offset))
        for batch in _batches(was_read, reader):
            refused = batch.labels.refused
            good = (name for at, name in enumerate(batch.labels.ids) if at not in refused)
            found.learned += sum(map(ids.labelled, good))
            count += len(batch.records)
            shown(count)
    return found


def _batches(records: Iterable[Record], reader: RecordReader) -> Iterator[Batch]:
    """Records converted together, which takes a third of the time, and memory within bounds."""
    chunk, size = list[Record](), 0
    for record in records:
        chunk.append(record)
        size += len(record.value)
        if len(chunk) >= RECORDS_A_POLL or size >= BYTES_A_POLL:
            yield reader.batch(chunk, {})
            chunk, size = [], 0
    if chunk:
        yield reader.batch(chunk, {})


def _take(
    batch: Batch, head: Head, first: int, state: tuple[Contents, _Ids], *, has_read: bool
) -> None:
    """Count a record, and note the ids of its events and which were learned with their own label.

    Args:
        batch: has the record.
        head: of it.
        first: its first row among those of its kind.
        state: what was found so far.
        has_read: whether the learner has read it.
    """
    found, ids = state
    rows = range(first, first + head.rows)
    of = batch.labels if head.labels else batch.events
    bad = sum(at in of.refused for at in rows) if of.refused else 0
    found.records[head.place] += 1
    found.rows[head.place] += head.rows
    found.refused[head.place] += bad
    found.read[head.place.topic] += head.rows if has_read else 0
    if head.labels:
        return
    for at in rows:
        name = of.ids[at]
        digest = ids.add(name) if name else None
        if at in of.refused or not has_read or (name and digest is None):
            continue  # a repeated event is dropped
        if of.labels[at] is not None:
            found.learned += 1
        elif digest is not None:
            ids.unlabelled.add(digest)


def _digest(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
