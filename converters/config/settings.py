"""The shape of ``freshet.toml``: every section, key, default and meaning, in one place.

Every floor reads its own section. The descriptions are the configuration reference: a test holds
``docs/configuration.md`` equal to them.
"""

from __future__ import annotations

import codecs
import json
import re
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from converters.config.column_settings import (
    ColumnSettings,
    ExplainSettings,
    LabelSettings,
    Section,
)
from converters.config.kafka_settings import KafkaSettings, RecordSettings
from converters.config.learning_settings import (
    CalibrationSettings,
    CheckpointSettings,
    DuplicateSettings,
    EvaluationSettings,
    GateSettings,
    ImbalanceSettings,
    LateLabelSettings,
    LearnerSettings,
    LearnSettings,
    ShadowSettings,
    TopicSettings,
    ValueSettings,
)
from converters.config.shown_url import shown_url
from converters.config.sqlite_url import sqlite_file

if TYPE_CHECKING:
    from pydantic_settings import EnvSettingsSource

# Quotes and line ends frame rows. A letter, a digit, a sign or a blank would cut cells that need
# no quotes in any other file, and a record that begins with a bracket is looked at as JSON.
_NO_DELIMITERS = '\0\r\n" +-.[{_'
# An escape that an encoding undoes is not its text.
_ASCII = "".join(map(chr, range(128))) + "\\u0041"


def _delimiter(value: str) -> str:
    usable = len(value) == 1 and value.isascii() and not value.isalnum()
    if not usable or value in _NO_DELIMITERS:
        raise ValueError(
            f"{value!r} does not separate cells; it should be one character such as a comma, a "
            "semicolon, a tab or a bar"
        )
    return value


def _encoding(value: str) -> str:
    """A codec that gives the ASCII characters back, also when it gets its bytes one by one."""
    try:
        decoder = codecs.getincrementaldecoder(value)()
        pieces = [decoder.decode(bytes([byte])) for byte in _ASCII.encode(value)]
        read = "".join(pieces) + decoder.decode(b"", final=True)
    except (LookupError, ValueError, TypeError):  # none, or one that is not of text
        read = ""
    if read != _ASCII:
        raise ValueError(
            f"{value!r} is no encoding that Python reads CSV in; it should be one such as utf-8, "
            "utf-16, cp1252 or latin-1"
        )
    return value


def _host(value: str) -> str:
    name = value.removeprefix("*.")
    if value != "*" and not _is_address(name) and not re.fullmatch(r"[^\s/:@*?#\[\]]+", name):
        raise ValueError(
            f"{shown_url(value)!r} is not a host name; it should be one such as "
            "models.example.com, without scheme and port, *.example.com for all below it, or * "
            "for any"
        )
    return value


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


_ORIGIN = re.compile(r"(https?)://([^\s/:@*?#\[\]]+|\[[0-9a-f:.]+\])(:\d{1,5})?")
OWN_PORTS = {"http": ":80", "https": ":443"}


def _origin(value: str) -> str:
    """An origin as browsers send it: in lower case, in ASCII, without the scheme's own port."""
    found = _ORIGIN.match(value.lower())
    rest = value[found.end() :] if found else ""
    if found is None or rest[:1] not in ("", "/", "?", "#"):
        raise ValueError(
            f"{shown_url(value)!r} is not the origin of a page; it should be scheme and host, "
            "perhaps with a port, such as https://ops.example.com"
        )
    if rest:
        raise ValueError(
            f"{shown_url(value)!r} goes on after the origin; leave {shown_url(rest)!r} away: it "
            f"should be {found[0]}"
        )
    scheme, host, port = found[1], found[2], found[3] or ""
    with suppress(UnicodeError):
        host = host.encode("idna").decode("ascii")
    return f"{scheme}://{host}{'' if port == OWN_PORTS[scheme] else port}"


def _admin(value: object) -> object:
    text = value if isinstance(value, str) else ""
    host, _, port = text.rpartition(":")
    address = bool(host) and port.isdecimal() and int(port) <= 65535
    if text not in ("on", "off") and not address and not re.fullmatch("unix:.+", text):
        shown = repr(shown_url(text)) if text else json.dumps(value, default=str)
        raise ValueError(
            f'{shown} is not a place for the admin routes; it should be "on", "off", '
            '"HOST:PORT" such as "127.0.0.1:8001", or "unix:PATH"'
        )
    return value


Delimiter = Annotated[str, AfterValidator(_delimiter)]
HostName = Annotated[str, AfterValidator(_host)]
Origin = Annotated[str, AfterValidator(_origin)]
AdminPlace = Annotated[str, BeforeValidator(_admin)]
Encoding = Annotated[str, AfterValidator(_encoding)]


# How the URLs of what is in Kafka begin.
KAFKA = "kafka://"

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"


class CsvSettings(Section):
    """How CSV is written: in files, in records, and in bodies over HTTP."""

    delimiter: Delimiter = Field(",", description="the character between two cells")
    encoding: Encoding = Field(
        "utf-8", description="of files only; records and bodies are always UTF-8"
    )


# The threshold where no value of decisions is given.
HALF = 0.5


