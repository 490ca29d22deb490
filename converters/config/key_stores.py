"""Certificates and keys in the stores of Java's clients, as PEM text.

A store is told by its content, and not by its name or stated type: what ``keytool`` calls
``truststore.jks`` is PKCS12 since Java 9. Imported only where there is a store, for the sake of
the library for PKCS12.
"""

from __future__ import annotations

import hashlib
import re
import struct
import textwrap
from base64 import b64encode
from io import BytesIO
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

Kind = Literal["PEM", "JKS", "PKCS12"]

_JKS_MAGIC = b"\xfe\xed\xfe\xed"
_JKS_KEY = 1  # an entry's tag; the other is 2, a certificate's
_PEM_BLOCK = re.compile(r"-+BEGIN ([A-Z0-9 ]+)-+(.*?)-+END \1-+", re.DOTALL)


def kind_of(content: bytes) -> Kind | None:
    """What kind of store this is; None if none that Kafka's clients read."""
    if b"-----BEGIN " in content:
        return "PEM"
    if content.startswith(_JKS_MAGIC):
        return "JKS"
    return "PKCS12" if content.startswith(b"\x30") else None


def trusted(content: bytes, password: str | None) -> str:
    """All certificates of a PKCS12 or JKS store.

    Raises:
        ValueError: the password is wrong, the store is damaged, or it holds no certificate.
    """
    if kind_of(content) == "JKS":
        text = _of_jks(content, password)
    else:
        store = _opened(content, password)
        held = [store.cert, *store.additional_certs]
        text = _as_pem([each.certificate for each in held if each is not None])
    if not text:
        raise ValueError("it holds no certificate")
    return text


def identity(content: bytes, password: str | None) -> tuple[str, str]:
    """The certificate chain of a PKCS12 store, and its private key without encryption.

    Raises:
        ValueError: the password is wrong, the store is damaged, or it holds no private key.
    """
    store = _opened(content, password)
    if store.key is None or store.cert is None:
        raise ValueError("it holds no private key with its certificate")
    key = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    others = [each.certificate for each in store.additional_certs]
    return _as_pem(_chain(store.cert.certificate, others)), key.decode("ascii")


def lines_of_pem(text: str) -> str:
    """PEM with the line ends that OpenSSL needs; Kafka's clients take it all on one line."""
    return "".join(
        # Headers, of keys that an old OpenSSL encrypted, need the lines that they have.
        f"{found[0]}\n" if ":" in found[2] else _block(found[1], "".join(found[2].split()))
        for found in _PEM_BLOCK.finditer(text)
    )


def _block(kind: str, content: str) -> str:
    lines = [f"-----BEGIN {kind}-----", *textwrap.wrap(content, 64), f"-----END {kind}-----\n"]
    return "\n".join(lines)


def _opened(content: bytes, password: str | None) -> pkcs12.PKCS12KeyAndCertificates:
    """The store; one without encryption opens with any password, as in Java."""
    if _is_certificate(content):
        raise ValueError("it is a certificate in DER; 'openssl x509 -inform DER' makes PEM of it")
    secret = None if password is None else password.encode("utf-8")
    try:
        return pkcs12.load_pkcs12(content, secret)
    except ValueError:
        if secret is None:
            raise
        return pkcs12.load_pkcs12(content, None)


def _is_certificate(content: bytes) -> bool:
    """Whether this is a certificate by itself, in DER."""
    try:
        x509.load_der_x509_certificate(content)
    except ValueError:
        return False
    return True


def _of_jks(content: bytes, password: str | None) -> str:
    """The certificates of a JKS store, which are not encrypted; its keys are passed over.

    The format is that of ``sun.security.provider.JavaKeyStore``: a signed list of entries.
    """
    body, signature = content[:-20], content[-20:]
    secret = (password or "").encode("utf-16-be") + b"Mighty Aphrodite"
    if password and hashlib.sha1(secret + body, usedforsecurity=False).digest() != signature:
        raise ValueError("its password is wrong, or it is damaged")
    stream, found = BytesIO(body[8:]), ""

    def number(form: str = ">I") -> int:
        return int(struct.unpack(form, stream.read(struct.calcsize(form)))[0])

    def certificate() -> str:
        stream.read(number(">H"))  # its kind, which is always X.509
        return _block("CERTIFICATE", b64encode(stream.read(number())).decode("ascii"))

    try:
        for _ in range(number()):
            kind = number()
            stream.read(number(">H") + 8)  # its alias, and when it was made
            if kind == _JKS_KEY:
                stream.read(number())
            for _ in range(number() if kind == _JKS_KEY else 1):
                found += certificate()
    except struct.error:
        raise ValueError("it is damaged") from None
    return found


def _chain(first: x509.Certificate, others: list[x509.Certificate]) -> list[x509.Certificate]:
    """A certificate and those that issued it, in the order in which TLS sends them."""
    chain = [first]
    while issuers := [c for c in others if c.subject == chain[-1].issuer and c not in chain]:
        chain.append(issuers[0])
    return chain


def _as_pem(certificates: list[x509.Certificate]) -> str:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates).decode("ascii")
