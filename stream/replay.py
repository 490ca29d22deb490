"""What the journal says to a learner that begins: which batches to take again, what others output.

Stands between :mod:`stream.log.journal`, which reads the lines, and :mod:`stream.learner.begin` and
:mod:`stream.backfill.backfill`, which fold them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from converters.errors import FreshetError
from learners.registry import Lineage
from stream.log import journal
from stream.log.checks import WAYS_OUT
from stream.log.contract import EventLog, Place, PositionError
from stream.log.journal import Cut, JournalLine
from stream.log.topics import Topics, described

RESTORE_REGISTRY = (
    "Put the newer one back; or make a model of the log as it is with 'freshet backfill log "
    "--fresh', promote it, and start the learner again: what was output before is not output again."
)


class LostRegistryError(FreshetError):
    """The journal tells of a model that the registry does not know, or not any more."""


def tail(
    event_log: EventLog, topic: str, lineage: int, batches: int, start: int
) -> list[JournalLine]:
    """The batches of a lineage after the first ``batches``, in order.

    Args:
        event_log: holds the journal.
        topic: the journal.
        lineage: whose batches.
        batches: how many have been taken.
        start: a place in the journal that is not after the first of the others.

    Raises:
        PositionError: the journal lacks some.
        LostRegistryError: it tells of a later lineage, which the registry has forgotten.
    """
    found = []
    for line in journal.lines(event_log, topic, start):
        if line.lineage > lineage:
            raise LostRegistryError(
                f"The journal {topic} tells of lineage {line.lineage}, and the registry's newest "
                f"is {lineage}: an older registry was put back. {RESTORE_REGISTRY}"
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
    lineage: int,
    lineage_of: Callable[[int], Lineage | None],
) -> tuple[JournalLine, bool]:
    """A lineage's first line: how far others have output, and whether it is written already.

    A position is output once, whichever lineage reads it again; but positions of a topic that was
    made anew, or cut back, since, are other positions.

    Args:
        event_log: holds the journal.
        topics: the topics' names.
        lineage: the number of the lineage that begins.
        lineage_of: tells what a lineage of the journal has read.
    """
    states = described(event_log, topics.inputs)

    @cache
    def same_topics(serial: int) -> set[str]:
        found = lineage_of(serial)
        if found is None or not found.start.topic_ids:  # of a registry that was lost
            return set(topics.inputs)
        ids = found.start.topic_ids
        return {topic for topic, state in states.items() if ids.get(topic) == state.topic_id}

    reached: dict[Place, int] = {}
    for line in journal.lines(event_log, topics.journal):
        if line.lineage == lineage:
            return line, True
        known = same_topics(line.lineage)
        furthest(reached, {place: at for place, at in line.cut.items() if place.topic in known})
    ends = {place: at for state in states.values() for place, at in state.ends.items()}
    held = {place: min(at, ends.get(place, 0)) for place, at in reached.items()}
    return JournalLine(lineage, 0, held), False


def highest_lineage(event_log: EventLog, topic: str) -> int:
    """The highest number of a lineage in the journal; 0 if there is none.

    A registry that was lost would give numbers a second time.
    """
    return max((line.lineage for line in journal.lines(event_log, topic)), default=0)


def furthest(reached: dict[Place, int], cut: Cut) -> None:
    """Move each partition's offset on to the cut's, if that is further."""
    for place, at in cut.items():
        reached[place] = max(at, reached.get(place, 0))