class ServeSettings(Section):
    """The HTTP server."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    workers: int = Field(1, ge=1, le=64, description="server processes")
    hosts: tuple[HostName, ...] = Field(
        (),
        description="host names under which the server is called, besides the loopback names and "
        'the address it listens on; `["*"]` allows any',
        examples=[["models.example.com"]],
    )
    origins: tuple[Origin, ...] = Field(
        (),
        description="origins of web pages elsewhere that may use the routes that write, such as "
        "`https://ops.example.com`",
        examples=[["https://ops.example.com"]],
    )
    admin: AdminPlace = Field(
        "on",
        description="where the admin routes are: `on` beside the others, `off` nowhere, "
        "`HOST:PORT` or `unix:PATH` at an address of their own",
    )
    admin_token: SecretStr | None = Field(
        None, description="bearer token of the admin routes; set it by environment, not in the file"
    )
    tokens: Path | None = Field(
        None, description="file of the tokens that `freshet token` keeps (default, under home)"
    )
    tls_cert: Path | None = Field(
        None, description="certificate chain (PEM), read again when it changes; with it, HTTPS"
    )
    tls_key: Path | None = Field(None, description="private key of the certificate (PEM)")
    access_log: bool = Field(False, description="one JSON line for each request, on standard error")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="score from which the label is positive; by default 0.5, or where `[value]` "
        "makes acting pay",
    )
    remember: Literal["asked", "always"] = Field(
        "asked",
        description="which rows that `/predict` scores are appended to the events topic with their "
        "scores: those of `?remember=true`, or all",
    )
    max_body: int = Field(8 * 2**20, ge=1024, description="largest request body in bytes")
    max_row: int = Field(
        128 * 2**10,
        ge=1024,
        description="largest row of a request in bytes; others wait while a row is converted",
    )
    max_rows: int = Field(10_000, ge=1, description="most rows in one request")
    max_bodies: int = Field(
        256 * 2**20,
        ge=1024,
        description="bytes of request bodies that a process holds at once, beside the first 16 KiB "
        "of each; beyond them requests are answered 503",
    )
    max_connections: int = Field(
        8192,
        ge=1,
        description="connections of a process; fewer where the system allows it fewer open files. "
        "For one more, an idle one is closed",
    )
    timeout: float = Field(
        10.0, gt=0, description="seconds a request may take, from its head to its answer's end"
    )
    poll: float = Field(0.2, gt=0, le=60, description="seconds between two polls of the registry")

    @model_validator(mode="after")
    def _tls_pair(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(
                "tls_cert and tls_key belong together: set both for HTTPS, or neither for HTTP"
            )
        return self


class Settings(Section):
    """The whole of ``freshet.toml``."""

    model: str = Field(pattern=NAME, description="the model's name, also the prefix of its topics")
    home: Path = Field(Path(".freshet"), description="folder of all local state")
    log: str = Field(
        "", repr=False, description="`sqlite:///PATH` (default, under home) or `kafka://HOST:PORT`"
    )
    registry: str = Field("", repr=False, description="`sqlite:///PATH` (default, under home)")
    snapshots: str = Field(
        "", repr=False, description="folder of the snapshots (default, under home)"
    )
    columns: dict[str, ColumnSettings] = Field(
        min_length=1, description="the columns of an event row, in the order they arrive"
    )
    label: LabelSettings = Field(description="the label map; mandatory")
    csv: CsvSettings = Field(CsvSettings(), description="how CSV is written")
    learner: LearnerSettings = Field(LearnerSettings(), description="the learner")
    late_labels: LateLabelSettings = Field(
        LateLabelSettings(), description="events that wait for their label"
    )
    duplicates: DuplicateSettings = Field(DuplicateSettings(), description="ids seen before")
    learn: LearnSettings = Field(LearnSettings(), description="the learner process")
    checkpoint: CheckpointSettings = Field(CheckpointSettings(), description="when state is saved")
    gate: GateSettings = Field(GateSettings(), description="when versions are published")
    evaluation: EvaluationSettings = Field(
        EvaluationSettings(), description="progressive validation"
    )
    value: ValueSettings | None = Field(None, description="the value of decisions")
    imbalance: ImbalanceSettings = Field(ImbalanceSettings(), description="classes out of balance")
    calibration: CalibrationSettings = Field(
        CalibrationSettings(), description="mapping scores to probabilities"
    )
    shadow: tuple[ShadowSettings, ...] = Field(
        (),
        description="learners that are compared with the one that is served",
        examples=[[{"name": "plain", "args": "-l 0.1"}]],
    )
    explain: ExplainSettings = Field(
        ExplainSettings(), description="why a score: the baseline, and reasons in words"
    )
    topics: TopicSettings = Field(TopicSettings(), description="the topics")
    record: RecordSettings = Field(
        RecordSettings(), description="records that other producers write"
    )
    kafka: KafkaSettings = Field(KafkaSettings(), description="the connection to Kafka")
    serve: ServeSettings = Field(ServeSettings(), description="the HTTP server")

    @property
    def databases(self) -> tuple[Path, ...]:
        """The files of the log and the registry, if they are in SQLite."""
        files = (sqlite_file(url) for url in (self.log, self.registry))
        return tuple(file for file in files if file is not None)

    @property
    def written_folders(self) -> tuple[Path, ...]:
        """The folders of this machine that a learner writes to."""
        return self.home, Path(self.snapshots), *(file.parent for file in self.databases)

    @property
    def threshold(self) -> float:
        """The score from which the label is positive."""
        if self.serve.threshold is not None:
            return self.serve.threshold
        return HALF if self.value is None else self.value.break_even


def environment_source(prefix: str) -> EnvSettingsSource:
    """What reads the variables that override settings; few have any, and its import takes long."""
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

    class EnvironmentSettings(Settings, BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=prefix, env_nested_delimiter="__", extra="forbid", frozen=True
        )

    return EnvSettingsSource(EnvironmentSettings)
