"""The server's certificate: checked when the server starts, and taken anew when it is renewed."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path

from converters.config.load import ConfigError
from converters.logger import log

EXPIRED, NOT_YET_VALID = 10, 9  # OpenSSL's X509_V_ERR_CERT_*
READABLE = stat.S_IRGRP | stat.S_IROTH
_TURNS = 10  # a handshake in memory takes three


class Certificate:
    """A certificate chain with its private key.

    Attributes:
        context: for new connections.

    Raises:
        ConfigError: they cannot be used.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self._seen = self._identity()
        self.context = _loaded(cert, key)
        self._failed: str = ""

    def renew(self) -> None:
        """Use the files as they are now, if they have changed and fit together."""
        seen = self._identity()
        if seen == self._seen and not self._failed:
            return
        try:
            self.context = _loaded(self._cert, self._key)
        except ConfigError as error:
            if str(error) != self._failed:  # told once; the files may be half written
                log.warning("certificate not renewed; the old one stays", error=str(error))
            self._failed = str(error)
            return
        self._seen, self._failed = seen, ""
        log.info("certificate renewed", file=str(self._cert))
        _tell_doubt(self.context, self._cert, self._key)

    def _identity(self) -> tuple[object, ...]:
        return tuple(map(_identity, (self._cert, self._key)))


def check(cert: Path, key: Path) -> None:
    """See at the start that a certificate can be used, and warn where clients will refuse it.

    Raises:
        ConfigError: it cannot be used.
    """
    _tell_doubt(_loaded(cert, key), cert, key)


def _tell_doubt(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    mode = key.stat().st_mode
    if mode & READABLE:
        log.warning(
            "other users can read the private key; make it readable by the server's user only",
            file=str(key),
            mode=f"{stat.S_IMODE(mode):04o}",
        )
    if doubt := _doubt(context, cert):
        log.warning("clients will refuse the certificate", reason=doubt, file=str(cert))


def _loaded(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for name, path in (("tls_cert", cert), ("tls_key", key)):
        try:
            regular = _is_regular(path)
        except OSError as error:
            raise ConfigError(
                f"serve.{name} cannot be read: {path}: {error.strerror or error}."
            ) from None
        if not regular:
            raise ConfigError(f"serve.{name} should be a regular file: {path} is something else.")
    try:
        # Without a password, OpenSSL would ask for it on the terminal.
        context.load_cert_chain(cert, key, password=_no_password(key))
    except (ssl.SSLError, OSError) as error:
        if "KEY_VALUES_MISMATCH" in str(error):
            raise ConfigError(
                f"serve.tls_key is not the key of serve.tls_cert: {key} does not belong to {cert}."
            ) from None
        raise ConfigError(
            f"serve.tls_cert and serve.tls_key should be a certificate chain and its private key "
            f"in PEM: {cert} and {key} cannot be used ({error})."
        ) from None
    return context


def _is_regular(path: Path) -> bool:
    """Whether it is a file with content of its own: to read a pipe could take for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _no_password(key: Path) -> Callable[[], str]:
    def refused() -> str:
        raise ConfigError(
            f"serve.tls_key is encrypted: {key}. The server needs it without a password, readable "
            "by its user only."
        )

    return refused


def _doubt(context: ssl.SSLContext, cert: Path) -> str:
    """Why a client that trusts this very certificate would refuse it now; empty if it would not.

    Asked by a handshake in memory, as ``ssl`` tells the dates of a certificate to a client only.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cert)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(to_client, to_server),
        context.wrap_bio(to_server, to_client, server_side=True),
    )
    for turn in range(_TURNS):
        try:
            sides[turn % 2].do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return {EXPIRED: "it has expired", NOT_YET_VALID: "it is not valid yet"}.get(
                error.verify_code, ""
            )
        except ssl.SSLError:
            return ""
    return ""


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
