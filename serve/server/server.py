"""The HTTP server as processes: uvicorn around :mod:`serve.app`, with one worker or several.

Workers share the listening sockets, and each follows the registry by itself. On SIGTERM or Ctrl-C
running requests are answered first. A worker that hangs is ended, and its parent starts another.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import resource
import shutil
import signal
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from converters.config.load import ConfigError
from converters.config.settings import Settings
from converters.logger import log
from converters.schema.schema import Schema
from learners.registry import Registry
from serve.processes.liveness import end_with_loop
from serve.processes.ports import BACKLOG
from serve.server import tls
from serve.server.connections import SPARE, Connections
from serve.server.hang_report import watch
from serve.server.listener import Loop
from serve.server.protocol import Protocol
from stream.logging import configure_logs

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serve.http.body import Bodies

# How often a worker checks whether its parent was killed; it then ends.
PARENT_SECONDS = 1.0
# How long a worker may take to answer its parent; under load its start alone takes some.
WORKER_SECONDS = 15
# As in serve.http.prometheus_counters, which may only be imported once the variable is set.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
# Where mapped counters are: in memory, with room for those of many workers.
MEMORY, COUNTERS, COUNTERS_ROOM = Path("/dev/shm"), "freshet-metrics-", 16 * 2**20  # noqa: S108
# Before a worker is started again, where the one before did not last.
LONG_LIFE_SECONDS, FIRST_PAUSE, LONGEST_PAUSE = 10.0, 0.5, 8.0
# Descriptors for databases, logs, snapshots, counters and requests that are refused.
RESERVED_FILES = 96
FEWEST_CONNECTIONS = 8
# A collection looks through all that parsed bodies hold. Eight of nested lists made the usual ones
# hold the event loop for 300 ms; what is parsed needs none. So only young objects are collected
# while requests run, and all when no body is held.
COLLECTED, COLLECT_SECONDS = (50_000, 1_000, 1_000), 10.0
SWEEP_SECONDS = 0.5
RENEW_SECONDS = 2.0


class Config(uvicorn.Config):
    """What a server process is made of; sent to workers, which then load it.

    Attributes:
        table: of the connections of this process.
    """

    def __init__(
        self, settings: Settings, schema: Schema, limit: int, parent: int | None, workers: int
    ) -> None:
        self.settings, self.limit, self.parent = settings, limit, parent
        patience = max(1, round(settings.serve.timeout))
        super().__init__(
            partial(create, settings, schema, parent),
            factory=True,
            http=Protocol,
            ws="none",
            lifespan="on",
            workers=workers,
            timeout_worker_healthcheck=WORKER_SECONDS,
            log_level="error",
            access_log=False,
            server_header=False,
            # Who the peer is, nobody else may say.
            proxy_headers=False,
            timeout_keep_alive=patience,
            timeout_graceful_shutdown=patience,
            backlog=BACKLOG,
        )
        self.table: Connections
        self._certificate: tls.Certificate | None = None

    @property
    def context(self) -> ssl.SSLContext | None:
        """The certificate for new connections; None for plain HTTP."""
        return None if self._certificate is None else self._certificate.context

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Make the event loop that accepts connections as there is room for them."""
        return partial(Loop, self)

    def load(self) -> None:
        """Make the application, and what watches over this process."""
        super().load()
        logging.getLogger("uvicorn.error").addFilter(_no_cancellation)
        serve = self.settings.serve
        app: Any = self.loaded_app
        self.table = Connections(self.limit, serve.timeout, app.state.service.counters)
        # Called as uvicorn calls a protocol's class.
        self.http_protocol_class = partial(Protocol, self.table)  # type: ignore[assignment]
        _again(SWEEP_SECONDS, self.table.sweep)
        _again(COLLECT_SECONDS, partial(_collect, app.state.service.bodies))
        if serve.tls_cert and serve.tls_key:
            self._certificate = _certificate_now(serve.tls_cert, serve.tls_key)
            _again(RENEW_SECONDS, self._certificate.renew)
        watch(serve.timeout)


def _no_cancellation(record: logging.LogRecord) -> bool:
    """Whether uvicorn's log should have a line: a request that a signal cut off is no failure."""
    if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
        return False
    # The application's lifespan hands its traceback over as text.
    return not record.getMessage().rstrip().endswith("CancelledError")


def _collect(bodies: Bodies) -> None:
    """Free objects that refer to each other, while no request holds much to be looked through."""
    if not bodies.held:
        gc.collect()


def create(settings: Settings, schema: Schema, parent: int | None = None) -> FastAPI:
    """The application, made in the process that runs it; a worker ends with its parent."""
    from serve.app import create_app

    configure_logs(detached=True)
    log.ready()  # no request waits while what writes the first line is imported
    app = create_app(settings, schema)
    # What exists now stays: the collector need not traverse it while requests wait.
    gc.freeze()
    gc.set_threshold(*COLLECTED)
    if parent is not None:
        # The application keeps the task from being collected.
        app.state.watching = asyncio.get_running_loop().create_task(_end_with(parent))
        end_with_loop(asyncio.get_running_loop())
    return app


