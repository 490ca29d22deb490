"""The log in Kafka: topics created as Freshet wants them, described, appended to, read, written.

For more than one machine. :mod:`stream.log_kafka.reader`, :mod:`stream.log_kafka.writers` and
:mod:`stream.log_kafka.writers` do the work, :mod:`stream.log_kafka.client` is the library below
them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from stream.log.checks import check_names, check_position, checked
from stream.log.contract import Outgoing, Place, TopicSpec, TopicState
from stream.log_kafka.client import (
    EARLIEST,
    LATEST,
    READ_COMMITTED,
    OffsetSpec,
    TopicPartition,
    kafka,
    open_admin,
)
from stream.log_kafka.errors import errors, patiently
from stream.log_kafka.reader import KafkaReader
from stream.log_kafka.topics import create, unknown
from stream.log_kafka.writers import KafkaAppender, KafkaWriter

# Followers fetch every half second at the latest.
NEW_LEADER_SECONDS = 2.0


class KafkaLog:
    """A log in Kafka; see :class:`stream.log.contract.EventLog`.

    Args:
        servers: where to find the brokers: ``host:port``, several with commas.
        replication_factor: of topics that are created; -1 takes the brokers' default.

    Raises:
        LogUnavailableError: no broker answers within ten seconds.
    """

    def __init__(self, servers: str, *, replication_factor: int = -1) -> None:
        self._servers = servers
        self._replication_factor = replication_factor
        self._partitions: dict[str, int] = {}
        self._appender = KafkaAppender(servers)
        with errors(servers, "connect"):
            self._admin = open_admin(servers)

    def create_topics(self, topics: Sequence[TopicSpec], *, accept_retention: bool) -> None:
        """Create the topics that are missing; look closely at those that are there."""
        check_names(topics)
        with errors(self._servers, "create the topics"):
            create(
                self._admin,
                topics,
                replication_factor=self._replication_factor,
                accept_retention=accept_retention,
            )

    def describe(self, topics: Sequence[str]) -> dict[str, TopicState]:
        """Identity and offsets of the topics that exist."""
        if not topics:
            return {}
        with errors(self._servers, "describe the topics"):
            return patiently(lambda: self._describe(list(topics)))

    def append(self, topic: str, records: Sequence[Outgoing]) -> list[tuple[int, int]]:
        """Append in order; acknowledged by all replicas in sync when this returns."""
        stamped = checked(topic, records)
        self._check_partitions(topic, records)
        return self._appender.append(topic, stamped)

    def read(self, positions: Mapping[Place, int]) -> KafkaReader:
        """A reader of these partitions from these positions."""
        states = self.describe(sorted({place.topic for place in positions}))
        if _beyond(positions, states):
            # A leader that was just elected knows where its followers are only a moment later.
            time.sleep(NEW_LEADER_SECONDS)
            states = self.describe(sorted({place.topic for place in positions}))
        for place, position in positions.items():
            state = states.get(place.topic, TopicState(""))
            if place not in state.ends:
                raise unknown(self._servers, place, len(state.ends))
            check_position(place, position, state.begins[place], state.ends[place])
        return KafkaReader(self._servers, positions, states, lambda: self._identify(list(states)))

    def writer(self, name: str) -> KafkaWriter:
        """The transactional writer of this name; older ones are fenced off."""
        return KafkaWriter(self._servers, name, self._check_partitions)

    def close(self) -> None:
        """Close the clients."""
        self._appender.close()
        self._admin.close()

    def _identify(self, topics: list[str]) -> dict[str, tuple[str, int]]:
        """The ids of the topics that exist, and how many partitions they have.

        A topic that is missing is looked for again for a while: a broker that has just come back
        may not know it yet.
        """

        def ask() -> list[dict[str, Any]]:
            answers = self._existing(topics)
            if len(answers) < len(topics):
                raise kafka.errors.UnknownTopicOrPartitionError
            return answers

        with errors(self._servers, "describe the topics"):
            try:
                answers = patiently(ask)
            except kafka.errors.UnknownTopicOrPartitionError:
                answers = self._existing(topics)
        return {a["name"]: (str(a["topic_id"]), len(a["partitions"])) for a in answers}

    def _existing(self, topics: list[str]) -> list[dict[str, Any]]:
        """What the brokers say of the topics that exist; raises kafka-python's errors."""
        answers = []
        for answer in self._admin.describe_topics(topics):
            if answer["error_code"] == kafka.errors.UnknownTopicOrPartitionError.errno:
                continue
            if answer["error_code"]:
                raise kafka.errors.for_code(answer["error_code"])(answer["name"])
            answers.append(answer)
        return answers

    def _describe(self, topics: list[str]) -> dict[str, TopicState]:
        """One look; raises kafka-python's errors."""
        found: dict[str, TopicState] = {}
        places: list[TopicPartition] = []
        for answer in self._existing(topics):
            found[answer["name"]] = TopicState(str(answer["topic_id"]))
            places += [
                TopicPartition(answer["name"], each["partition_index"])
                for each in answer["partitions"]
            ]
        begins, ends = self._offsets(places, EARLIEST), self._offsets(places, LATEST)
        for place in sorted(places):
            state = found[place.topic]
            state.begins[Place(*place)] = begins[place].offset
            state.ends[Place(*place)] = ends[place].offset
        return found

    def _offsets(
        self, places: list[TopicPartition], which: OffsetSpec
    ) -> dict[TopicPartition, Any]:
        """The first offset of each partition, or the one after its last committed record."""
        found: dict[TopicPartition, Any] = self._admin.list_partition_offsets(
            dict.fromkeys(places, which), isolation_level=READ_COMMITTED
        )
        return found

    def _check_partitions(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Refuse partitions that are not there; kafka-python would wait for them."""
        highest = max((record.partition for record in records), default=0)
        lowest = min((record.partition for record in records), default=0)
        if not 0 <= lowest <= highest < self._partitions.get(topic, 0):
            state = self.describe([topic]).get(topic)
            self._partitions[topic] = count = len(state.ends) if state else 0
            if not 0 <= lowest <= highest < count:
                wrong = lowest if lowest < 0 else highest
                raise unknown(self._servers, Place(topic, wrong), count)


def _beyond(positions: Mapping[Place, int], states: Mapping[str, TopicState]) -> bool:
    """Whether a position is beyond the end that the brokers name."""
    return any(
        position > states[place.topic].ends.get(place, position)
        for place, position in positions.items()
        if place.topic in states
    )
