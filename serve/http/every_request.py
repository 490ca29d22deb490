"""What happens to every request: it gets an id and a time limit, and it is counted and timed.

Its id is in ``scope["request_id"]``, in the answer's header ``X-Request-ID``, in problem documents
and in the lines logged meanwhile. An exception that nothing else has answered ends here, and so
does a request that takes longer than ``serve.timeout``, from its head to its answer's last byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from converters.logger import log
from serve.http import request_ids
from serve.http.access_log import AccessLog, Line
from serve.http.problems import SlowBodyError, TooSlowError, answer_of, bug
from serve.http.prometheus_counters import Counters

UNKNOWN_ROUTE = "unknown"
# Of the time limit, what is left for the answer of a handler that waits until its time is up.
ANSWERING_SHARE = 0.1


def seconds_left(request: Request) -> float:
    """How long a handler may still wait if it is to give its own answer in time."""
    left: float = request.scope["deadline"] - asyncio.get_running_loop().time()
    return max(0.0, left)


class EveryRequest:
    """Frames every request; plain ASGI, as Starlette's middleware costs a tenth more.

    Args:
        app: what answers.
        counters: of requests and their seconds.
        seconds: that a request may take.
        misdirected: the answer for a request that is for another host; None for ours.
        access_log: where each request is written; None for nowhere.
    """

    def __init__(
        self,
        app: ASGIApp,
        counters: Counters,
        seconds: float,
        misdirected: Callable[[Scope], Response | None],
        access_log: AccessLog | None,
    ) -> None:
        self._app = app
        self._counters = counters
        self._seconds = seconds
        self._misdirected = misdirected
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its status and its time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        if method == "HEAD":  # as GET, of whose answer the server leaves out the body
            scope = {**scope, "method": "GET"}
        began = perf_counter()
        scope["request_id"] = request_id = request_ids.begin(scope["headers"])
        now = asyncio.get_running_loop().time()
        scope["deadline"] = now + self._seconds * (1 - ANSWERING_SHARE)
        exchange = Exchange(receive, send, request_id)
        try:
            async with asyncio.timeout_at(now + self._seconds) as limit:
                await self._answer(scope, exchange)
        except TimeoutError:
            if not limit.expired():  # a bug of the answer to a bug
                raise
            await self._answer_late(scope, exchange)
        finally:
            self._note(scope, method, exchange, perf_counter() - began)

    def _note(self, scope: Scope, method: str, exchange: Exchange, seconds: float) -> None:
        """Count a request that has ended, and write it to the access log."""
        route = route_of(scope)
        self._counters.request(route, exchange.status or 500, seconds)
        if self._access_log is not None:
            peer = scope.get("client")
            line = Line(
                scope["request_id"],
                exchange.status,
                None if peer is None else peer[0],
                method,
                route,
                round(seconds, 6),
                exchange.bytes_in,
                0 if method == "HEAD" else exchange.bytes_out,
                getattr(scope.get("caller"), "name", ""),
                scope.get("refused", ""),
            )
            self._access_log.add(line)

    async def _answer(self, scope: Scope, exchange: Exchange) -> None:
        try:
            answering = self._misdirected(scope) or self._app
            await answering(scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("bug", method=scope["method"], route=route_of(scope))
            if exchange.status:
                await exchange.abort(scope)
            else:
                await bug()(scope, exchange.receive, exchange.send)

    async def _answer_late(self, scope: Scope, exchange: Exchange) -> None:
        """Answer 408, or end the connection of a client that does not read what it is sent."""
        if not exchange.status:
            error = _too_late(self._seconds, arriving=exchange.arriving)
            if not exchange.arriving:  # the server is slow, and not its client
                log.warning("too slow", method=scope["method"], route=route_of(scope))
            try:
                async with asyncio.timeout(self._seconds * ANSWERING_SHARE):
                    await answer_of(error)(scope, exchange.receive, exchange.send)
            except TimeoutError:
                pass
            else:
                return
        await exchange.abort(scope)


class Exchange:
    """A request's ASGI channels, and what has passed through them.

    Attributes:
        status: of the answer; 0 before its head was sent.
        arriving: whether more of the body is being waited for.
        bytes_in, bytes_out: of the body, and of the answer's body.
    """

    __slots__ = ("_id_header", "_receive", "_send", "arriving", "bytes_in", "bytes_out", "status")

    def __init__(self, receive: Receive, send: Send, request_id: str) -> None:
        self._receive = receive
        self._send = send
        self._id_header = (request_ids.HEADER, request_id.encode("ascii"))
        self.status = self.bytes_in = self.bytes_out = 0
        self.arriving = False

    async def receive(self) -> Message:
        """The next part of the request."""
        self.arriving = True
        message = await self._receive()
        self.arriving = message.get("more_body", False)
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # A list of its own: the answer may be one that is sent again.
            message["headers"] = [*message["headers"], self._id_header]
        else:
            self.bytes_out += len(message.get("body", b""))
        await self._send(message)

    async def abort(self, scope: Scope) -> None:
        """End the connection at once, whatever is still to be sent on it."""
        if abort := scope.get("abort"):
            abort()
            while (await self._receive())["type"] != "http.disconnect":
                pass


def route_of(scope: Scope) -> str:
    """The route's template: a path as it was sent may be anything."""
    path: str = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
    return path


def _too_late(seconds: float, *, arriving: bool) -> SlowBodyError | TooSlowError:
    if arriving:
        return SlowBodyError(
            f"The body did not arrive within {seconds:g} s. Send it faster, or in parts."
        )
    return TooSlowError(
        f"The request was not answered within {seconds:g} s (serve.timeout). What it was to change "
        "may still be done: look before you send it again. Send less at a time, or try again later."
    )
