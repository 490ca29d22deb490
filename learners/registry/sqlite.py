"""Event hooks for SQLite: WAL, full syncs, explicit BEGIN, and waiting for the lock.

Other databases need none of it. As SQLAlchemy's page on SQLite advises, sqlite3 begins no
transaction by itself; :func:`begin` does.
"""

from __future__ import annotations

import sqlite3
import time

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

from learners.registry.errors import BUSY_SECONDS, primary_code

# The execution option of connections that are going to write.
WRITES = "freshet_writes"
# SQLite's own waiting doubles its pauses up to 100 ms and hardly meets the gaps of a busy writer:
# beside one that committed without a break a rollback took 1.2 s, or failed after 10 s; so 0.04 s.
_PAUSE_SECONDS = 0.001


def configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    """Set up a new connection.

    FULL, because a version that was published must still be there after a power loss.
    """
    connection.isolation_level = None
    _insist(connection, "PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def begin(connection: Connection) -> None:
    """Begin a transaction: at once the only writer, or a reader that nobody hinders.

    A deferred transaction that reads and then writes would fail at once, whatever the timeout.
    """
    handle = connection.connection.driver_connection
    assert isinstance(handle, sqlite3.Connection)
    if not connection.get_execution_options().get(WRITES, False):
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
