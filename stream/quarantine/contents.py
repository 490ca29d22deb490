"""What some ranges of the log hold, and how much of it was learned: before anything is done.

How much was learned is looked up in the log, and is nearly exact: an event counts as learned if the
live lineage has read it, its row is accepted today, and it came with its label or the labels topic
has one for its id that was read too. A label that came too late and an event that repeats one
outside the ranges count all the same; what expired and was learned as negative does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from converters.cells.refusal import Refusal
from learners.registry import Registry
from learners.registry.requests.offset_ranges import OffsetRanges, Partition, of_positions
from stream.log import journal
from stream.log.batch import EventRows, LabelRows
from stream.log.contract import EventLog, Place
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
    for count, record in enumerate(held_records(log, held), 1):
        (taken,) = reader.read([record])
        refused = sum(isinstance(row, Refusal) for row in taken.rows)
        found.records[record.place] += 1
        found.rows[record.place] += len(taken.rows)
        found.refused[record.place] += refused
        has_read = read.has(record.place, record.offset)
        found.read[record.place.topic] += len(taken.rows) if has_read else 0
        if isinstance(taken, EventRows):
            _take_events(taken, ids, found, has_read=has_read)
        shown(count)
    found.ids = len(ids.known)
    if ids.unlabelled:
        _find_labels(log, topics.labels, reader, (found, ids, read), lambda n: shown(count + n))
    return found


def _take_events(taken: EventRows, ids: _Ids, found: Contents, *, has_read: bool) -> None:
    """Note the ids of a record's events, and which were learned with a label of their own."""
    for row in taken.rows:
        if isinstance(row, Refusal):
            continue
        name, label = row[0], row[1]
        digest = ids.add(name) if name else None
        if not has_read or (name and digest is None):  # a repeated event is dropped
            continue
        if label is not None:
            found.learned += 1
        elif digest is not None:
            ids.unlabelled.add(digest)


def _find_labels(
    log: EventLog,
    topic: str,
    reader: RecordReader,
    state: tuple[Contents, _Ids, ReadSoFar],
    shown: Callable[[int], None],
) -> None:
    """Count the events whose labels came on a topic of their own, and were read."""
    found, ids, read = state
    if topic not in log.describe([topic]):
        return
    for count, record in enumerate(journal.records(log, topic), 1):
        if read.has(record.place, record.offset):
            (taken,) = reader.read([record])
            assert isinstance(taken, LabelRows)
            good = (row for row in taken.rows if not isinstance(row, Refusal))
            found.learned += sum(ids.labelled(row[0]) for row in good)
        shown(count)


def _digest(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
