"""Threads for work that waits: on the log, on the registry, on a disk.

Each kind of work has a few of its own, so that a log or a registry that hangs stops only what needs
it; what computes, and always ends, uses asyncio's own (``asyncio.to_thread``).
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Hashable
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


class Shared:
    """Work done once for all who asked for it before it began; one piece of work at a time.

    Threads that compute take the interpreter from the event loop, each for 5 ms at a time.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: dict[Hashable, asyncio.Task[bytes]] = {}

    async def run(self, key: Hashable, act: Callable[[], Awaitable[bytes]]) -> bytes:
        """The result of the work of this key, begun after this call.

        Raises what the work raises.
        """
        task = self._waiting.get(key)
        if task is None:
            task = self._waiting[key] = asyncio.create_task(self._begun(key, act))
            # If everybody has gone meanwhile, nobody asks why it failed.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _begun(self, key: Hashable, act: Callable[[], Awaitable[bytes]]) -> bytes:
        async with self._turn:
            del self._waiting[key]
            return await act()
