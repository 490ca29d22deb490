"""A live model in tests, on versions of a maker: by itself, or with the routes around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.types import Message

from learners.versions.score_file import scores_of
from serve.app import create_app
from serve.http.prometheus_counters import Counters
from serve.live.live_model import LiveModel
from serve.live.version_loader import Loader
from serve.rows.readers import Readers
from tests.support.serving.project import Project, flights
from tests.support.serving.served import LOCAL, Maker, admin_header

ROWS = flights(60, seed=5)
POLL = 0.005


def live_of(maker: Maker, project: Project | None = None) -> LiveModel:
    """A live model of what a maker makes, perhaps under another config."""
    own = project or maker.project
    readers = Readers(maker.registry, own.settings.serve, own.schema)
    return LiveModel(Loader(maker.registry, maker.store, readers), POLL, Counters())


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


class Application:
    """The application asked directly, so that requests share one event loop with what they race."""

    def __init__(self, project: Project) -> None:
        (self._admin,) = admin_header(project).values()
        self._app = create_app(project.settings, project.schema)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        kind: str = "application/json",
        key: bytes = b"",
    ) -> tuple[int, Any]:
        """Status and JSON of one request with the admin token, and perhaps an idempotency key."""
        answer: list[Any] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            answer.append(message.get("status", message.get("body")))

        headers = [
            (b"host", b"127.0.0.1"),
            (b"content-type", kind.encode()),
            (b"authorization", self._admin.encode()),
            *([(b"idempotency-key", key)] if key else []),
        ]
        path, _, query = path.partition("?")
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode()}
        await self._app({**scope, "headers": headers, "client": LOCAL}, receive, send)
        return answer[0], json.loads(answer[1])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the registry, and begin once a version is served."""
        async with self._app.router.lifespan_context(self._app):
            while (await self.ask("GET", "/health/ready"))[0] != 200:
                await asyncio.sleep(POLL)
            yield
