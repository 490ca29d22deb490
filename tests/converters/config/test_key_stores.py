"""Stores of certificates and keys: what is read of each kind, and what is said of others."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from converters.config import key_stores

# A certificate, and a key with its certificate, as `keytool -storetype JKS` keeps them, with the
# password "changeit".
JKS_TRUSTED = """
/u3+7QAAAAIAAAABAAAAAgACY2EAAAGiJUO+kgAFWC41MDkAAAE8MIIBODCB4KADAgECAgkAmk3dAj2sdu8wCgYIKoZIzj0E
AwIwETEPMA0GA1UEAxMGY2xpZW50MB4XDTI2MTEyOTAzMDUyNFoXDTI3MDIyNzAzMDUyNFowETEPMA0GA1UEAxMGY2xpZW50
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJiQUd6jprqxVSk3gXjV/fmBE7zDeWyfbN0o4BBTAcgmdQGEgi5iVQJuRT5wq
bTw8rPvNrVLrpJoQFl5O7CjMD6MhMB8wHQYDVR0OBBYEFD8LxgONY/NTixt8cSU+ENcE3EtLMAoGCCqGSM49BAMCA0cAMEQC
IFqCPOyQ8QATc0FAjJrYMkD+P/8UtaCfeeCq7yybpeVwAiA0A8O2Lpf22DewLdFpbz5uWp867ZIYioVj9ovmlQ7/1OYJrSsD
ffNRvyTMvHfbZTr6J020
"""
JKS_KEY = """
/u3+7QAAAAIAAAABAAAAAQABawAAAaIlQ7hIAAAAfzB9MA4GCisGAQQBKgIRAQEFAARr1WbHvTtfqN5gkZMUxXoMPeaw637q
ERLR0hP6h5QnyiFJ+zLPPzRSBBqAUMcwtWTuRSTjZnDFth1BcWRFizK2+uCml1MyxKlJWYQ0txCAUZ395qg2hBomuwhKwaQb
7hnCoGxICFDwIm+7G2IAAAABAAVYLjUwOQAAATwwggE4MIHgoAMCAQICCQCaTd0CPax27zAKBggqhkjOPQQDAjARMQ8wDQYD
VQQDEwZjbGllbnQwHhcNMjYxMTI5MDMwNTI0WhcNMjcwMjI3MDMwNTI0WjARMQ8wDQYDVQQDEwZjbGllbnQwWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAAQmJBR3qOmurFVKTeBeNX9+YETvMN5bJ9s3SjgEFMByCZ1AYSCLmJVAm5FPnCptPDys+82tUuuk
mhAWXk7sKMwPoyEwHzAdBgNVHQ4EFgQUPwvGA41j81OLG3xxJT4Q1wTcS0swCgYIKoZIzj0EAwIDRwAwRAIgWoI87JDxABNz
QUCMmtgyQP4//xS1oJ954KrvLJul5XACIDQDw7Yul/bYN7At0WlvPm5anzrtkhiKhWP2i+aVDv/UK3XZnIPaP5ZG8tf/CsE5
OJj5vvs=
"""
PASSWORD = "schlüssel"


def issued(
    name: str, by: tuple[str, ec.EllipticCurvePrivateKey] | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate and its key; without an issuer it is its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, signing = by or (name, key)
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]),
        key.public_key(),
        x509.random_serial_number(),
        now,
        now + timedelta(days=1),
    ).sign(signing, hashes.SHA256())
    return certificate, key


ROOT, ROOT_KEY = issued("root")
MIDDLE, MIDDLE_KEY = issued("middle", ("root", ROOT_KEY))
CLIENT, CLIENT_KEY = issued("client", ("middle", MIDDLE_KEY))
SEALED = BestAvailableEncryption(PASSWORD.encode())
TRUSTED = pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(ROOT, b"ca")], SEALED)
# The chain in no order, with a certificate that is none of it.
IDENTITY = pkcs12.serialize_key_and_certificates(
    b"client", CLIENT_KEY, CLIENT, [ROOT, issued("other")[0], MIDDLE], SEALED
)


def pem(*certificates: x509.Certificate) -> str:
    """Certificates as text."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates).decode()


