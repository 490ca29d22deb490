"""Properties files with the stores of Java's clients, on a real broker: what they say connects."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    load_pem_private_key,
    pkcs12,
)

from converters.config import load
from converters.errors import UsageError
from stream.log.contract import LogError
from stream.open_log import opened
from tests.converters.config.test_load import GOOD
from tests.support.streams.secured import Secured

pytestmark = pytest.mark.kafka

PASSWORD = b"changeit"
SEALED = BestAvailableEncryption(PASSWORD)
Store = Callable[[x509.Certificate], bytes]


def as_pkcs12(certificate: x509.Certificate) -> bytes:
    """A trust store as `keytool` writes it today."""
    return pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(certificate, b"ca")], SEALED)


def as_jks(certificate: x509.Certificate) -> bytes:
    """A trust store as Java wrote it before version 9."""
    der = certificate.public_bytes(Encoding.DER)
    named = [struct.pack(">H", len(name)) + name for name in (b"ca", b"X.509")]
    entry = (
        struct.pack(">I", 2) + named[0] + bytes(8) + named[1] + struct.pack(">I", len(der)) + der
    )
    content = struct.pack(">III", 0xFEEDFEED, 2, 1) + entry
    secret = PASSWORD.decode().encode("utf-16-be") + b"Mighty Aphrodite"
    return content + hashlib.sha1(secret + content).digest()


@pytest.fixture
def properties(secured_kafka: Secured, tmp_path: Path) -> Path:
    """A properties file of mutual TLS with PKCS12 stores, as operators of Kafka give it."""
    folder = secured_kafka.certificates
    key = load_pem_private_key((folder / "client.key").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    certificate = certificate_of(folder / "client.crt")
    identity = pkcs12.serialize_key_and_certificates(b"client", key, certificate, None, SEALED)
    (tmp_path / "user.p12").write_bytes(identity)
    (tmp_path / "trust.jks").write_bytes(as_pkcs12(certificate_of(secured_kafka.ca)))
    (tmp_path / "freshet.toml").write_text(GOOD)
    file = tmp_path / "client.properties"
    file.write_text(
        f"bootstrap.servers={secured_kafka.mutual}\n"
        "security.protocol=SSL\n"
        "ssl.truststore.location=trust.jks\nssl.truststore.password=changeit\n"
        "ssl.keystore.location=user.p12\nssl.keystore.password=changeit\n"
        "ssl.key.password=changeit\n"
    )
    return file


def certificate_of(path: Path) -> x509.Certificate:
    """A certificate in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def connect(properties: Path) -> None:
    """Ask the brokers that a properties file names for a topic."""
    settings = load.load(properties.with_name("freshet.toml"), properties)
    with closing(opened(settings)) as log:
        log.describe(["no-such-topic"])


@pytest.mark.parametrize("store", [as_pkcs12, as_jks])
@pytest.mark.parametrize("trusted", ["ca.pem", "broker.crt"])
def test_stores_connect(
    secured_kafka: Secured, properties: Path, store: Store, trusted: str
) -> None:
    """A trust store of either kind, also with the brokers' certificate alone, as Java takes it."""
    certificate = certificate_of(secured_kafka.certificates / trusted)
    properties.with_name("trust.jks").write_bytes(store(certificate))
    connect(properties)


def test_a_folder_of_cas_connects(secured_kafka: Secured, properties: Path, tmp_path: Path) -> None:
    """As librdkafka takes it: files that are named by their subject's hash."""
    hashing = ["openssl", "x509", "-hash", "-noout", "-in", str(secured_kafka.ca)]
    name = subprocess.run(hashing, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / "cas").mkdir()
    (tmp_path / "cas" / f"{name}.0").write_bytes(secured_kafka.ca.read_bytes())
    text = properties.read_text()
    properties.write_text(text.replace("ssl.truststore.location=trust.jks", "ssl.ca.location=cas"))
    connect(properties)


def test_another_ca_in_a_store_is_refused(secured_kafka: Secured, properties: Path) -> None:
    """Whose certificate the store holds counts, and nothing that the system trusts."""
    other = certificate_of(secured_kafka.certificates / "client.crt")
    properties.with_name("trust.jks").write_bytes(as_pkcs12(other))
    with pytest.raises(LogError, match="freshet-tests-ca"):
        connect(properties)


def test_what_is_missing_is_told_with_the_file(properties: Path) -> None:
    """The name of the file that may lack it is in the message."""
    text = properties.read_text()
    properties.write_text(text.replace("=SSL", "=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=u"))
    with pytest.raises(UsageError, match=r"sasl_plain_password.*client\.properties"):
        connect(properties)
