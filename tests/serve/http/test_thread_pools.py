"""Threads for what waits: bounded, by kind, and honest about what was begun."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from serve.http.problems import BusyError
from serve.http.thread_pools import Shared, Threads


@pytest.fixture
def free() -> Iterator[threading.Event]:
    """What the work of a test waits for; it comes at the test's end at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def threads() -> Iterator[Threads]:
    """One thread, for which one may wait."""
    threads = Threads("a log", 1, 1)
    yield threads
    threads.close()


def test_what_waits_is_bounded(threads: Threads, free: threading.Event) -> None:
    """One runs and one waits; a third is refused at once, and the next after them is taken."""

    async def run() -> None:
        held = [asyncio.create_task(threads.run(None, free.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="wait for a log"):
            await threads.run(None, free.wait)
        free.set()
        assert await asyncio.gather(*held) == [True, True]
        assert await threads.run(None, free.wait)

    asyncio.run(run())


def test_what_was_begun_is_told_from_what_was_not(threads: Threads, free: threading.Event) -> None:
    """In time neither ended: one may still, the other never begins."""
    begun: list[str] = []

    def work(name: str) -> None:
        begun.append(name)
        free.wait()

    async def run() -> None:
        first = asyncio.create_task(threads.run(0.05, work, "first"))
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="Nothing was done"):
            await threads.run(0.01, work, "second")
        with pytest.raises(TimeoutError):
            await first
        free.set()
        await threads.run(None, work, "third")

    asyncio.run(run())
    assert begun == ["first", "third"]


def test_a_cancelled_request_frees_its_place(threads: Threads, free: threading.Event) -> None:
    """Who goes away while waiting leaves room for another."""

    async def run() -> None:
        running, waiting = (asyncio.create_task(threads.run(None, free.wait)) for _ in range(2))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        other = asyncio.create_task(threads.run(None, free.wait))
        await asyncio.sleep(0)
        free.set()
        assert all(await asyncio.gather(running, other))

    asyncio.run(run())


def test_shared_work_is_done_once_for_all_who_wait() -> None:
    """Who asks before it begins gets its result; who asks later gets a newer one."""

    async def run() -> None:
        shared, free, begun = Shared(), asyncio.Event(), [0]

        async def work() -> bytes:
            begun[0] += 1
            number = b"%d" % begun[0]
            await free.wait()
            return number

        first = asyncio.create_task(shared.run("list", work))
        await asyncio.sleep(0.01)
        later = [asyncio.create_task(shared.run("list", work)) for _ in range(8)]
        other = asyncio.create_task(shared.run("another", work))
        await asyncio.sleep(0.01)
        assert begun == [1]  # one at a time
        later.pop().cancel()  # whose client has gone
        free.set()
        assert await first == b"1"
        assert set(await asyncio.gather(*later)) == {b"2"}
        assert await other == b"3"

    asyncio.run(run())


def test_shared_work_that_fails_fails_for_all_and_is_done_again() -> None:
    """A failure is not kept."""

    async def run() -> None:
        shared = Shared()

        async def broken() -> bytes:
            raise BusyError("broken")

        async def whole() -> bytes:
            return b"whole"

        both = await asyncio.gather(
            *(shared.run("list", broken) for _ in range(2)), return_exceptions=True
        )
        assert [type(each) for each in both] == [BusyError, BusyError]
        assert await shared.run("list", whole) == b"whole"

    asyncio.run(run())
