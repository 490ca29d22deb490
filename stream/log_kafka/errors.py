"""What kafka-python's errors mean for an operator of Freshet.

The log, its reader and its writer call Kafka inside :func:`errors`, and inside :func:`patiently`
what may be retried.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from stream.log.contract import (
    FencedError,
    LogError,
    LogUnavailableError,
    RecordTooLargeError,
    StampError,
    UnknownTopicError,
)
from stream.log_kafka.client import CONNECT_SECONDS, kafka

T = TypeVar("T")

E = kafka.errors
FENCED = (E.ProducerFencedError, E.InvalidProducerEpochError)
# The coordinator forgets a writer that has written nothing for a week (Kafka's default).
FORGOTTEN = (E.InvalidProducerIdMappingError, E.UnknownProducerIdError)

# A partition whose leader is being elected has the leader -1, which is no broker's id.
PASSING = (E.RetriableError, E.UnknownBrokerIdError)

# The first that fits: kafka-python's errors, ours, and the explanation with what to do.
MEANINGS: tuple[tuple[tuple[type[Exception], ...], type[LogError], str], ...] = (
    (
        (E.InvalidTimestampError,),
        StampError,
        (
            "a record's time is further from the brokers' clock than the topic allows. Correct the"
            " time column, or the clocks"
        ),
    ),
    (
        (E.MessageSizeTooLargeError, E.RecordListTooLargeError),
        RecordTooLargeError,
        (
            "a record is larger than the topic's `max.message.bytes`. Put fewer rows into a"
            " record, or raise that setting of the topic"
        ),
    ),
    (
        (E.UnknownTopicOrPartitionError,),
        UnknownTopicError,
        "the topic or partition is gone. Create it again, or correct its name",
    ),
    (
        (E.AuthorizationError, E.SaslAuthenticationFailedError),
        LogError,
        "the brokers do not allow it. Ask their administrator",
    ),
    (
        PASSING,
        LogUnavailableError,
        "no answer. Check that the brokers run and can be reached from here, and try again",
    ),
    ((Exception,), LogError, "the brokers or their client gave up"),
)
RETRY_SECONDS = 0.1


@contextlib.contextmanager
def errors(servers: str, what: str) -> Iterator[None]:
    """Translate kafka-python's errors into the log's.

    Args:
        servers: the brokers, for the message.
        what: what was being done, for the message: "append to topic a.events".
    """
    try:
        yield
    except E.KafkaError as error:
        raise meaning(error, servers, what) from error


def patiently(call: Callable[[], T]) -> T:
    """The result of a call that may be retried when a connection was lost."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return call()
        except PASSING:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


def meaning(error: BaseException, servers: str, what: str, *, timed_out: bool = False) -> LogError:
    """The log's error for one of kafka-python's.

    Args:
        error: what was raised.
        servers: the brokers.
        what: what was being done.
        timed_out: whether a transaction was open for too long.
    """
    cause = root(error)
    where = f"Kafka at {servers}, {what}"
    if isinstance(cause, FENCED + FORGOTTEN):
        why = (
            "the transaction took longer than the brokers allow"
            if timed_out
            else "another learner of this model has taken over the outputs"
        )
        return FencedError(
            f"{where}: {why}. Let only one learner of a model run, and start it again.",
            timed_out=timed_out or isinstance(cause, FORGOTTEN),
        )
    if type(cause) is E.KafkaError:
        # Unexpected failures in a transaction come as this, with the cause as text: time-outs,
        # missing replicas. Permanent errors have their own classes.
        return LogUnavailableError(f"{where}: no answer that could be used ({cause!r}).")
    ours, text = next((o, t) for kinds, o, t in MEANINGS if isinstance(cause, kinds))
    return ours(f"{where}: {text} ({cause!r}).")


def root(error: BaseException) -> BaseException:
    """The error that kafka-python wrapped into others, if it did."""
    for argument in error.args:
        if isinstance(argument, E.KafkaError):
            return root(argument)
    return error
