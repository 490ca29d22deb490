"""What Freshet uses of kafka-python, with other defaults and some faults corrected.

What is corrected here: clients that cannot connect leak a thread and sockets; a commit waits for
ever; closing without a broker leaks a thread; a failed connection attempt leaves its socket open;
ERROR and WARNING lines are logged for errors that are raised as well.
"""

from __future__ import annotations

import logging
import socket
import time
import warnings
from collections.abc import Callable
from typing import TypeVar

with warnings.catch_warnings():
    # It reads its schemas in a way that only Python 3.11 reports as deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka
    from kafka import KafkaAdminClient as Admin
    from kafka import TopicPartition
    from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
    from kafka.consumer.fetcher import Fetcher
    from kafka.net.compat import KafkaNetClient
    from kafka.net.inet import KafkaNetSocket
    from kafka.producer.transaction_manager import TransactionalRequestResult
    from kafka.protocol.consumer import IsolationLevel

__all__ = [
    "CONNECT_SECONDS",
    "DELIVERY_SECONDS",
    "EARLIEST",
    "LATEST",
    "READ_COMMITTED",
    "REQUEST_SECONDS",
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

# How long to look for a broker, and to wait for its answer to one request.
CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 10.0
# How long the idempotent producer retries: a broker that restarts is back by then, and
# giving up earlier would leave it unknown whether the records were written.
DELIVERY_SECONDS = 30.0
CLOSE_SECONDS = 5.0
# After a broker's restart its clients should be back soon; by default they wait up to 30 s.
RECONNECT_MOST_SECONDS = 1.0
# By default it sleeps 100 ms before it asks again: a transaction that begins while the brokers
# still write the markers of the last one took 50 ms, and now takes 15.
RETRY_MS = 10
# Callers flush after sending. Without lingering, the first record of a flush is sent by itself,
# which contends with making the others, and each costs half as much again.
LINGER_MS = 5_000
# A batch of records in one request; by default 16 KiB, five records of 50 rows. More than
# 1 MiB would not fit into existing topics with Kafka's default `max.message.bytes`.
BATCH_BYTES = 2**20 - 2**12
RECEIVE_BYTES = 2**18
# The scheme under which kafka-python finds the class below instead of its own.
DIRECT = "direct"

Client = TypeVar("Client")

if (_logger := logging.getLogger("kafka")).level == logging.NOTSET:
    _logger.setLevel(logging.CRITICAL)


class WideSocket(socket.socket):
    """A socket that returns all it has received; kafka-python asks for 4 KiB at a time.

    Each call releases Python's lock and has to reacquire it from the thread that learns.
    """

    __slots__ = ()

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Received bytes; more than ``size`` if there are more."""
        return super().recv(max(size, RECEIVE_BYTES), flags)


class DirectSocket(KafkaNetSocket):  # type: ignore[misc]
    """Connects without a proxy, and closes the socket when that fails."""

    SCHEMES = (DIRECT,)

    def socket(self, family: int, sock_type: int, proto: int) -> WideSocket:
        """A new socket."""
        return WideSocket(family, sock_type, proto)

    async def sock_connect(
        self,
        net: object,
        sock: WideSocket,
        sockaddr: object,
        timeout_at: float | None = None,
    ) -> WideSocket:
        """Connect a fresh socket."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at)  # type: ignore[no-any-return]
        except BaseException:
            sock.close()
            raise


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
            time.sleep(RETRY_MS / 1000)

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:
        """Close within :data:`CLOSE_SECONDS`; records not sent by then are dropped."""
        try:
            super().close(CLOSE_SECONDS if timeout is None else timeout, null_logger)
        except kafka.errors.KafkaTimeoutError:
            self._sender.force_close()
            self._sender.join(REQUEST_SECONDS)
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


def open_consumer(servers: str, **settings: int) -> Consumer:
    """A consumer without a group: its caller sets positions; it reads committed records only."""
    return _open(
        Consumer,
        servers,
        auto_offset_reset="none",
        enable_auto_commit=False,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        metrics_enabled=False,
        **settings,
    )


def open_producer(servers: str, **settings: int | str) -> Producer:
    """An idempotent producer; transactional with a ``transactional_id``."""
    return _open(
        Producer,
        servers,
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        metrics_enabled=False,
        batch_size=BATCH_BYTES,
        max_block_ms=int(DELIVERY_SECONDS * 1000),
        delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
        linger_ms=LINGER_MS,
        **settings,
    )


def open_admin(servers: str) -> Admin:
    """A client for topics and offsets."""
    return _open(Admin, servers)


def _open(kind: Callable[..., Client], servers: str, **settings: object) -> Client:
    """A connected client; on an error nothing is left open."""
    networks: list[KafkaNetClient] = []

    def network(**configs: object) -> KafkaNetClient:
        # The two settings that the clients do not pass on.
        patience = int(CONNECT_SECONDS * 1000)
        networks.append(
            KafkaNetClient(
                **configs,
                socket_connection_setup_timeout_ms=patience,
                socket_connection_setup_timeout_max_ms=patience,
            )
        )
        return networks[-1]

    try:
        return kind(
            bootstrap_servers=servers,
            client_id="freshet",
            bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            reconnect_backoff_max_ms=int(RECONNECT_MOST_SECONDS * 1000),
            retry_backoff_ms=RETRY_MS,
            proxy_url=f"{DIRECT}://",
            kafka_client=network,
            **settings,
        )
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
