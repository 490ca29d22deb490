"""What the errors of the Kafka client mean: who may wait, and who has to stop."""

from __future__ import annotations

from uuid import UUID

import pytest

from stream.log.contract import (
    FencedError,
    LogError,
    LogUnavailableError,
    RecordTooLargeError,
    StampError,
    UnknownTopicError,
)
from stream.log_kafka.client import kafka
from stream.log_kafka.connection import Connection
from stream.log_kafka.errors import Doing, errors, meaning, patiently

E = kafka.errors
BROKERS = Connection("b:9092")

MEANT = [
    (E.KafkaTimeoutError("late"), LogUnavailableError),
    (E.UnknownBrokerIdError(-1), LogUnavailableError),
    (E.KafkaError("time-out inside a transaction"), LogUnavailableError),
    (E.KafkaError(E.InvalidTimestampError("2100")), StampError),
    (E.MessageSizeTooLargeError("17 MB"), RecordTooLargeError),
    (E.UnknownTopicOrPartitionError("m.events"), UnknownTopicError),
    (E.ProducerFencedError("epoch"), FencedError),
    (E.UnknownProducerIdError("forgotten"), FencedError),
]


@pytest.mark.parametrize(("error", "meant"), MEANT, ids=repr)
def test_meaning(error: Exception, meant: type[LogError]) -> None:
    """Each error is the log's that says what to do, with brokers and doing in the message."""
    where = "Kafka at b:9092, read a topic: "
    with pytest.raises(meant, match=where) as told, errors(BROKERS, Doing("read a topic")):
        raise error
    assert type(told.value) is meant


def test_what_does_not_pass_is_no_outage() -> None:
    """A learner must not wait for what no time will mend."""
    with pytest.raises(LogError) as told, errors(BROKERS, Doing("read")):
        raise E.TopicAuthorizationFailedError("m.events")
    assert not isinstance(told.value, LogUnavailableError)


@pytest.mark.parametrize(
    ("writer", "asked"),
    [
        ("m.learner", "--transactional-id m.learner"),
        (
            f"producer-{UUID(int=7)}",
            "--resource-pattern-type prefixed --transactional-id producer-",
        ),
    ],
)
def test_a_right_is_asked_for_that_the_next_run_has_too(writer: str, asked: str) -> None:
    """``produce`` has a transactional id of its own in each run."""
    doing = Doing("write", writer=writer)
    told = str(meaning(E.TransactionalIdAuthorizationFailedError(), BROKERS, doing))
    assert told.endswith(f"--operation Write {asked}.")
    assert f"operation Write on transactional id {asked.rpartition(' ')[2]}." in told


def test_a_refusal_is_told_whatever_came_of_it() -> None:
    """Time-outs and failed transactions of a connection that is refused name the refusal.

    What may have been written by then is still not known.
    """
    brokers = Connection("b:9092")
    brokers.troubles["b:9092"] = E.SaslAuthenticationFailedError("no")
    for error in (E.KafkaTimeoutError("late"), E.KafkaError("in a transaction"), E.Cancelled()):
        for sent, meant in ((False, LogError), (True, LogUnavailableError)):
            told = meaning(error, brokers, Doing("write"), sent=sent)
            assert type(told) is meant
            assert "b:9092 refuses the login" in str(told)
    assert "refuses" not in str(meaning(E.CorruptRecordError(), brokers, Doing("write")))


@pytest.mark.parametrize(
    ("operation", "right"), [("Create", "Create"), ("Write", "IdempotentWrite")]
)
def test_a_right_on_the_cluster_is_named(operation: str, right: str) -> None:
    """Of brokers that want it for topics, or for writing each record once."""
    error = E.ClusterAuthorizationFailedError()
    told = str(meaning(error, BROKERS, Doing("write", operation)))
    assert told.endswith(f"--add --allow-principal User:ANONYMOUS --operation {right} --cluster.")
    told = str(meaning(error, BROKERS, Doing("append", "Write", topic="t")))
    assert told.endswith("--operation Write --topic t.")


def test_questions_are_asked_again() -> None:
    """A lost connection or an election is not told to who asks a question."""
    lost = [E.KafkaConnectionError("lost"), E.UnknownBrokerIdError(-1)]

    def asked() -> str:
        if lost:
            raise lost.pop()
        return "answer"

    assert patiently(BROKERS, asked) == "answer"
