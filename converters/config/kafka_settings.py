"""The sections of ``freshet.toml`` about Kafka's clients and the records of other producers.

Options of the client have kafka-python's own names; what it has no name for is named likewise.
A properties file of Kafka's clients can give the same settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, SecretStr, field_validator

from converters.config.column_settings import Section

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
MECHANISMS: tuple[str, ...] = get_args(Mechanism)


class KafkaSettings(Section):
    """The connection to Kafka: security, identity, and further options of the client."""

    properties: Path | None = Field(
        None,
        description="a properties file of Kafka's clients, read as it is; the keys below override "
        "it, as `--kafka-config` overrides this one",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="`SSL` and `SASL_SSL` encrypt; those with `SASL` log in"
    )
    sasl_mechanism: Mechanism | None = Field(
        None, description="how to log in; needs a protocol with `SASL`"
    )
    sasl_plain_username: str = Field("", description="user, of `PLAIN` and `SCRAM`")
    sasl_plain_password: SecretStr | None = Field(
        None, description="their password; set it by environment, not in the file"
    )
    sasl_plain_password_file: Path | None = Field(
        None, description="file that holds the password, read again for each connection"
    )
    oauth_token_command: str = Field(
        "",
        description="program that prints a token of `OAUTHBEARER`, with its arguments; a path "
        "begins at the folder of the config file",
    )
    oauth_token_file: Path | None = Field(
        None, description="file that holds the token, read again for each connection"
    )
    oauth_extensions: dict[str, str] = Field(
        {}, description="extensions sent with the token", examples=[{"logicalCluster": "lkc-1"}]
    )
    ssl_cafile: Path | None = Field(
        None,
        description="CA certificates (PEM) that the brokers' are checked against, or a folder of "
        "them with names by hash; by default the system's",
    )
    ssl_certfile: Path | None = Field(None, description="the client's certificate chain (PEM)")
    ssl_keyfile: Path | None = Field(
        None, description="its private key (PEM); by default in the same file"
    )
    ssl_password: SecretStr | None = Field(
        None, description="password of the private key; set it by environment, not in the file"
    )
    ssl_password_file: Path | None = Field(
        None, description="file that holds the password of the private key"
    )
    ssl_ca_pem: str = Field("", description="CA certificates (PEM) themselves, not their file")
    ssl_cert_pem: str = Field("", description="the client's certificate chain (PEM) itself")
    ssl_key_pem: SecretStr | None = Field(
        None, description="its private key (PEM) itself; set it by environment, not in the file"
    )
    ssl_crlfile: Path | None = Field(None, description="certificates that the CA has revoked (PEM)")
    ssl_ciphers: str = Field(
        "", description="ciphers of TLS 1.2, in OpenSSL's notation", examples=["ECDHE+AESGCM"]
    )
    ssl_check_hostname: bool = Field(
        True, description="whether a broker's certificate must be of its host name"
    )
    client_id: str = Field(
        "freshet", max_length=200, description="the client's name in the brokers' logs and quotas"
    )
    client_rack: str = Field(
        "",
        max_length=200,
        description="where this machine is: records are then read from a replica there",
    )
    client_dns_lookup: Literal["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"] = (
        Field(
            "use_all_dns_ips",
            description="how the names of brokers become addresses; the second way is for "
            "certificates or logins that need canonical names",
        )
    )
    bootstrap_timeout_ms: int = Field(
        10_000, ge=1000, le=600_000, description="how long to look for a broker that answers"
    )
    request_timeout_ms: int = Field(
        10_000, ge=1000, le=600_000, description="how long to wait for the answer to one request"
    )
    socket_connection_setup_timeout_ms: int = Field(
        10_000,
        ge=1000,
        le=600_000,
        description="how long a connection may take, TLS and login included",
    )
    connections_max_idle_ms: int = Field(
        540_000, ge=1000, description="a connection that has not been used for so long is closed"
    )
    reconnect_backoff_ms: int = Field(
        50, ge=1, le=60_000, description="pause before the first attempt to connect again"
    )
    reconnect_backoff_max_ms: int = Field(
        1000, ge=1, le=60_000, description="longest pause between two attempts to connect"
    )
    retry_backoff_ms: int = Field(
        10, ge=1, le=60_000, description="pause before a request is sent again"
    )
    metadata_max_age_ms: int = Field(
        300_000, ge=1000, description="how often the clients ask for topics, partitions and brokers"
    )
    send_buffer_bytes: int | None = Field(
        None, ge=1024, le=2**30, description="the socket's send buffer; by default the system's"
    )
    receive_buffer_bytes: int | None = Field(
        None, ge=1024, le=2**30, description="its receive buffer; by default the system's"
    )
    fetch_min_bytes: int = Field(
        1, ge=1, le=2**30, description="what the brokers wait for before they answer a fetch"
    )
    fetch_max_wait_ms: int = Field(
        200, ge=1, le=60_000, description="for how long they wait for it at most"
    )
    fetch_max_bytes: int = Field(
        50 * 2**20, ge=1024, le=2**30, description="most bytes that the answer to a fetch brings"
    )
    max_partition_fetch_bytes: int = Field(
        2**20, ge=1024, le=2**28, description="most bytes that it brings of one partition"
    )
    compression_type: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "none", description="how records that Freshet writes are compressed"
    )

    @property
    def logs_in(self) -> bool:
        """Whether the protocol has a login."""
        return self.security_protocol.startswith("SASL")

    @property
    def encrypted(self) -> bool:
        """Whether the protocol has TLS."""
        return self.security_protocol.endswith("SSL")

    @property
    def longer_calls(self) -> float:
        """By how many seconds a call to the log may take longer than with the usual times."""
        usual = KafkaSettings()
        longer = self.bootstrap_timeout_ms - usual.bootstrap_timeout_ms
        longer += 2 * (self.request_timeout_ms - usual.request_timeout_ms)
        return max(0, longer) / 1000

    def contradiction(self) -> str:
        """What of these settings does not go together, and what would be right; empty if all do."""
        problems = chain(_login_problems(self), _tls_problems(self), _time_problems(self))
        return next(problems, "")


class RecordSettings(Section):
    """The records of events and labels that other producers write."""

    extra: Literal["reject", "ignore"] = Field(
        "reject", description="what a field that is no column does: refuse its row, or nothing"
    )
    path: str = Field(
        "",
        description="where in a JSON record the row is: the name of a field, or several with dots "
        "between them; records that Freshet writes have it at the top",
        examples=["payload.after"],
    )
    labels_path: str | None = Field(
        None,
        description="the same for records of labels, empty for the top; by default as `path`",
    )

    @field_validator("path", "labels_path")
    @classmethod
    def _names_fields(cls, path: str | None) -> str | None:
        if path and not all(path.split(".")):
            raise ValueError("name a field, or several with one dot between them")
        return path

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that lead to the rows of an event record."""
        return tuple(filter(None, self.path.split(".")))

    @property
    def labels_fields(self) -> tuple[str, ...]:
        """Those that lead to the rows of a label record."""
        path = self.path if self.labels_path is None else self.labels_path
        return tuple(filter(None, path.split(".")))


