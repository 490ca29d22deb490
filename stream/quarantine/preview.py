"""What leaving some records out would mean, told before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from converters.config.settings import Settings
from converters.schema.schema import Schema
from converters.show.tables import counted
from learners.registry import Registry
from learners.registry.errors import RegistryError, ranges
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay
from learners.snapshots.errors import SnapshotError
from stream.log.contract import EventLog
from stream.log.topics import Topics, described, topics_of
from stream.quarantine.contents import Contents, contents, read_so_far
from stream.quarantine.listing import ranges_words
from stream.quarantine.replay import newest_clean, tried
from stream.quarantine.replay_corrections import NOTHING_TAKEN, Taken, taken_by
from stream.reading.conversion import record_reader
from stream.reading.record_reader import RecordReader
from stream.resolved_config import context_of, resolve


class Preview(NamedTuple):
    """What the records hold, and who knows of them.

    Attributes:
        topics: the model's.
        contents: of the ranges.
        known_to: the versions that have read some of the records, and did not leave them out.
        clean: the newest version that the learner could go back to with the log read again, and
            that has read nothing of this and of what is in quarantine already; None without one.
    """

    topics: Topics
    contents: Contents
    known_to: list[int]
    clean: int | None

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        found = self.contents.to_json(self.topics)
        return found | {"known_to": self.known_to, "newest_clean": self.clean}

    def lines(self) -> Iterator[str]:
        """For people."""
        found, topics = self.contents, self.topics
        if not found.held:
            yield "No record would be left out: there is no quarantine, and none is asked for."
            return
        yield f"Left out: {ranges_words(found.held)}"
        for (topic, number), spans in found.held.spans.items():
            refused = found.refused[topic, number]
            yield (
                f"    {topic}, partition {number}: "
                f"{counted(found.records[topic, number], 'record', 'records')} in "
                f"{counted(len(spans), 'range', 'ranges')}, "
                f"{counted(found.rows[topic, number], 'row', 'rows')}"
                + (f", of which {refused:,} cannot be learned" if refused else "")
            )
        yield (
            f"Events: {counted(found.rows_of(topics.events), 'row', 'rows')} with "
            f"{counted(found.ids, 'id', 'ids')}. The learner has read "
            f"{found.read[topics.events]:,} of the rows, and learned {found.learned:,}."
        )
        labels, read = found.rows_of(topics.labels), found.read[topics.labels]
        has_read = f". The learner has read {read:,} of them." if labels else "."
        yield f"Labels: {counted(labels, 'row', 'rows')}{has_read}"
        clean = (
            f"The newest to go back to, with --learner replay, is {self.clean}."
            if self.clean is not None
            else "There is none without them that the learner could go back to: 'freshet backfill "
            "log --fresh' makes one."
        )
        yield f"Versions that have read some of these records: {ranges(self.known_to)}. {clean}"


class ReplayPreview(NamedTuple):
    """What a replay would leave out, and whether there can be one.

    Attributes:
        version: to go back to.
        trouble: why it would be refused; empty if it would not be.
        found: what is left out: what it is to skip, and all that is in quarantine.
        taken: the corrected rows in its place.
    """

    version: int
    trouble: str
    found: Preview
    taken: Taken

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        told = {"version": self.version, "possible": not self.trouble, "trouble": self.trouble}
        return told | self.found.to_json() | {"corrected": self.taken.to_json()}

    def lines(self) -> Iterator[str]:
        """For people."""
        can = f"The learner can go back to version {self.version} and read the log again."
        yield self.trouble or can
        yield from self.found.lines()
        if self.taken.words:
            yield self.taken.words


def preview_of_replay(
    log: EventLog,
    registry: Registry,
    config: tuple[Settings, Schema],
    what: tuple[int, Replay],
    shown: Callable[[int], None] = lambda _: None,
) -> ReplayPreview:
    """Look at what a replay would leave out; nothing is changed.

    Args:
        log: would be read again.
        registry: knows the versions, and what is in quarantine.
        config: the model's.
        what: the version to go back to, and how.
        shown: is called with the count of records looked at so far.
    """
    (version, how), trouble = what, ""
    try:
        held = tried(log, registry, config, version, how)
    except (RegistryError, SnapshotError) as error:
        trouble = str(error)
        held = registry.quarantines.held() | (how.skip.held if how.skip else OffsetRanges())
    taken = NOTHING_TAKEN if trouble else taken_by(log, registry, config, version, held)
    return ReplayPreview(version, trouble, preview_of(log, registry, config, held, shown), taken)


def preview_of(
    log: EventLog,
    registry: Registry,
    config: tuple[Settings, Schema],
    held: OffsetRanges,
    shown: Callable[[int], None] = lambda _: None,
) -> Preview:
    """Look at records that may be left out.

    Args:
        log: has them.
        registry: knows the versions.
        config: the model's.
        held: the records.
        shown: is called with the count of records looked at so far.
    """
    topics = topics_of(config[0])
    reader = own_reader(registry, config)
    found = contents(log, topics, reader, held, read_so_far(registry), shown)
    together = registry.quarantines.held() | held
    clean = newest_clean(described(log, topics.inputs), registry, together)
    return Preview(topics, found, registry.quarantines.known_to(held), clean)


def own_reader(registry: Registry, config: tuple[Settings, Schema]) -> RecordReader:
    """The conversion of the live learner; that of the config where none has begun."""
    lineage = registry.versions.live_lineage()
    if lineage is not None and lineage.config is not None:
        return record_reader(context_of(config[0], lineage))
    return record_reader(resolve(*config))
