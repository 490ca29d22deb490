"""Opens the log that a URL names: the one place that knows which logs there are.

An implementation is imported only when its log is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext

from converters.config.kafka_settings import KafkaSettings
from converters.config.settings import KAFKA, Settings
from converters.config.shown_url import shown_url
from converters.config.sqlite_url import sqlite_file
from converters.errors import UsageError
from learners.registry import Registry
from stream.log.contract import EventLog


@contextmanager
def opened_log(settings: Settings, *, create: bool = False) -> Iterator[EventLog]:
    """The log that the config names, closed at the end; readers do not create it."""
    from stream.logging import configure_logs

    configure_logs()
    with closing(opened(settings, create=create)) as event_log:
        yield event_log


def opened(
    settings: Settings, *, create: bool = True, registry: Registry | None = None
) -> EventLog:
    """The log that the config names.

    Args:
        settings: of the model.
        create: as in :func:`stream.open_log.open_log`.
        registry: the model's, if it is open; else it is opened where it is needed.

    Raises:
        MissingLogError: the log would be created, but the model was learned from another.
    """
    if create:
        _check_known(settings, registry)
    replication_factor = settings.topics.replication_factor
    return open_log(
        settings.log,
        replication_factor=replication_factor,
        create=create,
        kafka=settings.kafka,
    )


class MissingLogError(UsageError):
    """The config names a log that does not exist, for a model that has read one."""


def _check_known(settings: Settings, registry: Registry | None) -> None:
    """Refuse to create a log for a model that has read another, which would go on from nothing."""
    file, known_in = sqlite_file(settings.log), sqlite_file(settings.registry)
    if file is None or file.exists() or (known_in is not None and not known_in.exists()):
        return
    place = settings.registry, settings.model
    with nullcontext(registry) if registry else closing(Registry(*place)) as known:
        lineage = known.versions.live_lineage()
    if lineage is None or not lineage.start.topic_ids:
        return
    if file.exists():  # another program has created it since the first look, and learned from it
        return
    raise MissingLogError(
        f"The log {shown_url(settings.log)} does not exist, and model '{settings.model}' has been "
        "learned from a log before. If that is in Kafka, `log` or `kafka.properties` is missing in "
        "the config, or --kafka-config with this command. If the file was lost, restore it; or "
        "begin anew with another `home`. Nothing was created."
    )


KAFKA_PORT = 9092
# A name or IPv4 address, or an IPv6 address in brackets, and a port.
SERVER = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?")


def open_log(
    url: str,
    *,
    replication_factor: int = -1,
    create: bool = True,
    kafka: KafkaSettings | None = None,
) -> EventLog:
    """The log at a URL.

    Args:
        url: ``sqlite:////absolute/path`` (three slashes: relative to the working directory) or
            ``kafka://host:port``, several brokers with commas.
        replication_factor: of Kafka topics that are created; -1 takes the brokers' default.
        create: whether to create a SQLite log if it is missing.
        kafka: how to reach Kafka's brokers; without, in the plain.

    Raises:
        UsageError: the URL names no log, or the settings of Kafka cannot be used.
        LogError: the log cannot be used.
        LogUnavailableError: the log does not answer.
    """
    try:
        path = sqlite_file(url)
    except ValueError as error:
        raise _wrong(url, str(error)) from None
    if path is not None:
        from stream.log_sqlite.log import SqliteLog

        return SqliteLog(path, create=create)
    if url.startswith(KAFKA):
        servers = ",".join(_server(url, each) for each in url.removeprefix(KAFKA).split(","))
        from stream.log_kafka.connection import connection_to
        from stream.log_kafka.log import KafkaLog

        connection = connection_to(servers, kafka or KafkaSettings())
        return KafkaLog(connection, replication_factor=replication_factor)
    raise _wrong(url, "it is of another kind")


def _server(url: str, text: str) -> str:
    """One ``host:port``."""
    match = SERVER.fullmatch(text.strip())
    if match is None:
        raise _wrong(url, "a broker is HOST:PORT, without user and password")
    return f"{match['host']}:{match['port'] or KAFKA_PORT}"


def _wrong(url: str, why: str) -> UsageError:
    return UsageError(
        f"`log = {shown_url(url)!r}` names no log: {why}. Write `sqlite:////absolute/path/log.db`"
        " or `kafka://HOST:PORT[,HOST:PORT]`."
    )
