"""Opens the registry's database, makes its tables, and gives transactions on one model.

Every error of the database is raised as a :class:`RegistryError` that says what, where and what
to do. What is particular to one kind of database is at the end, and in the triggers of
:mod:`learners.registry.database_tables`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from converters.config.shown_url import shown_url, without_secrets
from converters.config.sqlite_url import sqlite_file
from converters.errors import UsageError
from converters.files.missing_file import did_you_mean
from converters.files.private import create_file, make_folder
from learners.registry import database_tables, migrations
from learners.registry.errors import (
    BUSY_SECONDS,
    RegistryError,
    no_model,
    no_registry,
    primary_code,
    translated,
)

# Tables, then the model's row: each can be lost to another process once.
_CREATE_ATTEMPTS = 3
# The execution option of connections that are going to write.
_WRITES = "freshet_writes"
# SQLite's own waiting doubles its pauses up to 100 ms and hardly meets the gaps of a busy writer:
# beside one that committed without a break a rollback took 1.2 s, or failed after 10 s; so 0.04 s.
_PAUSE_SECONDS = 0.001


class Transaction(NamedTuple):
    """One transaction on one model, and the time that it writes."""

    connection: Connection
    model: str
    now: datetime


class Database:
    """The database of many models, seen from one of them; safe to share between threads.

    One that is only read is left as it is: nothing is made, migrated or locked. Without ``create``
    neither it nor the model is made, and one that is there is opened as ever.
    """

    def __init__(
        self,
        url: str,
        model: str,
        clock: Callable[[], datetime],
        *,
        read_only: bool = False,
        create: bool = True,
    ) -> None:
        self._url = url
        parsed = _parse(url)
        self._model = model
        self._clock = clock
        with self._translating():
            if parsed.get_backend_name() == "sqlite":
                migrations.look_where_it_was(str(parsed.database), model, open_to_read)
            opened = _open_to_read if read_only else _open if create else _open_existing
            self._engine = opened(parsed, shown_url(url))
            self._writing = self._engine.execution_options(**{_WRITES: True})
        try:
            with self._translating():
                if read_only:
                    self._look()
                else:
                    self._prepare(create=create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._translating(), self._engine.connect() as connection:
            yield Transaction(connection, self._model, self._now())

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction on this model's data that is alone until it ends; all or nothing."""
        with self._translating(), self._writing.begin() as connection:
            lock(connection, self._model)
            yield Transaction(connection, self._model, self._now())

    def _now(self) -> datetime:
        """The clock's time as the tables hold it, so that what is written equals what is read."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _prepare(self, *, create: bool) -> None:
        shown = shown_url(self._url)
        with self._engine.connect() as connection:
            made = inspect(connection).has_table(database_tables.shape.name)
            current = made and migrations.is_current(connection, shown)
            known = made and _knows(connection, self._model)
            if not known and not create:
                raise no_model(shown, self._model, _models(connection) if made else None)
            ready = current and known
        if ready:
            return
        try:
            self._create()
        except (SQLAlchemyError, sqlite3.Error) as error:
            if current or not made:
                raise
            told = translated(error, self._url)
            raise type(told)(
                f"{told} An older release made this registry; its tables are migrated to those of "
                "this one as soon as it is opened. That failed, and nothing was changed."
            ) from error

    def _look(self) -> None:
        """See that there is something to read."""
        shown = shown_url(self._url)
        with self._engine.connect() as connection:
            if not inspect(connection).has_table(database_tables.shape.name):
                raise no_registry(shown)
            current = migrations.is_current(connection, shown)
            if not current and connection.dialect.name != "sqlite":
                raise RegistryError(
                    f"An older release made the registry {shown}. 'freshet models' migrates its "
                    "tables to those of this release."
                )

    def _create(self) -> None:
        """Make what is missing; of two processes that race, the slower finds it made.

        SQLite has one lock for all; on others the slower one sees its CREATE or INSERT refused.
        """
        for attempt in range(1, _CREATE_ATTEMPTS + 1):
            try:
                with self._writing.begin() as connection:
                    _create_missing(connection, self._model, shown_url(self._url))
            except (IntegrityError, ProgrammingError):
                if attempt == _CREATE_ATTEMPTS:
                    raise
            else:
                return

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, ValueError) as error:
            # A driver that misreads a password quotes it as a host: then a traceback hides it too.
            quoted = without_secrets(str(error), self._url) != str(error)
            raise translated(error, self._url) from (None if quoted else error)


class Part:
    """A part of the registry: each of its methods is one transaction, all or nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database


def lock(connection: Connection, model: str) -> None:
    """Take the model's row, so that no other transaction changes anything of the model."""
    row = database_tables.models
    connection.execute(update(row).where(row.c.model == model).values(epoch=row.c.epoch))


def _knows(connection: Connection, model: str) -> bool:
    row = database_tables.models
    return connection.scalar(select(row.c.epoch).where(row.c.model == model)) is not None


def _models(connection: Connection) -> list[str]:
    return sorted(connection.scalars(select(database_tables.models.c.model)))


