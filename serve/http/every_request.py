"""What happens to every request, whatever its route: it is counted and timed."""

from __future__ import annotations

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.http.prometheus_counters import Counters

UNKNOWN_ROUTE = "unknown"


class EveryRequest:
    """Frames every request; plain ASGI, as Starlette's middleware costs a tenth more."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its status and its time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            path = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
            self._counters.request(path, status, perf_counter() - began)
