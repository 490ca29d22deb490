"""One connection: uvicorn's HTTP/1.1 with its gaps closed.

An offer of another protocol (Java's HTTP client offers HTTP/2 with its first request) is ignored,
where uvicorn would lose the body; neither an incomplete head nor the rest of a refused body is
awaited forever; and what is not HTTP is answered by a problem document.
"""

from __future__ import annotations

import asyncio

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serve.http import request_ids
from serve.http.access_log import AccessLog, Line
from serve.http.problems import Kind, last_answer

OFFERS = frozenset({b"upgrade", b"http2-settings"})
NOT_HTTP = Kind(400, "not-http", "This is not HTTP/1.1")


class Protocol(HttpToolsProtocol):
    """One connection. The keep-alive timer also runs until the next head is complete."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first head."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Parse data; continue as HTTP/1.1 after an offer of another protocol."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._ignore_offer(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))

    def on_headers_complete(self) -> None:
        """Stop the timer: the head is complete."""
        self._unset_keepalive_if_required()
        self.scope["abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """After the last answer, do not wait for ever until the client has read it."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_later()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, also one whose client does not read its answer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, and close the connection."""
        request_id = request_ids.new()
        detail = f"The request cannot be parsed: {msg}."
        self.transport.write(last_answer(NOT_HTTP, detail, request_id))
        access_log: AccessLog | None = self.app_state.get("access_log")
        if access_log is not None:
            peer = None if self.client is None else self.client[0]
            access_log.add(Line(request_id, NOT_HTTP.status, peer))
        self.transport.close()
        self._abort_later()

    def _abort_later(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.transport.abort
        )

    def _should_upgrade(self) -> bool:
        """Handle nothing of a request with an offer until it is parsed again without."""
        return True

    def _ignore_offer(self, rest: bytes) -> None:
        """Parse the current request again without its offer, then what followed its head."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.send_400_response("this is not a proxy")
            return
        lines = [b"%b %b HTTP/1.1" % (method, self.url)]
        for name, value in self.headers:
            kept = _without_offers(value) if name == b"connection" else value
            if name not in OFFERS and kept:
                lines.append(b"%b: %b" % (name, kept))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"\r\n".join([*lines, b"", b""]) + rest)


def _without_offers(connection: bytes) -> bytes:
    """A Connection header without offers."""
    tokens = [token.strip() for token in connection.split(b",")]
    return b", ".join(token for token in tokens if token.lower() not in OFFERS)
