"""The worst requests to the admin routes and to those without a body."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.http.case import (
    JSON,
    REFUSED,
    TOKEN,
    TOO_LARGE,
    Bodies,
    Case,
    keys,
    numbered,
    repeated,
)
from tests.faults.http.row_cases import GOOD


def admin_cases() -> Iterator[Case]:
    """What is worst to those that may change what is served, with the token and without."""
    token = f"Authorization: Bearer {TOKEN}"
    moves: Bodies = {
        "a long reason": (repeated(b"a", b'{"version":1,"reason":"', b'"}'), (413, REFUSED)),
        "a long version": (repeated(b"1", b'{"reason":"x","version":', b"}"), (400, 413, REFUSED)),
        "a long learner": (
            repeated(b"k", b'{"version":1,"reason":"x","learner":"', b'"}'),
            (413, REFUSED),
        ),
        "many skips": (
            repeated(b'"t:0:1-2",', b'{"version":1,"reason":"x","skip":[', b'""]}'),
            (413, REFUSED),
        ),
    }
    for path in ("/promote", "/rollback", "/unpin"):
        for name, (body, status) in moves.items():
            allowed = tuple({*status, TOO_LARGE, REFUSED})
            yield Case(name, path, JSON, body, allowed, headers=(token,))
        yield Case("commas, without a token", path, JSON, repeated(b","), (401,))
        wrong = f"Authorization: Bearer {'x' * 8_000}"
        yield Case("unknown keys, with a wrong token", path, JSON, keys, (401,), headers=(wrong,))


def get_cases() -> Iterator[Case]:
    """What is worst to routes without a body: targets, queries and headers."""
    long = 12_000
    targets: dict[str, tuple[str, tuple[int, ...]]] = {
        "a long path": ("/" + "a" * long, (404,)),
        "a path of slashes": ("/" * long, (404,)),
        "a path of dots": ("/.." * (long // 3), (404,)),
        "an escaped path": ("/" + "%2f" * (long // 3), (404,)),
        "a long version": ("/versions/" + "9" * long, (404,)),
        "an escaped version": ("/versions/" + "%39" * (long // 3), (404,)),
        "a version with no meaning": ("/versions/" + "%00%ff", (404,)),
        "a page by dots": ("/dashboard/" + "..%2f" * 100 + "etc/passwd", (404,)),
        "many equal parameters": ("/history?" + "a&" * (long // 2), (400,)),
        "many empty parameters": ("/history?" + "&" * long, (200, 400)),
        "many different parameters": (
            "/history?" + "&".join(f"a{n}=1" for n in range(long // 8)),
            (400,),
        ),
        "many times": ("/history?" + "at=1&" * (long // 5), (400,)),
        "a long time": ("/history?at=" + "1" * long, (400,)),
        "a long escaped time": ("/history?at=" + "%31" * (long // 3), (400,)),
        "parameters of health": ("/health/live?" + "a&" * (long // 2), (200, 400)),
        "a list with parameters": ("/versions?" + "a=1&" * (long // 4), (400,)),
    }
    for name, (target, status) in targets.items():
        yield Case(name, target, "", repeated(b""), status)
    for path in ("/versions", "/history", "/status", "/metrics", "/openapi.json", "/", "/docs"):
        yield Case("as it is", path, "", repeated(b""), (200,))
    for header in ("Authorization", "Cookie", "Accept", "If-None-Match", "Range", "X-Request-ID"):
        value = {"Authorization": "Bearer ", "Range": "bytes="}.get(header, "") + "0-1," * 3_500
        yield Case(
            f"a long {header}",
            "/status",
            "",
            repeated(b""),
            (200, 401),
            headers=(f"{header}: {value}",),
        )
    many = tuple(f"X-{n}: {n}" for n in range(90))
    yield Case("90 headers", "/status", "", repeated(b""), (200,), headers=many)


def post_edges() -> Iterator[Case]:
    """Queries and headers of routes that read a body."""
    row = numbered(GOOD, 1, around="%s")
    for path, good in (("/predict", 200), ("/events", 202)):
        query = f"{path}?" + "a&" * 6_000
        yield Case("many equal parameters", query, JSON, row, (400,))
        yield Case("a long media type", path, "text/" + "x" * 12_000, row, (415,))
        kind = "application/json" + ";charset=utf-8" * 900
        yield Case("many charsets", path, kind, row, (good, 415))
        yield Case("many semicolons", path, "application/json" + ";" * 12_000, row, (good, 415))
        coding = "Content-Encoding: " + "gzip," * 2_500
        yield Case("many codings", path, JSON, row, (415,), headers=(coding,))
    key = "Idempotency-Key: " + "k" * 12_000
    yield Case("a long key of repetition", "/events", JSON, row, (202, 400, 409), headers=(key,))
