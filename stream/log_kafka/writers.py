"""Writes outputs to Kafka, a producer transaction for each call; for the learner.

The transactional id is the writer's name: opening a writer settles what an older one of the name
had begun, and fences it off.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

from stream.log.checks import checked
from stream.log.contract import MAX_RECORD_BYTES, Outgoing, Place
from stream.log_kafka.client import Producer, kafka, open_producer
from stream.log_kafka.errors import errors, meaning

# A transaction lasts milliseconds; one that a stopped process left open holds up the readers of
# the outputs for this long.
TRANSACTION_SECONDS = 60.0
# The largest value, and room for its key, headers and framing.
REQUEST_BYTES = MAX_RECORD_BYTES + 2**20


class KafkaWriter:
    """Writes outputs; see :class:`stream.log.contract.OutputWriter`.

    Args:
        servers: the brokers.
        name: the transactional id.
        check_partitions: raises when a record's partition is not there.
    """

    def __init__(
        self,
        servers: str,
        name: str,
        check_partitions: Callable[[str, Sequence[Outgoing]], None],
    ) -> None:
        self._servers = servers
        self._what = f"write the outputs of {name}"
        self._check_partitions = check_partitions
        self._open = False
        with errors(servers, self._what):
            self._producer = open_producer(
                servers,
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
        stamped = {topic: checked(topic, records) for topic, records in outputs.items() if records}
        for topic, records in outputs.items():
            self._check_partitions(topic, records)
        if not stamped:
            return {}
        begun = time.monotonic()
        try:
            return self._transact(stamped)
        except kafka.errors.KafkaError as error:
            cause = self._producer.last_error or error
            late = time.monotonic() - begun >= TRANSACTION_SECONDS
            raise meaning(cause, self._servers, self._what, timed_out=late) from error
        finally:
            self._settle()

    def close(self) -> None:
        """Close the producer; a transaction that is open is aborted."""
        self._producer.close()

    def _transact(self, outputs: Mapping[str, Sequence[tuple[Outgoing, int]]]) -> dict[Place, int]:
        """Begin, send, wait for every acknowledgement, commit."""
        producer = self._producer
        producer.begin_transaction()
        self._open = True
        sent = [
            future
            for topic, records in outputs.items()
            for future in send(producer, topic, records)
        ]
        producer.deliver()
        # A commit is no proof: after an epoch was bumped, kafka-python "commits" nothing.
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
    producer: Producer, topic: str, records: Sequence[tuple[Outgoing, int]]
) -> list[kafka.future.Future]:
    """Hand records with their times to a producer; a future for each."""
    for partition in {record.partition for record, _ in records}:
        producer.look_for(topic, partition)
    return [
        producer.send(
            topic,
            value=record.value,
            key=record.key,
            headers=list(record.headers),
            partition=record.partition,
            timestamp_ms=stamp,
        )
        for record, stamp in records
    ]
