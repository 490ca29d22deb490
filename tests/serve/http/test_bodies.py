"""The bodies that a process holds: bounded together, and let go of however a request ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import Request
from starlette.types import Message

from converters.config.settings import ServeSettings
from serve.http.body import FREE_BYTES, Bodies
from serve.http.problems import BusyError, ClientGoneError, TooLargeError
from tests.support.serving.live import Application
from tests.support.serving.served import a_project, maker_of

LIMIT = 100_000
LONG = FREE_BYTES + LIMIT


def bodies() -> Bodies:
    """Bodies of 100,000 bytes together, beside those that are free."""
    return Bodies(ServeSettings(max_bodies=LIMIT))


def request_of(parts: Sequence[bytes | asyncio.Event], *, ends: bool = True) -> Request:
    """A request whose body comes in parts, some of them only after an event."""
    left = list(parts)

    async def receive() -> Message:
        while left and isinstance(left[0], asyncio.Event):
            await left.pop(0).wait()  # type: ignore[union-attr]
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or not ends}

    return Request({"type": "http", "headers": []}, receive)


async def held_until(bodies: Bodies, request: Request, end: asyncio.Event) -> int:
    """Hold a body until an event; its length."""
    async with bodies.of(request) as body:
        await end.wait()
        return len(body)


def test_a_body_in_parts_is_whole() -> None:
    """Whatever the parts, many of them empty."""

    async def run() -> bytes:
        async with bodies().of(request_of([b"", b"ab", b"", b"c", b""])) as body:
            return body

    assert asyncio.run(run()) == b"abc"


def test_bodies_together_are_bounded() -> None:
    """What is more is refused as it comes; what is small is always read; later there is room."""

    async def run() -> None:
        all_bodies, end = bodies(), asyncio.Event()
        first = asyncio.create_task(held_until(all_bodies, request_of([b"x" * LONG]), end))
        await asyncio.sleep(0)
        assert all_bodies.held == LIMIT
        with pytest.raises(BusyError):
            async with all_bodies.of(request_of([b"x" * FREE_BYTES, b"x"])):
                pass
        for _ in range(100):
            async with all_bodies.of(request_of([b"x" * FREE_BYTES])) as small:
                assert len(small) == FREE_BYTES
        end.set()
        assert await first == LONG
        async with all_bodies.of(request_of([b"x" * LONG])) as body:
            assert len(body) == LONG
        assert all_bodies.held == 0

    asyncio.run(run())


def test_slow_bodies_count_as_they_come() -> None:
    """One that announces much and sends little holds little."""

    async def run() -> None:
        all_bodies, more, end = bodies(), asyncio.Event(), asyncio.Event()
        slow = request_of([b"x" * (FREE_BYTES + 10), more, b"x" * 20])
        task = asyncio.create_task(held_until(all_bodies, slow, end))
        await asyncio.sleep(0)
        assert all_bodies.held == 10
        more.set()
        end.set()
        assert await task == FREE_BYTES + 30
        assert all_bodies.held == 0

    asyncio.run(run())


async def _cancelled(all_bodies: Bodies) -> None:
    slow = request_of([b"x" * LONG, asyncio.Event(), b"x"])
    task = asyncio.create_task(held_until(all_bodies, slow, asyncio.Event()))
    await asyncio.sleep(0)
    assert all_bodies.held == LIMIT
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _gone(all_bodies: Bodies) -> None:
    with pytest.raises(ClientGoneError):
        async with all_bodies.of(request_of([b"x" * LONG], ends=False)):
            pass


async def _too_large(all_bodies: Bodies) -> None:
    with pytest.raises(TooLargeError):
        async with all_bodies.of(request_of([b"x" * LONG, b"x"]), LONG):
            pass


async def _failed(all_bodies: Bodies) -> None:
    with suppress(ZeroDivisionError):
        async with all_bodies.of(request_of([b"x" * LONG])) as body:
            assert all_bodies.held == LIMIT
            len(body) / 0


@pytest.mark.parametrize("ending", [_cancelled, _gone, _too_large, _failed])
def test_a_body_is_let_go_of_however_its_request_ends(
    ending: Callable[[Bodies], Awaitable[None]],
) -> None:
    """Cancelled by a time limit, the client gone, refused, or failed."""

    async def run() -> None:
        all_bodies = bodies()
        await ending(all_bodies)
        assert all_bodies.held == 0

    asyncio.run(run())


def test_a_busy_server_says_when_to_come_again(tmp_path: Path) -> None:
    """503 with Retry-After on every route that reads rows; a single row is scored all the same."""
    long = json.dumps([{"carrier": "x" * 1000}] * 40).encode()

    async def run() -> None:
        application = Application(maker.project)
        async with application.running():
            for route in ("/predict", "/events", "/labels"):
                status, problem = await application.ask("POST", route, long)
                assert status == 503
                assert problem["type"].endswith(":busy")
            assert (await application.ask("POST", "/predict", b"{}"))[0] == 200

    with maker_of(a_project(tmp_path, "[serve]\nmax_bodies = 1024\n")) as maker:
        maker.make()
        asyncio.run(run())
