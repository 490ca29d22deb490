"""What kafka-python's errors mean for an operator of Freshet.

The log, its reader and its writer call Kafka inside :func:`errors`, and inside :func:`patiently`
what may be retried. That a connection is refused is seldom what kafka-python raises: it tries again
until a time is over. So the reason is looked up in what the connections remember.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import kafka

from stream.log.contract import (
    FencedError,
    LogError,
    LogUnavailableError,
    RecordTooLargeError,
    StampError,
    UnknownTopicError,
)
from stream.log_kafka.connection import Connection
from stream.log_kafka.login import SecretError
from stream.log_kafka.network import ended_early, is_final
from stream.log_kafka.refusals import missing_right, refusal

T = TypeVar("T")

E = kafka.errors
FENCED = (E.ProducerFencedError, E.InvalidProducerEpochError)
# The coordinator forgets a writer that has written nothing for a week (Kafka's default).
FORGOTTEN = (E.InvalidProducerIdMappingError, E.UnknownProducerIdError)

# A partition whose leader is being elected has the leader -1, which is no broker's id.
PASSING = (E.RetriableError, E.UnknownBrokerIdError)
# What is raised when there is no connection; the reason is with the connections.
LOST = (
    *PASSING,
    E.SaslAuthenticationFailedError,
    E.UnsupportedSaslMechanismError,
    E.IllegalSaslStateError,
    E.InvalidReceiveError,
)

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
        PASSING,
        LogUnavailableError,
        "no answer. Check that the brokers run and can be reached from here, and try again",
    ),
    ((Exception,), LogError, "the brokers or their client gave up"),
)
RETRY_SECONDS = 0.1
TOPIC = re.compile("[A-Za-z0-9._-]+")
ONCE = re.compile("(.+-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # ends in a UUID


@dataclass(frozen=True)
class Doing:
    """What is done with Kafka, for messages.

    Attributes:
        what: in words: "append to topic a.events".
        operation: the right that it needs, by Kafka's name.
        writer: the transactional id, if it has one.
        topic: the topic, if it is one alone.
    """

    what: str
    operation: str = "Describe"
    writer: str = ""
    topic: str = ""


@contextlib.contextmanager
def errors(connection: Connection, doing: Doing) -> Iterator[None]:
    """Translate kafka-python's errors into the log's."""
    try:
        yield
    except E.KafkaError as error:
        raise meaning(error, connection, doing) from error


def patiently(connection: Connection, call: Callable[[], T]) -> T:
    """The result of a call that may be retried when a connection was lost."""
    deadline = time.monotonic() + connection.connect_seconds
    while True:
        try:
            return call()
        except PASSING:
            if time.monotonic() > deadline or _final(connection):
                raise
            time.sleep(RETRY_SECONDS)


def meaning(
    error: BaseException,
    connection: Connection,
    doing: Doing,
    *,
    timed_out: bool = False,
    sent: bool = False,
) -> LogError:
    """The log's error for one of kafka-python's.

    Args:
        error: what was raised.
        connection: to which brokers, and how.
        doing: what was being done.
        timed_out: whether a transaction was open for too long.
        sent: whether records may have been written, though the connection is refused now.
    """
    cause = root(error)
    where = f"Kafka at {connection.servers}, {doing.what}"
    if isinstance(cause, FENCED + FORGOTTEN):
        return _fenced(where, timed_out=timed_out, forgotten=isinstance(cause, FORGOTTEN))
    if isinstance(cause, E.AuthorizationError):
        return LogError(f"{where}: {_not_allowed(cause, connection, doing)}.")
    # Unexpected failures in a transaction come as this, with the cause as text: time-outs, missing
    # replicas, a login that is refused. Other permanent errors have their own classes.
    unexpected = type(cause) is E.KafkaError
    if (unexpected or isinstance(cause, LOST)) and (refused := _refused(cause, connection)):
        ours, text = refused
        return (LogUnavailableError if sent else ours)(f"{where}: {text}.")
    if unexpected:
        return LogUnavailableError(f"{where}: no answer that could be used ({cause!r}).")
    ours, text = next((o, t) for kinds, o, t in MEANINGS if isinstance(cause, kinds))
    reasons = dict(connection.troubles) if isinstance(cause, PASSING) else {}
    told = "; ".join([repr(cause), *(f"{address}: {each}" for address, each in reasons.items())])
    return ours(f"{where}: {text} ({told}).")


def _fenced(where: str, *, timed_out: bool, forgotten: bool) -> FencedError:
    why = (
        "the transaction took longer than the brokers allow"
        if timed_out
        else "another learner of this model has taken over the outputs"
    )
    return FencedError(
        f"{where}: {why}. Let only one learner of a model run, and start it again.",
        timed_out=timed_out or forgotten,
    )


def _refused(error: BaseException, connection: Connection) -> tuple[type[LogError], str] | None:
    """Why connections are refused, if they are: for good, or perhaps not."""
    troubles = dict(connection.troubles)
    final = _final(connection)
    if is_final(error):  # of a connection that was in use
        final = next((n for n, each in troubles.items() if each is error), connection.servers)
        return LogError, refusal(connection, final, error)
    if final:
        return LogError, refusal(connection, final, troubles[final])
    for address, trouble in troubles.items():
        if isinstance(trouble, SecretError) or ended_early(trouble):
            return LogUnavailableError, refusal(connection, address, trouble)
    return None


def _final(connection: Connection) -> str:
    """A broker that refuses this client for good; empty if none does."""
    return next((n for n, each in dict(connection.troubles).items() if is_final(each)), "")


def _not_allowed(error: BaseException, connection: Connection, doing: Doing) -> str:
    """Which right is missing, and what adds it."""
    if isinstance(error, E.TransactionalIdAuthorizationFailedError):
        # One that is named anew for each run: a right on its name alone would be of no use.
        once = ONCE.fullmatch(doing.writer)
        prefixed = ("--resource-pattern-type", "prefixed") if once else ()
        name = once[1] if once else doing.writer
        return missing_right(connection, "Write", *prefixed, "--transactional-id", name)
    if isinstance(error, E.ClusterAuthorizationFailedError):
        if doing.topic:  # Who may write to a topic may also write each record once.
            return missing_right(connection, doing.operation, "--topic", doing.topic)
        create = doing.operation == "Create"
        return missing_right(connection, "Create" if create else "IdempotentWrite", "--cluster")
    if isinstance(error, E.TopicAuthorizationFailedError):
        named = error.args[0] if error.args else ""
        topics = [named] if isinstance(named, str) else sorted(named)
        # Some errors have a sentence in the place of a name.
        names = [name for name in topics if TOPIC.fullmatch(name)] or [doing.topic or "TOPIC"]
        resource = [each for name in names for each in ("--topic", name)]
        return missing_right(connection, doing.operation, *resource)
    return f"the brokers do not allow it ({error!r}). Ask their administrator"


def root(error: BaseException) -> BaseException:
    """The error that kafka-python wrapped into others, if it did."""
    for argument in error.args:
        if isinstance(argument, E.KafkaError):
            return root(argument)
    return error