def check(settings: Settings) -> None:
    """See that a server can start: a worker that fails at its start could not say why as well.

    Raises:
        RegistryError: the registry cannot be used.
        ConfigError: the certificate cannot be used.
    """
    if settings.serve.tls_cert and settings.serve.tls_key:
        tls.check(settings.serve.tls_cert, settings.serve.tls_key)
    Registry(settings.registry, settings.model).close()


def run(
    settings: Settings, schema: Schema, listeners: Sequence[socket.socket], workers: int
) -> None:
    """Serve until a signal stops it; :func:`check` comes before.

    Args:
        settings: of the config.
        schema: of the same config.
        listeners: the socket of the server, and perhaps one for the admin routes only.
        workers: processes.
    """
    parent = os.getpid() if workers > 1 else None
    limit = connection_limit(settings.serve.max_connections)
    config = Config(settings, schema, limit, parent, workers)
    if workers == 1:
        with _signals_kept():
            uvicorn.Server(config).run(sockets=list(listeners))
    else:
        with _shared_counters(), _signals_kept():
            Parent(config, list(listeners)).run()


def connection_limit(wanted: int) -> int:
    """How many connections a process may have, so that descriptors are left for files.

    The soft limit of open files is raised as far as that helps and the hard one allows.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE + RESERVED_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    limit = max(FEWEST_CONNECTIONS, soft - SPARE - RESERVED_FILES)
    log.warning("open files limit connections", limit=limit, wanted=wanted, open_files=soft)
    return limit


def _certificate_now(cert: Path, key: Path) -> tls.Certificate:
    """The certificate; a worker that starts amid a renewal ends, and its parent starts another."""
    try:
        return tls.Certificate(cert, key)
    except ConfigError as error:
        log.warning("this server process cannot start", error=str(error))
        raise SystemExit(1) from None


def _again(seconds: float, step: Callable[[], None]) -> None:
    """Do a step again and again in the running event loop."""

    def then() -> None:
        loop.call_later(seconds, then)
        step()

    loop = asyncio.get_running_loop()
    loop.call_later(seconds, then)


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


class Parent(Multiprocess):
    """Starts workers anew, and tells why one has ended; one that ends soon again has to wait."""

    _pause = 0.0
    _ended_at = -math.inf

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have ended or hang."""
        known = self._tell(each for each in self.processes if not each.process.is_alive())
        if known:
            soon = monotonic() - self._ended_at < LONG_LIFE_SECONDS
            self._pause = min(max(FIRST_PAUSE, 2 * self._pause), LONGEST_PAUSE) if soon else 0.0
            until = monotonic() + self._pause
            while monotonic() < until and not self.should_exit.wait(0.1):
                self.handle_signals()
            self._ended_at = monotonic()
        before = set(self.processes)
        super().keep_subprocess_alive()
        # One may end while another is asked whether it answers, which takes as long as that waits.
        self._tell(before - known - set(self.processes))

    def _tell(self, ended: Iterable[Process]) -> set[Process]:
        told = set(ended)
        for each in told:
            log.warning("server process ended", process=each.pid, cause=_cause(each.exitcode))
        return told


def _cause(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit status {code}"
    return f"signal {-code} ({signal.strsignal(-code)})"


@contextmanager
def _shared_counters() -> Iterator[None]:
    """A folder through which the counters of all workers add up.

    They are mapped: on a disk that is full, a write would end the worker. So they are in memory
    where the system has a place for that, and never on the disk of the home.
    """
    places = [place for place in (MEMORY, Path(tempfile.gettempdir())) if _has_room(place)]
    place = places[0] if places else None
    if place is not None:
        _remove_leftovers(place)
    folder = tempfile.mkdtemp(prefix=f"{COUNTERS}{os.getpid()}-", dir=place)
    os.environ[MULTIPROCESS] = folder
    try:
        yield
    finally:
        del os.environ[MULTIPROCESS]
        shutil.rmtree(folder, ignore_errors=True)


def _has_room(place: Path) -> bool:
    try:
        return os.access(place, os.W_OK) and shutil.disk_usage(place).free >= COUNTERS_ROOM
    except OSError:
        return False


def _remove_leftovers(place: Path) -> None:
    """Remove the counters of servers of this user that were killed."""
    for folder in place.glob(f"{COUNTERS}*"):
        process = folder.name.removeprefix(COUNTERS).partition("-")[0]
        with suppress(OSError, ValueError):
            if folder.lstat().st_uid == os.getuid():
                try:
                    os.kill(int(process), 0)
                except ProcessLookupError:
                    shutil.rmtree(folder, ignore_errors=True)


async def _end_with(parent: int) -> None:
    """End this worker when its parent was killed, so that it frees the port."""
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_SECONDS)
    signal.raise_signal(signal.SIGTERM)
