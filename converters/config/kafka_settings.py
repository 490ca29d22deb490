"""The sections of ``freshet.toml`` about Kafka's clients and the records of other producers.

Options of the client have kafka-python's own names; what it has no name for is named likewise.
A properties file of Kafka's clients can give the same settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from converters.config.column_settings import Section


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
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = (
        Field(None, description="how to log in; needs a protocol with `SASL`")
    )
    sasl_plain_username: str = Field("", description="user, of `PLAIN` and `SCRAM`")
    sasl_plain_password: SecretStr | None = Field(
        None, description="their password; set it by environment, not in the file"
    )
    sasl_plain_password_file: Path | None = Field(
        None, description="file that holds the password, read again for each connection"
    )
    oauth_token_command: str = Field(
        "", description="program that prints a token of `OAUTHBEARER`, with its arguments"
    )
    oauth_token_file: Path | None = Field(
        None, description="file that holds the token, read again for each connection"
    )
    oauth_extensions: dict[str, str] = Field(
        {}, description="extensions sent with the token", examples=[{"logicalCluster": "lkc-1"}]
    )
    ssl_cafile: Path | None = Field(
        None,
        description="CA certificates (PEM) that the brokers' are checked against; by default "
        "the system's",
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
    ssl_check_hostname: bool = Field(
        True, description="whether a broker's certificate must be of its host name"
    )
    client_id: str = Field(
        "freshet", description="the client's name in the brokers' logs and quotas"
    )


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
