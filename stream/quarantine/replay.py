"""Asking the learner to go back and read the log again, once the log is known to have all of it.

The registry refuses what it knows by itself (:mod:`learners.registry.requests.suitable`); here is
looked up whether the log, as it is now, has what comes after a version's place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from converters.config.settings import Settings
from converters.schema.schema import Schema
from learners.registry import Registry
from learners.registry.actor import Actor
from learners.registry.errors import RollbackRefusedError
from learners.registry.requests.offset_ranges import OffsetRanges, of_positions
from learners.registry.requests.rollback import Replay
from learners.registry.row_types import Pointers, Start
from learners.versions.way_back import roll_back, try_replay
from stream.log.contract import EventLog, Place, TopicState
from stream.log.topics import begins_of, described, ends_of, topics_of
from stream.reading.corrections import Corrections, fixed_now

States = Mapping[str, TopicState]
Config = tuple[Settings, Schema]


def replay(
    log: EventLog,
    registry: Registry,
    config: Config,
    number: int,
    how: Replay,
    who: tuple[Actor, str],
) -> Pointers:
    """Serve a version, and have the learner go back to it and read the log again.

    Args:
        log: is read again.
        registry: keeps the rollback.
        config: the model's.
        number: of the version.
        how: what it leaves out, and whether it takes the place of another.
        who: asks, and why.

    Returns:
        The pointers, with the rollback.

    Raises:
        RegistryError: the learner cannot go back to it; nothing was changed.
        SnapshotError: its files are gone or damaged.
        UnknownTopicError: a topic is gone.
    """
    how = ready(log, registry, config, number, how)
    actor, reason = who
    return roll_back(registry, config, number, how, reason, actor)


def ready(log: EventLog, registry: Registry, config: Config, number: int, how: Replay) -> Replay:
    """The same, with the corrected rows that it would take, once it is known to be possible.

    Raises:
        RegistryError: as :func:`replay`, which would be refused.
    """
    held = tried(log, registry, config, number, how)
    corrected = in_force(log, registry, config[0], held)
    return how._replace(corrected=None if corrected is None else corrected.to_json())


def tried(
    log: EventLog, registry: Registry, config: Config, number: int, how: Replay
) -> OffsetRanges:
    """What such a replay would leave out, all in all; nothing is changed.

    Raises:
        RegistryError: as :func:`replay`, which would be refused.
    """
    held = OffsetRanges.from_json(try_replay(registry, config, number, how).quarantined)
    states = described(log, topics_of(config[0]).inputs)
    trouble = _trouble(states, registry.versions.find(number).start)
    if trouble:
        other = newest_clean(states, registry, held)
        instead = "" if other is None else f" The newest version that it can go back to is {other}."
        raise RollbackRefusedError(
            f"The learner cannot go back to version {number} and read the log again: {trouble}. "
            "Nothing was changed. --learner keep serves it, and the learner goes on as it is."
            f"{instead}"
        )
    return held


def in_force(
    log: EventLog, registry: Registry, settings: Settings, held: OffsetRanges
) -> Corrections | None:
    """The corrected rows that a lineage takes that begins now and leaves these records out."""
    numbers = [each.number for each in registry.quarantines.in_force()]
    return fixed_now(log, topics_of(settings).corrections, numbers, held)


def newest_clean(
    states: States,
    registry: Registry,
    quarantined: OffsetRanges,
    wanted: Callable[[Start], bool] = lambda _: True,
) -> int | None:
    """The newest version from whose place the log can be read again, and that has read none of it.

    Args:
        states: of the model's events and labels.
        registry: knows the versions.
        quarantined: what is to be left out.
        wanted: whether its place is as it should be.
    """
    good = (each for each in registry.rollbacks.replayable(quarantined) if wanted(each.start))
    return next((each.version for each in good if not _trouble(states, each.start)), None)


def _trouble(states: States, start: Start) -> str:
    """What the log lacks of what comes after a place; nothing if all is there."""
    for topic, known in start.topic_ids.items():
        if topic in states and states[topic].topic_id != known:
            return f"the topic {topic} was deleted and created anew since (its id was {known})"
    begins, ends = begins_of(states), ends_of(states)
    for partition, at in of_positions(start.positions).items():
        place = Place(*partition)
        where = f"{place.topic}:{place.partition}"
        if place not in ends:
            return f"it has read {where}, and the config's topics have no such partition"
        if at < begins[place]:
            return (
                f"it would read on from {where}:{at}, and the log begins at offset {begins[place]} "
                "there: records were deleted"
            )
        if at > ends[place]:
            return f"it was at {where}:{at}, and the log ends at offset {ends[place]} there"
    return ""
