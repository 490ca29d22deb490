"""Users without a right: which one is missing, and the command that adds it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from converters.config.kafka_settings import KafkaSettings
from stream.log.contract import EventLog, LogError, Place, TopicSpec
from stream.log_kafka.client import Admin, kafka, open_admin
from stream.log_kafka.connection import Connection
from stream.open_log import open_log
from tests.support.streams.logs import outgoing, read_all, values
from tests.support.streams.secured import CLIENT_PRINCIPAL, Secured, scram_user

pytestmark = pytest.mark.kafka
ACL = kafka.admin.ACL
ALLOW, DENY = kafka.admin.ACLPermissionType.ALLOW, kafka.admin.ACLPermissionType.DENY
DO, OF = kafka.admin.ACLOperation, kafka.admin.ResourceType
CLUSTER = kafka.admin.ResourcePattern(OF.CLUSTER, "kafka-cluster")
PASSWORD = "p4ss-of-somebody"


@dataclass
class Rights:
    """Somebody without rights on a topic, who is given some.

    Attributes:
        admin: who may give rights.
        name: of the user, the topic and the transactional id.
        who: the principal.
    """

    admin: Admin
    name: str
    who: str = field(default="")

    def grant(self, *operations: int, on: int = OF.TOPIC, name: str = "") -> None:
        """Allow operations, to this user alone."""
        pattern = kafka.admin.ResourcePattern(on, name or self.name)
        wanted = [ACL(self.who, "*", o, ALLOW, pattern) for o in operations]
        assert self.admin.create_acls(wanted)["failed"] == []

    def shut_out(self, on: int = OF.TOPIC, name: str = "") -> None:
        """Let there be an ACL of somebody else, so that nobody else may do anything."""
        pattern = kafka.admin.ResourcePattern(on, name or self.name)
        acl = ACL("User:nobody", "*", DO.DESCRIBE, ALLOW, pattern)
        assert self.admin.create_acls([acl])["failed"] == []


@pytest.fixture
def rights(secured_kafka: Secured, unique_name: str) -> Iterator[Rights]:
    """A user of that name who may do nothing with a topic of that name, which there is."""
    scram_user(secured_kafka, unique_name, PASSWORD)
    with closing(open_log(f"kafka://{secured_kafka.plain}")) as log:
        log.create_topics([TopicSpec(unique_name)], accept_retention=False)
        log.append(unique_name, outgoing(b"first"))
    with closing(open_admin(Connection(secured_kafka.plain))) as admin:
        rights = Rights(admin, unique_name, f"User:{unique_name}")
        rights.shut_out()
        yield rights


@pytest.fixture
def log(secured_kafka: Secured, rights: Rights) -> Iterator[EventLog]:
    """The log as that user."""
    settings = KafkaSettings.model_validate(
        {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": rights.name,
            "sasl_plain_password": PASSWORD,
            "ssl_cafile": secured_kafka.ca,
        }
    )
    with closing(open_log(f"kafka://{secured_kafka.login}", kafka=settings)) as log:
        yield log


def asked_for(message: str) -> list[str]:
    """What the command of a message adds: principal, operations and resource."""
    command = message[message.index("kafka-acls.sh") :].split(". Or ", maxsplit=1)[0].rstrip(".")
    words = shlex.split(command)
    assert words[1] == "--bootstrap-server"
    assert PASSWORD not in message
    return words[words.index("--allow-principal") + 1 :]


def test_topics_that_are_there_need_no_right_to_create(log: EventLog, rights: Rights) -> None:
    """Reading, writing and seeing the settings are enough; each right is asked for by its name."""
    topic, who = rights.name, rights.who
    with pytest.raises(LogError) as told:
        log.create_topics([TopicSpec(topic)], accept_retention=False)
    assert asked_for(str(told.value)) == [who, "--operation", "Describe", "--topic", topic]
    rights.grant(DO.DESCRIBE)
    with pytest.raises(LogError, match=r"topics\.accept_retention = true") as told:
        log.create_topics([TopicSpec(topic)], accept_retention=False)
    assert asked_for(str(told.value)) == [who, "--operation", "DescribeConfigs", "--topic", topic]
    log.create_topics([TopicSpec(topic)], accept_retention=True)
    rights.grant(DO.DESCRIBE_CONFIGS)
    log.create_topics([TopicSpec(topic)], accept_retention=False)


def test_reading_and_writing_ask_for_their_right(log: EventLog, rights: Rights) -> None:
    """Each in one go: that of describing comes with it."""
    topic, who = rights.name, rights.who
    for also in (False, True):
        if also:
            rights.grant(DO.DESCRIBE)
        with pytest.raises(LogError) as told:
            log.append(topic, outgoing(b"1"))
        assert asked_for(str(told.value)) == [who, "--operation", "Write", "--topic", topic]
        with pytest.raises(LogError) as told:
            read_all(log, {Place(topic, 0): 0})
        assert asked_for(str(told.value)) == [who, "--operation", "Read", "--topic", topic]
    rights.grant(DO.READ, DO.WRITE)
    log.append(topic, outgoing(b"1"))
    assert values(read_all(log, {Place(topic, 0): 0})) == [b"first", b"1"]


def test_the_outputs_ask_for_their_transactional_id(log: EventLog, rights: Rights) -> None:
    """And then for the topic."""
    topic, who = rights.name, rights.who
    rights.grant(DO.DESCRIBE)
    rights.shut_out(OF.TRANSACTIONAL_ID)
    with pytest.raises(LogError) as told:
        log.writer(topic)
    assert asked_for(str(told.value)) == [who, "--operation", "Write", "--transactional-id", topic]
    rights.grant(DO.WRITE, on=OF.TRANSACTIONAL_ID)
    with closing(log.writer(topic)) as writer:
        with pytest.raises(LogError) as told:
            writer.write({topic: outgoing(b"1")})
        assert asked_for(str(told.value)) == [who, "--operation", "Write", "--topic", topic]
        rights.grant(DO.WRITE)
    with closing(log.writer(topic)) as writer:
        assert writer.write({topic: outgoing(b"1")})


def test_a_missing_topic_asks_for_creation_or_for_the_topic(log: EventLog, rights: Rights) -> None:
    """Either right is enough: the administrator may give it, or make the topic."""
    topic = f"{rights.name}-new"
    rights.shut_out(name=topic)
    rights.grant(DO.DESCRIBE, DO.DESCRIBE_CONFIGS, name=topic)
    everybody = ACL("User:*", "*", DO.ALL, ALLOW, CLUSTER)
    not_this = ACL(rights.who, "*", DO.CREATE, DENY, CLUSTER)
    assert rights.admin.create_acls([everybody, not_this])["failed"] == []
    with pytest.raises(LogError, match=r"kafka-topics\.sh .*--create") as told:
        log.create_topics([TopicSpec(topic, 3)], accept_retention=False)
    expected = [rights.who, "--operation", "Create", "--topic", topic]
    assert asked_for(str(told.value)) == expected
    assert "--partitions 3 --config cleanup.policy=delete --config retention.ms=-1" in str(
        told.value
    )
    rights.grant(DO.CREATE, name=topic)
    log.create_topics([TopicSpec(topic)], accept_retention=False)
    with pytest.raises(LogError, match=r"topics\.partitions") as told:
        log.create_topics([TopicSpec(topic, 2)], accept_retention=False)
    assert asked_for(str(told.value)) == [rights.who, "--operation", "Alter", "--topic", topic]


def test_a_client_certificate_is_named_as_the_brokers_have_it(
    secured_kafka: Secured, rights: Rights
) -> None:
    """The principal is the certificate's subject; without one and without a login, nobody's."""
    files = secured_kafka.certificates
    settings = KafkaSettings(
        security_protocol="SSL", ssl_cafile=secured_kafka.ca, ssl_certfile=files / "client.pem"
    )
    with closing(open_log(f"kafka://{secured_kafka.mutual}", kafka=settings)) as log:
        with pytest.raises(LogError) as told:
            log.append(rights.name, outgoing(b"1"))
        assert asked_for(str(told.value))[0] == CLIENT_PRINCIPAL
        rights.who = CLIENT_PRINCIPAL
        rights.grant(DO.WRITE)
        log.append(rights.name, outgoing(b"1"))
