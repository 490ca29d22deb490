"""Certificates and keys: what is wrong with them is told by setting, before any connection."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

import pytest

from converters.config.kafka_settings import KafkaSettings
from converters.errors import UsageError
from stream.log_kafka.certificates import tls_context
from tests.support.streams.secured import KEY_PASSWORD, make_certificates

Options = dict[str, object]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates and keys, and some files that are neither."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    (folder / "empty.pem").write_text("")
    (folder / "noise.key").write_text(
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    )
    (folder / "key.password").write_text(f"{KEY_PASSWORD}\n")
    lines = (folder / "ca.pem").read_text().split("\n")
    (folder / "escaped.pem").write_text("\\n".join(lines))
    chain = (folder / "client.crt").read_text() + (folder / "client.key").read_text()
    (folder / "certificate-first.pem").write_text("# of ours, für uns\n" + chain)
    for name in ("ca.pem", "client.crt", "client.key"):
        (folder / f"marked-{name}").write_bytes(BOM_UTF8 + (folder / name).read_bytes())
    trust = "openssl x509 -in ca.pem -trustout -out trusted.pem"
    subprocess.run(trust.split(), cwd=folder, check=True, capture_output=True)
    return folder


def settings_of(files: Path, options: Options) -> KafkaSettings:
    """Settings with TLS, where ``@name`` is a file and ``=name`` what is in it."""
    changed: Options = {"security_protocol": "SSL"}
    for name, value in options.items():
        text = str(value)
        changed[name] = (
            str(files / text[1:])
            if text.startswith("@")
            else (files / text[1:]).read_text()
            if text.startswith("=")
            else value
        )
    return KafkaSettings.model_validate(changed)


LOCKED: Options = {"ssl_certfile": "@client.crt", "ssl_keyfile": "@client-locked.key"}
GOOD: dict[str, Options] = {
    "the system's CAs": {},
    "CAs as OpenSSL trusts them": {"ssl_cafile": "@trusted.pem"},
    "byte order marks": {
        "ssl_cafile": "@marked-ca.pem",
        "ssl_certfile": "@marked-client.crt",
        "ssl_keyfile": "@marked-client.key",
    },
    "one file": {"ssl_certfile": "@client.pem"},
    "one file, certificate first": {"ssl_certfile": "@certificate-first.pem"},
    "two files": {"ssl_certfile": "@client.crt", "ssl_keyfile": "@client.key"},
    "a password": LOCKED | {"ssl_password": KEY_PASSWORD},
    "a password in a file": LOCKED | {"ssl_password_file": "@key.password"},
    "a password for nothing": {"ssl_certfile": "@client.pem", "ssl_password": "x"},
    "texts": {
        "ssl_ca_pem": "=ca.pem",
        "ssl_cert_pem": "=client.crt",
        "ssl_key_pem": "=client-locked.key",
        "ssl_password": KEY_PASSWORD,
    },
    "a CA of a container's variables": {"ssl_ca_pem": "=escaped.pem"},
    "one text": {"ssl_cert_pem": "=client.pem"},
    "a certificate's file, a key's text": {
        "ssl_certfile": "@client.crt",
        "ssl_key_pem": "=client.key",
    },
    "a certificate's text, a key's file": {
        "ssl_cert_pem": "=client.crt",
        "ssl_keyfile": "@client.key",
    },
}


@pytest.fixture
def no_file_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """OpenSSL is given texts in a file, which must be gone at once."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_file_left")
@pytest.mark.parametrize("options", GOOD.values(), ids=GOOD)
def test_every_form_is_taken(files: Path, options: Options) -> None:
    """Files and texts, together and apart; hosts are checked, and TLS is not an old one."""
    context = tls_context(settings_of(files, options))
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    if "ssl_ca_pem" in options:
        assert [each["subject"] for each in context.get_ca_certs()] == [
            ((("commonName", "freshet-tests-ca"),),)
        ]


