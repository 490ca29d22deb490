"""The HTTP server as processes: uvicorn around :mod:`serve.app`, with one worker or several.

Workers share one listening socket, and each follows the registry by itself. On SIGTERM or Ctrl-C
running requests are answered first. :class:`Protocol` is uvicorn's HTTP/1.1 with three gaps closed:
an offer of another protocol (Java's HTTP client offers HTTP/2 with its first request) is ignored,
where uvicorn would lose the body; neither an incomplete head nor the rest of a refused body is
awaited forever; and what is not HTTP is answered by a problem document.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httptools
import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from converters.config.settings import Settings
from converters.schema.schema import Schema
from learners.registry import Registry
from serve.http.problems import PROBLEM_JSON, TYPE_PREFIX
from serve.processes.ports import BACKLOG
from stream.logging import configure_logs

OFFERS = frozenset({b"upgrade", b"http2-settings"})
NOT_HTTP = {"type": f"{TYPE_PREFIX}not-http", "title": "This is not HTTP/1.1", "status": 400}


class Protocol(HttpToolsProtocol):
    """One connection. The keep-alive timer also runs until the next head is complete."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first head."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """Parse data; continue as HTTP/1.1 after an offer of another protocol."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._ignore_offer(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))

    def on_headers_complete(self) -> None:
        """Stop the timer: the head is complete."""
        self._unset_keepalive_if_required()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, and close the connection."""
        content = orjson.dumps({**NOT_HTTP, "detail": f"The request cannot be parsed: {msg}."})
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: %b\r\n"
            b"content-length: %d\r\n\r\n%b" % (PROBLEM_JSON.encode(), len(content), content)
        )
        self.transport.close()

    def _should_upgrade(self) -> bool:
        """Handle nothing of a request with an offer until it is parsed again without."""
        return True

    def _ignore_offer(self, rest: bytes) -> None:
        """Parse the current request again without its offer, then what followed its head."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.send_400_response("this is not a proxy")
            return
        lines = [b"%b %b HTTP/1.1" % (method, self.url)]
        for name, value in self.headers:
            kept = _without_offers(value) if name == b"connection" else value
            if name not in OFFERS and kept:
                lines.append(b"%b: %b" % (name, kept))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"\r\n".join([*lines, b"", b""]) + rest)


def _without_offers(connection: bytes) -> bytes:
    """A Connection header without offers."""
    tokens = [token.strip() for token in connection.split(b",")]
    return b", ".join(token for token in tokens if token.lower() not in OFFERS)


if TYPE_CHECKING:
    from fastapi import FastAPI

# How often a worker checks whether its parent was killed; it then ends.
PARENT_SECONDS = 1.0
# As in serve.http.prometheus_counters, which may only be imported once the variable is set.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


def create(settings: Settings, schema: Schema, parent: int | None = None) -> FastAPI:
    """The application, made in the process that runs it; a worker ends with its parent."""
    from serve.app import create_app

    app = create_app(settings, schema)
    # What exists now stays: the collector need not traverse it while requests wait.
    gc.freeze()
    if parent is not None:
        configure_logs()
        # The application keeps the task from being collected.
        app.state.watching = asyncio.get_running_loop().create_task(_end_with(parent))
    return app


def run(settings: Settings, schema: Schema, listener: socket.socket, workers: int) -> None:
    """Serve until a signal stops it.

    Raises:
        RegistryError: the registry cannot be used.
    """
    # Opened once here: a worker that fails at its start could not report why as well.
    Registry(settings.registry, settings.model).close()
    parent = os.getpid() if workers > 1 else None
    patience = max(1, round(settings.serve.timeout))
    config = uvicorn.Config(
        partial(create, settings, schema, parent),
        factory=True,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        workers=workers,
        log_level="error",
        access_log=False,
        server_header=False,
        # The peer's own address decides who may use admin routes.
        proxy_headers=False,
        timeout_keep_alive=patience,
        timeout_graceful_shutdown=patience,
        backlog=BACKLOG,
    )
    if workers == 1:
        with _signals_kept():
            uvicorn.Server(config).run(sockets=[listener])
    else:
        with _shared_counters(settings.home), _signals_kept():
            Multiprocess(config, [listener]).run()


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Exit with status 0: after its end, uvicorn raises the signal that ended it again."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, lambda *_: None) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def _shared_counters(home: Path) -> Iterator[None]:
    """A folder through which the counters of all workers add up."""
    folder = home / f"metrics-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[MULTIPROCESS] = str(folder)
    try:
        yield
    finally:
        del os.environ[MULTIPROCESS]
        shutil.rmtree(folder, ignore_errors=True)


async def _end_with(parent: int) -> None:
    """End this worker when its parent was killed, so that it frees the port."""
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_SECONDS)
    signal.raise_signal(signal.SIGTERM)
