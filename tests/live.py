"""A live model in tests: let run by itself, without HTTP, on versions of a maker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from serve.live_model import LiveModel
from serve.loading import Loader
from serve.measures import Measures
from serve.predict import scores_of
from tests.project import Project, flights
from tests.served import Maker

ROWS = flights(60, seed=5)
POLL = 0.005


def live_of(maker: Maker, project: Project | None = None) -> LiveModel:
    """A live model of what a maker makes, perhaps under another config."""
    schema = (project or maker.project).schema
    return LiveModel(Loader(maker.registry, maker.store, schema), POLL, Measures())


def running(live: LiveModel, act: Callable[[LiveModel], Any]) -> Any:
    """Let a live model follow the registry while something is done."""

    async def run() -> Any:
        following = asyncio.create_task(live.run())
        try:
            return await asyncio.wait_for(act(live), 60)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            live.close()

    return asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    """Wait, while others go on."""
    while not condition():
        await asyncio.sleep(POLL)


def serving(live: LiveModel) -> int | None:
    """The version that is served."""
    return None if live.served is None else live.served.version


def scored(live: LiveModel, maker: Maker) -> tuple[int, list[float]]:
    """A version and what it gives the rows."""
    rows = [maker.convert(row) for row in ROWS]
    with live.use() as served:
        scores = scores_of(served.learner, rows)
    assert all(isinstance(score, float) for score in scores)
    return served.version, scores  # type: ignore[return-value]
