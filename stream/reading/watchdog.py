"""Notices a reader that neither delivers nor fails: a call to the log that does not return.

A thread that hangs in a library cannot be
freed from outside, but a process that ends loses nothing here, and its supervisor starts another.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

# What the calls of both logs may take by themselves: several requests, each with its time-out.
LONGEST_CALL_SECONDS = 60.0
LOOKS = 20

# How it goes on after that, for the process of a learner.
STARTED_AGAIN = (
    "Nothing is lost: started again, as 'freshet up' does by itself, it goes on from its last "
    "checkpoint."
)


class Watchdog:
    """Ends the process when what it watches takes too long.

    Args:
        seconds: how long beyond what a call may take by itself.
        hung: what to say of how it goes on then.
    """

    def __init__(self, seconds: float, hung: str = STARTED_AGAIN) -> None:
        self._hung = hung
        self._limit = seconds + LONGEST_CALL_SECONDS
        self._since: float | None = None
        self._over = Event()
        self._thread = Thread(target=self._look, name="watchdog", daemon=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch within the ``with``."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """What happens within has to return in time."""
        self._since = monotonic()
        try:
            yield
        finally:
            self._since = None

    def _look(self) -> None:
        """Count looks, not seconds: a process that was paused has not looked meanwhile."""
        before, looks = None, 0
        while not self._over.wait(self._limit / LOOKS):
            since = self._since
            looks = looks + 1 if since is not None and since == before else 0
            before = since
            if looks >= LOOKS:
                sys.stderr.write(
                    f"freshet: Reading the log has not returned for {self._limit:.0f} s, and has "
                    f"not failed either, so this process ends. {self._hung} Look at the brokers, "
                    "and report this if they are well.\n"
                )
                sys.stderr.flush()
                os._exit(1)
