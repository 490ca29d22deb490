"""Writes outputs to Kafka, a producer transaction for each call; for the learner.

The transactional id is the writer's name: opening a writer ends the open transaction of an older
one of the same name, and fences it off.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from stream.log.contract import MAX_RECORD_BYTES, Outgoing, Place
from stream.log.limits import checked_times
from stream.log_kafka.client import DELIVERY_SECONDS, Producer, kafka, open_producer
from stream.log_kafka.connection import Connection
from stream.log_kafka.errors import Doing, errors, meaning

# A transaction lasts milliseconds; one that a stopped process left open blocks the readers of
# the outputs for this long.
TRANSACTION_SECONDS = 60.0
# The largest value, and room for its key, headers and framing.
REQUEST_BYTES = MAX_RECORD_BYTES + 2**20


class KafkaWriter:
    """Writes outputs; see :class:`stream.log.contract.OutputWriter`.

    Args:
        connection: where the brokers are and how to reach them.
        name: the transactional id.
        check_partitions: raises when a record's partition is not there.
    """

    def __init__(
        self,
        connection: Connection,
        name: str,
        check_partitions: Callable[[str, Sequence[Outgoing]], None],
    ) -> None:
        self._connection = connection
        self._doing = Doing(f"write the outputs of {name}", "Write", name)
        self._check_partitions = check_partitions
        self._open = False
        with errors(connection, self._doing):
            self._producer = open_producer(
                connection,
                transactional_id=name,
                transaction_timeout_ms=int(TRANSACTION_SECONDS * 1000),
                max_request_size=REQUEST_BYTES,
            )
            try:
                self._producer.init_transactions()
            except BaseException:
                self._producer.close()
                raise

    def write(self, outputs: Mapping[str, Sequence[Outgoing]]) -> dict[Place, int]:
        """Append all records of all topics, or none; the next offset of each partition."""
        outputs = {topic: records for topic, records in outputs.items() if records}
        times = {topic: checked_times(topic, records) for topic, records in outputs.items()}
        for topic, records in outputs.items():
            self._check_partitions(topic, records)
        if not outputs:
            return {}
        begun = time.monotonic()
        try:
            return self._transact(outputs, times)
        except kafka.errors.KafkaError as error:
            cause = self._producer.last_error or error
            late = time.monotonic() - begun >= TRANSACTION_SECONDS
            raise meaning(
                cause, self._connection, self._doing, timed_out=late, sent=True
            ) from error
        finally:
            self._settle()

    def close(self) -> None:
        """Close the producer; a transaction that is open is aborted."""
        self._producer.close()

    def _transact(
        self, outputs: Mapping[str, Sequence[Outgoing]], times: Mapping[str, Sequence[int]]
    ) -> dict[Place, int]:
        """Begin, send, wait for every acknowledgement, commit."""
        producer = self._producer
        producer.begin_transaction()
        self._open = True
        sent = [
            future
            for topic, records in outputs.items()
            for future in send(producer, topic, records, times[topic])
        ]
        producer.deliver()
        # A commit proves nothing: after an epoch bump, kafka-python "commits" without writing.
        for future in sent:
            if future.exception is not None:
                raise future.exception
        producer.commit_transaction()
        self._open = False
        given = (future.value for future in sent)
        return {Place(each.topic, each.partition): each.offset + 1 for each in given}

    def _settle(self) -> None:
        """Abort what a failure, or Ctrl-C, has left open."""
        if self._open:
            self._open = False
            with contextlib.suppress(kafka.errors.KafkaError):
                self._producer.abort_transaction()


def send(
    producer: Producer, topic: str, records: Sequence[Outgoing], times: Sequence[int]
) -> list[kafka.future.Future]:
    """Give records with these times to a producer; a future for each."""
    for partition in {record.partition for record in records}:
        producer.look_for(topic, partition)
    return producer.send_all(topic, records, times)


class KafkaAppender:
    """Appends, in order within one call.

    Args:
        connection: to the brokers, which are not contacted before the first append.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._producer: Producer | None = None
        self._users: dict[Producer, int] = {}

    def append(
        self, topic: str, records: Sequence[Outgoing], times: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Append records with these times; the partition and offset of each."""
        doing = Doing(f"append to topic {topic}", "Write", topic=topic)
        with errors(self._connection, doing), self._borrowed() as producer:
            try:
                sent = send(producer, topic, records, times)
                producer.deliver()
                given = [future.get(DELIVERY_SECONDS) for future in sent]
            except kafka.errors.KafkaError as error:
                self._distrust(producer)
                cause = producer.last_error or error
                raise meaning(cause, self._connection, doing, sent=True) from error
        return [(each.partition, each.offset) for each in given]

    def close(self) -> None:
        """Close the producer."""
        if self._producer is not None:
            self._distrust(self._producer)
            self._close_unused()

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Producer]:
        """The producer, kept open while it is used."""
        with self._turn:
            if self._producer is None:
                self._producer = open_producer(self._connection, max_request_size=REQUEST_BYTES)
                self._users[self._producer] = 0
            producer = self._producer
            self._users[producer] += 1
        try:
            yield producer
        finally:
            with self._turn:
                self._users[producer] -= 1
            self._close_unused()

    def _distrust(self, producer: Producer) -> None:
        """Let the next append open another producer."""
        with self._turn:
            if self._producer is producer:
                self._producer = None

    def _close_unused(self) -> None:
        """Close failed producers that are no longer in use."""
        with self._turn:
            unused = [p for p, n in self._users.items() if not n and p is not self._producer]
            for producer in unused:
                del self._users[producer]
        for producer in unused:
            producer.close()
