"""One bad request: what is sent, and which status answers it; and what bodies are made of.

A body is made of a size in bytes, so that one corpus serves both the default suite and the largest
bodies that the server takes. The model is that of the tests (see ``ATTACKED``), with a text column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from converters.config.settings import ServeSettings

JSON, CSV = "application/json", "text/csv"
TOKEN = "attacked"
# Columns of the attacked model that differ from those of the tests' usual one.
ATTACKED = {"origin": 'kind = "text", missing = "indicator"'}
NAMES = "id,at,late,carrier,origin,hour,distance,landed"
START = 1_357_016_400
MOST_ROWS, MAX_ROW = ServeSettings().max_rows, ServeSettings().max_row
NOT_JSON, TOO_LARGE, REFUSED = 400, 413, 422
Make = Callable[[int], bytes]
Bodies = dict[str, tuple[Make, tuple[int, ...]]]


@dataclass(frozen=True)
class Case:
    """One request.

    Attributes:
        name: what is bad about it.
        path: of the route, with its query.
        kind: media type; empty for a request without a body.
        body: made of a size in bytes.
        status: right answers; several where the size decides which limit is met first.
        chunk: bytes of each chunk; 0 announces the length instead.
        headers: more of them.
        generated: whether it comes from the general generators, which know no right answer.
    """

    name: str
    path: str
    kind: str
    body: Make
    status: tuple[int, ...]
    chunk: int = 0
    headers: tuple[str, ...] = ()
    generated: bool = False

    def parts(self, size: int) -> Iterator[bytes]:
        """The request's bytes, in the parts in which it is sent."""
        body = self.body(size) if self.kind else b""
        lines = [f"{'POST' if self.kind else 'GET'} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        if self.kind:
            lines += [f"Content-Type: {self.kind}"]
            length = f"Content-Length: {len(body)}"
            lines += ["Transfer-Encoding: chunked" if self.chunk else length]
        yield "\r\n".join([*lines, *self.headers, "", ""]).encode("latin-1")
        if not self.chunk:
            yield body
            return
        chunks = (body[at : at + self.chunk] for at in range(0, len(body), self.chunk))
        yield b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def repeated(part: bytes, before: bytes = b"", after: bytes = b"") -> Make:
    """Bodies of one part again and again."""
    return lambda size: before + part * max(1, (size - len(before + after)) // len(part)) + after


def listed(row: bytes, most: int = MOST_ROWS) -> Make:
    """JSON lists of one row, as many as fit."""
    return lambda size: b"[" + b",".join([row] * min(most, size // (len(row) + 1))) + b"]"


def numbered(row: str, most: int = MOST_ROWS, *, between: str = ",", around: str = "[%s]") -> Make:
    """Rows that differ by a number, as many as fit."""

    def made(size: int) -> bytes:
        count = min(most, size // (len(row) + 6 * row.count("{n}")))
        rows = between.join(
            row.replace("{n}", str(n)).replace("{t}", str(START + n)) for n in range(count)
        )
        return around.replace("%s", rows).encode()

    return made


def keys(size: int) -> bytes:
    """One object of unknown keys, all different."""
    return json.dumps({f"{n}": 1 for n in range(size // 11)}).replace(" ", "").encode()


def wide_rows(size: int) -> bytes:
    """9,900 rows of 70 unknown keys each, or as many as fit."""
    row = json.dumps({f"k{n}": 1 for n in range(70)}).replace(" ", "").encode()
    return listed(row, 9_900)(size)


def header_of_names(size: int) -> bytes:
    """A CSV header of different names, and a row below."""
    return ",".join(f"c{n}" for n in range(size // 8)).encode() + b"\nx\n"


def as_rows(cells: str, most: int = MOST_ROWS) -> Make:
    """CSV of rows that differ by a number, below the whole header."""
    return numbered(cells, most, between="\n", around=f"{NAMES}\n%s\n")


def of_bodies(path: str, kind: str, bodies: Bodies) -> list[Case]:
    """A case for each body."""
    return [Case(name, path, kind, body, status) for name, (body, status) in bodies.items()]
