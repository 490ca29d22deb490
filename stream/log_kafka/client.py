"""What Freshet uses of kafka-python, with other defaults and some faults corrected.

What is corrected here: clients that cannot connect leak a thread and sockets; a commit waits for
ever; closing without a broker leaks a thread; ERROR and WARNING lines are logged for errors that
are raised as well. What its connections do wrong is corrected in :mod:`stream.log_kafka.network`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import kafka
from kafka import KafkaAdminClient as Admin
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.consumer.fetcher import Fetcher
from kafka.net.compat import KafkaNetClient
from kafka.producer.transaction_manager import TransactionalRequestResult
from kafka.protocol.consumer import IsolationLevel

from stream.log.contract import Outgoing
from stream.log_kafka.connection import Connection
from stream.log_kafka.network import net_client

__all__ = [
    "DELIVERY_SECONDS",
    "EARLIEST",
    "HIGHEST_TIME",
    "LATEST",
    "READ_COMMITTED",
    "Admin",
    "Consumer",
    "OffsetSpec",
    "Producer",
    "TopicPartition",
    "UnreadableError",
    "kafka",
    "open_admin",
    "open_consumer",
    "open_producer",
    "topic_configs",
]

READ_COMMITTED = IsolationLevel.READ_COMMITTED
EARLIEST, LATEST = OffsetSpec.EARLIEST, OffsetSpec.LATEST
HIGHEST_TIME = OffsetSpec.MAX_TIMESTAMP

# How long the idempotent producer retries: a broker that restarts is back by then, and
# giving up earlier would leave it unknown whether the records were written.
DELIVERY_SECONDS = 30.0
CLOSE_SECONDS = 5.0
# How long to sleep before looking again for what another process or broker must know first.
LOOK_SECONDS = 0.01
# Callers flush after sending. Without lingering, the first record of a flush is sent by itself,
# which contends with making the others, and each costs half as much again.
LINGER_MS = 5_000
# A batch of records in one request; by default 16 KiB, five records of 50 rows. More than
# 1 MiB would not fit into existing topics with Kafka's default `max.message.bytes`.
BATCH_BYTES = 2**20 - 2**12
# Records of so many bytes fit into any request.
SMALL_BYTES = BATCH_BYTES // 2

Client = TypeVar("Client")

if (_logger := logging.getLogger("kafka")).level == logging.NOTSET:
    _logger.setLevel(logging.CRITICAL)


class UnreadableError(kafka.errors.KafkaError):  # type: ignore[misc]
    """Records cannot be decompressed or parsed; the message says which, and why."""


class LocatedRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """Fetched records of one partition; what is wrong with them is told with their place."""

    def take(self, n: int | None = None) -> list[object]:
        """The next records."""
        try:
            return super().take(n)  # type: ignore[no-any-return]
        except Exception as error:
            # Each codec has errors of its own, and none of them is one of kafka-python's.
            topic, partition = self.topic_partition
            raise UnreadableError(
                f"topic {topic}, partition {partition}, from offset {self.next_fetch_offset} on "
                f"({type(error).__name__}: {error})"
            ) from error


class Producer(kafka.KafkaProducer):  # type: ignore[misc]
    """A producer with timeouts, which leaves no thread or socket behind."""

    @property
    def last_error(self) -> BaseException | None:
        """Why the producer has failed or must abort; None if it works."""
        error: BaseException | None = self._transaction_manager.last_error
        return error

    def commit_transaction(self) -> None:
        """Commit; after :data:`DELIVERY_SECONDS` without an answer the outcome is unknown."""
        self._complete(self._transaction_manager.begin_commit(), DELIVERY_SECONDS)

    def abort_transaction(self) -> None:
        """Abort; the broker does it later by itself if it does not answer now."""
        self._complete(self._transaction_manager.begin_abort(), CLOSE_SECONDS)

    def deliver(self) -> None:
        """Send all queued records and wait until each is acknowledged or has failed."""
        while True:
            try:
                self.flush(DELIVERY_SECONDS)
            except kafka.errors.UnknownError:
                # It gave up waiting for a batch that the broker refused as too large and that was
                # split since: the rest of it is still queued.
                continue
            return

    def look_for(self, topic: str, partition: int) -> None:
        """Wait until a partition is known; it may have been added since the last look."""
        deadline = time.monotonic() + DELIVERY_SECONDS
        while partition not in (self.partitions_for(topic) or ()):
            if time.monotonic() > deadline:
                raise kafka.errors.UnknownTopicOrPartitionError(f"{topic}, partition {partition}")
            self._metadata.request_update()
            self._sender.wakeup()
            time.sleep(LOOK_SECONDS)

    def send_all(
        self, topic: str, records: Sequence[Outgoing], times: Sequence[int]
    ) -> list[kafka.future.Future]:
        """Queue records with these times for partitions that are known; a future for each.

        What :meth:`send` looks at for each record, 8 us of its 14, is looked at once, but for large
        records and those with headers.
        """
        places = {record.partition: TopicPartition(topic, record.partition) for record in records}
        if self._transaction_manager.is_transactional():
            for place in places.values():
                self._transaction_manager.maybe_add_partition_to_transaction(place)
        now, append, sent = time.monotonic(), self._accumulator.append, []
        for (value, _, headers, key, partition), stamp in zip(records, times, strict=True):
            if headers or len(value) + len(key or b"") > SMALL_BYTES:
                said = list(headers)
                sent.append(self.send(topic, value, key, said, partition, stamp))
                continue
            future, full, begun, _ = append(places[partition], stamp, key, value, [], now)
            sent.append(future)
            if full or begun:
                self._sender.wakeup()
        return sent

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:
        """Close within :data:`CLOSE_SECONDS`; records not sent by then are dropped."""
        try:
            super().close(CLOSE_SECONDS if timeout is None else timeout, null_logger)
        except kafka.errors.KafkaTimeoutError:
            self._sender.force_close()
            self._sender.join(CLOSE_SECONDS)
            super().close(0)

    def _complete(self, result: TransactionalRequestResult, seconds: float) -> None:
        """Wait for the end of a transaction."""
        self._sender.wakeup()
        if not result.wait(timeout_ms=seconds * 1000):
            raise kafka.errors.KafkaTimeoutError("no answer at the end of a transaction")


class Consumer(kafka.KafkaConsumer):  # type: ignore[misc]
    """A consumer that tells where records cannot be read."""

    def __init__(self, *topics: str, **configs: object) -> None:
        super().__init__(*topics, **configs)
        self._fetcher.PartitionRecords = LocatedRecords


def open_consumer(connection: Connection) -> Consumer:
    """A consumer without a group: its caller sets positions; it reads committed records only."""
    return _open(
        Consumer,
        connection,
        auto_offset_reset="none",
        enable_auto_commit=False,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        metrics_enabled=False,
        **connection.of_consumers(),
    )


def open_producer(connection: Connection, **settings: int | str) -> Producer:
    """An idempotent producer; transactional with a ``transactional_id``."""
    request_ms = connection.settings.request_timeout_ms
    patience = max(int(DELIVERY_SECONDS * 1000), LINGER_MS + 2 * request_ms)
    return _open(
        Producer,
        connection,
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        metrics_enabled=False,
        batch_size=BATCH_BYTES,
        max_block_ms=patience,
        delivery_timeout_ms=patience,
        linger_ms=LINGER_MS,
        **(connection.of_producers() | settings),
    )


def open_admin(connection: Connection) -> Admin:
    """A client for topics and offsets."""
    return _open(Admin, connection)


def _open(kind: Callable[..., Client], connection: Connection, **settings: object) -> Client:
    """A connected client; on an error nothing is left open."""
    networks: list[KafkaNetClient] = []

    def network(**configs: object) -> KafkaNetClient:
        # The settings that the clients do not pass on.
        patience = connection.settings.socket_connection_setup_timeout_ms
        both = ("socket_connection_setup_timeout_ms", "socket_connection_setup_timeout_max_ms")
        configs |= dict.fromkeys(both, patience)
        networks.append(net_client(connection.troubles, connection.tls, configs))
        # Else each new client waits 100 ms between its first two looks at the topics.
        networks[-1].cluster.config["retry_backoff_ms"] = connection.settings.retry_backoff_ms
        return networks[-1]

    try:
        return kind(kafka_client=network, **connection.of_clients(), **settings)
    except BaseException:
        for each in networks:
            each.close()
        raise


def topic_configs(admin: Admin, topics: list[str]) -> dict[str, dict[str, str]]:
    """All configuration values of the topics, by topic and name."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    found = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return {
        topic: {name: entry["value"] or "" for name, entry in values.items()}
        for topic, values in found.items()
    }
