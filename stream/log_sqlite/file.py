"""The file of a SQLite log: how it is opened, what is in it, and what its errors mean.

The log, its readers and its writers each hold a connection from :meth:`LogFile.connect` and use
it inside :meth:`LogFile.errors`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from operator import add
from pathlib import Path
from time import monotonic, sleep
from typing import TypeAlias

from converters.files.missing_file import did_you_mean
from converters.files.private import create_file, make_folder
from stream.log.contract import (
    LogError,
    LogUnavailableError,
    Outgoing,
    Place,
    PositionError,
)
from stream.log.limits import later, unknown

APPLICATION_ID = int.from_bytes(b"Frsh", "big")
SCHEMA_VERSION = 1
# A record of 50 rows is 3 KB: at SQLite's default of 4 KiB it spills over, and reading costs twice.
PAGE_BYTES = 16_384
# A burst of writing may leave a long write-ahead log; it is truncated to this.
WAL_KEPT_BYTES = 64 * 2**20
BUSY_SECONDS = 10.0
PAUSE_SECONDS = 0.01
# How messages name this log.
HERE = "in this log"
# Errors that may be transient, or end when space is freed: they are retried.
PASSING = ("SQLITE_FULL", "SQLITE_IOERR")

# A record's id is its partition's id above 40 bits of offset, so that one b-tree without a
# second index is ordered by partition and offset. Partition ids and offsets are never reused.
OFFSET_BITS = 40

SCHEMA = """\
CREATE TABLE topics (name TEXT PRIMARY KEY, topic_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL REFERENCES topics (name),
    number INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, number)
);
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    value BLOB NOT NULL,
    headers BLOB,
    key BLOB
);
CREATE TABLE writers (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;
"""
# The highest record time of each partition up to an offset; what an older Freshet has appended
# since, or before there was this table, is read when somebody asks.
NEWEST_TIMES = """\
CREATE TABLE IF NOT EXISTS newest_times (
    partition INTEGER PRIMARY KEY, time INTEGER NOT NULL, upto INTEGER NOT NULL
)
"""

# What SQLite's result codes (by the start of their name) mean for an operator of Freshet.
MEANINGS = {
    "SQLITE_FULL": "the disk is full. Free some space; this write was rolled back",
    "SQLITE_READONLY": "it cannot be written. Check the permissions of the file and its folder",
    "SQLITE_PERM": "it may not be opened. Check the permissions of the file and its folder",
    "SQLITE_CANTOPEN": "it cannot be opened. Check that its folder can be written",
    "SQLITE_NOTADB": "it is not a SQLite database. Set `log` to another file",
    "SQLITE_CORRUPT": "it is damaged. Restore it from a backup",
    "SQLITE_IOERR": "the disk failed. Check the disk and its free space",
}


class LogFile:
    """A SQLite file that holds a log.

    Args:
        path: the file.
        create: whether to create it if it is missing.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self._look_for(create=create)
        with self.errors():
            try:
                make_folder(path.parent)
            except OSError as error:
                raise LogError(
                    f"The folder of the log {path} cannot be created: {error}."
                ) from error
            with contextlib.suppress(OSError):  # which SQLite explains better
                create_file(path)
            with contextlib.closing(self.connect()) as connection:
                self._prepare(connection)
        self._identity = self._on_disk()

    def _look_for(self, *, create: bool) -> None:
        """Refuse a missing log if creating another would hide the loss."""
        if self.path.exists():
            return
        ahead = self.path.with_name(f"{self.path.name}-wal")
        # Looked for again: another program may just have created both.
        if ahead.exists() and not self.path.exists():
            raise LogError(
                f"The log {self.path} is missing, but {ahead.name}, which belongs to it, exists: "
                "the log was moved or deleted by itself. Put it back beside that file, which has "
                "its newest records."
            )
        if not create:
            raise LogError(
                f"There is no log at {self.path}{did_you_mean(self.path) or '.'} Check `log` and "
                "`home` in the config, and whether the file was moved; 'freshet produce' and "
                "'freshet learn' create one."
            )

    def connect(self) -> sqlite3.Connection:
        """A connection in autocommit mode, which waits for other writers; commits are durable."""
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        # With NORMAL, a power cut could lose records that were acknowledged to a producer.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        return connection

    def check(self) -> None:
        """Refuse to continue when the file has been removed or replaced while it was open."""
        if self._on_disk() != self._identity:
            raise PositionError(
                f"The log {self.path} was removed or replaced while it was in use. Stop every"
                " `freshet` that uses it, and start them again."
            )

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Translate SQLite's errors into the log's."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise LogUnavailableError(
                    f"The log {self.path} has been locked by another process for over"
                    f" {BUSY_SECONDS:.0f} s. Find out which one (a stopped `freshet`, a backup, a"
                    " `sqlite3` shell), end it, and try again."
                ) from error
            meaning = next((text for start, text in MEANINGS.items() if name.startswith(start)), "")
            kind = LogUnavailableError if name.startswith(PASSING) else LogError
            raise kind(
                f"The log {self.path}: {meaning or 'SQLite cannot use it'} ({name or error})."
            ) from error

    def _on_disk(self) -> tuple[int, int] | None:
        """The identity of the file at the path."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - a third of Path.stat's cost, on each append
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Set up an empty file; refuse a foreign one before anything in it is changed."""
        empty = self._is_empty(connection)
        _go_write_ahead(connection, self.path)
        if empty:
            with transaction(connection):
                if self._is_empty(connection):  # another process may have been first
                    for statement in SCHEMA.split(";"):
                        connection.execute(statement)
                    connection.execute(NEWEST_TIMES)
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif not connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'newest_times'"
        ).fetchone():
            with transaction(connection):
                connection.execute(NEWEST_TIMES)

    def _is_empty(self, connection: sqlite3.Connection) -> bool:
        """Whether the file is still empty; an error if it has anything but a log."""
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if not tables and not application:
            return True
        if application != APPLICATION_ID:
            raise LogError(
                f"{self.path} is a SQLite database of another program. Set `log` to another file."
            )
        if version != SCHEMA_VERSION:
            raise LogError(
                f"The log {self.path} has layout {version}, but this Freshet knows layout"
                f" {SCHEMA_VERSION}. Use the Freshet that wrote it."
            )
        return False


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: committed when the block ends, rolled back on an error.

    It takes the write lock immediately: one that reads first and then writes fails with "database
    is locked" whatever the timeout.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _insisted(connection: sqlite3.Connection, statement: str) -> sqlite3.Cursor:
    """Try until the lock is free: switching to WAL fails at once where two do it together."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as error:
            name = getattr(error, "sqlite_errorname", "")
            if not name.startswith("SQLITE_BUSY") or monotonic() > deadline:
                raise
            sleep(PAUSE_SECONDS)


def _go_write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Switch a new file to write-ahead logging; an old one has it already."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    (mode,) = _insisted(connection, "PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise LogError(
            f"The file system of {path} does not support a log that several processes share. Put"
            " it on a local disk, or use Kafka."
        )


# An old SQLite takes 999 values a statement. Each statement lets other threads take Python's
# lock, and as a row of its own each record would: a third of the time of a learner's transaction.
INSERT, MOST_VALUES = "INSERT INTO records", 999

Headers: TypeAlias = tuple[tuple[str, bytes], ...]

LENGTH = struct.Struct(">I")
# Records repeat a few sets of headers; each is encoded and decoded once while it is in use.
REMEMBERED_HEADERS = 4_096


def insert(
    connection: sqlite3.Connection,
    topic: str,
    records: Sequence[Outgoing],
    times: Sequence[int],
) -> list[tuple[int, int]]:
    """Put records with these times at the ends of their partitions, inside a transaction.

    Returns:
        The (partition, offset) of each record.

    Raises:
        UnknownTopicError: the topic or a partition is missing; the transaction must not commit.
    """
    firsts, nexts = _partitions(connection, topic)
    if not nexts:
        raise unknown(Place(topic, 0), 0, HERE)
    if not records:
        return []
    values, _, headers, keys, numbers = zip(*records, strict=True)
    for number in set(numbers) - nexts.keys():
        raise unknown(Place(topic, number), len(nexts), HERE)
    counts = {number: count(nexts[number]) for number in set(numbers)}
    offsets = list(map(next, map(counts.__getitem__, numbers)))
    ids = list(map(add, map(firsts.__getitem__, numbers), offsets))
    columns: dict[str, Iterable[bytes | None]] = {"value": values}
    if any(headers):
        columns["headers"] = map(packed, headers)
    if any(key is not None for key in keys):
        columns["key"] = keys
    _insert_columns(connection, {"id": ids, "time": times}, columns)
    for number, newest in dict(sorted(zip(numbers, times, strict=True))).items():
        upto = nexts[number], next(counts[number])
        where = (upto[1], topic, number)
        connection.execute(
            "UPDATE partitions SET next_offset = ? WHERE topic = ? AND number = ?", where
        )
        _keep_newest(connection, firsts[number] >> OFFSET_BITS, newest, upto)
    return list(zip(numbers, offsets, strict=True))


def _insert_columns(
    connection: sqlite3.Connection,
    numbers: Mapping[str, Sequence[int]],
    contents: Mapping[str, Iterable[bytes | None]],
) -> None:
    """Insert rows, column by column; those that are not given are empty.

    As byte arrays, since for anything but these, numbers and texts the module looks for an
    adapter, .2 us each: so a record took 1.9 us, and takes .9.
    """
    columns: dict[str, Sequence[object]] = dict(numbers)
    for name, content in contents.items():
        columns[name] = [None if each is None else bytearray(each) for each in content]
    width = len(columns)
    cells: list[object] = [None] * (width * len(numbers["id"]))
    for at, column in enumerate(columns.values()):
        cells[at::width] = column
    step = MOST_VALUES // width * width
    for begin in range(0, len(cells), step):
        part = cells[begin : begin + step]
        connection.execute(_insertion(tuple(columns), len(part) // width), part)


@lru_cache(64)
def _insertion(columns: tuple[str, ...], rows: int) -> str:
    """The statement that inserts so many records of which these columns are there."""
    row = f"({', '.join('?' * len(columns))})"
    return f"{INSERT} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"


def _keep_newest(
    connection: sqlite3.Connection, partition: int, time: int, upto: tuple[int, int]
) -> None:
    """Keep the highest time of a partition, where what was kept goes up to the first offset."""
    connection.execute(
        "INSERT INTO newest_times SELECT ?, ?, ? WHERE ? = 0 OR EXISTS"
        " (SELECT 1 FROM newest_times WHERE partition = ?)"
        " ON CONFLICT DO UPDATE SET time = max(time, excluded.time), upto = excluded.upto"
        " WHERE upto = ?",
        (partition, time, upto[1], upto[0], partition, upto[0]),
    )


def newest_time(connection: sqlite3.Connection, partition: int, end: int) -> int | None:
    """The highest record time of a partition, inside a transaction; None where it is empty."""
    found = connection.execute(
        "SELECT time, upto FROM newest_times WHERE partition = ?", (partition,)
    ).fetchone()
    time, upto = found or (None, 0)
    if upto < end:
        zero = partition << OFFSET_BITS
        (late,) = connection.execute(
            "SELECT max(time) FROM records WHERE id >= ? AND id < ?", (zero + upto, zero + end)
        ).fetchone()
        time = later(time, late)
        if time is not None:
            connection.execute(
                "INSERT OR REPLACE INTO newest_times VALUES (?, ?, ?)", (partition, time, end)
            )
    return time


def _partitions(
    connection: sqlite3.Connection, topic: str
) -> tuple[dict[int, int], dict[int, int]]:
    """The id of each partition's record 0, and each partition's next offset."""
    rows = connection.execute(
        "SELECT number, id, next_offset FROM partitions WHERE topic = ?", (topic,)
    ).fetchall()
    return {row[0]: row[1] << OFFSET_BITS for row in rows}, {row[0]: row[2] for row in rows}


@lru_cache(REMEMBERED_HEADERS)
def packed(headers: Headers) -> bytes | None:
    """Headers as one value: each name and content after its length; None where there are none."""
    if not headers:
        return None
    parts = [part for name, content in headers for part in (name.encode(), content)]
    return b"".join(LENGTH.pack(len(part)) + part for part in parts)


@lru_cache(REMEMBERED_HEADERS)
def unpacked(value: bytes | None) -> Headers:
    """What :func:`packed` was given."""
    parts, at = [], 0
    while value and at < len(value):
        (length,) = LENGTH.unpack_from(value, at)
        at += LENGTH.size + length
        parts.append(value[at - length : at])
    return tuple(zip((name.decode() for name in parts[::2]), parts[1::2], strict=True))
