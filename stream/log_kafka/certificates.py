"""TLS to Kafka: the context for the settings, checked before anything is connected.

What OpenSSL says of a file is seldom what one can act on, and it says it only to a connection.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from codecs import BOM_UTF8
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from converters.config.kafka_settings import KafkaSettings
from converters.errors import UsageError
from stream.log_kafka.login import SecretError, read_secret

# How long to look at a certificate that was refused, only to say what it is.
LOOK_SECONDS = 3.0
RECEIVE_BYTES = 2**18
NO_CERTIFICATE = (
    "holds no certificate in PEM, which begins with `-----BEGIN CERTIFICATE-----`. If it is in "
    "DER, `openssl x509 -inform der -in FILE` prints it as PEM. A store of Java's (JKS, PKCS12) is "
    "named by a properties file: `kafka.properties`"
)


class WideTlsSocket(ssl.SSLSocket):
    """A socket that returns all that a TLS record holds; kafka-python asks for 4 KiB at a time."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Received bytes; more than ``buflen`` if there are more."""
        return super().recv(max(buflen, RECEIVE_BYTES), flags)


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """The context of all connections.

    Raises:
        UsageError: a certificate or key cannot be used; the message names the setting.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = WideTlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.ssl_check_hostname
    if settings.ssl_ciphers:
        try:
            context.set_ciphers(settings.ssl_ciphers)
        except ssl.SSLError:
            raise _wrong(
                "ssl_ciphers",
                "names no cipher of TLS 1.2 that OpenSSL has here; `openssl ciphers -v` does",
            ) from None
    _load_authorities(context, settings)
    chain = client_chain(settings)
    if chain:
        _check_dates(chain[0], _key_of_certificate(settings))
        _load_chain(context, settings, chain[0])
    return context


def _load_authorities(context: ssl.SSLContext, settings: KafkaSettings) -> None:
    """The CAs that the brokers' certificates are checked against, and what they have revoked."""
    if settings.ssl_ca_pem:
        _load_authority(context, _text(settings.ssl_ca_pem), "ssl_ca_pem")
    elif settings.ssl_cafile and settings.ssl_cafile.is_dir():
        if not any(settings.ssl_cafile.glob("*.[0-9]")):
            raise _wrong(
                "ssl_cafile",
                f"names the folder {settings.ssl_cafile}, where OpenSSL finds no certificate. Run "
                "`openssl rehash` on it, or name a file",
            )
        context.load_verify_locations(capath=settings.ssl_cafile)
    elif settings.ssl_cafile:
        text = _read(settings.ssl_cafile, "ssl_cafile")
        try:
            context.load_verify_locations(cafile=settings.ssl_cafile)
        except ssl.SSLError:  # as a byte order mark makes it
            _load_authority(context, text, "ssl_cafile")
    else:
        context.load_default_certs()
    # Whoever is named is trusted, as by Java's clients, also an intermediate CA or the brokers'
    # certificate alone. From Python 3.13 on this is the default.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if settings.ssl_crlfile:
        _read(settings.ssl_crlfile, "ssl_crlfile")
        try:
            context.load_verify_locations(cafile=settings.ssl_crlfile)
        except ssl.SSLError:
            raise _wrong("ssl_crlfile", "holds no list of revoked certificates (PEM)") from None
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _load_authority(context: ssl.SSLContext, text: bytes, key: str) -> None:
    try:
        context.load_verify_locations(cadata=text.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):
        raise _wrong(key, NO_CERTIFICATE) from None


def _text(pem: str) -> bytes:
    """PEM of a setting; files of a container's variables hold backslash and n for a line end."""
    return pem.replace("\\n", "\n").encode()


def client_chain(settings: KafkaSettings) -> list[x509.Certificate]:
    """The client's certificates, its own first; none if it has none."""
    key = _key_of_certificate(settings)
    if settings.ssl_cert_pem:
        return _certificates(_text(settings.ssl_cert_pem), key)
    return _certificates(_read(settings.ssl_certfile, key), key) if settings.ssl_certfile else []


def _key_of_certificate(settings: KafkaSettings) -> str:
    return "ssl_cert_pem" if settings.ssl_cert_pem else "ssl_certfile"


