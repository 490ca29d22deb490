"""One request on a socket of its own, sent while its answer is awaited, as a good client does."""

from __future__ import annotations

import http.client
import io
import json
import select
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any

PATIENCE = 120.0
PIECE = 2**18


@dataclass(frozen=True)
class Answer:
    """An answer; its status is 0 where there was none.

    Attributes:
        status: 0 if the connection ended without an answer.
        headers: by lower-case name.
        body: as received.
        closed: whether the server then closed the connection.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool = False

    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)

    @property
    def trouble(self) -> str:
        """Why this is not as every answer must be; empty if it is."""
        if self.status == 0:
            return "no answer"
        if self.status < 400:
            return ""
        kind = self.headers.get("content-type", "")
        if kind != "application/problem+json":
            return f"{self.status} is no problem document but {kind!r}"
        content = self.json()
        if content.get("status") != self.status or not content.get("detail"):
            return f"{self.status} has the document {self.body[:200]!r}"
        return ""


NONE = Answer(0, {}, b"", closed=True)


def exchange(port: int, parts: Iterable[bytes], patience: float = PATIENCE) -> Answer:
    """Send parts until they end or the answer is there, and read one answer."""
    with socket.create_connection(("127.0.0.1", port), patience) as connection:
        return exchange_on(connection, parts, patience)


def exchange_on(
    connection: socket.socket, parts: Iterable[bytes], patience: float = PATIENCE
) -> Answer:
    """The same on an open connection, on which nothing else is under way."""
    connection.setblocking(False)
    waiting, received = iter(parts), b""
    unsent: memoryview | None = memoryview(b"")
    until = monotonic() + patience
    while monotonic() < until:
        if unsent is not None and not unsent:
            following = next(waiting, None)
            unsent = None if following is None else memoryview(following)
        writing = [] if unsent is None else [connection]
        readable, writable, _ = select.select([connection], writing, [], 1.0)
        try:
            if writable and unsent:
                unsent = unsent[connection.send(unsent[:PIECE]) :]
        except (ConnectionResetError, BrokenPipeError):
            unsent = None
        if not readable:
            continue
        try:
            part = connection.recv(2**18)
        except ConnectionResetError:
            part = b""
        received += part
        if (answer := parsed(received, ended=not part)) or not part:
            return answer or NONE
    raise TimeoutError(f"no answer in {patience:g} s, but {received[:200]!r}")


def parsed(received: bytes, *, ended: bool) -> Answer | None:
    """The first answer in these bytes; None if it is not whole yet."""
    head, found, rest = received.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100 "):
        return parsed(rest, ended=ended)
    if not found:
        return None
    status, *lines = head.split(b"\r\n")
    fields = http.client.parse_headers(io.BytesIO(b"\r\n".join([*lines, b"", b""])))
    headers = {name.lower(): value for name, value in fields.items()}
    length = headers.get("content-length")
    if headers.get("transfer-encoding") == "chunked":
        if not rest.endswith(b"0\r\n\r\n"):
            return None
        rest = b"".join(_chunks(rest))
    elif length is not None and len(rest) < int(length) and not ended:
        return None
    return Answer(int(status.split()[1]), headers, rest, closed=ended)


def _chunks(body: bytes) -> Iterable[bytes]:
    file = io.BytesIO(body)
    while size := int(file.readline(), 16):
        yield file.read(size)
        file.readline()
