"""Whether a server that runs still answers: asked over HTTP, on a thread of its own.

A process can live and do nothing: stopped, or spinning in its event loop. The system goes on
accepting connections for it, so only an answer shows that it works. :class:`Probe` asks once,
:class:`Pulse` asks for as long as one process lives and adds up the time without an answer.

A server with several processes answers as long as one of them does; so each of these asks its own
event loop, and ends where that does not run (:func:`end_with_loop`).
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from threading import Event, Thread
from time import monotonic

from converters.logger import log

HEALTH = "/health/live"


class Heard(Enum):
    """What a probe met."""

    ANSWER = "answer"
    SILENCE = "silence"  # a connection, or none because too many wait already
    NOBODY = "nobody"  # nothing listens: the server is starting or ending


@dataclass(frozen=True)
class Probe:
    """A server's address; safe to use by several threads.

    Attributes:
        host: by which this machine reaches the server.
        port: likewise.
        tls: whether it speaks HTTPS.
    """

    host: str
    port: int
    tls: bool = False

    @property
    def address(self) -> str:
        """The URL that is asked."""
        return f"{'https' if self.tls else 'http'}://{self._authority}{HEALTH}"

    def ask(self, timeout: float) -> Heard:
        """Ask once. Any answer is one, 503 or an alert of TLS included.

        A connection that is closed is an answer too: the system accepts connections for a process
        that hangs, but closes none.
        """
        deadline = monotonic() + timeout
        try:
            with closing(socket.create_connection((self.host, self.port), timeout)) as plain:
                plain.settimeout(max(0.01, deadline - monotonic()))
                with closing(self._secured(plain)) as connection:
                    connection.sendall(self._request)
                    connection.recv(1)
        except ConnectionRefusedError:
            return Heard.NOBODY
        except TimeoutError:
            return Heard.SILENCE
        except (ssl.SSLError, ConnectionError):
            return Heard.ANSWER
        except OSError:  # no such address any more, or no free port to ask from
            return Heard.NOBODY
        return Heard.ANSWER

    @property
    def _authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @cached_property
    def _request(self) -> bytes:
        return (
            f"GET {HEALTH} HTTP/1.1\r\nHost: {self._authority}\r\n"
            "User-Agent: freshet-up\r\nConnection: close\r\n\r\n"
        ).encode()

    def _secured(self, plain: socket.socket) -> socket.socket:
        return self._context.wrap_socket(plain) if self.tls else plain

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Whose certificate it is does not matter: nothing secret is sent, any answer counts."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Limits:
    """When a server that does not answer is hung; all in seconds.

    Attributes:
        every: between an answer and the next probe; before the first, a tenth of it, so that a
            server that hangs soon after its start has been seen to answer.
        timeout: of a probe.
        silence: without any answer, after the first one.
        start: until the first answer; also without anything that listens, which a server that
            ends may take while it finishes its requests.
        late: a probe that took this much longer than it may was held up itself: the machine had
            no time for this process, and so perhaps none for the server.
    """

    every: float = 1.0
    timeout: float = 3.0
    silence: float = 10.0
    start: float = 120.0
    late: float = 0.5


class Pulse:
    """Asks one process for as long as it lives, on a thread of its own.

    Args:
        ask: called with a timeout; see :meth:`Probe.ask`.
        limits: when it is hung.
        on_hung: called with the seconds once it is, on the thread; nothing is asked after that.

    Attributes:
        answered: whether it ever has.
    """

    def __init__(
        self,
        ask: Callable[[float], Heard],
        limits: Limits = Limits(),
        on_hung: Callable[[float], object] | None = None,
    ) -> None:
        self._ask = ask
        self._on_hung = on_hung
        self._limits = limits
        self._stopped = Event()
        self.answered = False
        self._silent = 0.0
        self._absent = 0.0
        Thread(target=self._run, name="liveness", daemon=True).start()

    @property
    def hung_for(self) -> float | None:
        """For how long a process that hangs has not answered; None of one that does not."""
        limit = self._limits.silence if self.answered else self._limits.start
        if self._silent >= limit:
            return self._silent
        return self._absent if self._absent >= self._limits.start else None

    def stop(self) -> None:
        """Ask no more; what is under way ends by itself."""
        self._stopped.set()

    def _run(self) -> None:
        limits, since = self._limits, monotonic()
        while not self._stopped.wait(pause := self._pause()):
            began = monotonic()
            heard = self._ask(limits.timeout)
            ended = monotonic()
            late = max(began - since - pause, ended - began - limits.timeout)
            self._count(heard, 0.0 if late > limits.late else ended - since)
            since = ended
            if self._on_hung is not None and self.hung_for is not None:
                self._on_hung(self.hung_for)
                return

    def _pause(self) -> float:
        return self._limits.every if self.answered else self._limits.every / 10

    def _count(self, heard: Heard, seconds: float) -> None:
        """Add the time since the probe before; none if this thread itself was held up."""
        if heard is Heard.ANSWER:
            self.answered, self._silent, self._absent = True, 0.0, 0.0
        elif heard is Heard.SILENCE:
            self._silent += seconds
        else:
            self._absent += seconds


def end_with_loop(loop: asyncio.AbstractEventLoop, limits: Limits = Limits()) -> None:
    """End this process once its event loop hangs; its parent starts another in its place."""

    def ask(timeout: float) -> Heard:
        ran = Event()
        try:
            loop.call_soon_threadsafe(ran.set)
        except RuntimeError:  # closed: the process ends by itself
            return Heard.NOBODY
        return Heard.ANSWER if ran.wait(timeout) else Heard.SILENCE

    def end(seconds: float) -> None:
        log.error("this server process hangs and is ended", seconds=round(seconds))
        os._exit(1)

    Pulse(ask, limits, end)
