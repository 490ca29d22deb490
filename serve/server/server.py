"""The server as processes: takes the port, says where it listens, runs the application, ends well.

Between :mod:`serve.commands.serve` and :mod:`serve.app`. The port is taken before anything else,
so that one that is in use is said at once; several workers share the one listening socket, and each
follows the registry by itself. On SIGTERM or Ctrl-C requests under way get their answers.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors import Multiprocess

from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.schema.schema import Schema
from learners.registry import Registry
from serve.server.protocol import Protocol
from stream.logging import configure_logs

if TYPE_CHECKING:
    from fastapi import FastAPI

# Connections that wait to be accepted; the system may allow fewer.
BACKLOG = 2048
# What a worker does about a parent that was killed: it looks this often, and ends.
PARENT_SECONDS = 1.0
# As serve.http.counters has it, which may only be imported once the variable is set.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


class PortError(FreshetError):
    """The address cannot be listened on."""


@dataclass(frozen=True)
class Application:
    """Makes the application inside the process that runs it; small enough to be sent there."""

    settings: Settings
    schema: Schema
    parent: int | None = None

    def __call__(self) -> FastAPI:
        """The application, for a uvicorn that calls factories."""
        from serve.app import create_app

        app = create_app(self.settings, self.schema)
        # What is here by now stays: the collector need not look through it while requests wait.
        gc.freeze()
        if self.parent is not None:
            configure_logs()
            # Kept from being collected by the application that it belongs to.
            app.state.watching = asyncio.get_running_loop().create_task(_end_with(self.parent))
        return app


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; connections wait in it until the application is there.

    Raises:
        PortError: the port is taken, or the address cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise PortError(
            f"There is no address {host!r} to listen on ({error.strerror or error}). Name one of "
            "this machine with --host or serve.host: 127.0.0.1 for itself, 0.0.0.0 for all."
        ) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _not_listening(host, port, error) from None
    listener.set_inheritable(True)
    return listener


def address_of(listener: socket.socket) -> str:
    """Where a listening socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104  # told, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(settings: Settings, schema: Schema, listener: socket.socket, workers: int) -> None:
    """Serve until told to stop.

    Raises:
        RegistryError: the registry cannot be used.
    """
    # Asked once here: a worker that fails at its start could not say why as well.
    Registry(settings.registry, settings.model).close()
    parent = os.getpid() if workers > 1 else None
    patience = max(1, round(settings.serve.timeout))
    config = uvicorn.Config(
        Application(settings, schema, parent),
        factory=True,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        workers=workers,
        log_level="error",
        access_log=False,
        server_header=False,
        # The caller's own address decides who may move what is served.
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
    """End with status 0: uvicorn raises again, when it has ended, the signal that ended it."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, lambda *_: None) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def _shared_counters(home: Path) -> Iterator[None]:
    """A folder in which the counters of all workers are added up."""
    folder = home / f"metrics-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[MULTIPROCESS] = str(folder)
    try:
        yield
    finally:
        del os.environ[MULTIPROCESS]
        shutil.rmtree(folder, ignore_errors=True)


async def _end_with(parent: int) -> None:
    """End this worker when its parent was killed, so that it does not hold the port for ever."""
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_SECONDS)
    signal.raise_signal(signal.SIGTERM)


def _not_listening(host: str, port: int, error: OSError) -> PortError:
    if error.errno == errno.EADDRINUSE:
        return PortError(
            f"Port {port} of {host} is taken: another program listens there, perhaps a server of "
            "this model. Stop that one, name another port with --port, or let --port 0 find a "
            "free one."
        )
    if error.errno == errno.EACCES:
        return PortError(
            f"Port {port} of {host} needs more rights than this user has. Name one above 1023 "
            "with --port."
        )
    return PortError(
        f"{host} port {port} cannot be listened on ({error.strerror or error}). Name an address "
        "of this machine with --host, or another port with --port."
    )
