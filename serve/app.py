"""The HTTP application: every route around one service.

Failures become problem documents in :mod:`serve.http.problems` and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match
from starlette.routing import Route as PlainRoute
from starlette.types import Receive, Scope, Send

from converters.config.settings import ServeSettings, Settings
from converters.schema.schema import Schema
from learners.versions.gate import packages
from serve.access.guard import Guard
from serve.http import problems
from serve.http.body import JSON, only_parameters
from serve.http.every_request import EveryRequest
from serve.openapi.declared_route import Handler, Route, document
from serve.routes import all_routes
from serve.service import Service

# What pages of the configured origins may send, and read of the answers.
PREFLIGHT: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
    "expose_headers": ["X-Request-ID", "Idempotent-Replayed", "Retry-After"],
}

# How long a server that starts may wait for its version before it answers without one.
START_SECONDS = 5.0


def create_app(settings: Settings, schema: Schema) -> FastAPI:
    """The application for one model.

    Args:
        settings: of the config.
        schema: of the same config.

    Raises:
        RegistryError: the registry cannot be used.
    """
    service = Service(settings, schema)
    guard = service.guard
    app = FastAPI(
        title=f"Freshet: {settings.model}",
        version=packages()["freshet"],
        description=f"Scores of the model `{settings.model}`, which keeps learning while it is "
        "served. Every answer names the version that made it.",
        lifespan=_living(service),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    if settings.serve.origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.serve.origins, **PREFLIGHT)
    app.add_middleware(
        EveryRequest,
        counters=service.counters,
        seconds=settings.serve.timeout,
        misdirected=guard.misdirected,
        access_log=service.access_log,
    )
    problems.install(app)
    routes = all_routes(service)
    described = Described(app, routes, guard, settings.serve)
    own = Route("GET", "/openapi.json", described.answer, scope="read")
    for route in (*routes, own):
        _add(app, route, guard, settings.serve.admin)
    return app


class Described:
    """The OpenAPI document, which says which routes need a token now."""

    def __init__(
        self, app: FastAPI, routes: Sequence[Route], guard: Guard, serve: ServeSettings
    ) -> None:
        self._app = app
        self._routes = routes
        self._guard = guard
        self._serve = serve
        self._made: dict[frozenset[str], bytes] = {}
        self._making = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        """The document."""
        only_parameters(request)
        opened = self._guard.open_scopes()
        async with self._making:
            if opened not in self._made:
                self._made[opened] = await asyncio.to_thread(self._document, opened)
        return Response(self._made[opened], media_type=JSON)

    def _document(self, opened: frozenset[str]) -> bytes:
        return orjson.dumps(document(self._app, self._routes, opened, self._serve))


def _add(app: FastAPI, route: Route, guard: Guard, admin: str) -> None:
    handler = guard.over(route.handler, route.path, route.scope, writes=route.writes)
    own_address = route.scope == "admin" and admin != "on"
    app.router.add_api_route(
        route.path,
        handler,
        methods=[route.method],
        name=route.handler.__name__,
        summary=route.summary,
        description=route.description or route.summary,
        response_class=Response,
        response_model=None,
        include_in_schema=bool(route.summary) and not (own_address and admin == "off"),
        route_class_override=_behind_the_admin_door(guard) if own_address else None,
    )
    if route.direct:
        direct = Direct(route.path, handler)
        app.router.routes.insert(0, PlainRoute(route.path, direct, methods=[route.method]))


def _behind_the_admin_door(guard: Guard) -> type[APIRoute]:
    """A route that exists on the connections of the admin listener alone."""

    class AdminRoute(APIRoute):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            match, inside = super().matches(scope)
            if match is Match.NONE or scope.get("admin_door"):
                return match, inside
            guard.report(scope, self.path, "serve.admin")
            return Match.NONE, {}

    return AdminRoute


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
    """Follow the registry for as long as the application runs.

    It takes no connection before the first poll has ended: the system keeps those that come, or
    another worker takes them. Answered at once, they would be told that there is no model.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        following = asyncio.create_task(service.live.run())
        try:
            await service.live.begun(START_SECONDS)
            yield {"access_log": service.access_log}
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            service.close()

    return lifespan
