"""The log in Kafka: creates topics with the settings that Freshet needs, describes, appends, reads.

Kafka's retention goes by record time, so a year of flights on a topic with Kafka's defaults is
deleted within minutes; compaction deletes; append time replaces the timestamps that the order
depends on. Existing topics that do any of this are refused.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from typing import Any

from stream.log.contract import (
    MAX_RECORD_BYTES,
    LogError,
    Outgoing,
    Place,
    TopicSpec,
    TopicState,
)
from stream.log.limits import check_names, check_position, checked_times, later, unknown
from stream.log.topics import begins_of, ends_of
from stream.log_kafka.client import (
    EARLIEST,
    HIGHEST_TIME,
    LATEST,
    READ_COMMITTED,
    Admin,
    OffsetSpec,
    TopicPartition,
    kafka,
    open_admin,
    topic_configs,
)
from stream.log_kafka.connection import Connection
from stream.log_kafka.errors import Doing, errors, meaning, patiently
from stream.log_kafka.newest_times import newest_times
from stream.log_kafka.reader import KafkaReader
from stream.log_kafka.refusals import at, missing_right
from stream.log_kafka.writers import KafkaAppender, KafkaWriter

# The largest value of a long: no limit.
FOR_EVER = str(2**63 - 1)

WANTED = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": FOR_EVER,
}
# A value of MAX_RECORD_BYTES, and room for its key, headers and framing.
MAX_MESSAGE_BYTES = MAX_RECORD_BYTES + 2**20

# How long new partitions may take to become visible.
WIDENED_LOOKS, WIDENED_LOOK_SECONDS = 50, 0.1

# How long the settings of a new topic may take to become visible.
SETTINGS_SECONDS = 2.0

CREATED = (0, kafka.errors.TopicAlreadyExistsError.errno)
CREATE = Doing("create the topics", "Create")


def create(
    admin: Admin,
    connection: Connection,
    topics: Sequence[TopicSpec],
    *,
    replication_factor: int,
    accept_retention: bool,
) -> None:
    """Create the missing topics, and check the settings of the others.

    Safe against another process that does the same: the second one finds the topic there. Who may
    create none can use topics that somebody else has created.

    Args:
        admin: a connected admin client.
        connection: its connection.
        topics: the topics.
        replication_factor: -1 takes the brokers' default.
        accept_retention: whether to accept topics that delete, restamp or refuse records.

    Raises:
        LogError: a topic cannot be created, or exists with other settings.
    """
    names = [topic.name for topic in topics]
    if not names:
        return
    found = patiently(connection, lambda: existing(admin, names))
    present = {answer["name"] for answer in found}
    missing = [topic for topic in topics if topic.name not in present]
    if missing:
        _create(admin, connection, missing, replication_factor)
        found = patiently(connection, lambda: existing(admin, names))
    _widen(admin, connection, topics, found)
    if not accept_retention:
        _check_all_kept(admin, connection, names)


def _create(
    admin: Admin, connection: Connection, topics: Sequence[TopicSpec], replication_factor: int
) -> None:
    """Create topics, and wait until they can be used."""
    configs = {**WANTED, "max.message.bytes": str(MAX_MESSAGE_BYTES)}
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication_factor,
            "configs": configs,
        }
        for topic in topics
    }
    answer = patiently(connection, lambda: admin.create_topics(wanted, raise_errors=False))
    for each in answer["topics"]:
        kind = kafka.errors.for_code(each["error_code"])
        if issubclass(kind, kafka.errors.AuthorizationError):
            told = meaning(kind(each["name"]), connection, CREATE)
            count = wanted[each["name"]]["num_partitions"]
            settings = [part for pair in configs.items() for part in ("--config", "=".join(pair))]
            by_hand = ["--create", "--topic", each["name"], "--partitions", str(count), *settings]
            command = shlex.join(["kafka-topics.sh", *at(connection), *by_hand])
            raise LogError(f"{told} Or have them create the topic: {command}")
        if each["error_code"] not in CREATED:
            raise LogError(
                f"Topic {each['name']} cannot be created: {each['error_message'] or ''}"
                f" ({kind.__name__}). Freshet needs Kafka 3.6 or newer; a topic may also be created"
                " manually beforehand."
            )
    admin.wait_for_topics(list(wanted))


def existing(admin: Admin, topics: list[str]) -> list[dict[str, Any]]:
    """The brokers' descriptions of the topics that exist; raises kafka-python's errors."""
    answers = []
    for answer in admin.describe_topics(topics):
        if answer["error_code"] == kafka.errors.UnknownTopicOrPartitionError.errno:
            continue
        if answer["error_code"]:
            raise kafka.errors.for_code(answer["error_code"])(answer["name"])
        answers.append(answer)
    return answers


def _check_all_kept(admin: Admin, connection: Connection, names: list[str]) -> None:
    """Check the topics' settings; retry for a while if they are wrong.

    A broker knows a new topic shortly before it knows its settings.
    """
    deadline = time.monotonic() + SETTINGS_SECONDS
    while True:
        configs = patiently(connection, lambda: topic_configs(admin, names))
        try:
            for name in names:
                check_shown(name, configs.get(name, {}), connection)
                check_kept(name, configs[name])
        except LogError:
            if time.monotonic() > deadline:
                raise
            time.sleep(WIDENED_LOOK_SECONDS)
        else:
            return


def _widen(
    admin: Admin,
    connection: Connection,
    topics: Sequence[TopicSpec],
    found: Sequence[dict[str, Any]],
) -> None:
    """Add partitions to topics that have fewer than configured; ``found`` describes them all."""
    wanted = {topic.name: topic.partitions for topic in topics}
    counts = {answer["name"]: len(answer["partitions"]) for answer in found}
    short = {name: count for name, count in wanted.items() if 0 < counts.get(name, 0) < count}
    if not short:
        return
    # Another process may have added them since; only the final count matters, unless it may not.
    for each in admin.create_partitions(short, raise_errors=False).results:
        kind = kafka.errors.for_code(each.error_code)
        if issubclass(kind, kafka.errors.AuthorizationError):
            told = meaning(kind(each.name), connection, Doing("add partitions", "Alter"))
            raise LogError(f"{told} Or set `topics.partitions` to what it has.")
    for _ in range(WIDENED_LOOKS):
        answers = patiently(connection, lambda: admin.describe_topics(list(short)))
        if all(len(a["partitions"]) >= short[a["name"]] for a in answers):
            return
        time.sleep(WIDENED_LOOK_SECONDS)
    raise LogError(
        f"Topics {', '.join(sorted(short))} have fewer partitions than `topics.partitions` asks "
        "for, and no more could be added. Add them manually, or lower that setting."
    )


def check_shown(topic: str, configs: Mapping[str, str], connection: Connection) -> None:
    """Refuse a topic whose settings may not be seen."""
    if not configs:
        right = missing_right(connection, "DescribeConfigs", "--topic", topic)
        raise LogError(
            f"Topic {topic} does not show its settings, so whether it keeps all records is not"
            f" known: {right}. Or set `topics.accept_retention = true` to use the topic unseen."
        )


def check_kept(topic: str, configs: Mapping[str, str]) -> None:
    """Refuse a topic that deletes or restamps records, or refuses old ones.

    Args:
        topic: its name.
        configs: its configuration as the brokers report it.
    """
    for name, wanted in WANTED.items():
        found = configs.get(name, wanted)
        if found != wanted:
            raise LogError(
                f"Topic {topic} exists with {name}={found}, so it may delete, restamp or refuse"
                f" records that a replay needs. Set {name}={wanted} on the topic, or set"
                " `topics.accept_retention = true` to use it unchanged."
            )


# Followers fetch every half second at the latest.
NEW_LEADER_SECONDS = 2.0


class KafkaLog:
    """A log in Kafka; see :class:`stream.log.contract.EventLog`.

    Args:
        connection: where the brokers are and how to reach them.
        replication_factor: of topics that are created; -1 takes the brokers' default.

    Raises:
        LogError: the brokers refuse the connection.
        LogUnavailableError: no broker answers within `bootstrap_timeout_ms`.
    """

    def __init__(self, connection: Connection, *, replication_factor: int = -1) -> None:
        self._connection = connection
        self._servers = connection.servers
        self._replication_factor = replication_factor
        self._partitions: dict[str, int] = {}
        self._appender = KafkaAppender(connection)
        with errors(connection, Doing("connect")):
            self._admin = open_admin(connection)

    def create_topics(self, topics: Sequence[TopicSpec], *, accept_retention: bool) -> None:
        """Create the topics that are missing; check the settings of existing ones."""
        check_names(topics)
        with errors(self._connection, Doing(CREATE.what)):
            create(
                self._admin,
                self._connection,
                topics,
                replication_factor=self._replication_factor,
                accept_retention=accept_retention,
            )

    def describe(self, topics: Sequence[str]) -> dict[str, TopicState]:
        """Identity and offsets of the topics that exist."""
        return self._described(topics, "Describe")

    def _described(self, topics: Sequence[str], operation: str) -> dict[str, TopicState]:
        """The same, for what needs another right, which that of describing comes with."""
        if not topics:
            return {}
        with errors(self._connection, Doing("describe the topics", operation)):
            return patiently(self._connection, lambda: self._describe(list(topics)))

    def newest_times(self, topics: Sequence[str]) -> dict[str, int | None]:
        """The highest record time in each topic, among its last records where others are hidden.

        The marks of transactions hide times that are further back: see
        :mod:`stream.log_kafka.newest_times`.

        Raises:
            LogError: this user may not read a topic.
        """
        states = self.describe(topics)
        begins, ends = begins_of(states), ends_of(states)
        asked = [TopicPartition(*place) for place in ends]
        with errors(self._connection, Doing("describe the topics")):
            named = patiently(self._connection, lambda: self._offsets(asked, HIGHEST_TIME))
        times: dict[str, int | None] = dict.fromkeys(topics)
        for place, found in newest_times(begins, ends, named, self.read).items():
            times[place.topic] = later(times[place.topic], found)
        return times

    def append(self, topic: str, records: Sequence[Outgoing]) -> list[tuple[int, int]]:
        """Append in order; acknowledged by all replicas in sync when this returns."""
        times = checked_times(topic, records)
        self._check_partitions(topic, records)
        return self._appender.append(topic, records, times)

    def read(self, positions: Mapping[Place, int]) -> KafkaReader:
        """A reader of these partitions from these positions."""
        topics = sorted({place.topic for place in positions})
        states = self._described(topics, "Read")
        if _beyond(positions, states):
            # A leader that was just elected knows its followers' offsets only a moment later.
            time.sleep(NEW_LEADER_SECONDS)
            states = self._described(topics, "Read")
        for place, position in positions.items():
            state = states.get(place.topic, TopicState(""))
            if place not in state.ends:
                raise unknown(place, len(state.ends), f"in Kafka at {self._servers}")
            check_position(place, position, state.begins[place], state.ends[place])
        return KafkaReader(
            self._connection, positions, states, lambda: self._identify(list(states))
        )

    def writer(self, name: str) -> KafkaWriter:
        """The transactional writer of this name; older ones are fenced off."""
        return KafkaWriter(self._connection, name, self._check_partitions)

    def close(self) -> None:
        """Close the clients."""
        self._appender.close()
        self._admin.close()

    def _identify(self, topics: list[str]) -> dict[str, tuple[str, int]]:
        """The ids of the topics that exist, and how many partitions they have.

        A missing topic is looked for again for a while: a broker that has just restarted may not
        know it yet.
        """

        def ask() -> list[dict[str, Any]]:
            answers = existing(self._admin, topics)
            if len(answers) < len(topics):
                raise kafka.errors.UnknownTopicOrPartitionError
            return answers

        with errors(self._connection, Doing("describe the topics", "Read")):
            try:
                answers = patiently(self._connection, ask)
            except kafka.errors.UnknownTopicOrPartitionError:
                answers = existing(self._admin, topics)
        return {a["name"]: (str(a["topic_id"]), len(a["partitions"])) for a in answers}

    def _describe(self, topics: list[str]) -> dict[str, TopicState]:
        """One try of :meth:`describe`; raises kafka-python's errors."""
        found: dict[str, TopicState] = {}
        places: list[TopicPartition] = []
        for answer in existing(self._admin, topics):
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
        """Refuse missing partitions; kafka-python would wait for them."""
        highest = max((record.partition for record in records), default=0)
        lowest = min((record.partition for record in records), default=0)
        if not 0 <= lowest <= highest < self._partitions.get(topic, 0):
            state = self._described([topic], "Write").get(topic)
            self._partitions[topic] = count = len(state.ends) if state else 0
            if not 0 <= lowest <= highest < count:
                wrong = lowest if lowest < 0 else highest
                raise unknown(Place(topic, wrong), count, f"in Kafka at {self._servers}")


def _beyond(positions: Mapping[Place, int], states: Mapping[str, TopicState]) -> bool:
    """Whether a position is beyond the end that the brokers report."""
    return any(
        position > states[place.topic].ends.get(place, position)
        for place, position in positions.items()
        if place.topic in states
    )
