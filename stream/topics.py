"""The five topics of a model: their names, and creating them as Freshet wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converters.settings import Settings
from stream.log import EventLog, TopicSpec, TopicState


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic names."""

    events: str
    labels: str
    scores: str
    dead_letters: str
    journal: str

    @property
    def inputs(self) -> tuple[str, str]:
        """What the learner reads."""
        return self.events, self.labels


def topics_of(settings: Settings) -> Topics:
    """The names that the config gives, or ``<model>.<what>``."""
    named, model = settings.topics, settings.model
    return Topics(
        named.events or f"{model}.events",
        named.labels or f"{model}.labels",
        named.scores or f"{model}.scores",
        named.dead_letters or f"{model}.dead-letters",
        named.journal or f"{model}.journal",
    )


def create_topics(log: EventLog, settings: Settings) -> Topics:
    """Create what is missing; events and labels with the configured number of partitions."""
    topics, partitions = topics_of(settings), settings.topics.partitions
    outputs = (topics.scores, topics.dead_letters, topics.journal)
    log.create_topics(
        [TopicSpec(name, partitions) for name in topics.inputs]
        + [TopicSpec(name, 1) for name in outputs],
        accept_retention=settings.topics.accept_retention,
    )
    return topics


def described(log: EventLog, names: Sequence[str]) -> dict[str, TopicState]:
    """The state of topics that must exist by now."""
    states = log.describe(names)
    return {name: states[name] for name in names}
