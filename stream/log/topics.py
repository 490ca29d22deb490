"""The topics of a model: their names, and creating them with the settings that Freshet needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from converters.config.settings import Settings
from converters.config.shown_url import shown_url
from converters.errors import UsageError
from stream.log.contract import EventLog, Place, TopicSpec, TopicState, UnknownTopicError


class Topics(NamedTuple):
    """Topic names; most models never need ``replays`` and ``corrections``."""

    events: str
    labels: str
    scores: str
    dead_letters: str
    journal: str
    replays: str
    corrections: str

    @property
    def inputs(self) -> tuple[str, str]:
        """What the learner reads."""
        return self.events, self.labels


def topics_of(settings: Settings) -> Topics:
    """The names that the config gives, or ``<model>.<what>``.

    Raises:
        UsageError: two of them are the same.
    """
    named, model = settings.topics, settings.model
    names = {
        topic: getattr(named, topic) or f"{model}.{topic.replace('_', '-')}"
        for topic in Topics._fields
    }
    for one, other in combinations(names, 2):
        if names[one] == names[other]:
            raise UsageError(
                f"topics.{one} and topics.{other} are both '{names[one]}'; each needs a separate "
                "topic, or the learner would read what it has written."
            )
    return Topics(**names)


def create_topics(log: EventLog, settings: Settings) -> Topics:
    """Create what is missing; events and labels with the configured number of partitions.

    Those of replays and corrections are not among them: who first needs one creates it.
    """
    topics, partitions = topics_of(settings), settings.topics.partitions
    outputs = (topics.scores, topics.dead_letters, topics.journal)
    named = [name for name in (settings.topics.events, settings.topics.labels) if name]
    missing = [name for name in named if name not in log.describe(named)]
    log.create_topics(
        [TopicSpec(name, partitions) for name in topics.inputs]
        + [TopicSpec(name, 1) for name in outputs],
        accept_retention=settings.topics.accept_retention,
    )
    if missing:
        from converters.show.command_line import say  # typer; the reader's process makes none

        say(
            f"There was no topic {' and no topic '.join(missing)} in {shown_url(settings.log)}: "
            "created. If others write to it, check its name in the section `topics`."
        )
    return topics


def begins_of(states: Mapping[str, TopicState]) -> dict[Place, int]:
    """The first offset of each partition of these topics."""
    return {place: at for state in states.values() for place, at in state.begins.items()}


def ends_of(states: Mapping[str, TopicState]) -> dict[Place, int]:
    """The next offset of each partition of these topics."""
    return {place: at for state in states.values() for place, at in state.ends.items()}


def described(log: EventLog, names: Sequence[str]) -> dict[str, TopicState]:
    """The state of topics that must exist by now.

    Raises:
        UnknownTopicError: one of them is gone.
    """
    states = log.describe(names)
    for name in names:
        if name not in states:
            raise UnknownTopicError(
                f"There is no topic {name} in the log. Check its name in the section `topics`; if "
                "it was deleted, restore the log, or start over with another `model`."
            )
    return {name: states[name] for name in names}