def test_a_trust_store_gives_its_certificates() -> None:
    """PKCS12 as `keytool` writes it by default, and JKS, with the password or without one."""
    assert key_stores.trusted(TRUSTED, PASSWORD) == pem(ROOT)
    content = base64.b64decode(JKS_TRUSTED)
    text = key_stores.trusted(content, "changeit")
    assert text == key_stores.trusted(content, None)
    assert ssl.create_default_context(cadata=text).cert_store_stats()["x509"] == 1
    assert key_stores.trusted(base64.b64decode(JKS_KEY), "changeit").count("BEGIN") == 1


def test_an_open_trust_store_opens_with_any_password() -> None:
    """As Java's own `cacerts` since version 18."""
    content = pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(ROOT, b"ca")], NoEncryption()
    )
    assert {key_stores.trusted(content, each) for each in ("changeit", None)} == {pem(ROOT)}


def test_a_key_store_gives_key_and_chain(tmp_path: Path) -> None:
    """The chain in TLS's order, without what does not belong to it; both fit together."""
    chain, key = key_stores.identity(IDENTITY, PASSWORD)
    assert chain == pem(CLIENT, MIDDLE, ROOT)
    path = tmp_path / "client.pem"
    path.write_text(key + chain)
    ssl.create_default_context().load_cert_chain(path)


def test_a_store_is_told_by_its_content() -> None:
    """Whatever its name is."""
    assert key_stores.kind_of(TRUSTED) == key_stores.kind_of(IDENTITY) == "PKCS12"
    assert key_stores.kind_of(base64.b64decode(JKS_KEY)) == "JKS"
    assert key_stores.kind_of(b"Bag Attributes\n" + pem(ROOT).encode()) == "PEM"
    assert key_stores.kind_of(b"hello") is None


@pytest.mark.parametrize("content", [TRUSTED, base64.b64decode(JKS_TRUSTED)])
@pytest.mark.parametrize("cut", [0, 40])
def test_what_cannot_be_opened_is_refused(content: bytes, cut: int) -> None:
    """A wrong password, and a store that was cut off."""
    with pytest.raises(ValueError, match=r"[Pp]assword|deserialize"):
        key_stores.trusted(content[: len(content) - cut], "wrong")
    with pytest.raises(ValueError, match=r"damaged|Invalid|deserialize|no certificate"):
        key_stores.trusted(content[:40], None)


def test_a_store_without_what_is_needed_is_refused() -> None:
    """No key where one is needed, no certificate where one is."""
    with pytest.raises(ValueError, match="no private key"):
        key_stores.identity(TRUSTED, PASSWORD)
    empty = base64.b64decode(JKS_TRUSTED)[:8] + bytes(24)
    with pytest.raises(ValueError, match="no certificate"):
        key_stores.trusted(empty, None)


def test_a_certificate_by_itself_is_no_store() -> None:
    """What makes PEM of it is said, and of nothing else."""
    content = issued("ca")[0].public_bytes(Encoding.DER)
    with pytest.raises(ValueError, match="openssl x509 -inform DER"):
        key_stores.trusted(content, PASSWORD)


def test_pem_on_one_line_gets_its_lines_back() -> None:
    """As Kafka's clients take it in a properties file, several blocks too."""
    key = CLIENT_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    text = key + pem(CLIENT, MIDDLE)
    assert key_stores.lines_of_pem(text.replace("\n", " ")) == text
    assert key_stores.lines_of_pem(text.replace("\n", "\r\n")) == text
    old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n"
    old += "-----END RSA PRIVATE KEY-----\n"
    assert key_stores.lines_of_pem(old) == old
    assert key_stores.lines_of_pem("secret") == ""