def _create_missing(connection: Connection, model: str, shown: str) -> None:
    if inspect(connection).has_table(database_tables.shape.name):
        migrations.migrate(connection, shown)
    else:
        database_tables.metadata.create_all(connection)
        connection.execute(insert(database_tables.shape).values(migrations.this_shape()))
    if not _knows(connection, model):
        connection.execute(
            insert(database_tables.models).values(model=model, epoch=0, pinned=False)
        )


def _parse(url: str) -> URL:
    try:
        file = sqlite_file(url)
    except ValueError as error:
        raise UsageError(f"registry = {shown_url(url)!r}: {error}: write sqlite:///PATH.") from None
    if file is not None:  # absolute, since SQLite would take "file:x" for a URL of its own
        return URL.create("sqlite", database=str(file.absolute()))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # which may quote a part of a password
        raise UsageError(
            f"registry = {shown_url(url)!r} is no database URL: write sqlite:///PATH, for "
            "example sqlite:////var/lib/freshet/registry.db."
        ) from None
    if parsed.get_backend_name() == "sqlite":
        raise UsageError(f"registry = {shown_url(url)!r} names no file: write sqlite:///PATH.")
    return parsed


def _open(url: URL, shown: str) -> Engine:
    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))
        _make_folder(path.parent, shown)
        with suppress(OSError):  # which SQLite explains better
            create_file(path)
        engine = create_engine(url, json_serializer=_dump, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        return engine
    return _open_elsewhere(url, shown)


def _open_existing(url: URL, shown: str) -> Engine:
    path = Path(str(url.database))
    if url.get_backend_name() == "sqlite" and not _is_there(path, shown):
        raise no_registry(shown, did_you_mean(path))
    return _open(url, shown)


def _open_to_read(url: URL, shown: str) -> Engine:
    """An engine that writes nothing, not even the files that a log beside SQLite's needs."""
    if url.get_backend_name() != "sqlite":
        return _open_elsewhere(url, shown)
    path = Path(str(url.database))
    if not _is_there(path, shown):
        raise no_registry(shown, did_you_mean(path))
    engine = create_engine(
        "sqlite+pysqlite:///", creator=lambda: open_to_read(path), poolclass=NullPool
    )
    event.listen(engine, "connect", _configure_reader)
    event.listen(engine, "begin", _begin)
    return engine


def _is_there(path: Path, shown: str) -> bool:
    """Whether there is such a file.

    Raises:
        RegistryError: this user cannot look.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise RegistryError(
            f"The registry {shown} cannot be read: {error.strerror}. A home is open to its own "
            "user alone: run this as the user that the learner runs as."
        ) from error
    return True


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a SQLite file that writes nothing, not even the files that its log needs.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    # Without a log beside it nobody has it open; and it may be on a disk that is read-only.
    alone = not path.with_name(f"{path.name}-wal").exists()
    uri = f"file:{quote(os.fsencode(path))}?mode=ro{'&immutable=1' if alone else ''}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)


def _open_elsewhere(url: URL, shown: str) -> Engine:
    try:
        return create_engine(url, json_serializer=_dump, pool_pre_ping=True)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise UsageError(
            f"registry = {shown!r} needs a database driver that is not installed "
            f"({error}): install it, or use sqlite:///PATH."
        ) from error


def _dump(value: object) -> str:
    """JSON that every database takes: some would keep a NaN. The order of columns must stay."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RegistryError(
            f"The registry keeps JSON, and was given something else ({error}); nothing was "
            "changed. This is a bug in Freshet: please report it with this message."
        ) from error


def _make_folder(folder: Path, shown: str) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise RegistryError(
            f"The folder of the registry {shown} cannot be made "
            f"({error.strerror}): make {folder} writable, or correct `registry` in the config."
        ) from error


def _configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    """Set up a new connection.

    FULL, because a version that was published must still be there after a power loss.
    """
    connection.isolation_level = None
    _insist(connection, "PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _configure_reader(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    """Show a registry of an older shape as one of today's, with nothing in what is newer."""
    connection.isolation_level = None
    connection.execute("PRAGMA temp_store=MEMORY")
    here = {
        table: {row[1] for row in connection.execute(f"PRAGMA main.table_info({table.name})")}
        for table in database_tables.metadata.sorted_tables
    }
    for table, columns in here.items():
        lacking = [f"NULL AS {c.name}" for c in table.c if c.name not in columns]
        if here[database_tables.shape] and lacking:
            old = f"*, {', '.join(lacking)} FROM main.{table.name}"
            rows = old if columns else f"{', '.join(lacking)} WHERE 0"
            connection.execute(f"CREATE TEMP VIEW {table.name} AS SELECT {rows}")


def _begin(connection: Connection) -> None:
    """Begin a transaction: at once the only writer, or a reader that nobody hinders.

    A deferred transaction that reads and then writes would fail at once, whatever the timeout.
    """
    handle = connection.connection.driver_connection
    assert isinstance(handle, sqlite3.Connection)
    if not connection.get_execution_options().get(_WRITES, False):
        handle.execute("BEGIN")
        return
    handle.execute("PRAGMA busy_timeout=0")
    try:
        _insist(handle, "BEGIN IMMEDIATE")
    finally:
        handle.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000:.0f}")


def _insist(connection: sqlite3.Connection, statement: str) -> None:
    """Try until the lock is free; switching to WAL, too, fails at once when two do it together."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if primary_code(error) != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
