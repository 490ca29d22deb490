"""All connections of a server process: how many there may be, and how long each may wait.

A connection waits while no request runs on it: before its first request, between two, and while
the head of one is incomplete. Where there is no room for one more, the one that has waited longest
is closed in its favour. One that waits for the time limit ends, and so does one whose client does
not read its answer, or does not close its side after the last answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

from converters.logger import log
from serve.http.turns import Passes

if TYPE_CHECKING:
    from serve.http.prometheus_counters import Counters

# Beyond the limit, so that a request for which there is no room is told so.
SPARE = 16
# How long a client may read the last answer and close its side.
LINGER_SECONDS = 2.0
# A client that takes less of its answer than this in the time limit does not read it.
LEAST_READ = 4096
LOG_SECONDS = 60.0
# Connections looked at for one that may be closed.
MOST_ASKED = 32
NO_ROUTE = "unknown"


class Connection(Protocol):
    """What the table needs of a connection."""

    def expire(self) -> None:
        """End: no request has come in time."""

    def drop(self) -> None:
        """End at once."""

    def has_input(self) -> bool:
        """Whether the client has sent what was not read yet."""

    def unread(self) -> int:
        """Bytes of answers that the client has not taken yet."""


class Connections:
    """The connections of one process.

    Attributes:
        limit: how many may have a running request.
        passes: gives long bodies in chunks their turns.
    """

    def __init__(self, limit: int, timeout: float, counters: Counters) -> None:
        self.limit = limit
        self.passes = Passes()
        self._timeout = timeout
        self._linger = min(LINGER_SECONDS, timeout)
        self._counters = counters
        self._now = asyncio.get_running_loop().time
        self._all: set[Connection] = set()
        # Since when, the longest first.
        self._waiting: dict[Connection, float] = {}
        self._ending: dict[Connection, float] = {}
        # Since when, and how many bytes were unread then.
        self._unread: dict[Connection, tuple[float, int]] = {}
        self._when_room: list[Callable[[], None]] = []
        self._closed: dict[str, int] = {}
        self._logged_at = -LOG_SECONDS

    def __len__(self) -> int:
        return len(self._all)

    @property
    def crowded(self) -> bool:
        """Whether more requests run than may."""
        return len(self._all) - len(self._waiting) - len(self._ending) > self.limit

    @property
    def full(self) -> bool:
        """Whether no more may come: requests run on all of them."""
        return len(self._all) >= self.limit + SPARE and self._longest() is None

    def make_room(self) -> None:
        """If need be, close the connection that has waited longest, for one that has come."""
        if len(self._all) >= self.limit and (longest := self._longest()):
            self.count("evicted")
            self.lost(longest)
            longest.drop()

    def _longest(self) -> Connection | None:
        """The connection that has waited longest, and on which no request has come unseen."""
        idle = islice(chain(self._waiting, self._ending), MOST_ASKED)
        return next((connection for connection in idle if not connection.has_input()), None)

    def when_room(self, tell: Callable[[], None]) -> None:
        """Call this once, when a connection has ended or begun to wait."""
        self._when_room.append(tell)

    def made(self, connection: Connection) -> None:
        """A connection was accepted."""
        self._all.add(connection)
        self._waiting[connection] = self._now()
        self._counters.connections.set(len(self._all))

    def lost(self, connection: Connection) -> None:
        """A connection has ended."""
        if connection in self._all:
            self._all.discard(connection)
            for kind in (self._waiting, self._ending, self._unread):
                kind.pop(connection, None)
            self._counters.connections.set(len(self._all))
            if self._when_room:
                self._tell_room()

    def busy(self, connection: Connection) -> None:
        """A request has begun."""
        self._waiting.pop(connection, None)

    def waits(self, connection: Connection) -> None:
        """The request is answered."""
        if connection in self._all:
            self._waiting.pop(connection, None)
            self._waiting[connection] = self._now()
            if self._when_room:
                self._tell_room()

    def ends(self, connection: Connection) -> None:
        """The last answer is sent."""
        if connection in self._all:
            self._waiting.pop(connection, None)
            self._ending.setdefault(connection, self._now())

    def stalls(self, connection: Connection) -> None:
        """The client does not read as fast as it is answered."""
        self._unread[connection] = self._now(), connection.unread()

    def flows(self, connection: Connection) -> None:
        """The client reads again."""
        self._unread.pop(connection, None)

    def count(self, reason: str) -> None:
        """Count a connection or request that found no room; told at once, then once a minute."""
        self._counters.connections_closed.labels(reason).inc()
        self._closed[reason] = self._closed.get(reason, 0) + 1
        now = self._now()
        if now - self._logged_at >= LOG_SECONDS:
            log.warning("connections full", limit=self.limit, **self._closed)
            self._logged_at = now
            self._closed.clear()

    def refused(self, status: int) -> None:
        """Count a request that reaches no route."""
        self._counters.request(NO_ROUTE, status, 0.0)

    def sweep(self) -> None:
        """End what has lasted too long; to be called again and again."""
        now = self._now()
        for connection in _older(self._waiting, now - self._timeout):
            if not connection.unread():
                connection.expire()
            elif self._reads(connection, now):
                self.waits(connection)
            else:
                connection.drop()
        for connection in _older(self._ending, now - self._linger):
            if not (connection.unread() and self._reads(connection, now)):
                connection.drop()
        for connection in list(self._unread):
            if not self._reads(connection, now):
                connection.drop()

    def _tell_room(self) -> None:
        told, self._when_room = self._when_room, []
        for tell in told:
            tell()

    def _reads(self, connection: Connection, now: float) -> bool:
        """Whether the client takes its answers; seen once in a time limit."""
        size = connection.unread()
        since, before = self._unread.setdefault(connection, (now, size))
        if now - since < self._timeout:
            return True
        self._unread[connection] = now, size
        return before - size >= LEAST_READ


def _older(since: dict[Connection, float], than: float) -> list[Connection]:
    found = []
    for connection, began in since.items():
        if began > than:
            break
        found.append(connection)
    return found
