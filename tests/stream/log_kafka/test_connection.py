"""The options of ``[kafka]`` reach kafka-python's clients, and the promises of the log stay."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from converters.config.kafka_settings import KafkaSettings
from stream.log_kafka.client import (
    Admin,
    Consumer,
    Producer,
    open_admin,
    open_consumer,
    open_producer,
)
from stream.log_kafka.connection import Connection
from stream.open_log import open_log
from tests.support.streams.logs import make_topic

pytestmark = pytest.mark.kafka

# Each with another value than its default.
OF_ALL = {
    "client_id": "somebody",
    "client_dns_lookup": "resolve_canonical_bootstrap_servers_only",
    "bootstrap_timeout_ms": 9_000,
    "request_timeout_ms": 40_000,
    "connections_max_idle_ms": 500_000,
    "reconnect_backoff_ms": 60,
    "reconnect_backoff_max_ms": 900,
    "retry_backoff_ms": 11,
    "metadata_max_age_ms": 200_000,
}
OF_CONSUMERS = {
    "client_rack": "r1",
    "fetch_min_bytes": 2,
    "fetch_max_wait_ms": 150,
    "fetch_max_bytes": 2**25,
    "max_partition_fetch_bytes": 2**19,
}
APART = {
    "socket_connection_setup_timeout_ms": 8_000,
    "send_buffer_bytes": 2**16,
    "receive_buffer_bytes": 2**15,
    "compression_type": "gzip",
}
# What makes the log's promises, and is no option.
PROMISED_TO_READ = {
    "auto_offset_reset": "none",
    "enable_auto_commit": False,
    "isolation_level": "read_committed",
    "group_id": None,
    "check_crcs": True,
}
PROMISED_TO_WRITE = {"acks": -1, "enable_idempotence": True, "retries": float("inf")}


@pytest.fixture
def connection(kafka_bootstrap: str) -> Connection:
    """With every option set."""
    settings = KafkaSettings.model_validate(OF_ALL | OF_CONSUMERS | APART)
    return Connection(kafka_bootstrap, settings)


def _has(client: Admin | Consumer | Producer, expected: dict[str, object]) -> None:
    """Compare a client's own settings, those of its connections included."""
    found = client.config
    assert {name: found[name] for name in expected} == expected
    manager = client._manager if isinstance(client, Admin) else client._client._manager
    used = {name: value for name, value in OF_ALL.items() if name in manager.config}
    assert {name: manager.config[name] for name in used} == used
    assert manager.config["socket_connection_setup_timeout_ms"] == 8_000
    assert manager.config["socket_connection_setup_timeout_max_ms"] == 8_000
    assert manager.cluster.config["retry_backoff_ms"] == OF_ALL["retry_backoff_ms"]
    raw = next(iter(manager._conns.values())).transport._sock
    # Linux doubles what it is asked for.
    assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in (2**16, 2**17)
    assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) in (2**15, 2**16)
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_every_option_reaches_the_clients(connection: Connection, unique_name: str) -> None:
    """By its own name; what keeps the log's promises stays as it is."""
    with closing(open_log(f"kafka://{connection.servers}")) as log:
        make_topic(log, unique_name)
    with closing(open_admin(connection)) as admin:
        admin.describe_topics([unique_name])
        _has(admin, OF_ALL)
    with closing(open_consumer(connection)) as consumer:
        consumer.partitions_for_topic(unique_name)
        _has(consumer, OF_ALL | OF_CONSUMERS | PROMISED_TO_READ)
    with closing(open_producer(connection)) as producer:
        producer.send(unique_name, b"x" * 1000)
        producer.deliver()
        assert producer.config["compression_type"] == "gzip"
        assert producer.config["delivery_timeout_ms"] > 40_000
        used = {name: value for name, value in OF_ALL.items() if name != "client_rack"}
        found = {name: producer.config[name] for name in used | PROMISED_TO_WRITE}
        assert found == used | PROMISED_TO_WRITE


def test_every_key_of_kafka_is_tested() -> None:
    """An option that is declared and has no effect would be a lie."""
    of_security = ("sasl_", "oauth_", "ssl_", "security_protocol", "properties")
    options = {n for n in KafkaSettings.model_fields if not n.startswith(of_security)}
    assert options == (OF_ALL | OF_CONSUMERS | APART).keys()
