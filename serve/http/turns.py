"""Long work on the event loop in slices, so that no request keeps the others waiting.

Work is a generator that yields between pieces of bounded length and returns its result. It needs no
event loop: a test just runs it to its end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
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


class Passes:
    """Runs steps in their order, one in each pass of the event loop, however many there are."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], bool]] = deque()
        self._is_coming = False  # a pass in which the next one runs

    def add(self, step: Callable[[], bool]) -> None:
        """Run a step when those before it have had a pass each.

        Args:
            step: says whether it did anything; if not, the next one runs in the same pass.
        """
        self._waiting.append(step)
        self._come()

    def _come(self) -> None:
        # A step may add the one after it: called twice, each pass would run twice as many as the
        # one before, and the loop see nobody else meanwhile.
        if self._waiting and not self._is_coming:
            self._is_coming = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._is_coming = False
        try:
            while self._waiting:
                step = self._waiting.popleft()
                if step():
                    break
        finally:
            self._come()


class Turns:
    """Runs the work of many requests, a slice in each pass of the event loop.

    However many long requests there are, a short one waits for one slice and not for all of them.
    A few long ones take turns, and the others wait for one of these to end.
    """

    def __init__(self) -> None:
        self._passes = Passes()
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
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._passes.add(partial(_give, turn))
        await turn


def _give(turn: asyncio.Future[None]) -> bool:
    """Let a turn begin, if it was not cancelled meanwhile."""
    if turn.done():
        return False
    turn.set_result(None)
    return True


def finished(work: Work[T]) -> T:
    """The result of work that is done at once."""
    try:
        while True:
            next(work)
    except StopIteration as done:
        result: T = done.value
        return result
