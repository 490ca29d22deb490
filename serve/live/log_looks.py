"""Looks through the log for requests: which records are meant, and what they hold.

A look changes nothing. It ends with the time of its request, and pauses now and then, so that
scoring goes on beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from time import monotonic, sleep
from typing import TypeVar

from converters.config.settings import Settings
from serve.http.problems import LogTooLongError
from serve.http.thread_pools import Threads
from stream.log.contract import EventLog
from stream.open_log import opened

T = TypeVar("T")

# One at a time: each takes the interpreter from the event loop.
LOOKS, WAITING_LOOKS = 1, 8
# Of the request's time; the rest is for what is done with what was found.
LOOK_SHARE = 0.75
# For how long a look takes the interpreter before it lets the event loop have it, and for how long.
BUSY_SECONDS, PAUSE_SECONDS = 0.002, 0.0005
TOO_LONG = (
    "The log could not be looked through within the time that a request may take (serve.timeout). "
    "Nothing was changed. Name fewer records, by their offsets; or ask on the command line, which "
    "has no such limit: 'freshet {command}'."
)


class Pace:
    """Ends a look that takes too long, and lets others compute meanwhile.

    Args:
        until: when it ends, as :func:`time.monotonic` has it.
    """

    def __init__(self, until: float) -> None:
        self._until = until
        self._paused = monotonic()

    def __call__(self, records: int) -> None:
        """Some more records were looked at.

        Raises:
            TimeoutError: the time is over.
        """
        del records
        now = monotonic()
        if now >= self._until:
            raise TimeoutError
        if now - self._paused >= BUSY_SECONDS:
            sleep(PAUSE_SECONDS)
            self._paused = monotonic()


class LogLooks:
    """The looks of one process.

    Args:
        settings: of the model.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = Threads("a look at the log", LOOKS, WAITING_LOOKS)

    async def run(self, seconds: float, command: str, act: Callable[[EventLog, Pace], T]) -> T:
        """What ``act`` finds in the log; it is told the pace as it goes.

        Args:
            seconds: that the request has left.
            command: of ``freshet``, which does the same without a limit.
            act: looks, and changes nothing.

        Raises:
            LogTooLongError: it has not ended in time; nothing is done of it.
            BusyError: too many wait.
        """
        share = LOOK_SHARE * seconds
        try:
            return await self._threads.run(share, self._look, act, Pace(monotonic() + share))
        except TimeoutError:
            raise LogTooLongError(TOO_LONG.format(command=command)) from None

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.close()

    def _look(self, act: Callable[[EventLog, Pace], T], pace: Pace) -> T:
        with closing(opened(self._settings, create=False)) as log:
            return act(log, pace)
