"""Kafka topics as Freshet makes them, and those it finds otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from stream.log.contract import (
    LogError,
    Outgoing,
    Place,
    RecordTooLargeError,
    StampError,
    TopicSpec,
)
from stream.log_kafka.client import Admin, open_admin, topic_configs
from stream.log_kafka.connection import Connection
from stream.log_kafka.log import KafkaLog
from tests.support.streams.logs import make_topic, outgoing, read_all, values

pytestmark = pytest.mark.kafka
IN_2013 = 1_357_020_000_000


@pytest.fixture
def log(kafka_bootstrap: str) -> Iterator[KafkaLog]:
    """A log in the shared broker."""
    with closing(KafkaLog(Connection(kafka_bootstrap))) as log:
        yield log


@pytest.fixture
def admin(kafka_bootstrap: str) -> Iterator[Admin]:
    """What an operator would use."""
    with closing(open_admin(Connection(kafka_bootstrap))) as admin:
        yield admin


def test_topics_are_made_to_keep_everything(log: KafkaLog, admin: Admin, unique_name: str) -> None:
    """Nothing is deleted by age, size or key, stamps are the producer's, and as old as may be."""
    log.create_topics([TopicSpec(unique_name, 2)], accept_retention=False)
    configs = topic_configs(admin, [unique_name])[unique_name]
    assert configs["retention.ms"] == configs["retention.bytes"] == "-1"
    assert configs["cleanup.policy"] == "delete"
    assert configs["message.timestamp.type"] == "CreateTime"
    assert configs["message.timestamp.before.max.ms"] == str(2**63 - 1)
    assert len(log.describe([unique_name])[unique_name].ends) == 2


def test_the_replication_factor_is_passed_on(kafka_bootstrap: str, unique_name: str) -> None:
    """More replicas than there are brokers is an error that names the topic."""
    with (
        closing(KafkaLog(Connection(kafka_bootstrap), replication_factor=3)) as log,
        pytest.raises(LogError, match=f"Topic {unique_name} cannot be created.*Replication"),
    ):
        make_topic(log, unique_name)


LOSING = [
    ("retention.ms", "604800000"),
    ("retention.bytes", "1000000"),
    ("cleanup.policy", "compact"),
    ("cleanup.policy", "compact,delete"),
    ("message.timestamp.type", "LogAppendTime"),
    ("message.timestamp.before.max.ms", "1000"),
]


def test_a_topic_that_loses_records_is_used_only_when_told(
    log: KafkaLog, admin: Admin, unique_name: str
) -> None:
    """The refusal names topic, value and setting; with the setting the topic is taken as it is."""
    topics = {f"{unique_name}-{number}": each for number, each in enumerate(LOSING)}
    made = {topic: {"configs": {"retention.ms": "-1", k: v}} for topic, (k, v) in topics.items()}
    admin.create_topics(made, wait_for_metadata=True)
    for topic, (name, value) in topics.items():
        refusal = rf"{topic} exists with {name}={value}, .*topics\.accept_retention = true"
        with pytest.raises(LogError, match=refusal):
            make_topic(log, topic)
        log.create_topics([TopicSpec(topic)], accept_retention=True)
        assert topic_configs(admin, [topic])[topic][name] == value


def test_a_stamp_that_only_the_broker_refuses(
    log: KafkaLog, admin: Admin, unique_name: str
) -> None:
    """On a topic that takes no old records the error is the same, and the log goes on."""
    young = {"configs": {"message.timestamp.before.max.ms": "60000"}}
    admin.create_topics({unique_name: young}, wait_for_metadata=True)
    for count in (1, 3):
        with pytest.raises(StampError, match=unique_name):
            log.append(unique_name, [Outgoing(b"a", IN_2013)] * count)
    assert log.append(unique_name, outgoing(b"b")) == [(0, 0)]


def test_a_size_that_only_the_broker_refuses(log: KafkaLog, admin: Admin, unique_name: str) -> None:
    """On a topic for small records the error names its setting, and the log goes on."""
    small = {"configs": {"max.message.bytes": "1000"}}
    admin.create_topics({unique_name: small}, wait_for_metadata=True)
    with pytest.raises(RecordTooLargeError, match=r"max\.message\.bytes"):
        log.append(unique_name, outgoing(b"x" * 5_000))
    log.append(unique_name, outgoing(*[b"y" * 500] * 10))
    assert values(read_all(log, {Place(unique_name, 0): 0})) == [b"y" * 500] * 10


def test_outputs_that_the_broker_refuses_in_part_are_not_seen(
    log: KafkaLog, admin: Admin, unique_name: str
) -> None:
    """Refused in one topic, a transaction is aborted in all, and another writer goes on."""
    good = make_topic(log, f"{unique_name}.good")
    young = {"configs": {"message.timestamp.before.max.ms": "60000"}}
    admin.create_topics({unique_name: young}, wait_for_metadata=True)
    with closing(log.writer(unique_name)) as writer, pytest.raises(StampError, match=unique_name):
        writer.write({good.topic: outgoing(b"1"), unique_name: [Outgoing(b"2", IN_2013)]})
    assert log.describe([good.topic])[good.topic].ends[good] > 0, "nothing was aborted"
    assert read_all(log, {good: 0}) == []
    with closing(log.writer(unique_name)) as writer:
        writer.write({good.topic: outgoing(b"3"), unique_name: outgoing(b"4")})
    assert values(read_all(log, {good: 0})) == [b"3"]
