"""The HTTP server as processes: uvicorn around :mod:`serve.app`, with one worker or several.

Workers share one listening socket, and each follows the registry by itself. On SIGTERM or Ctrl-C
running requests are answered first.
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

import uvicorn
from uvicorn.supervisors import Multiprocess

from converters.config.settings import Settings
from converters.files.private import make_folder
from converters.schema.schema import Schema
from learners.registry import Registry
from serve.processes.liveness import end_with_loop
from serve.processes.ports import BACKLOG
from serve.server.protocol import Protocol
from stream.logging import configure_logs

if TYPE_CHECKING:
    from fastapi import FastAPI

# How often a worker checks whether its parent was killed; it then ends.
PARENT_SECONDS = 1.0
# How long a worker may take to answer its parent; under load its start alone takes some.
WORKER_SECONDS = 15
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
        end_with_loop(asyncio.get_running_loop())
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
        timeout_worker_healthcheck=WORKER_SECONDS,
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
    make_folder(folder)
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
