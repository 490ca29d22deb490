"""Long work on the event loop in slices, so that no request keeps the others waiting.

Work is a generator that yields between pieces of bounded length and returns its result. It needs no
event loop: a test just runs it to its end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")
Work = Generator[None, None, T]

# Long enough that waiting for a turn costs nothing beside it, and a tenth of what may be noticed.
SLICE_SECONDS = 0.005
# The work on so few bytes is over in one slice; it begins without waiting for a turn.
FEW_BYTES = 16 * 2**10
# If all took turns, a hundred requests of a tenth of a second each would all take ten seconds, and
# none be answered in time.
AT_ONCE = 8


class Turns:
    """Runs the work of many requests, a slice in each pass of the event loop.

    However many long requests there are, a short one waits for one slice and not for all of them.
    A few long ones take turns, and the others wait for one of these to end.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun = asyncio.Semaphore(AT_ONCE)

    async def run(self, work: Work[T], size: int) -> T:
        """Run work to its end and give its result.

        Args:
            work: raises what it raises; it is closed if the request is cancelled.
            size: bytes of what it works on.
        """
        if size <= FEW_BYTES:
            return await self._all_of(work)
        try:
            async with self._begun:
                await self._turn()
                return await self._all_of(work)
        finally:
            work.close()

    async def _all_of(self, work: Work[T]) -> T:
        end = perf_counter() + SLICE_SECONDS
        try:
            while True:
                next(work)
                if perf_counter() >= end:
                    await self._turn()
                    end = perf_counter() + SLICE_SECONDS
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            work.close()

    async def _turn(self) -> None:
        """Wait until those that waited before have had a slice."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            loop.call_soon(self._next)
        await turn

    def _next(self) -> None:
        """Give the next turn; runs once in each pass of the loop while anybody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # not cancelled meanwhile
                turn.set_result(None)
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)


def finished(work: Work[T]) -> T:
    """The result of work that is done at once."""
    try:
        while True:
            next(work)
    except StopIteration as done:
        result: T = done.value
        return result
