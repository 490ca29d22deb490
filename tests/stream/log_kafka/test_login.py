"""Passwords and tokens: read when they are needed, checked before, and told to nobody."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from codecs import BOM_UTF8
from pathlib import Path

import pytest

from converters.config.kafka_settings import KafkaSettings
from converters.errors import UsageError
from stream.log.contract import LogUnavailableError
from stream.log_kafka import login
from stream.log_kafka.client import kafka
from stream.log_kafka.connection import connection_to
from stream.log_kafka.login import Scram, Secret, SecretError, Tokens
from tests.support.streams.secured import unsecured_token

HIDDEN = "t0psecret"


def of_user(**options: object) -> KafkaSettings:
    """Settings of a user."""
    given = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256"}
    return KafkaSettings.model_validate(given | {"sasl_plain_username": "u"} | options)


def of_token(**options: object) -> KafkaSettings:
    """Settings of a token."""
    given = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}
    return KafkaSettings.model_validate(given | options)


def program(tmp_path: Path, text: str) -> str:
    """A command that runs Python."""
    file = tmp_path / "a program.py"
    file.write_text(text)
    return shlex.join([sys.executable, str(file)])


def test_a_password_is_read_again_for_each_connection(tmp_path: Path) -> None:
    """Without a byte order mark and the end of its last line, and with everything else."""
    file = tmp_path / "password"
    file.write_bytes(BOM_UTF8 + b" one, two= \r\n")
    secret = login.password_of(of_user(sasl_plain_password_file=file))
    assert secret.read() == " one, two= "
    file.write_text("three", encoding="utf-8-sig")
    assert secret.read() == "three"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read .No such file"), (b"\n", "is empty"), (b"\xff", "it is not UTF-8")],
)
def test_a_file_without_a_password_is_told_before_any_connection(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    """The setting and the file are named."""
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=f"`kafka.sasl_plain_password_file` names .*{says}"):
        connection_to("b:1", of_user(sasl_plain_password_file=file))


def test_a_token_of_a_program_is_used_until_it_soon_expires(tmp_path: Path) -> None:
    """The program runs again when the last token has a minute left, or does not say."""
    runs = tmp_path / "runs"
    text = f"open({str(runs)!r}, 'a').write('x'); print(open({str(tmp_path / 'token')!r}).read())"
    tokens = Tokens(of_token(oauth_token_command=program(tmp_path, text)))
    for seconds, expected in ((3600.0, 1), (30.0, 2)):
        (tmp_path / "token").write_text(token := unsecured_token("me", seconds=seconds))
        tokens._until = 0.0
        runs.write_text("")
        assert [tokens.token(), tokens.token()] == [token, token]
        assert len(runs.read_text()) == expected
    (tmp_path / "token").write_text("opaque")
    assert tokens.token() == "opaque"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"import sys; print('{HIDDEN}', file=sys.stderr); sys.exit(3)", "ended with status 3"),
        (f"print('{HIDDEN} {HIDDEN}')", "gives no token"),
        ("print()", "gives no token"),
        (f"""print('{{"access_token": "{HIDDEN}"}}')""", "take the value of `access_token`"),
        (f"print('{HIDDEN}', flush=True); import time; time.sleep(60)", "no token within"),
        (f"while True: print('{HIDDEN}' * 1000)", "prints more than 65,536 bytes"),
    ],
)
def test_a_program_without_a_token_is_told_and_not_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    """It could have printed the token. One that fails may succeed the next time."""
    monkeypatch.setattr(login, "COMMAND_SECONDS", 0.5 if "no token" in says else 30.0)
    settings = of_token(oauth_token_command=program(tmp_path, text))
    kind = UsageError if "token`" in says or "gives" in says else LogUnavailableError
    with pytest.raises(kind, match=rf"`kafka\.oauth_token_command`.*{says}") as told:
        connection_to("b:1", settings)
    assert HIDDEN not in str(told.value)


def test_what_a_program_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    """A child of it that holds its output open keeps nobody from the token."""
    text = """import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(5)"])
print("a.token", flush=True)"""
    began = time.monotonic()
    assert Tokens(of_token(oauth_token_command=program(tmp_path, text))).token() == "a.token"
    assert time.monotonic() - began < 4.5


@pytest.mark.parametrize("command", ["/no/such/program", "'open"])
def test_a_program_that_cannot_be_started_is_told(command: str) -> None:
    """Before any connection."""
    with pytest.raises(UsageError, match=r"`kafka\.oauth_token_command` cannot be started"):
        connection_to("b:1", of_token(oauth_token_command=command))


def test_a_program_gets_no_shell(tmp_path: Path) -> None:
    """What a shell would do with its arguments is not done."""
    settings = of_token(oauth_token_command=f"echo x;touch {tmp_path}/made")
    with pytest.raises(UsageError, match="gives no token"):
        connection_to("b:1", settings)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([b"e=invalid-proof"], "the broker answers invalid-proof"),
        ([b"r=%s1,s=c2FsdA==,i=4096", b"e=other-error,x=1"], "the broker answers other-error"),
        ([b"r=%s1,s=c2FsdA==,i=4096", b"v=AAAA"], "proof that it knows the password is wrong"),
        ([b"r=another,s=c2FsdA==,i=4096"], "proof that it knows the password is wrong"),
        ([b"nonsense"], "proof that it knows the password is wrong"),
    ],
)
def test_a_broker_that_refuses_or_does_not_know_the_password(
    messages: list[bytes], says: str
) -> None:
    """Errors inside SCRAM are refusals too, as are proofs that prove nothing."""
    client = Scram(
        sasl_plain_username="u",
        sasl_plain_password=Secret("sasl_plain_password", HIDDEN),
        sasl_mechanism="SCRAM-SHA-256",
    )
    first = client.auth_bytes()
    nonce = first.rpartition(b"r=")[2]
    *well, last = [m.replace(b"%s", nonce) for m in messages]
    for message in well:
        client.receive(message)
    with pytest.raises(kafka.errors.SaslAuthenticationFailedError, match=says):
        client.receive(last)


def test_nothing_shows_a_password(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a representation nor a line that kafka-python logs with the bytes it sends."""
    settings = of_user(sasl_plain_password=HIDDEN)
    assert HIDDEN not in repr(connection_to("b:1", settings)) + repr(login.password_of(settings))
    with caplog.at_level(logging.DEBUG, "kafka"):
        for name in ("kafka.protocol.parser", "kafka.net.connection"):
            logging.getLogger(name).debug("Send: %r", bytearray(HIDDEN.encode()))
            logging.getLogger(name).debug("Send: %s", "another")
    assert "another" in caplog.text
    assert HIDDEN not in caplog.text


def test_a_secret_that_is_away_for_a_while_is_no_refusal(tmp_path: Path) -> None:
    """A file that is being replaced, or a service that is restarted, comes back."""
    from stream.log_kafka.network import is_final

    with pytest.raises(SecretError) as told:
        Secret("sasl_plain_password_file", file=tmp_path / "none").read()
    assert not is_final(told.value)