BAD: dict[str, tuple[Options, str]] = {
    "no CA file": ({"ssl_cafile": "@none"}, "ssl_cafile` names .*none, which cannot be read"),
    "a folder": ({"ssl_cafile": "@"}, "ssl_cafile` names the folder .*openssl rehash"),
    "no CA in it": ({"ssl_cafile": "@empty.pem"}, "ssl_cafile` holds no certificate in PEM"),
    "no CA in the text": ({"ssl_ca_pem": "nonsense"}, "ssl_ca_pem` holds no certificate in PEM"),
    "no certificate": ({"ssl_certfile": "@none"}, "ssl_certfile` names .*cannot be read"),
    "a key for a certificate": (
        {"ssl_certfile": "@client.key"},
        "ssl_certfile` holds no certificate in PEM",
    ),
    "no key": ({"ssl_certfile": "@client.crt"}, "ssl_certfile` holds no private key.*ssl_keyfile"),
    "a certificate for a key": (
        {"ssl_certfile": "@client.crt", "ssl_keyfile": "@client.crt"},
        "ssl_keyfile` holds no private key in PEM. It begins with",
    ),
    "no key file": (
        {"ssl_certfile": "@client.crt", "ssl_keyfile": "@none"},
        "ssl_keyfile` names .*cannot be read",
    ),
    "a broken key": (
        {"ssl_certfile": "@client.crt", "ssl_keyfile": "@noise.key"},
        "ssl_keyfile` holds a private key that cannot be read",
    ),
    "the key of another": (
        {"ssl_certfile": "@client.crt", "ssl_keyfile": "@broker.key"},
        "ssl_keyfile` is not the key of the certificate in `kafka.ssl_certfile` .CN=freshet-cl",
    ),
    "a locked key": (LOCKED, "ssl_keyfile` is encrypted. Set `kafka.ssl_password`"),
    "another password": (
        LOCKED | {"ssl_password": "x"},
        "ssl_password` does not open the private key of `kafka.ssl_keyfile`",
    ),
    "another password in a file": (
        LOCKED | {"ssl_password_file": "@empty.pem"},
        "ssl_password_file` names .*is empty",
    ),
    "expired": (
        {"ssl_certfile": "@client-expired.crt", "ssl_keyfile": "@client.key"},
        "ssl_certfile` is the certificate of CN=freshet-client, which expired on 20",
    ),
    "no such ciphers": ({"ssl_ciphers": "NONE-OF-THEM"}, "ssl_ciphers` names no cipher"),
    "no revocations": (
        {"ssl_crlfile": "@empty.pem"},
        "ssl_crlfile` holds no list of revoked certificates",
    ),
}


@pytest.mark.usefixtures("no_file_left")
@pytest.mark.parametrize(("options", "says"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_told_by_its_setting(files: Path, options: Options, says: str) -> None:
    """One sentence that names the setting, and no password."""
    with pytest.raises(UsageError, match=rf"`kafka\.{says}") as told:
        tls_context(settings_of(files, options))
    assert KEY_PASSWORD not in str(told.value).replace("client-locked", "")


def test_hosts_go_unchecked_only_where_that_is_said(files: Path) -> None:
    """The certificate's issuer is checked all the same."""
    context = tls_context(settings_of(files, {"ssl_check_hostname": False}))
    assert not context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_revocations_are_looked_up(files: Path) -> None:
    """With a list of the CA's, each broker's certificate must not be in it."""
    (files / "index.txt").touch()
    config = "[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ndefault_md=sha256\n"
    (files / "ca.config").write_text(config + "default_crl_days=9\n")
    command = "openssl ca -gencrl -config ca.config -keyfile ca.key -cert ca.pem -out revoked.pem"
    subprocess.run(command.split(), cwd=files, check=True, capture_output=True)
    context = tls_context(settings_of(files, {"ssl_crlfile": "@revoked.pem"}))
    assert context.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF
    assert context.cert_store_stats()["crl"] == 1
