"""Brokers that refuse a connection: at once, in one paragraph that names the remedy, no secret."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from converters.config.kafka_settings import KafkaSettings
from converters.errors import UsageError
from stream.log.contract import LogError, LogUnavailableError, OutputWriter
from stream.log_kafka import client
from stream.log_kafka import reader as kafka_reader
from stream.log_kafka.connection import connection_to
from stream.log_kafka.log import KafkaLog
from stream.open_log import open_log
from tests.support.streams.logs import make_topic, outgoing
from tests.support.streams.secured import (
    API_KEY,
    API_SECRET,
    KEY_PASSWORD,
    PASSWORD,
    SESSION_SECONDS,
    USER,
    Secured,
    scram_user,
    unsecured_token,
)

pytestmark = pytest.mark.kafka
WRONG = "wr0ng-s3cret"
# Not all that a listener closes can be told from a broker that is being stopped.
SECONDS = 4.0

Options = dict[str, object]
AS_USER: Options = {"sasl_plain_username": USER, "sasl_plain_password": PASSWORD}
PLAIN_CLEAR: Options = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}


def settings_of(secured: Secured, options: Mapping[str, object]) -> KafkaSettings:
    """Settings, where ``@name`` is a file of the certificates."""
    found = {
        name: str(secured.certificates / value[1:])
        if isinstance(value, str) and value.startswith("@")
        else value
        for name, value in options.items()
    }
    return KafkaSettings.model_validate(found)


def described(secured: Secured, listener: str, options: Mapping[str, object]) -> None:
    """Connect to a listener, ask one thing, and close."""
    settings = settings_of(secured, options)
    address = secured.by_number(secured.login) if listener == "by_number" else ""
    url = f"kafka://{address or getattr(secured, listener)}"
    with closing(open_log(url, kafka=settings)) as log:
        assert log.describe(["none-of-this-name"]) == {}


def login(mechanism: str, **options: object) -> Options:
    """A login over TLS."""
    secure: Options = {"security_protocol": "SASL_SSL", "ssl_cafile": "@ca.pem"}
    return secure | {"sasl_mechanism": mechanism} | options


def tls(**options: object) -> Options:
    """TLS without a login."""
    return {"security_protocol": "SSL", "ssl_cafile": "@ca.pem"} | options


TAKEN = {
    "plain": ("login", login("PLAIN", **AS_USER)),
    "api key": (
        "login",
        login("PLAIN", sasl_plain_username=API_KEY, sasl_plain_password=API_SECRET),
    ),
    "scram-256": ("login", login("SCRAM-SHA-256", **AS_USER)),
    "scram-512": ("login", login("SCRAM-SHA-512", **AS_USER)),
    "scram in the clear": (
        "clear",
        {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512", **AS_USER},
    ),
    "plain in the clear": ("clear", PLAIN_CLEAR | AS_USER),
    "mutual, one file": ("mutual", tls(ssl_certfile="@client.pem")),
    "mutual, locked key": (
        "mutual",
        tls(
            ssl_certfile="@client.crt",
            ssl_keyfile="@client-locked.key",
            ssl_password=KEY_PASSWORD,
        ),
    ),
    "any host name": ("by_number", login("PLAIN", ssl_check_hostname=False, **AS_USER)),
    "chosen ciphers": ("login", login("PLAIN", ssl_ciphers="ECDHE+AESGCM", **AS_USER)),
}


@pytest.mark.parametrize(("listener", "options"), TAKEN.values(), ids=TAKEN)
def test_every_way_in_is_taken(secured_kafka: Secured, listener: str, options: Options) -> None:
    """Each mechanism and each form of certificate connects, and leaves no thread."""
    before = set(threading.enumerate())
    described(secured_kafka, listener, options)
    assert set(threading.enumerate()) <= before


REFUSED = {
    "a password with a line end": (
        "login",
        login("PLAIN", sasl_plain_username=USER, sasl_plain_password=f"{PASSWORD}\n"),
        ("`kafka.sasl_plain_password` (which begins or ends with a blank or the end of a line)",),
    ),
    "a token in milliseconds": (
        "login",
        login("OAUTHBEARER", oauth_token_command=f"echo {unsecured_token('', seconds=1e14)}"),
        ("refuses the token of `kafka.oauth_token_command`", "Have a new one issued"),
    ),
    "wrong password": (
        "login",
        login("PLAIN", sasl_plain_username=USER, sasl_plain_password=WRONG),
        ("'freshet' by PLAIN", "kafka.sasl_plain_username", "kafka.sasl_plain_password"),
    ),
    "wrong password of scram": (
        "login",
        login("SCRAM-SHA-512", sasl_plain_username=USER, sasl_plain_password=WRONG),
        ("'freshet' by SCRAM-SHA-512", "kafka.sasl_plain_password"),
    ),
    "user of another mechanism": (
        "login",
        login("SCRAM-SHA-256", sasl_plain_username=API_KEY, sasl_plain_password=API_SECRET),
        (API_KEY, "know the user for SCRAM-SHA-256"),
    ),
    "expired certificate of the broker": (
        "expired",
        tls(),
        ("the certificate of localhost:", "(CN=localhost) expired on 20", "has to renew it"),
    ),
    "unknown CA": (
        "login",
        login("PLAIN", **AS_USER) | {"ssl_cafile": None},
        ("CN=freshet-tests-ca", "this system trusts", "Set `kafka.ssl_cafile`"),
    ),
    "another CA": (
        "login",
        login("PLAIN", **AS_USER) | {"ssl_cafile": "@client.crt"},
        ("not among those in `kafka.ssl_cafile`", "client.crt"),
    ),
    "host name": (
        "by_number",
        login("PLAIN", **AS_USER),
        ("called 127.0.0.1:", "is for localhost", "in `log`", "kafka.ssl_check_hostname"),
    ),
    "no client certificate": (
        "mutual",
        tls(),
        ("asks for a certificate of the client", "Set `kafka.ssl_certfile`"),
    ),
    "client certificate of another CA": (
        "mutual",
        tls(ssl_certfile="@other.pem"),
        ("refuses the client's certificate", "CN=somebody", "`ssl.truststore.location`"),
    ),
    "TLS to a plain port": (
        "plain",
        tls(),
        ("before TLS is agreed on", "`kafka.security_protocol` to 'PLAINTEXT'"),
    ),
    "plain to a port of TLS": ("login", {}, ("perhaps it has tls", "to 'SSL'")),
    "plain to a port with a login": ("clear", {}, ("Perhaps it wants TLS or a login",)),
    "TLS to a port with a login": ("login", tls(), ("wants a login besides TLS",)),
    "login to a port without": (
        "plain",
        PLAIN_CLEAR | AS_USER,
        ("has no login", "`kafka.security_protocol` to 'PLAINTEXT'"),
    ),
    "login over TLS to a port without": (
        "mutual",
        login("PLAIN", ssl_certfile="@client.pem", **AS_USER),
        ("has no login", "`kafka.security_protocol` to 'SSL'"),
    ),
}


@pytest.fixture(scope="session")
def another_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that issued itself."""
    from subprocess import run

    file = tmp_path_factory.mktemp("another") / "other.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=somebody"
    run([*made.split(), "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.mark.parametrize(("listener", "options", "says"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_remedy_at_once(
    secured_kafka: Secured,
    another_client: Path,
    caplog: pytest.LogCaptureFixture,
    listener: str,
    options: Options,
    says: tuple[str, ...],
) -> None:
    """One paragraph: what refuses what, and which setting helps; no secret, nothing left open."""
    if options.get("ssl_certfile") == "@other.pem":
        options = options | {"ssl_certfile": str(another_client)}
    before = set(threading.enumerate())
    begun = time.monotonic()
    with caplog.at_level(logging.DEBUG, "kafka"), pytest.raises(LogError) as told:
        described(secured_kafka, listener, options)
    assert time.monotonic() - begun < SECONDS
    message = str(told.value)
    for each in says:
        assert each.lower() in message.lower()
    assert "\n" not in message
    for secret in (WRONG, PASSWORD, API_SECRET):
        assert secret not in message + caplog.text
    assert set(threading.enumerate()) <= before


def test_a_server_that_says_nothing_to_tls_is_given_up(secured_kafka: Secured) -> None:
    """A handshake that nobody answers ends when its time is over."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        options = tls(bootstrap_timeout_ms=1000, socket_connection_setup_timeout_ms=1000)
        begun = time.monotonic()
        url = f"kafka://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(LogUnavailableError, match="connect"):
            open_log(url, kafka=settings_of(secured_kafka, options))
        assert time.monotonic() - begun < SECONDS


def test_one_broker_that_refuses_is_no_reason_while_others_answer(secured_kafka: Secured) -> None:
    """Of the brokers that are named, any that takes us is enough."""
    url = f"kafka://{secured_kafka.expired},{secured_kafka.login}"
    settings = settings_of(secured_kafka, login("PLAIN", **AS_USER))
    for _ in range(3):  # the first to ask is drawn
        with closing(open_log(url, kafka=settings)) as log:
            assert log.describe(["none-of-this-name"]) == {}
            assert isinstance(log, KafkaLog)
            assert log._connection.troubles == {}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_names_and_passwords_of_scram_go_as_kafka_has_them(
    secured_kafka: Secured, unique_name: str, mechanism: str
) -> None:
    """Commas and equals signs in a name are escaped; a password is not normalised.

    RFC 5802 would have the ligature turned into two letters; Kafka's own clients leave it alone.
    """
    name = f"{unique_name},=2C="
    password = "p,w=\N{LATIN SMALL LIGATURE FI}e\N{COMBINING ACUTE ACCENT}ß"
    scram_user(secured_kafka, name, password)
    user = {"sasl_plain_username": name, "sasl_plain_password": password}
    described(secured_kafka, "login", login(mechanism, **user))


def test_a_secret_that_goes_away_is_waited_for(secured_kafka: Secured, tmp_path: Path) -> None:
    """A file that is being replaced comes back; the message names it, no refusal is claimed."""
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    user = {"sasl_plain_username": USER, "sasl_plain_password_file": str(file)}
    settings = settings_of(secured_kafka, login("PLAIN", bootstrap_timeout_ms=3000, **user))
    connection = connection_to(secured_kafka.login, settings)
    file.unlink()
    with pytest.raises(LogUnavailableError, match=rf"`kafka\.sasl_plain_password_file` .*{file}"):
        KafkaLog(connection)
    file.write_text(PASSWORD)
    KafkaLog(connection).close()


@pytest.mark.parametrize("source", ["file", "command"])
def test_a_token_logs_in(secured_kafka: Secured, tmp_path: Path, source: str) -> None:
    """From a file or a program, with extensions."""
    file = tmp_path / "token"
    file.write_text(unsecured_token("somebody") + "\n")
    text = str(file) if source == "file" else f"cat '{file}'"
    options = {f"oauth_token_{source}": text, "oauth_extensions": {"logicalCluster": "lkc-1"}}
    described(secured_kafka, "login", login("OAUTHBEARER", **options))


def test_a_token_that_has_expired_says_since_when(secured_kafka: Secured, tmp_path: Path) -> None:
    """The broker does not say it; the token does."""
    file = tmp_path / "token"
    file.write_text(token := unsecured_token("somebody", seconds=-90_000))
    with pytest.raises(LogError, match=r"`kafka.oauth_token_file`.* It expired on 20") as told:
        described(secured_kafka, "login", login("OAUTHBEARER", oauth_token_file=str(file)))
    assert token not in str(told.value)


def test_a_mechanism_that_the_listener_does_not_have(
    secured_kafka: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mechanisms that it has are told."""
    from kafka.net.sasl import SASL_MECHANISMS

    monkeypatch.setitem(SASL_MECHANISMS, "SCRAM-SHA-1", SASL_MECHANISMS["SCRAM-SHA-512"])
    settings = settings_of(secured_kafka, login("PLAIN", **AS_USER))
    odd = settings.model_copy(update={"sasl_mechanism": "SCRAM-SHA-1"})
    with pytest.raises(LogError, match=r"does not take `kafka.sasl_mechanism` = 'SCRAM-SHA-1'"):
        open_log(f"kafka://{secured_kafka.login}", kafka=odd)


def test_plain_in_the_clear_is_warned_of(
    secured_kafka: Secured, capsys: pytest.CaptureFixture[str]
) -> None:
    """The password can be read on the way; SCRAM does not send it."""
    described(secured_kafka, *TAKEN["plain in the clear"])
    assert "unencrypted" in capsys.readouterr().err
    described(secured_kafka, *TAKEN["scram in the clear"])
    assert "unencrypted" not in capsys.readouterr().err


def test_what_is_not_configured_right_is_found_before_any_connection(
    secured_kafka: Secured,
) -> None:
    """Settings of a properties file are known together only now."""
    settings = KafkaSettings(properties=Path("client.properties"), sasl_mechanism="PLAIN")
    with pytest.raises(UsageError, match="sasl_mechanism is set, but security_protocol"):
        open_log(f"kafka://{secured_kafka.plain}", kafka=settings)


def test_a_password_that_is_revoked_ends_reading_and_writing(
    secured_kafka: Secured, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logins are repeated while connections last; once that fails, the message is the usual one.

    Whether what was just being written has arrived is not known then.
    """
    monkeypatch.setattr(kafka_reader, "QUIET_SECONDS", 0.5)
    monkeypatch.setattr(client, "DELIVERY_SECONDS", 2.0)
    monkeypatch.setattr(client, "CLOSE_SECONDS", 1.0)
    monkeypatch.setattr(client, "LINGER_MS", 100)
    scram_user(secured_kafka, unique_name, PASSWORD)
    options: Options = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": unique_name,
        "sasl_plain_password": PASSWORD,
        "request_timeout_ms": 1000,
    }
    settings = settings_of(secured_kafka, options)
    refused = rf"refuses the login of the user '{unique_name}' by SCRAM-SHA-256"
    with closing(open_log(f"kafka://{secured_kafka.clear}", kafka=settings)) as log:
        place = make_topic(log, unique_name)
        with closing(log.read({place: 0})) as reader, closing(log.writer(unique_name)) as writer:
            until = time.monotonic() + 1.5 * SESSION_SECONDS
            while time.monotonic() < until:
                writer.write({unique_name: outgoing(b"x")})
                reader.fill(0.1)
            scram_user(secured_kafka, unique_name, WRONG)
            with pytest.raises(LogError, match=refused) as told:
                deque(iter(lambda: reader.fill(0.1), None), maxlen=0)
            assert not isinstance(told.value, LogUnavailableError)
            with pytest.raises(LogUnavailableError, match=refused):
                deque(_writes(writer, unique_name), maxlen=0)
            with pytest.raises(LogError, match=refused):
                log.append(unique_name, outgoing(b"x"))


def _writes(writer: OutputWriter, topic: str) -> Iterator[None]:
    """Write for two sessions at most: its connection may have logged in again just before."""
    until = time.monotonic() + 2 * SESSION_SECONDS
    while time.monotonic() < until:
        writer.write({topic: outgoing(b"x")})
        yield
        time.sleep(0.1)
