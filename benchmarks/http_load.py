"""A load generator in a process of its own: one request again and again on several connections.

Run as ``python -m benchmarks.http_load PORT SECONDS CONNECTIONS`` with the request, head and body,
on standard input; prints one JSON document. On each connection the next request goes out when
the last one's answer is complete, as a client with keep-alive does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter
from typing import cast

import uvloop

LENGTH = b"content-length: "
PERCENTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}


class Connection(asyncio.Protocol):
    """Sends the request, waits for the whole answer, and begins again until told to stop."""

    def __init__(self, request: bytes, until: float) -> None:
        self.latencies: list[float] = []
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._until = until
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Go on when the answer is complete."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._buffer.lower().find(LENGTH, 0, head) + len(LENGTH)
        length = int(self._buffer[at : self._buffer.index(b"\r\n", at)])
        if len(self._buffer) < head + 4 + length:
            return
        self.latencies.append(perf_counter() - self._sent_at)
        self.failed += not self._buffer.startswith(b"HTTP/1.1 200")
        self._buffer = b""
        self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        """The end, or a server that hung up."""
        if not self.done.done():
            self.failed += perf_counter() < self._until
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        self._sent_at = perf_counter()
        if self._sent_at >= self._until:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(self._request)


async def load(port: int, seconds: float, connections: int, request: bytes) -> dict[str, float]:
    """Answers, their rate, latencies in seconds, and how many of them were not 200."""
    began = perf_counter()
    loop = asyncio.get_running_loop()
    opened = [
        (
            await loop.create_connection(
                lambda: Connection(request, began + seconds), "127.0.0.1", port
            )
        )[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in opened))
    took = perf_counter() - began
    latencies = sorted(latency for each in opened for latency in each.latencies)
    last = len(latencies) - 1
    return {
        "answers": len(latencies),
        "rate": len(latencies) / took,
        "failed": sum(each.failed for each in opened),
        **{name: latencies[round(share * last)] for name, share in PERCENTILES.items()},
    }


if __name__ == "__main__":
    given = (int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(uvloop.run(load(*given, sys.stdin.buffer.read()))))
