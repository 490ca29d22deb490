"""The scores that callers were given, by id, in a file of the home that all its servers share.

A score is *claimed* before its row is appended, and *done* once that is on the log: whoever sends
the id again gets the score of the first. A claim whose server has died is settled by a look at the
log: the row is there, or nobody was answered. The file is bounded; its oldest ids are forgotten.
"""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from converters.files.private import create_file, make_folder
from stream.log.contract import LogUnavailableError
from stream.log.signed_scores import Answer

FILE = "served.sqlite"
# As many ids are known at most: 150 MB.
MOST_GIVEN = 1_000_000
# Another server holds the file for milliseconds.
BUSY_SECONDS = 5.0
# Well over what a request may take: a server of another machine that has not finished by then has
# died, or its process number was given to another.
ABANDONED_MS = 60_000
# SQLite takes so many values in a statement at least.
AT_ONCE = 500
# In place of when a process has begun, where the system does not say.
UNKNOWN = "?"

_TABLE = """
CREATE TABLE IF NOT EXISTS given (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, score REAL NOT NULL,
    version INTEGER NOT NULL, learned INTEGER NOT NULL, made INTEGER NOT NULL,
    time INTEGER NOT NULL, claim TEXT NOT NULL,
    partition INTEGER NOT NULL, after INTEGER NOT NULL, owner TEXT NOT NULL, done INTEGER NOT NULL
)
"""
_COLUMNS = "score, version, learned, made, time, claim, partition, after, owner, done"


class Given(NamedTuple):
    """What the caller of an id was given, or will be once its row is on the log.

    Attributes:
        claim: of its record; that is in this partition, and not ``after`` there yet.
        owner: the process that appends it.
        done: whether it is on the log.
    """

    score: float
    version: int
    learned: int
    made: int
    time: int
    claim: str
    partition: int
    after: int
    owner: str
    done: bool = False

    @classmethod
    def of(cls, score: float, answer: Answer, place: tuple[int, int], owner: str) -> Given:
        """The claim of a row that is about to be appended."""
        version, learned, made, time, claim = answer
        return cls(score, version, learned, made, time, claim, *place, owner)


def digest_of(topic: str, id_: str) -> bytes:
    """What an id of a topic's events is known by."""
    return blake2b(f"{topic}\n{id_}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def this_process() -> str:
    """The owner of claims: host, number and start of the process, and what is this one's alone."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_begun(pid)}/{secrets.token_hex(4)}"


def is_gone(owner: str, since: int, now: int) -> bool:
    """Whether the process that claimed something at this time (ms) will not finish it."""
    host, pid, begun, _ = owner.rsplit("/", 3)
    if now - since > ABANDONED_MS:
        return True
    return host == socket.gethostname() and _begun(int(pid)) != begun


def _begun(pid: int) -> str:
    """When a process has begun, as far as the system says; empty where it does not run.

    In a container that is started again a server has the number of the one before.
    """
    with suppress(FileNotFoundError, ProcessLookupError):
        said = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
        return said.rpartition(")")[2].split()[19]
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:  # it runs, as another user
        return UNKNOWN
    return UNKNOWN


class GivenScores:
    """The file; for one thread.

    Args:
        home: of the model.
        kept_ms: for how long ids are known.
    """

    def __init__(self, home: Path, kept_ms: int) -> None:
        self._path = home / FILE
        self._kept_ms = kept_ms
        with self._errors():
            make_folder(home)
            create_file(self._path)
            self._connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A power cut that undid a claim would let the id be scored twice.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_TABLE)

    @contextmanager
    def change(self) -> Iterator[None]:
        """What is done within is done as a whole, and by one process at a time.

        Raises:
            LogUnavailableError: the file cannot be used now; nothing was changed.
        """
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def find(self, ids: Sequence[bytes]) -> dict[bytes, Given]:
        """What is known of these ids."""
        found: dict[bytes, Given] = {}
        for first in range(0, len(ids), AT_ONCE):
            some = ids[first : first + AT_ONCE]
            marks = ",".join("?" * len(some))
            asked = f"SELECT id, {_COLUMNS} FROM given WHERE id IN ({marks})"  # noqa: S608
            for id_, *given in self._connection.execute(asked, some):
                found[id_] = Given(*given)
        return found

    def claim(self, claims: Mapping[bytes, Given], now: int) -> None:
        """Enter ids that are not known; forget as many old ones that have been known for long."""
        rows = [(id_, *given) for id_, given in claims.items()]
        marks = ",".join("?" * (1 + len(Given._fields)))
        enter = f"INSERT INTO given (id, {_COLUMNS}) VALUES ({marks})"  # noqa: S608
        self._connection.executemany(enter, rows)
        self._forget(2 * len(rows), now)

    def finish(self, ids: Iterable[bytes]) -> None:
        """The rows of these ids are on the log."""
        self._connection.executemany("UPDATE given SET done = 1 WHERE id = ?", [(i,) for i in ids])

    def drop(self, claims: Mapping[bytes, Given]) -> None:
        """The rows of these claims are not on the log, and nobody will append them."""
        gone = [(id_, given.claim) for id_, given in claims.items()]
        self._connection.executemany(
            "DELETE FROM given WHERE id = ? AND claim = ? AND NOT done", gone
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _forget(self, most: int, now: int) -> None:
        asked = "SELECT min(number), max(number) FROM given"
        with closing(self._connection.execute(asked)) as rows:
            first, last = rows.fetchone()
        self._connection.execute(
            "DELETE FROM given WHERE number < ? AND (time < ? OR number <= ?)",
            (first + most, now - self._kept_ms, last - MOST_GIVEN),
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailableError(
                f"What callers were given is kept in {self._path}, which cannot be used: {error}. "
                "Nothing is remembered without it. Free space, or let this user write there; a "
                "damaged file may be moved away: ids that it knew are then scored anew."
            ) from error
