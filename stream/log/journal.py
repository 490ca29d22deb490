"""The journal: one line for each batch taken, so that resume and replay take the same order.

A line is written in one transaction with the batch's outputs; what the journal names has been
output, nothing else has. Reading it gives the cuts that :class:`stream.reading.batches.BatchReader` takes
again, after a restart (from the checkpoint's place) or for a backfill (from the lineage's begin).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from stream.log.checks import WAYS_OUT
from stream.log.contract import EventLog, LogError, Outgoing, Place, Record
from stream.log.topics import described

Cut = Mapping[Place, int]
Positions = dict[str, dict[int, int]]


@dataclass(frozen=True, slots=True)
class JournalLine:
    """A batch of a lineage: its number, counted from 1, and every partition's next offset after it.

    Replay goes by the number: offsets of the journal itself have gaps on Kafka.

    Attributes:
        records: how many records the batch had.
        crc32: over all of them, so that a replay knows whether the log still holds the same.
    """

    lineage: int
    batch: int
    cut: Cut
    records: int = 0
    crc32: int = 0


def to_positions(cut: Cut) -> Positions:
    """A cut as the registry and manifests hold it: topic -> partition -> offset."""
    positions: Positions = {}
    for place, offset in sorted(cut.items()):
        positions.setdefault(place.topic, {})[place.partition] = offset
    return positions


def to_cut(positions: Mapping[str, Mapping[int, int]]) -> dict[Place, int]:
    """The inverse of :func:`to_positions`."""
    return {
        Place(topic, int(partition)): offset
        for topic, partitions in positions.items()
        for partition, offset in partitions.items()
    }


def record_of(line: JournalLine, time: int | None) -> Outgoing:
    """A line as it is written."""
    content = {
        "lineage": line.lineage,
        "batch": line.batch,
        "cut": to_positions(line.cut),
        "records": line.records,
        "crc32": line.crc32,
    }
    return Outgoing(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS), time)


def line_of(record: Record) -> JournalLine:
    """A line as it is read."""
    try:
        content = orjson.loads(record.value)
        return JournalLine(**{**content, "cut": to_cut(content["cut"])})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LogError(
            f"The journal {record.place.topic} holds a line at offset {record.offset} that Freshet "
            f"did not write. Nothing else may write to this topic. {WAYS_OUT}"
        ) from None


def lines(log: EventLog, topic: str, start: int = 0) -> Iterator[JournalLine]:
    """Every line from a place in the journal to its end as it is now; 0 is where it begins.

    Raises:
        PositionError: the journal begins after that place, or ends before it.
    """
    place = Place(topic, 0)
    for record in records(log, topic, {place: start} if start else None):
        yield line_of(record)


def records(
    log: EventLog, topic: str, start: Mapping[Place, int] | None = None
) -> Iterator[Record]:
    """All records of a topic from ``start`` (or its begin) to its end as it is now."""
    state = described(log, [topic])[topic]
    positions = dict(state.begins) if start is None else dict(start)
    reader = log.read(positions)
    try:
        left = {p for p in positions if positions[p] < state.ends[p]}
        while left:
            for record in reader.poll(1.0):
                if record.offset < state.ends[record.place]:
                    yield record
            left = {p for p in left if reader.position(p) < state.ends[p]}
    finally:
        reader.close()
