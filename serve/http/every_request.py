"""What happens to every request, whatever its route: it gets an id, is counted and timed.

Its id is in ``scope["request_id"]``, in the answer's header ``X-Request-ID``, in problem documents
and in the lines logged meanwhile. An exception that nothing else has answered ends here.
"""

from __future__ import annotations

from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.http import request_ids
from serve.http.problems import bug
from serve.http.prometheus_counters import Counters

UNKNOWN_ROUTE = "unknown"

log = structlog.get_logger()


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
        began, status = perf_counter(), 0
        scope["request_id"] = request_id = request_ids.begin(scope["headers"])
        id_header = (request_ids.HEADER, request_id.encode("ascii"))

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # A list of its own: the answer may be one that is sent again.
                message["headers"] = [*message["headers"], id_header]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            log.exception("bug", method=scope["method"], route=_route(scope))
            if status:
                raise  # half of an answer went: the server ends the connection
            await bug(error)(scope, receive, sending)
        finally:
            self._counters.request(_route(scope), status or 500, perf_counter() - began)


def _route(scope: Scope) -> str:
    """The route's template: a path as it was sent may be anything."""
    path: str = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
    return path
