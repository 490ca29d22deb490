"""A request's media type, its body within limits, its JSON and its query parameters, checked."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from fastapi import Request

from converters.config.settings import ServeSettings
from serve.http.problems import (
    ClientGoneError,
    MediaTypeError,
    NotJsonError,
    TooLargeError,
    UnknownParameterError,
)

JSON, CSV = "application/json", "text/csv"
# ASCII is UTF-8 as well.
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


async def read(request: Request, limits: ServeSettings) -> bytes:
    """The whole body; :mod:`serve.http.every_request` limits how long it may take.

    The server reads and drops the rest of a refused body, so that a client that sends everything
    before it listens can keep its connection.

    Raises:
        TooLargeError: it has, or announces, more bytes than the limit.
        ClientGoneError: it will never be complete.
    """
    announced = head_of(request).get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > limits.max_body:
        raise _too_large(limits)
    parts: list[bytes] = []
    length = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError("The client closed the connection before the body was complete.")
        part: bytes = message.get("body", b"")
        length += len(part)
        if length > limits.max_body:
            raise _too_large(limits)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def head_of(request: Request) -> dict[bytes, bytes]:
    """The headers by name, in one step; looking them up one by one costs as much as the score."""
    return dict(request.scope["headers"])


def media_type(request: Request, allowed: Sequence[str] = (JSON, CSV)) -> str:
    """The body's media type.

    Raises:
        MediaTypeError: it is none of those allowed, not in UTF-8, or compressed.
    """
    head = head_of(request)
    given = head.get(b"content-type", b"").decode("latin-1")
    kind, _, parameters = given.partition(";")
    kind = kind.strip().lower()
    if kind not in allowed:
        what = f"{given!r} is not supported here" if given else "The Content-Type is missing"
        raise MediaTypeError(f"{what}: send {' or '.join(allowed)}.")
    if parameters and _charset(parameters) not in CHARSETS:
        raise MediaTypeError(f"{given!r} is not supported here: send UTF-8.")
    coding = head.get(b"content-encoding", b"identity").decode("latin-1")
    if coding.strip().lower() != "identity":
        raise MediaTypeError(
            f"The Content-Encoding {coding!r} is not supported: send the body uncompressed."
        )
    return kind


def parse(body: bytes) -> object:
    """The body as JSON data.

    Raises:
        NotJsonError: it is none; NaN and Infinity are not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotJsonError(f"The body is not JSON ({error}); NaN and Infinity are not.") from None


def only_parameters(request: Request, known: Sequence[str] = ()) -> None:
    """Refuse query parameters that would have no effect.

    Raises:
        UnknownParameterError: there is one that is not known, or one twice.
    """
    if not request.scope.get("query_string"):
        return
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known or names.count(name) > 1:
            there_are = f"this route has {', '.join(known)}" if known else "this route has none"
            raise UnknownParameterError(
                f"The query parameter {name!r} is unknown or given twice; {there_are}."
            )


def _charset(parameters: str) -> str:
    """The charset that the parameters of a media type name; UTF-8 where they name none."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"


def _too_large(limits: ServeSettings) -> TooLargeError:
    return TooLargeError(
        f"The body has more than {limits.max_body:,} bytes. Send fewer rows at a time, or raise "
        "serve.max_body."
    )


def check_rows(rows: int, most: int) -> None:
    """Refuse a request of too many rows.

    Raises:
        TooLargeError: there are more than ``most``.
    """
    if rows > most:
        raise TooLargeError(
            f"The request has more than {most:,} rows. Send fewer at a time, or raise "
            "serve.max_rows."
        )
