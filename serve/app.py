"""The HTTP application: every route, put together around one service.

:mod:`serve.http_server` runs it in one process or several. Routes are thin, the handlers behind
them know the rest; failures become problem documents in :mod:`serve.http.problems` alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from converters.config.settings import Settings
from converters.schema.schema import Schema
from serve.http import problems
from serve.http.counters import RequestMeter
from serve.openapi.document import Documents
from serve.openapi.operations import Operation
from serve.routes.ingest import Ingest
from serve.routes.monitoring import Monitoring
from serve.routes.pages import Pages
from serve.routes.predict import ROUTE, Predictions
from serve.routes.versions import Versions
from serve.service import Service, assemble

Handler = Callable[..., Awaitable[Response]]


def create_app(settings: Settings, schema: Schema) -> FastAPI:
    """The application for one model.

    Args:
        settings: of the config.
        schema: of the same config.

    Raises:
        RegistryError: the registry cannot be used.
    """
    service = assemble(settings, schema)
    documents = Documents(schema, settings.model)
    app = FastAPI(
        title=f"Freshet: {settings.model}",
        version=documents.version,
        description=documents.description,
        lifespan=_living(service),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.add_middleware(RequestMeter, measures=service.measures)
    problems.install(app)
    for (method, path), handler in _routes(service).items():
        _add(app, documents.operation(method, path), handler)
    # First in line, and without what FastAPI does for a route: that costs as much as the score.
    direct = Direct(ROUTE, Predictions(service).post)
    app.router.routes.insert(0, Route(ROUTE, direct, methods=["POST"]))
    for path, handler in _pages().items():
        app.add_api_route(path, handler, include_in_schema=False)
    app.openapi = lambda: documents.openapi(app)  # type: ignore[method-assign]
    return app


def _routes(service: Service) -> dict[tuple[str, str], Handler]:
    predictions, ingest = Predictions(service), Ingest(service)
    versions, monitoring = Versions(service), Monitoring(service)
    return {
        ("POST", "/predict"): predictions.post,
        ("POST", "/events"): ingest.events,
        ("POST", "/labels"): ingest.labels,
        ("GET", "/versions"): versions.list,
        ("GET", "/versions/{version}"): versions.show,
        ("GET", "/history"): versions.history,
        ("POST", "/promote"): versions.promote,
        ("POST", "/rollback"): versions.rollback,
        ("POST", "/unpin"): versions.unpin,
        ("GET", "/status"): monitoring.status,
        ("GET", "/metrics"): monitoring.metrics,
        ("GET", "/health/live"): monitoring.alive,
        ("GET", "/health/ready"): monitoring.ready,
    }


def _pages() -> dict[str, Handler]:
    pages = Pages()
    return {
        "/": pages.dashboard,
        "/docs": pages.reference,
        "/dashboard/{name}": pages.part,
    }


def _add(app: FastAPI, operation: Operation, handler: Handler) -> None:
    app.add_api_route(
        operation.path,
        handler,
        methods=[operation.method],
        response_class=Response,
        response_model=None,
        **operation.described,
    )


class Direct:
    """A handler as a plain ASGI application on its path."""

    def __init__(self, path: str, handler: Callable[[Request], Awaitable[Response]]) -> None:
        self.path = path
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope["route"] = self
        response = await self._handler(Request(scope, receive))
        await response(scope, receive, send)


def _living(service: Service) -> Callable[[FastAPI], Any]:
    """Follow the registry for as long as the application runs."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(service.live.run())
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            service.close()

    return lifespan
