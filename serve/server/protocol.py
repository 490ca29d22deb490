"""HTTP/1.1 on a connection: uvicorn's own protocol, with its three gaps closed.

Used by :mod:`serve.server.server`. A request that offers to speak something else (Java's HTTP
client
offers HTTP/2 with every first request) is answered as if it had not; uvicorn would lose its body.
A head that does not come to its end is not waited for without end, nor is the rest of a body that
was refused. What is no HTTP is told so in a problem document, as everything else.
"""

from __future__ import annotations

import asyncio

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serve.http.problems import PROBLEM_JSON, TYPE_PREFIX

OFFERS = frozenset({b"upgrade", b"http2-settings"})
NOT_HTTP = {
    "type": f"{TYPE_PREFIX}not-http",
    "title": "This is not HTTP/1.1",
    "status": 400,
}


class Protocol(HttpToolsProtocol):
    """One connection. The keep-alive timer also runs until the next head is complete."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """Parse what has come; go on plainly after an offer to speak something else."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._go_on_plainly(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))

    def on_headers_complete(self) -> None:
        """The head is here in time."""
        self._unset_keepalive_if_required()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and hang up."""
        content = orjson.dumps({**NOT_HTTP, "detail": f"It cannot be read: {msg}."})
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: %b\r\n"
            b"content-length: %d\r\n\r\n%b" % (PROBLEM_JSON.encode(), len(content), content)
        )
        self.transport.close()

    def _should_upgrade(self) -> bool:
        """Let nothing of an offering request be handled until it is parsed without its offer."""
        return True

    def _go_on_plainly(self, rest: bytes) -> None:
        """Parse the request at hand again, without its offer, then what followed its head."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.send_400_response("this is no proxy")
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
    """What else a Connection header says."""
    tokens = [token.strip() for token in connection.split(b",")]
    return b", ".join(token for token in tokens if token.lower() not in OFFERS)
