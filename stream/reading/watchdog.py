"""Notices a reader that neither delivers nor fails: a call to the log that does not return.

Stands around the log's reader in the learner process. A thread that hangs in a library cannot be
freed from outside, but a process that ends loses nothing here, and its supervisor starts another.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Self

from stream.log.contract import LogReader, Place, Record

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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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


class WatchedReader:
    """A reader under a watchdog; see :class:`stream.log.contract.LogReader`."""

    def __init__(self, reader: LogReader, watchdog: Watchdog) -> None:
        self._reader = reader
        self._watchdog = watchdog

    def poll(self, timeout: float) -> list[Record]:
        """What has arrived."""
        with self._watchdog.watching():
            return self._reader.poll(timeout)

    def position(self, place: Place) -> int:
        """The next offset to be handed out, or looked at."""
        return self._reader.position(place)

    def ends(self) -> dict[Place, int]:
        """Where each partition ends."""
        with self._watchdog.watching():
            return self._reader.ends()

    def pause(self, places: Iterable[Place]) -> None:
        """Hand out nothing of these until resumed."""
        self._reader.pause(places)

    def resume(self, places: Iterable[Place]) -> None:
        """Hand these out again."""
        self._reader.resume(places)

    def close(self) -> None:
        """Close the reader."""
        with self._watchdog.watching():
            self._reader.close()