PASSWORD, PASSWORD_FILE = "sasl_plain_password", "sasl_plain_password_file"
COMMAND, TOKEN_FILE = "oauth_token_command", "oauth_token_file"
CERTIFICATE = ("ssl_certfile", "ssl_cert_pem")
KEY, KEY_PASSWORD = ("ssl_keyfile", "ssl_key_pem"), ("ssl_password", "ssl_password_file")
OF_CERTIFICATE = (*KEY, *KEY_PASSWORD)
# Two ways to say one thing.
OF_LOGIN = ((PASSWORD, PASSWORD_FILE), (COMMAND, TOKEN_FILE))
OF_TLS = (("ssl_cafile", "ssl_ca_pem"), CERTIFICATE, KEY, KEY_PASSWORD)
# RFC 7628: what may be sent beside a token.
EXTENSION_NAME, EXTENSION_VALUE = re.compile("[A-Za-z]+"), re.compile(r"[\x20-\x7e\t\r\n]+")


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``[kafka]`` with other values over it; who sets one of two ways means it to be the only."""
    replaced = {n for ways in (*OF_LOGIN, *OF_TLS) if above.keys() & {*ways} for n in ways}
    if above.keys() & {*CERTIFICATE}:  # comes with its key
        replaced.update(OF_CERTIFICATE)
    return {**{k: v for k, v in below.items() if k not in replaced}, **above}


def _login_problems(settings: KafkaSettings) -> Iterator[str]:
    of_user = _set(settings, "sasl_plain_username", PASSWORD, PASSWORD_FILE)
    of_token = _set(settings, COMMAND, TOKEN_FILE, "oauth_extensions")
    protocol, mechanism = settings.security_protocol, settings.sasl_mechanism
    if not settings.logs_in:
        for name in [*_set(settings, "sasl_mechanism"), *of_user, *of_token]:
            yield (
                f"{name} is set, but security_protocol = {protocol!r} has no login; it should be "
                "'SASL_SSL' (or 'SASL_PLAINTEXT', without TLS)"
            )
    elif mechanism is None:
        yield (
            f"security_protocol = {protocol!r} logs in, but sasl_mechanism is missing; it should "
            "be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER, as the brokers want it"
        )
    elif mechanism == "OAUTHBEARER":
        for name in of_user:
            yield (
                f"{name} is set, but sasl_mechanism = 'OAUTHBEARER' logs in with a token; it "
                "should be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
            )
        yield from _not_one_of(of_token, COMMAND, TOKEN_FILE, mechanism)
        yield from _wrong_extensions(settings.oauth_extensions)
    else:
        for name in of_token:
            yield (
                f"{name} is set, but sasl_mechanism = {mechanism!r} logs in with a password; it "
                "should be OAUTHBEARER"
            )
        if not settings.sasl_plain_username:
            yield f"sasl_plain_username is missing; {mechanism} logs in with a user"
        yield from _not_one_of(of_user, PASSWORD, PASSWORD_FILE, mechanism)


def _tls_problems(settings: KafkaSettings) -> Iterator[str]:
    given = _set(settings, *(n for n in type(settings).model_fields if n.startswith("ssl_")))
    if given and not settings.encrypted:
        yield (
            f"{given[0]} is set, but security_protocol = {settings.security_protocol!r} has no "
            f"TLS; it should be {'SASL_SSL' if settings.logs_in else 'SSL'!r}"
        )
    for one, other in OF_TLS:
        if one in given and other in given:
            yield f"{one} and {other} are both set; only one of them should be"
    if not {*CERTIFICATE} & {*given}:
        for name in given:
            if name in OF_CERTIFICATE:
                yield f"{name} is set, but no certificate that it goes with; set ssl_certfile too"


def _time_problems(settings: KafkaSettings) -> Iterator[str]:
    """What would end a request before its answer can be there."""
    for shorter, longer in (
        ("fetch_max_wait_ms", "request_timeout_ms"),
        ("request_timeout_ms", "connections_max_idle_ms"),
    ):
        if getattr(settings, shorter) >= getattr(settings, longer):
            yield f"{longer} should be more than {shorter}, which is {getattr(settings, shorter)}"


def _set(settings: Section, *names: str) -> list[str]:
    """Those of the keys that are not at their default."""
    fields = type(settings).model_fields
    return [name for name in names if getattr(settings, name) != fields[name].default]


def _not_one_of(given: list[str], one: str, other: str, mechanism: str) -> Iterator[str]:
    if one in given and other in given:
        yield f"{one} and {other} are both set; only one of them should be"
    if one not in given and other not in given:
        yield f"{one} and {other} are both missing; {mechanism} needs one of them"


def _wrong_extensions(given: dict[str, str]) -> Iterator[str]:
    for name, value in given.items():
        if not EXTENSION_NAME.fullmatch(name) or name == "auth":
            yield f"oauth_extensions has the name {name!r}; it should be letters, and not 'auth'"
        if not EXTENSION_VALUE.fullmatch(value):
            yield f"oauth_extensions has a value of {name} that is empty or not plain ASCII"
