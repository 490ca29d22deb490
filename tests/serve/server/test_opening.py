"""A connection that is dropped for want of room while it is opened."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serve.http.prometheus_counters import Counters
from serve.server.connections import Connections
from serve.server.protocol import Protocol

# A request whose body is not complete.
SLOW = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"


@pytest.mark.parametrize("passes", range(6))
def test_a_connection_dropped_while_it_opens_leaves_no_request(passes: int) -> None:
    """Whenever it is dropped: no request begins, or the one that has begun is told of the end."""
    told: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        told.append("begun")
        await _answer_late(receive, send)
        told.append("ended")

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told.append(context["message"]))
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        table = Connections(1, 5.0, Counters())
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(SLOW)
            for each in (ours, theirs):
                each.setblocking(False)
            state = ServerState()
            connection = Protocol(table, config, state, {})
            connection.sock = ours
            table.made(connection)
            opening = loop.connect_accepted_socket(lambda: connection, ours)
            connection.opening = task = loop.create_task(_result(opening))
            for _ in range(passes):
                await asyncio.sleep(0)
            table.lost(connection)
            connection.drop()
            with suppress(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.05)
            assert not state.connections
            assert not state.tasks
            return await _received(theirs)

    assert uvloop.run(run()) == b""
    assert told in ([], ["begun", "ended"])


async def _result(opening: object) -> None:
    """Open it, as a task."""
    await opening  # type: ignore[misc]


async def _answer_late(receive: Receive, send: Send) -> None:
    """Send an answer after the connection has ended."""
    while (await receive())["type"] != "http.disconnect":
        pass
    await send({"type": "http.response.start", "status": 408, "headers": []})
    await send({"type": "http.response.body", "body": b"late"})


async def _received(connection: socket.socket) -> bytes:
    with suppress(ConnectionResetError):
        return await asyncio.get_running_loop().sock_recv(connection, 100)
    return b""
