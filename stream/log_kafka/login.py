"""Logging in to Kafka: where passwords and tokens come from, and what kafka-python gets wrong.

Secrets are read when a connection is made, so that one that was changed in its file is used from
the next connection on. They are in no message: what a program printed or a file holds is not told.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import selectors
import shlex
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from kafka.errors import SaslAuthenticationFailedError
from kafka.net import sasl
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.net.sasl.plain import SaslMechanismPlain
from kafka.net.sasl.scram import SaslMechanismScram
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslBytesRequest

from converters.config.kafka_settings import KafkaSettings
from converters.errors import UsageError
from stream.log.contract import LogUnavailableError

COMMAND_SECONDS, LOOK_SECONDS = 10.0, 0.05
# More than any token has, and than a broker takes.
MOST_BYTES = 2**16
# A token is fetched again while the one before is valid for so long: clocks differ.
MARGIN_SECONDS = 60.0
# RFC 6750. Anything else could not be sent, or would end the message that it is sent in.
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class SecretError(SaslAuthenticationFailedError):  # type: ignore[misc]
    """A password or token cannot be had now; the message says why and what to do."""


class NoTokenError(SecretError):
    """A program has printed no token; it may the next time."""


@dataclass(frozen=True)
class Secret:
    """A password: itself, or the file that holds it.

    Attributes:
        key: the setting, for messages.
        text: the password, unless it is in a file.
        file: the file that holds it.
    """

    key: str
    text: str = field(default="", repr=False)
    file: Path | None = None

    def read(self) -> str:
        """The password as it is now."""
        return self.text if self.file is None else read_secret(self.file, self.key)


def read_secret(file: Path, key: str) -> str:
    """What a file holds, without the end of its last line.

    Raises:
        SecretError: nothing, or it cannot be read.
    """
    try:
        # Windows' editors begin a file with a mark that is no part of what it holds.
        text = file.read_text(encoding="utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise SecretError(
            f"`kafka.{key}` names {file}, which cannot be read ({error.strerror}). Correct the "
            "path, or let the user of this process read it."
        ) from None
    except UnicodeDecodeError:
        raise SecretError(
            f"`kafka.{key}` names {file}, which cannot be read: it is not UTF-8. Save it as UTF-8."
        ) from None
    if not text:
        raise SecretError(f"`kafka.{key}` names {file}, which is empty. Write the secret into it.")
    return text


class Tokens(AbstractTokenProvider):  # type: ignore[misc]
    """Tokens of OAUTHBEARER from a file or a program; see kafka-python's contract.

    Args:
        settings: the connection to Kafka.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__()
        self._settings = settings
        self._turn = threading.Lock()
        self._cached = ""
        self._until = 0.0

    def token(self) -> str:
        """A token that is valid now; a program is asked again when its last one soon ends.

        Raises:
            SecretError: there is none.
        """
        file = self._settings.oauth_token_file
        if file is not None:
            return _checked(read_secret(file, "oauth_token_file"), f"The file {file}")
        with self._turn:
            if time.time() >= self._until:
                self._cached = _asked(self._settings.oauth_token_command)
                self._until = claims(self._cached).get("exp", 0) - MARGIN_SECONDS
            return self._cached

    def extensions(self) -> dict[str, str]:
        """What is sent beside the token."""
        return dict(self._settings.oauth_extensions)


def claims(token: str) -> dict[str, float]:
    """The times and subject that a token itself names, if it is a JWT; not verified."""
    with suppress(ValueError, IndexError, TypeError):
        payload = token.split(".")[1]
        found = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if isinstance(found, dict) and isinstance(found.get("exp", 0), int | float):
            return found
    return {}


def _asked(command: str) -> str:
    """What a program prints; it gets no shell, no input and not much time."""
    name = "The program of `kafka.oauth_token_command`"
    advice = "Run it by hand, as the user of this process, to see what it says."
    try:
        with subprocess.Popen(  # noqa: S603 - what the config names is what is meant
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as program:
            printed = _printed(program)
            status = program.poll()
            if status is None:
                with suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)
    except (OSError, ValueError, IndexError) as error:
        why = error.strerror if isinstance(error, OSError) else "its words cannot be told apart"
        raise SecretError(
            f"{name} cannot be started ({why}). It should be the path of a program that the "
            "user of this process may run, and its arguments."
        ) from None
    if len(printed) > MOST_BYTES:
        raise NoTokenError(f"{name} prints more than {MOST_BYTES:,} bytes. {advice}")
    if status is None:
        raise NoTokenError(
            f"{name} has printed no token within {COMMAND_SECONDS:.0f} seconds. {advice}"
        )
    if status:
        raise NoTokenError(f"{name} ended with status {status}. {advice}")
    return _checked(printed.decode("utf-8", "replace"), name)


