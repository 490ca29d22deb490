"""Kafka topics as a ledger needs them: created so, and refused when they are otherwise.

Retention works on record time, so a year of flights on a topic with Kafka's defaults is deleted
within minutes; compaction deletes; append time replaces the stamps that all order rests on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from stream.log.contract import MAX_RECORD_BYTES, LogError, Place, TopicSpec, UnknownTopicError
from stream.log_kafka.client import Admin, kafka, topic_configs
from stream.log_kafka.errors import patiently

# The largest value of a long: Kafka's way to say "as old as they like".
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

# How long partitions that were asked for may take to be seen.
WIDENED_LOOKS, WIDENED_LOOK_SECONDS = 50, 0.1

# How long the settings of a topic may take to be known.
SETTINGS_SECONDS = 2.0

CREATED = (0, kafka.errors.TopicAlreadyExistsError.errno)


def create(
    admin: Admin, topics: Sequence[TopicSpec], *, replication_factor: int, accept_retention: bool
) -> None:
    """Create the missing topics, and look at what the others do with records.

    Safe against another process that does the same: who comes second finds the topic there.

    Args:
        admin: a connected admin client.
        topics: what is wanted.
        replication_factor: -1 takes the brokers' default.
        accept_retention: whether topics that delete, restamp or refuse records will do.

    Raises:
        LogError: a topic cannot be created, or is there and not as wanted.
    """
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication_factor,
            "configs": {**WANTED, "max.message.bytes": str(MAX_MESSAGE_BYTES)},
        }
        for topic in topics
    }
    if not wanted:
        return
    answer = patiently(lambda: admin.create_topics(wanted, raise_errors=False))
    for each in answer["topics"]:
        if each["error_code"] not in CREATED:
            raise LogError(
                f"Topic {each['name']} cannot be created: {each['error_message'] or ''}"
                f" ({kafka.errors.for_code(each['error_code']).__name__}). Freshet needs Kafka 3.6"
                " or newer; a topic may also be created by hand beforehand."
            )
    admin.wait_for_topics(list(wanted))
    _widen(admin, topics)
    if not accept_retention:
        _check_all_kept(admin, list(wanted))


def _check_all_kept(admin: Admin, names: list[str]) -> None:
    """Look at the topics' settings; again for a while, should they not be as wanted.

    A broker knows of a topic that was just created a moment before it knows its settings.
    """
    deadline = time.monotonic() + SETTINGS_SECONDS
    while True:
        configs = patiently(lambda: topic_configs(admin, names))
        try:
            for name in names:
                check_kept(name, configs.get(name, {}))
        except LogError:
            if time.monotonic() > deadline:
                raise
            time.sleep(WIDENED_LOOK_SECONDS)
        else:
            return


def _widen(admin: Admin, topics: Sequence[TopicSpec]) -> None:
    """Give more partitions to topics that have fewer than wanted."""
    wanted = {topic.name: topic.partitions for topic in topics}
    answers = patiently(lambda: admin.describe_topics(list(wanted)))
    counts = {answer["name"]: len(answer["partitions"]) for answer in answers}
    short = {name: count for name, count in wanted.items() if 0 < counts.get(name, 0) < count}
    if not short:
        return
    # Somebody else may have done it since; what counts is how many there are in the end.
    admin.create_partitions(short, raise_errors=False)
    for _ in range(WIDENED_LOOKS):
        answers = patiently(lambda: admin.describe_topics(list(short)))
        if all(len(a["partitions"]) >= short[a["name"]] for a in answers):
            return
        time.sleep(WIDENED_LOOK_SECONDS)
    raise LogError(
        f"Topics {', '.join(sorted(short))} have fewer partitions than `topics.partitions` asks "
        "for, and could not be given more. Do it by hand, or lower that setting."
    )


def check_kept(topic: str, configs: Mapping[str, str]) -> None:
    """Refuse a topic that deletes records, stamps them anew, or refuses old ones.

    Args:
        topic: its name.
        configs: its configuration as the brokers give it.
    """
    for name, wanted in WANTED.items():
        found = configs.get(name, wanted)
        if found != wanted:
            raise LogError(
                f"Topic {topic} exists with {name}={found}, so it may delete, restamp or refuse"
                f" records that a replay needs. Set {name}={wanted} on the topic, or set"
                " `topics.accept_retention = true` to work with it as it is."
            )


def unknown(servers: str, place: Place, partitions: int) -> UnknownTopicError:
    """The error for a partition that is not there."""
    if partitions:
        return UnknownTopicError(
            f"Topic {place.topic} in Kafka at {servers} has {partitions} partition(s), so there is"
            f" no partition {place.partition}."
        )
    return UnknownTopicError(
        f"There is no topic {place.topic} in Kafka at {servers}. Check its name in the section"
        " `topics`, or start `freshet learn` or `freshet produce`, which create it."
    )
