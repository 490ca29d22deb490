"""Raw bytes on a connection, and every answer that they get until the server ends it or is silent.

The tests of the protocol itself are in ``tests/serve/server``; these attack it from outside.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from time import monotonic

from tests.faults.http.exchange import Answer, parsed

SILENCE = 0.25
HOST = "Host: 127.0.0.1"
# A request that shows what the server takes for the next one.
MARKER = f"GET /versions/999999 HTTP/1.1\r\n{HOST}\r\n\r\n".encode()


def answers(port: int, sent: bytes, *, half_close: bool = False, wait: float = 5.0) -> list[Answer]:
    """What comes back, until the server ends the connection or has no more to say."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        try:
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return all_of(*read(connection, wait))


def read(connection: socket.socket, wait: float) -> tuple[bytes, bool]:
    """The bytes that come until the end, or until an answer is whole and silence follows."""
    received, until = b"", monotonic() + wait
    while monotonic() < until:
        patience = SILENCE if received and all_of(received, ended=False) else wait
        connection.settimeout(patience)
        try:
            part = connection.recv(2**20)
        except TimeoutError:
            break
        except ConnectionResetError:
            part = b""
        if not part:
            return received, True
        received += part
    return received, False


def all_of(received: bytes, ended: bool) -> list[Answer]:
    """The answers in these bytes; the last says whether the connection has ended."""
    found: list[Answer] = []
    while received and (answer := parsed(received, ended=ended)) is not None:
        length = int(answer.headers.get("content-length", len(answer.body)))
        end = received.index(b"\r\n\r\n", received.index(b"HTTP/1.1 ")) + 4 + length
        found.append(Answer(answer.status, answer.headers, answer.body[:length], closed=ended))
        received = received[end:]
    return found


def flood(
    port: int, head: bytes, part: bytes, most: int, after: bytes = b"", wait: float = 20.0
) -> tuple[int, list[Answer]]:
    """Send one part again and again until the server is done with it or there was so much.

    Returns:
        How many bytes it took, and what it answered.
    """
    parts, taken, until = _endless(head, part, most, after), 0, monotonic() + wait
    unsent, received, ended = memoryview(next(parts)), b"", False
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.setblocking(False)
        while monotonic() < until and not ended:
            readable, writable, _ = select.select([connection], [connection] * bool(unsent), [], 1)
            try:
                if readable:
                    content = connection.recv(2**18)
                    received, ended = received + content, not content
                if writable and not ended:
                    sent = connection.send(unsent)
                    taken, unsent = taken + sent, unsent[sent:] or memoryview(next(parts, b""))
            except (ConnectionResetError, BrokenPipeError):
                ended = True
            if not unsent and received and all_of(received, ended=False):
                break
    return taken, all_of(received, ended)


def _endless(head: bytes, part: bytes, most: int, after: bytes) -> Iterator[bytes]:
    block = part * max(1, 2**18 // len(part))
    if head:
        yield head
    for _ in range(0, most, len(block)):
        yield block
    if after:
        yield after
