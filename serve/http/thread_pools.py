"""Threads for work that waits: on the log, on the registry, on a disk.

Each kind of work has a few of its own, so that a log or a registry that hangs stops only what needs
it; what computes, and always ends, uses asyncio's own (``asyncio.to_thread``).
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import BoundedSemaphore
from typing import TypeVar, TypeVarTuple

from serve.http.problems import BusyError

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


class Threads:
    """Threads for one kind of work.

    Args:
        work: what it is, for messages.
        count: how many threads there are.
        waiting: how much may wait for one of them; what is more is refused at once.
    """

    def __init__(self, work: str, count: int, waiting: int) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(count, work.replace(" ", "-"))
        self._places = BoundedSemaphore(count + waiting)

    async def run(
        self,
        seconds: float | None,
        act: Callable[[*Arguments], T],
        *args: *Arguments,
    ) -> T:
        """Do something in a thread, and wait for its result; at most so many seconds.

        Raises:
            BusyError: too much of this work waits; it was not begun, and will not be.
            TimeoutError: it has not ended in time; it still may.
        """
        if not self._places.acquire(blocking=False):
            raise self._busy()
        context = contextvars.copy_context()
        future = self._pool.submit(partial(context.run, partial(act, *args)))
        future.add_done_callback(lambda _: self._places.release())
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if future.cancelled():
                raise self._busy() from None
            raise

    def close(self) -> None:
        """Begin nothing more; what runs goes on."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _busy(self) -> BusyError:
        return BusyError(
            f"Too many requests wait for {self._work}, which is slow or does not answer. Nothing "
            "was done for this one: send it again in a moment."
        )
