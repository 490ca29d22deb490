"""The HTTP application: every route around one service.

Failures become problem documents in :mod:`serve.http.problems` and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.routing import Route as PlainRoute
from starlette.types import Receive, Scope, Send

from converters.config.settings import Settings
from converters.schema.schema import Schema
from learners.versions.gate import packages
from serve.access.guard import admin_only
from serve.http import problems
from serve.http.every_request import EveryRequest
from serve.openapi.declared_route import Handler, Json, Route, document
from serve.routes import all_routes
from serve.service import Service


def create_app(settings: Settings, schema: Schema) -> FastAPI:
    """The application for one model.

    Args:
        settings: of the config.
        schema: of the same config.

    Raises:
        RegistryError: the registry cannot be used.
    """
    service = Service(settings, schema)
    app = FastAPI(
        title=f"Freshet: {settings.model}",
        version=packages()["freshet"],
        description=f"Scores of the model `{settings.model}`, which keeps learning while it is "
        "served. Every answer names the version that made it.",
        lifespan=_living(service),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.add_middleware(EveryRequest, counters=service.counters, seconds=settings.serve.timeout)
    problems.install(app)
    routes = all_routes(service)
    for route in routes:
        _add(app, route, service)

    def openapi() -> Json:
        app.openapi_schema = app.openapi_schema or document(app, routes)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _add(app: FastAPI, route: Route, service: Service) -> None:
    handler = route.handler
    if route.scope == "admin":
        handler = admin_only(handler, service.settings.serve.admin_token)
    app.add_api_route(
        route.path,
        handler,
        methods=[route.method],
        name=route.handler.__name__,
        summary=route.summary,
        description=route.description or route.summary,
        response_class=Response,
        response_model=None,
        include_in_schema=bool(route.summary),
    )
    if route.direct:
        direct = Direct(route.path, handler)
        app.router.routes.insert(0, PlainRoute(route.path, direct, methods=[route.method]))


class Direct:
    """A handler as a plain ASGI application on its path."""

    def __init__(self, path: str, handler: Handler) -> None:
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