def _certificates(text: bytes, key: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError:
        raise _wrong(key, NO_CERTIFICATE) from None


def _check_dates(certificate: x509.Certificate, key: str) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    whose = f"is the certificate of {certificate.subject.rfc4514_string()}, which"
    if end < datetime.now(UTC):
        raise _wrong(key, f"{whose} expired on {shown(end)}. Have it renewed by whoever issued it")
    if begin > datetime.now(UTC):
        raise _wrong(
            key, f"{whose} is valid only from {shown(begin)} on. Check this machine's clock"
        )


def _load_chain(
    context: ssl.SSLContext, settings: KafkaSettings, certificate: x509.Certificate
) -> None:
    """Give the context the client's certificate and key, once they are known to fit."""
    name, key = _private_key(settings)
    of_certificate = _key_of_certificate(settings)
    password = _key_password(settings)
    if _opened(key, password, name, settings).public_key() != certificate.public_key():
        raise _wrong(
            name,
            f"is not the key of the certificate in `kafka.{of_certificate}`"
            f" ({certificate.subject.rfc4514_string()}). Name the key that it was issued for; in a"
            " chain, the client's own certificate comes first",
        )
    # Without a password OpenSSL would ask for it at the terminal.
    secret = password or b"-"
    try:
        if settings.ssl_certfile and not settings.ssl_key_pem and not _marked(settings):
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile, secret)
        else:
            chain = _text(settings.ssl_cert_pem) or _read(settings.ssl_certfile, of_certificate)
            _load_texts(context, key + b"\n" + chain, secret)
    except ssl.SSLError as error:
        raise _wrong(of_certificate, f"cannot be used by OpenSSL ({error.reason})") from None


def _marked(settings: KafkaSettings) -> bool:
    """Whether a file begins with a byte order mark, as some editors write it."""
    files = filter(None, (settings.ssl_certfile, settings.ssl_keyfile))
    return any(file.read_bytes().startswith(BOM_UTF8) for file in files)


def _load_texts(context: ssl.SSLContext, texts: bytes, password: bytes) -> None:
    """OpenSSL takes them from files only: one that nobody else can read, and for a moment."""
    descriptor, name = tempfile.mkstemp(prefix="freshet-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(texts)
        context.load_cert_chain(name, password=password)
    finally:
        Path(name).unlink()


def _opened(
    key: bytes, password: bytes | None, name: str, settings: KafkaSettings
) -> PrivateKeyTypes:
    """The private key."""
    try:
        return load_pem_private_key(key, password)
    except TypeError:
        if password is not None:  # that of a key that is not encrypted
            return _opened(key, None, name, settings)
        raise _wrong(
            name, "is encrypted. Set `kafka.ssl_password` or `kafka.ssl_password_file`"
        ) from None
    except ValueError:
        if b"PRIVATE KEY-----" not in key:
            advice = (
                "Set `kafka.ssl_keyfile`"
                if "cert" in name
                else "It begins with `-----BEGIN PRIVATE KEY-----`; if it is in DER, "
                "`openssl pkey -inform der -in FILE` prints it as PEM"
            )
            raise _wrong(name, f"holds no private key in PEM. {advice}") from None
        if password is None:
            raise _wrong(
                name,
                "holds a private key that cannot be read. Copy it again: it may be cut, or damaged",
            ) from None
        by = "ssl_password" if settings.ssl_password else "ssl_password_file"
        raise _wrong(by, f"does not open the private key of `kafka.{name}`") from None


def _private_key(settings: KafkaSettings) -> tuple[str, bytes]:
    """Which setting gives the private key, and the text."""
    if settings.ssl_key_pem is not None:
        return "ssl_key_pem", _text(settings.ssl_key_pem.get_secret_value())
    if settings.ssl_keyfile is not None:
        return "ssl_keyfile", _read(settings.ssl_keyfile, "ssl_keyfile")
    if settings.ssl_cert_pem:
        return "ssl_cert_pem", _text(settings.ssl_cert_pem)
    return "ssl_certfile", _read(settings.ssl_certfile, "ssl_certfile")


def _key_password(settings: KafkaSettings) -> bytes | None:
    if settings.ssl_password is not None:
        return settings.ssl_password.get_secret_value().encode()
    if settings.ssl_password_file is None:
        return None
    try:
        return read_secret(settings.ssl_password_file, "ssl_password_file").encode()
    except SecretError as error:
        raise UsageError(str(error.args[0])) from None


def _read(path: Path | None, key: str) -> bytes:
    try:
        return Path(str(path)).read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise _wrong(
            key, f"names {path}, which cannot be read ({error.strerror}). Correct the path"
        ) from None


def _wrong(key: str, what: str) -> UsageError:
    return UsageError(f"In the config for Kafka: `kafka.{key}` {what}.")


def shown(moment: datetime) -> str:
    """A moment as messages show it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def certificate_at(address: str) -> x509.Certificate | None:
    """The certificate that a broker shows, to say what is wrong with it; nothing is sent to it."""
    host, _, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        suppress(OSError, ValueError),
        create_connection((host.strip("[]"), int(port)), LOOK_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host.strip("[]")) as encrypted,
    ):
        shown_to_us = encrypted.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(shown_to_us) if shown_to_us else None
    return None


def names_of(certificate: x509.Certificate) -> list[str]:
    """The host names and addresses that a certificate is for."""
    with suppress(x509.ExtensionNotFound, ValueError):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [
            *names.get_values_for_type(x509.DNSName),
            *map(str, names.get_values_for_type(x509.IPAddress)),
        ]
    return []
