"""What it means that brokers refuse a connection or a request, and what would be right.

Each is told in one paragraph: who refuses whom, why, and which setting or command helps. No
password, token or key is in any of them.
"""

from __future__ import annotations

import shlex
import ssl
import time
from datetime import UTC, datetime
from math import inf

from cryptography import x509
from kafka.errors import (
    IllegalSaslStateError,
    InvalidReceiveError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

from converters.config.kafka_settings import KafkaSettings
from stream.log_kafka.certificates import certificate_at, client_chain, names_of, shown
from stream.log_kafka.connection import Connection
from stream.log_kafka.login import SecretError, Tokens, claims, password_of
from stream.log_kafka.network import tls_error

# From OpenSSL's <openssl/x509_vfy.h>.
NOT_YET_VALID, EXPIRED, REVOKED, WRONG_HOST, WRONG_ADDRESS = 9, 10, 23, 62, 64
NO_CRL, OLD_CRL = 3, 12
UNKNOWN_CA = (18, 19, 20, 21)
LONGEST_WORDS = 200
PORT_ADVICE = "Brokers have a port for each protocol: name the one for it in `log`"


def refusal(connection: Connection, address: str, error: BaseException) -> str:
    """Why a broker and this client do not come together, and what helps.

    Args:
        connection: how it was tried.
        address: of the broker.
        error: what kafka-python was told.
    """
    cause = tls_error(error)
    protocol = connection.settings.security_protocol
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _unverified(connection, address, cause)
    if isinstance(cause, ssl.SSLEOFError):
        return (
            f"{address} ends the connection before TLS is agreed on. Perhaps it has no TLS: then "
            f"set `kafka.security_protocol` to {protocol.replace('SSL', 'PLAINTEXT')!r}. "
            f"{PORT_ADVICE}"
        )
    if cause is not None:
        return _alert(connection, address, str(cause.reason))
    if isinstance(error, SecretError):
        return str(error.args[0]).rstrip(".")
    if isinstance(error, InvalidReceiveError):
        secure = protocol.replace("PLAINTEXT", "SSL")
        return (
            f"what answers at {address} does not speak Kafka's protocol in the plain. Perhaps it "
            f"has TLS: then set `kafka.security_protocol` to {secure!r}. {PORT_ADVICE}"
        )
    return _login(connection, address, error)


def _login(connection: Connection, address: str, error: BaseException) -> str:
    settings = connection.settings
    if isinstance(error, UnsupportedSaslMechanismError):
        return (
            f"{address} does not take `kafka.sasl_mechanism` = {settings.sasl_mechanism!r}"
            f"{_words(connection, error)}. Set it to one that it takes"
        )
    if isinstance(error, IllegalSaslStateError):
        without = settings.security_protocol.removeprefix("SASL_")
        return (
            f"{address} has no login. Set `kafka.security_protocol` to {without!r}, without "
            f"`sasl_…`, if that is meant. {PORT_ADVICE}"
        )
    if isinstance(error, SaslAuthenticationFailedError):
        if settings.sasl_mechanism == "OAUTHBEARER":
            return _token_refused(connection, address, error)
        source = f"`kafka.{password_of(settings).key}`"
        if settings.sasl_plain_password_file:
            source += f" ({settings.sasl_plain_password_file})"
        if settings.properties:
            source += f", or the properties file {settings.properties} that gives them"
        secret = _password(settings)
        if secret != secret.strip():
            source += " (which begins or ends with a blank or the end of a line)"
        return (
            f"{address} refuses the login of the user {settings.sasl_plain_username!r} by "
            f"{settings.sasl_mechanism}{_words(connection, error)}. The user, the password or the "
            f"mechanism is wrong: check `kafka.sasl_plain_username` and {source}, and that the "
            f"brokers know the user for {settings.sasl_mechanism}"
        )
    return _closed(connection, address)


def _token_refused(connection: Connection, address: str, error: BaseException) -> str:
    settings = connection.settings
    source = "file" if settings.oauth_token_file else "command"
    ended = ""
    tokens = connection.login.get("sasl_oauth_token_provider")
    if isinstance(tokens, Tokens):
        end = claims(_token(tokens)).get("exp", inf)
        if 0 <= end < time.time():
            ended = f" It expired on {shown(datetime.fromtimestamp(end, UTC))}."
    return (
        f"{address} refuses the token of `kafka.oauth_token_{source}`{_words(connection, error)}."
        f"{ended} Have a new one issued, for the audience and scope that the brokers ask for"
    )


def _password(settings: KafkaSettings) -> str:
    try:
        return password_of(settings).read()
    except SecretError:
        return ""


def _token(tokens: Tokens) -> str:
    try:
        return tokens.token()
    except SecretError:
        return ""


def _words(connection: Connection, error: BaseException) -> str:
    """What the broker itself said, unless it repeats a secret."""
    said = str(error.args[0]) if error.args else ""
    said = said.removeprefix("SaslAuthenticationFailedError: ")[:LONGEST_WORDS]
    settings, secrets = connection.settings, []
    if settings.sasl_plain_password or settings.sasl_plain_password_file:
        secrets.append(_password(settings))
    elif isinstance(tokens := connection.login.get("sasl_oauth_token_provider"), Tokens):
        secrets.append(_token(tokens))
    if not said or any(secret and secret in said for secret in secrets):
        return ""
    return f" ({said.rstrip('.')})"


def _closed(connection: Connection, address: str) -> str:
    protocol = connection.settings.security_protocol
    wanted = {
        "PLAINTEXT": "TLS or a login",
        "SSL": "a login besides TLS",
        "SASL_PLAINTEXT": "TLS besides a login",
        "SASL_SSL": "something else",
    }[protocol]
    return (
        f"{address} accepts connections and closes them without an answer. Perhaps it wants "
        f"{wanted}, and `kafka.security_protocol` = {protocol!r} is wrong. {PORT_ADVICE}"
    )


def _unverified(connection: Connection, address: str, error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with a broker's certificate."""
    certificate = certificate_at(address)
    whose = f"the certificate of {address}{_described(certificate)}"
    code = error.verify_code
    if code == EXPIRED:
        since = f" on {shown(certificate.not_valid_after_utc)}" if certificate else ""
        return (
            f"{whose} expired{since}. Whoever runs the brokers has to renew it; if it is valid, "
            "this machine's clock is wrong"
        )
    if code == NOT_YET_VALID:
        begin = f" before {shown(certificate.not_valid_before_utc)}" if certificate else " yet"
        return f"{whose} is not valid{begin}. Check the clocks of the brokers and this machine"
    if code in UNKNOWN_CA:
        return _unknown_authority(connection.settings, whose, certificate)
    if code in (WRONG_HOST, WRONG_ADDRESS):
        return _wrong_name(connection, address, certificate)
    if code in (NO_CRL, OLD_CRL, REVOKED):
        what = "is revoked" if code == REVOKED else "cannot be checked"
        return (
            f"{whose} {what} by `kafka.ssl_crlfile` ({connection.settings.ssl_crlfile}): "
            f"{error.verify_message}. Have the certificate, or that file, renewed"
        )
    return (
        f"{whose} cannot be trusted: {error.verify_message}. Whoever runs the brokers has to "
        "correct it"
    )


def _unknown_authority(
    settings: KafkaSettings, whose: str, certificate: x509.Certificate | None
) -> str:
    known = "the CAs that this system trusts"
    if settings.ssl_cafile:
        known = f"those in `kafka.ssl_cafile` ({settings.ssl_cafile})"
    elif settings.ssl_ca_pem:
        known = "those in `kafka.ssl_ca_pem`"
    issuer = f", {certificate.issuer.rfc4514_string()}," if certificate else ""
    return (
        f"{whose} comes from a CA{issuer} that is not among {known}. Set `kafka.ssl_cafile` to the "
        "file (PEM) with the certificate of the CA that issued the brokers'"
    )


def _wrong_name(connection: Connection, address: str, certificate: x509.Certificate | None) -> str:
    names = ", ".join(names_of(certificate)) if certificate else ""
    advice = (
        "Call it by such a name in `log`"
        if address in connection.servers.split(",")
        else "The brokers give that name themselves: correct their `advertised.listeners`"
    )
    return (
        f"the broker is called {address}, but its certificate{_described(certificate)} is for "
        f"{names or 'other names'}. {advice}, or have a certificate issued for this one "
        "(`kafka.ssl_check_hostname = false` would trust any certificate of that CA)"
    )


def _described(certificate: x509.Certificate | None) -> str:
    return f" ({certificate.subject.rfc4514_string()})" if certificate else ""


def _alert(connection: Connection, address: str, reason: str) -> str:
    """What the broker's refusal inside TLS means; ``reason`` is OpenSSL's."""
    if "WRONG_VERSION_NUMBER" in reason:
        return f"what answers at {address} does not speak TLS. {PORT_ADVICE}"
    if "VERSION" in reason or "PROTOCOL" in reason or "CIPHER" in reason:
        return (
            f"{address} and this client share no version or ciphers of TLS ({reason}). The brokers "
            "should speak TLS 1.2 or 1.3; check `kafka.ssl_ciphers` if it is set"
        )
    chain = client_chain(connection.settings)
    if not chain:
        return (
            f"{address} ends TLS ({reason}): it asks for a certificate of the client, and none is "
            "set. Set `kafka.ssl_certfile` and `kafka.ssl_keyfile`"
        )
    own = chain[0]
    expired = own.not_valid_after_utc < datetime.now(UTC)
    key = "ssl_cert_pem" if connection.settings.ssl_cert_pem else "ssl_certfile"
    advice = (
        f"It expired on {shown(own.not_valid_after_utc)}: have it renewed"
        if expired
        else "It has to be issued by a CA in the brokers' `ssl.truststore.location`, with the CAs "
        f"between them in `kafka.{key}` too, and not be revoked"
    )
    return (
        f"{address} refuses the client's certificate of `kafka.{key}` ({reason}):"
        f" {own.subject.rfc4514_string()}, issued by {own.issuer.rfc4514_string()}, valid until "
        f"{shown(own.not_valid_after_utc)}. {advice}"
    )


def principal(connection: Connection) -> str:
    """Whom the brokers take this client for, as their ACLs write it."""
    settings = connection.settings
    if settings.logs_in and settings.sasl_plain_username:
        return f"User:{settings.sasl_plain_username}"
    tokens = connection.login.get("sasl_oauth_token_provider")
    if isinstance(tokens, Tokens):
        return f"User:{claims(_token(tokens)).get('sub', 'NAME')}"
    chain = client_chain(settings) if settings.encrypted else []
    return f"User:{chain[0].subject.rfc4514_string()}" if chain else "User:ANONYMOUS"


def missing_right(connection: Connection, operation: str, *resource: str) -> str:
    """That an ACL is missing, and the command that adds it.

    Args:
        connection: as whom it was tried.
        operation: Kafka's name of it, such as ``Write``.
        resource: of what, as options of ``kafka-acls.sh``: ``--topic``, its name.
    """
    who = principal(connection)
    command = [
        *("kafka-acls.sh", *at(connection), "--add", "--allow-principal", who),
        *("--operation", operation, *resource),
    ]
    of = " ".join(resource).replace("-id ", " id ")
    of = of.removeprefix("--resource-pattern-type prefixed ").removeprefix("--")
    return (
        f"the brokers do not allow {who} the operation {operation} on {of}. Have their "
        f"administrator run: {shlex.join(command)}"
    )


def at(connection: Connection) -> tuple[str, ...]:
    """The options of Kafka's own commands that name the brokers, and the login that they need."""
    return ("--bootstrap-server", connection.servers, "--command-config", "ADMIN.properties")
