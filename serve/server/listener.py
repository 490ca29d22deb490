"""Accepts connections, as many as there is room for.

The loops of asyncio accept whatever waits; out of file descriptors, libuv accepts it and closes it
at once. Here no connection is accepted before there is room for it in the table, and one in each
turn of the event loop, so that several processes share them, and that requests that have come are
seen before their connection could count as idle.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

import uvloop

from converters.logger import log
from serve.server.protocol import Protocol as Connection

if TYPE_CHECKING:
    from serve.server.connections import Connections

# A client that opens a TLS connection says so at once.
LIMITS = {"ssl_handshake_timeout": 5.0, "ssl_shutdown_timeout": 1.0}
# After the system has refused to accept: it lacks descriptors or memory.
PAUSE_SECONDS = 0.5


class Server(Protocol):
    """What a listener needs of the server."""

    @property
    def table(self) -> Connections:
        """The connections of this process."""

    @property
    def context(self) -> ssl.SSLContext | None:
        """The certificate for new connections; None for plain HTTP."""


class Loop(uvloop.Loop):
    """uvloop, whose servers are :class:`Listener`.

    uvicorn asks its loop for one server for each socket; the second one is that of the admin door.
    """

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self._listeners: list[Listener] = []

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], Connection], *, sock: socket.socket, **_: object
    ) -> Listener:
        """Listen on a socket."""
        listener = Listener(self, sock, protocol_factory, self._server)
        listener.admin_door = bool(self._listeners)
        self._listeners.append(listener)
        return listener


class Listener:
    """Accepts the connections of one socket.

    Attributes:
        admin_door: whether its connections are for the admin routes only.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        make: Callable[[], Connection],
        server: Server,
    ) -> None:
        self.admin_door = False
        self._loop = loop
        self._socket = sock
        self._make = make
        self._server = server
        self._table = server.table
        self._opening: set[asyncio.Task[None]] = set()
        self._open = self._reading = True
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._ready)

    def close(self) -> None:
        """Accept no more."""
        self._open = False
        self._pause()

    async def wait_closed(self) -> None:
        """Nothing: connections are waited for by uvicorn."""

    def resume(self) -> None:
        """Accept again."""
        if self._open and not self._reading:
            self._reading = True
            self._loop.add_reader(self._socket.fileno(), self._ready)

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket.fileno())

    def _ready(self) -> None:
        """Connections wait; accept them once this turn's input of others has been read."""
        self._loop.call_soon(self._accept)

    def _accept(self) -> None:
        if not self._reading:
            return
        if self._table.full:
            self._table.when_room(self.resume)
            self._pause()
            return
        try:
            sock, _peer = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return  # another process took it, or it has gone
        except OSError as error:
            log.warning("cannot accept connections", error=error.strerror)
            self._pause()
            self._loop.call_later(PAUSE_SECONDS, self.resume)
            return
        self._table.make_room()
        self._start(sock)

    def _start(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        connection = self._make()
        connection.admin_door, connection.sock = self.admin_door, sock
        self._table.made(connection)
        connection.opening = task = self._loop.create_task(self._connect(connection, sock))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, connection: Connection, sock: socket.socket) -> None:
        context = None if sock.family == socket.AF_UNIX else self._server.context
        limits = {} if context is None else LIMITS
        connected = False
        try:
            with suppress(OSError):  # of a client that speaks no TLS, or has gone
                await self._loop.connect_accepted_socket(
                    cast("Any", lambda: connection), sock, ssl=context, **limits
                )
                connected = True
        finally:
            if not connected:
                self._table.lost(connection)
