"""Ends a process that is asked to, in time: also while it waits for what does not answer.

Python runs a signal's handler between two steps of the main thread. A call into a library, such as
one to a locked database, delays it, and an exception that it raises can be swallowed where it
arises. So a thread hears of each signal too, and ends a process that only waits. Nothing is lost
by that, as by no end at any moment.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread, current_thread, main_thread
from time import monotonic, sleep
from types import FrameType

# How long an answer is waited for once the process is asked to end.
STOP_SECONDS = 1.5
LOOK_SECONDS = 0.1
# How long giving up may take: a report from the registry, which may not answer either.
LAST_WORDS_SECONDS = 1.0
KINDS = (signal.SIGTERM, signal.SIGINT)

# What messages call the two that a learner waits for.
LOG, REGISTRY = "the log", "the registry"

# Prints what was given up, and gives the exit status.
GiveUp = Callable[[str], int]

# What the main thread waits for, and since when; the innermost is last.
_waits: list[tuple[str, float]] = []


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """What happens within waits for something outside; asked to stop, the process gives it up."""
    if current_thread() is not main_thread():
        yield
        return
    _waits.append((what, monotonic()))
    try:
        yield
    finally:
        _waits.pop()


class _Stop:
    """The one request to stop, and who takes it.

    Attributes:
        asked: the signal that asked, once its handler has run; None before.
        give_up: set within :func:`stopped_by_signals`, where its caller can give up waiting.
        taken: whether such a caller has taken the request.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self.give_up: GiveUp | None = None
        self.taken = False

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """End a command that has no way of its own to stop: what it opened is closed."""
        self.asked = number
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    def concerns(self, number: int) -> bool:
        """Whether a signal asks this process to end, and no server that handles it by itself."""
        ours = self.give_up is not None or signal.getsignal(number) == self.handle
        return number in KINDS and ours

    def look(self, number: int, since: float) -> None:
        """End the process if it has only waited since it was asked to end."""
        give_up, waits = self.give_up, _waits[-1:]
        overdue = monotonic() - STOP_SECONDS
        if give_up is not None and waits:
            what, began = waits[0]
            if max(began, since) <= overdue:
                _end(partial(give_up, what))
        elif not self.taken and signal.getsignal(number) == self.handle and since <= overdue:
            _end(lambda: 128 + number)


_stop = _Stop()


def watch_signals() -> None:
    """Let SIGTERM and Ctrl-C end this process, whatever it waits for; called once, at its start."""
    heard, hears = socket.socketpair()
    hears.setblocking(False)
    for number in KINDS:
        signal.signal(number, _stop.handle)
    signal.set_wakeup_fd(hears.fileno(), warn_on_full_buffer=False)
    Thread(target=_watch, args=(heard, hears), name="stop", daemon=True).start()


def asked_to_stop() -> int | None:
    """The signal that ended this command, if one did."""
    return _stop.asked


@contextmanager
def stopped_by_signals(stop: Callable[[], None], give_up: GiveUp | None = None) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask to stop; a second one of them interrupts.

    Args:
        stop: called when the process is asked to.
        give_up: called if it then only waits, with what for; the process ends behind it.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        _stop.taken = True
        stop()
        signal.signal(number, signal.default_int_handler)

    before = {n: signal.signal(n, handle) for n in KINDS}
    _stop.give_up = give_up
    try:
        yield
    finally:
        _stop.give_up = None
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(heard: socket.socket, _hears: socket.socket) -> None:
    """Hear of signals as they come, and look what the process does after the first that asks it."""
    while not _stop.concerns(number := heard.recv(1)[0]):
        pass
    since = monotonic()
    while True:
        sleep(LOOK_SECONDS)
        _stop.look(number, since)


def _end(last_words: Callable[[], int]) -> None:
    """End the process now, with the status that the last words give."""
    status = [1]

    def speak() -> None:
        status[0] = last_words()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()

    speaker = Thread(target=speak, daemon=True)
    speaker.start()
    speaker.join(LAST_WORDS_SECONDS)
    os._exit(status[0])
