"""Where the brokers are and how to reach them: what all clients of one log have in common."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field

from converters.config.kafka_settings import KafkaSettings
from converters.errors import UsageError
from converters.logger import log
from stream.log_kafka.certificates import tls_context
from stream.log_kafka.login import login_arguments
from stream.log_kafka.network import DIRECT, Troubles

# The settings that kafka-python's clients take as they are, by their names there.
OF_CLIENTS = (
    *("security_protocol", "client_id", "client_dns_lookup", "bootstrap_timeout_ms"),
    *("request_timeout_ms", "connections_max_idle_ms", "reconnect_backoff_ms"),
    *("reconnect_backoff_max_ms", "retry_backoff_ms", "metadata_max_age_ms"),
)
OF_CONSUMERS = (
    *("client_rack", "fetch_min_bytes", "fetch_max_wait_ms", "fetch_max_bytes"),
    "max_partition_fetch_bytes",
)


@dataclass(frozen=True)
class Connection:
    """Where the brokers are and how to reach them.

    Attributes:
        servers: the brokers: ``host:port``, several with commas.
        settings: how to reach them.
        tls: the context of TLS; None without.
        login: kafka-python's arguments for a login, with the secrets.
        troubles: why connections fail, kept by the clients.
    """

    servers: str
    settings: KafkaSettings = field(default_factory=KafkaSettings)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    login: dict[str, object] = field(default_factory=dict, repr=False)
    troubles: Troubles = field(default_factory=dict, compare=False, repr=False)

    @property
    def connect_seconds(self) -> float:
        """How long to look for a broker."""
        return self.settings.bootstrap_timeout_ms / 1000

    def of_clients(self) -> dict[str, object]:
        """What every client of kafka-python is given."""
        settings = self.settings
        buffers = {
            socket.SO_SNDBUF: settings.send_buffer_bytes,
            socket.SO_RCVBUF: settings.receive_buffer_bytes,
        }
        return {
            **{name: getattr(settings, name) for name in OF_CLIENTS},
            **self.login,
            "bootstrap_servers": self.servers,
            "proxy_url": f"{DIRECT}://",
            # It has settings of that name for the buffers, and does not use them.
            "socket_options": [
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
                *((socket.SOL_SOCKET, which, size) for which, size in buffers.items() if size),
            ],
        }

    def of_consumers(self) -> dict[str, object]:
        """What consumers are given besides."""
        return {name: getattr(self.settings, name) for name in OF_CONSUMERS}

    def of_producers(self) -> dict[str, object]:
        """What producers are given besides."""
        codec = self.settings.compression_type
        return {"compression_type": None if codec == "none" else codec}


def connection_to(servers: str, settings: KafkaSettings) -> Connection:
    """How to reach the brokers; nothing is connected.

    Raises:
        UsageError: settings contradict each other, or a file or program of theirs is of no use.
        LogUnavailableError: the program that gets a token fails, as it may for a while.
    """
    if wrong := settings.contradiction():
        raise UsageError(f"The settings of `[kafka]` contradict each other: {wrong}.")
    if settings.security_protocol == "SASL_PLAINTEXT" and settings.sasl_mechanism == "PLAIN":
        log.warning(
            "the password goes over the network unencrypted",
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            advice="use SASL_SSL, or a mechanism SCRAM, if the brokers have a listener for it",
        )
    tls = tls_context(settings) if settings.encrypted else None
    return Connection(servers, settings, tls, login_arguments(settings))
