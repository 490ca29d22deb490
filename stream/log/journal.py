"""The journal: one line for each batch taken, so that resume and replay follow the same order.

A line is written in one transaction with the batch's outputs: exactly the batches in the journal
have been output. Reading it gives the cuts for :class:`stream.reading.conversion.BatchReader`,
after a restart (from the checkpoint on) or for a backfill (from the lineage's start).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

import orjson

from converters.errors import FreshetError
from learners.registry.requests.offset_ranges import OffsetRanges, below
from learners.registry.row_types import Json, Lineage
from stream.log.contract import EventLog, LogError, Outgoing, Place, PositionError, Record, poll
from stream.log.limits import WAYS_OUT
from stream.log.topics import Topics, described, ends_of

Cut = Mapping[Place, int]
Positions = dict[str, dict[int, int]]


class JournalLine(NamedTuple):
    """A batch of a lineage: its number, counted from 1, and every partition's next offset after it.

    Replay uses the number: offsets of the journal itself have gaps on Kafka.

    Attributes:
        records: how many records the batch had.
        crc32: over all of them, so that a replay detects whether the log still has the same.
        pinned: the version that was pinned and scored too, beside the learner, in this batch.
        schemas: of a lineage's first lines: the schemas by which rows without names are read
            until when, the last the one that holds from that cut on. A registry has them too,
            and may be lost.
        rollback: of a lineage's opening line: the number of the rollback that began it.
        quarantined: of a lineage's opening line: the records that it leaves out, as
            :class:`~learners.registry.requests.offset_ranges.OffsetRanges` writes them.
        corrected: of a lineage's opening line: the corrected rows that it takes in their place,
            as :class:`~stream.reading.corrections.Corrections` writes them.
        gaps: of a lineage's opening line: the records before ``cut`` that were left out by others,
            and never output.
        begins: of a lineage's opening line: the positions that it reads from.
    """

    lineage: int
    batch: int
    cut: Cut
    records: int = 0
    crc32: int = 0
    pinned: int | None = None
    schemas: list[Json] | None = None
    rollback: int | None = None
    quarantined: Json | None = None
    gaps: Json | None = None
    begins: Positions | None = None
    corrected: Json | None = None


def to_positions(cut: Cut) -> Positions:
    """A cut as the registry and manifests store it: topic -> partition -> offset."""
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
    content = {name: value for name, value in line._asdict().items() if value is not None}
    content["cut"] = to_positions(line.cut)
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
    """Every line from an offset of the journal to its current end; 0 is the beginning.

    Raises:
        PositionError: the journal begins after that offset, or ends before it.
    """
    place = Place(topic, 0)
    for record in records(log, topic, {place: start} if start else None):
        yield line_of(record)


def records(
    log: EventLog, topic: str, start: Mapping[Place, int] | None = None
) -> Iterator[Record]:
    """All records of a topic from ``start`` (or the beginning) to its current end."""
    state = described(log, [topic])[topic]
    positions = dict(state.begins) if start is None else dict(start)
    reader = log.read(positions)
    try:
        left = {p for p in positions if positions[p] < state.ends[p]}
        while left:
            for record in poll(reader, 1.0):
                if record.offset < state.ends[record.place]:
                    yield record
            left = {p for p in left if reader.buffers[p].position < state.ends[p]}
    finally:
        reader.close()


RESTORE_REGISTRY = (
    "Restore the newer one; or build a model from the log with 'freshet backfill log --fresh', "
    "promote it, and start the learner again: earlier outputs are not repeated."
)


class LostRegistryError(FreshetError):
    """The journal has a lineage that is not in the registry, or not any more."""


def tail(
    event_log: EventLog, topic: str, lineage: int, batches: int, start: int
) -> list[JournalLine]:
    """The batches of a lineage after the first ``batches``, in order.

    Args:
        event_log: holds the journal.
        topic: the journal.
        lineage: whose batches.
        batches: how many have been taken.
        start: an offset of the journal that is not after the first of the others.

    Raises:
        PositionError: the journal lacks some.
        LostRegistryError: it has a later lineage, which is not in the registry.
    """
    found = []
    for line in lines(event_log, topic, start):
        if line.lineage > lineage:
            raise LostRegistryError(
                f"The journal {topic} has lineage {line.lineage}, but the registry's newest is "
                f"{lineage}: an older registry was restored. {RESTORE_REGISTRY}"
            )
        if line.lineage == lineage and line.batch > batches:
            found.append(line)
    for expected, line in enumerate(found, batches + 1):
        if line.batch != expected:
            raise PositionError(
                f"The journal {topic} lacks batch {expected} of lineage {lineage}: after "
                f"{expected - 1} comes {line.batch}. {WAYS_OUT}"
            )
    return found


def opening(
    event_log: EventLog,
    topics: Topics,
    lineage: Lineage,
    schemas: list[Json],
    lineage_of: Callable[[int], Lineage | None],
) -> tuple[JournalLine, bool]:
    """A lineage's first line: how far others have output, and whether it is written already.

    The outputs of a record are written once, even if another lineage reads it again.

    Args:
        event_log: holds the journal.
        topics: the topics' names.
        lineage: the one that begins.
        schemas: by which it reads rows without names.
        lineage_of: looks up a lineage of the journal.
    """
    for line in lines(event_log, topics.journal, lineage.start.journal_position):
        if line.lineage == lineage.serial:
            return line, True
    held, gaps = reached(event_log, topics, lineage_of)
    line = JournalLine(
        lineage.serial,
        0,
        held,
        schemas=schemas,
        quarantined=lineage.quarantined,
        corrected=lineage.corrected,
        gaps=gaps.to_json() or None,
        begins=lineage.start.positions,
    )
    return line, False


class Reached(NamedTuple):
    """What any lineage has output.

    Attributes:
        cut: how far: the next offset of each partition.
        gaps: records before that which were left out, and never output.
    """

    cut: Cut
    gaps: OffsetRanges


def reached(
    event_log: EventLog, topics: Topics, lineage_of: Callable[[int], Lineage | None]
) -> Reached:
    """How far any lineage has output.

    Positions of a topic that was recreated or truncated since do not count.
    """
    states = described(event_log, topics.inputs)

    @cache
    def same_topics(serial: int) -> set[str]:
        found = lineage_of(serial)
        if found is None or not found.start.topic_ids:  # of a registry that was lost
            return set(topics.inputs)
        ids = found.start.topic_ids
        return {topic for topic, state in states.items() if ids.get(topic) == state.topic_id}

    far: dict[Place, int] = {}
    gaps = OffsetRanges()
    # Of a lineage as a whole: of each line it would take minutes with many ranges.
    own = _Passed(OffsetRanges(), {}, {}, {})
    for line in lines(event_log, topics.journal):
        known = same_topics(line.lineage)
        if line.batch == 0:
            gaps = own.gaps_after(gaps)
        furthest(far, {place: at for place, at in line.cut.items() if place.topic in known})
        if line.batch == 0:
            left_out, begin = _never_read(line), to_cut(line.begins or {})
            own = _Passed(left_out, begin, dict(far), begin)
        else:
            own = own._replace(end=line.cut)
    ends = ends_of(states)
    cut = {place: min(at, ends.get(place, 0)) for place, at in far.items()}
    return Reached(cut, own.gaps_after(gaps) & below(cut))


def _never_read(opening: JournalLine) -> OffsetRanges:
    """What a lineage leaves out; a record with corrected rows is output by these."""
    corrected = (opening.corrected or {}).get("ranges")
    left_out = OffsetRanges.from_json(opening.quarantined)
    return left_out - OffsetRanges.from_json(corrected)


class _Passed(NamedTuple):
    """What a lineage has read and left out, and what others had output when it began."""

    left_out: OffsetRanges
    begin: Cut
    output: Cut
    end: Cut

    def gaps_after(self, gaps: OffsetRanges) -> OffsetRanges:
        """The records that were never output, with this lineage."""
        if not (gaps or self.left_out):
            return gaps
        read = below(self.end) - below(self.begin)
        # Left out beyond what was output; or output now, although it was left out before.
        new = (self.left_out & read) - below(self.output)
        return (gaps - read) | (gaps & self.left_out) | new


def end(event_log: EventLog, topic: str) -> int:
    """The journal's next offset."""
    return described(event_log, [topic])[topic].ends[Place(topic, 0)]


def highest_lineage(event_log: EventLog, topic: str) -> int:
    """The highest number of a lineage in the journal; 0 if there is none.

    Without this, a registry that was lost would assign numbers a second time.
    """
    return max((line.lineage for line in lines(event_log, topic)), default=0)


def last_schemas(event_log: EventLog, topic: str) -> list[Json] | None:
    """The schemas by which the newest lineage reads rows without names.

    None if the journal has none; empty if an older release wrote it, which did not keep them.
    """
    found: list[Json] | None = None
    for line in lines(event_log, topic):
        found = line.schemas or found or []
    return found


def last_left_out(event_log: EventLog, topic: str) -> tuple[OffsetRanges, Json | None]:
    """The records that the newest lineage leaves out, and the corrected rows in their place."""
    found: tuple[OffsetRanges, Json | None] = OffsetRanges(), None
    for line in lines(event_log, topic):
        if line.batch == 0:
            found = OffsetRanges.from_json(line.quarantined), line.corrected
    return found


def furthest(reached: dict[Place, int], cut: Cut) -> None:
    """Move each partition's offset on to the cut's, if that is further."""
    for place, at in cut.items():
        reached[place] = max(at, reached.get(place, 0))
