"""Long work in slices: bounded steps, taken in turns, closed however the request ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

import pytest

from serve.http.turns import AT_ONCE, FEW_BYTES, SLICE_SECONDS, Passes, Turns, Work, finished

LONG = FEW_BYTES + 1
# Each piece takes a slice by itself.
PIECE_SECONDS = SLICE_SECONDS * 1.2


def pieces(count: int, done: list[str], name: str) -> Work[str]:
    """Work of so many pieces, which notes each, and its end."""
    try:
        for _ in range(count):
            end = perf_counter() + PIECE_SECONDS
            while perf_counter() < end:
                pass
            done.append(name)
            yield
    finally:
        done.append(f"{name} closed")
    return name


def test_work_gives_its_result_with_and_without_a_loop() -> None:
    """The same generator, in turns or at once."""
    assert asyncio.run(Turns().run(pieces(3, [], "a"), LONG)) == "a"
    assert finished(pieces(3, [], "a")) == "a"


def test_long_requests_take_turns() -> None:
    """Each gets a slice before any gets another."""
    done: list[str] = []

    async def run() -> None:
        turns = Turns()
        await asyncio.gather(*(turns.run(pieces(4, done, name), LONG) for name in "abc"))

    asyncio.run(run())
    assert "".join(name for name in done if len(name) == 1) == "abc" * 4


def test_a_short_request_waits_for_one_slice_and_not_for_all() -> None:
    """Between two passes of the loop one long request has worked, however many there are."""
    done: list[str] = []

    async def run() -> list[int]:
        turns = Turns()
        long = [asyncio.create_task(turns.run(pieces(5, done, n), LONG)) for n in "abcdefgh"]
        worked = []
        while not all(task.done() for task in long):
            before = len(done)
            await turns.run(pieces(0, [], "short"), 10)
            await asyncio.sleep(0)
            worked.append(len([name for name in done[before:] if len(name) == 1]))
        return worked

    assert max(asyncio.run(run())) == 1


def test_a_few_take_turns_and_the_others_wait() -> None:
    """Overloaded, the server still answers some in time: those that came first."""
    done: list[str] = []
    names = [chr(ord("a") + number) for number in range(AT_ONCE + 2)]

    async def run() -> None:
        turns = Turns()
        await asyncio.gather(*(turns.run(pieces(2, done, name), LONG) for name in names))

    asyncio.run(run())
    first = done.index(f"{names[0]} closed")
    assert set(done[:first]) == set(names[:AT_ONCE])
    assert [name for name in done if name.endswith("closed")] == [f"{n} closed" for n in names]


def test_steps_that_add_the_next_one_run_once_in_a_pass() -> None:
    """The loop sees its sockets between any two of them, however many there were before."""
    passes, steps = Passes(), [0]

    def step() -> bool:
        steps[0] += 1
        if steps[0] < 100:
            passes.add(step)
        return True

    async def run() -> list[int]:
        passes.add(step)
        seen = []
        while steps[0] < 100:
            await asyncio.sleep(0)
            seen.append(steps[0])
        return seen

    assert asyncio.run(run())[-50:] == list(range(51, 101))


def test_steps_of_many_run_in_their_order_where_one_fails() -> None:
    """One that raises, or has nothing to do, stops none of those behind it."""
    passes, done = Passes(), list[str]()

    def noting(name: str, *, found: bool) -> Callable[[], bool]:
        def step() -> bool:
            done.append(name)
            return found

        return step

    def failing() -> bool:
        raise ValueError("no")

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: done.append("failed"))
        for each in (noting("a", found=False), failing, noting("b", found=True)):
            passes.add(each)
        for _ in range(4):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert done == ["a", "failed", "b"]


def test_cancelled_work_is_closed_and_others_go_on() -> None:
    """A client that gives up, or a time limit, ends the work where it is."""
    done: list[str] = []

    async def run() -> str:
        turns = Turns()
        first, second = (asyncio.create_task(turns.run(pieces(9, done, n), LONG)) for n in "ab")
        while "b" not in done:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert "a closed" in done
        return await second

    assert asyncio.run(run()) == "b"
    assert done.count("a") < 9
    assert done.count("b") == 9


def test_what_work_raises_is_raised() -> None:
    """And the next request has its turn."""

    def failing() -> Work[None]:
        yield
        raise ValueError("no")

    async def run() -> str:
        turns = Turns()
        with pytest.raises(ValueError, match="no"):
            await turns.run(failing(), LONG)
        return await turns.run(pieces(1, [], "a"), LONG)

    assert asyncio.run(run()) == "a"
