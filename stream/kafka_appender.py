"""Appends records to Kafka for all threads of a process, through one idempotent producer.

Stands below :class:`stream.log_kafka.log.KafkaLog`. A producer that has failed is not trusted again,
for the records it gave up on leave gaps in its sequence numbers: the next append opens another,
and the failed one is closed when its last user is done.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

from stream.log.contract import Outgoing
from stream.log_kafka.client import DELIVERY_SECONDS, Producer, kafka, open_producer
from stream.log_kafka.errors import errors, meaning
from stream.log_kafka.writers import REQUEST_BYTES, send


class KafkaAppender:
    """Appends, in order within one call.

    Args:
        servers: the brokers; asked for nothing before the first append.
    """

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._turn = threading.Lock()
        self._producer: Producer | None = None
        self._users: dict[Producer, int] = {}

    def append(self, topic: str, records: Sequence[tuple[Outgoing, int]]) -> list[tuple[int, int]]:
        """Append records with their times; the partition and offset of each."""
        what = f"append to topic {topic}"
        with errors(self._servers, what), self._borrowed() as producer:
            try:
                sent = send(producer, topic, records)
                producer.deliver()
                given = [future.get(DELIVERY_SECONDS) for future in sent]
            except kafka.errors.KafkaError as error:
                self._distrust(producer)
                raise meaning(producer.last_error or error, self._servers, what) from error
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
                self._producer = open_producer(self._servers, max_request_size=REQUEST_BYTES)
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
        """Close producers that failed and that nobody waits for any more."""
        with self._turn:
            unused = [p for p, n in self._users.items() if not n and p is not self._producer]
            for producer in unused:
                del self._users[producer]
        for producer in unused:
            producer.close()