def _printed(program: subprocess.Popen[bytes]) -> bytes:
    """What a program prints until it ends, prints too much, or its time is up.

    A child that it leaves behind may hold its output open: that is not waited for.
    """
    assert program.stdout is not None
    printed, deadline = b"", time.monotonic() + COMMAND_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(program.stdout, selectors.EVENT_READ)
        while len(printed) <= MOST_BYTES and time.monotonic() < deadline:
            ended = program.poll() is not None
            if selector.select(0 if ended else LOOK_SECONDS):
                chunk = os.read(program.stdout.fileno(), MOST_BYTES)
                if not chunk:
                    with suppress(subprocess.TimeoutExpired):
                        program.wait(max(0.0, deadline - time.monotonic()))
                    break
                printed += chunk
            elif ended:
                break
    return printed


def _checked(text: str, source: str) -> str:
    if not TOKEN.fullmatch(token := text.strip()):
        raise SecretError(
            f"{source} gives no token: it should be the token and nothing else, letters, digits "
            "and `-._~+/=`. If it is JSON, take the value of `access_token` out of it."
        )
    return token


class Plain(SaslMechanismPlain):  # type: ignore[misc]
    """PLAIN with a password that is read now."""

    def __init__(self, **config: object) -> None:
        super().__init__(**_with_password(config))


class Scram(SaslMechanismScram):  # type: ignore[misc]
    """SCRAM with a password that is read now, and user names with commas and equals signs.

    The password goes as it is, in UTF-8: RFC 5802 would have it normalised, but Kafka does not.
    """

    def __init__(self, **config: object) -> None:
        name = str(config["sasl_plain_username"]).replace("=", "=3D").replace(",", "=2C")
        super().__init__(**_with_password(config) | {"sasl_plain_username": name})

    def receive(self, auth_bytes: bytes) -> bool:
        """Take the broker's next message.

        Raises:
            SaslAuthenticationFailedError: it refuses, or does not prove that it knows the password.
        """
        if auth_bytes.startswith(b"e="):
            reason = auth_bytes[2:].split(b",")[0].decode("ascii", "replace")
            raise SaslAuthenticationFailedError(f"the broker answers {reason}")
        try:
            return bool(super().receive(auth_bytes))
        except (ValueError, KeyError) as error:
            raise SaslAuthenticationFailedError(
                "the broker's own proof that it knows the password is wrong, so it may be another "
                f"than it says ({type(error).__name__})"
            ) from None


def _with_password(config: dict[str, object]) -> dict[str, object]:
    secret = config["sasl_plain_password"]
    assert isinstance(secret, Secret)
    return config | {"sasl_plain_password": secret.read()}


for _name, _mechanism in (("PLAIN", Plain), ("SCRAM-SHA-256", Scram), ("SCRAM-SHA-512", Scram)):
    sasl.register_sasl_mechanism(_name, _mechanism, overwrite=True)


def without_secrets(record: logging.LogRecord) -> bool:
    """Whether a line of kafka-python's may be logged: not if it shows what a login sends."""
    secret = (SaslAuthenticateRequest, SaslBytesRequest, bytes, bytearray, memoryview)
    arguments = record.args if isinstance(record.args, tuple) else ()
    return not any(isinstance(each, secret) for each in arguments)


# At their debug level these write each request, and the bytes that go over the wire.
for _name in ("kafka.net.connection", "kafka.protocol.parser"):
    logging.getLogger(_name).addFilter(without_secrets)


def login_arguments(settings: KafkaSettings) -> dict[str, object]:
    """kafka-python's arguments for a login; none if the protocol has no login.

    Raises:
        UsageError: a password or token cannot be had; the message names the key.
        LogUnavailableError: the program that gets a token fails, as it may for a while.
    """
    if not settings.logs_in:
        return {}
    arguments: dict[str, object] = {"sasl_mechanism": settings.sasl_mechanism}
    try:
        if settings.sasl_mechanism == "OAUTHBEARER":
            tokens = Tokens(settings)
            tokens.token()
            return arguments | {"sasl_oauth_token_provider": tokens}
        secret = password_of(settings)
        secret.read()
    except NoTokenError as error:
        raise LogUnavailableError(str(error.args[0])) from None
    except SecretError as error:
        raise UsageError(str(error.args[0])) from None
    user = settings.sasl_plain_username
    return arguments | {"sasl_plain_username": user, "sasl_plain_password": secret}


def password_of(settings: KafkaSettings) -> Secret:
    """Where the user's password comes from."""
    if settings.sasl_plain_password is None:
        return Secret("sasl_plain_password_file", file=settings.sasl_plain_password_file)
    return Secret("sasl_plain_password", settings.sasl_plain_password.get_secret_value())
