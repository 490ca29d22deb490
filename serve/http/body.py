"""A request's body within its limits: type checked, read to the end or refused, parsed as JSON.

The first step of every route that takes a body. What it hands on is bytes and their media type;
:mod:`serve.rows.request_rows` makes rows of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from fastapi import Request

from converters.config.settings import ServeSettings
from serve.http.problems import (
    ClientGoneError,
    MediaTypeError,
    NotJsonError,
    SlowBodyError,
    TooLargeError,
    UnknownParameterError,
)

JSON, CSV = "application/json", "text/csv"
# ASCII is UTF-8 as well; anything else would have to be decoded by the client's word for it.
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost.

    Attributes:
        body: bytes.
        rows: rows.
        seconds: until the body must have arrived.
    """

    body: int
    rows: int
    seconds: float

    @classmethod
    def of(cls, settings: ServeSettings) -> Limits:
        """The limits that the config sets."""
        return cls(settings.max_body, settings.max_rows, settings.timeout)


async def read(request: Request, limits: Limits) -> bytes:
    """The whole body.

    What is left of a body that is refused is read and dropped by the server, so that the
    connection stays of use to a client that sends all before it listens.

    Raises:
        TooLargeError: it has, or says that it has, more bytes than the limit.
        SlowBodyError: it did not arrive in time.
        ClientGoneError: it will never be complete.
    """
    announced = head_of(request).get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > limits.body:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.seconds):
            return await _all(request, limits)
    except TimeoutError:
        raise SlowBodyError(
            f"The body did not arrive within {limits.seconds:g} s. Send it at once, or in parts."
        ) from None


async def _all(request: Request, limits: Limits) -> bytes:
    parts: list[bytes] = []
    length = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError("The client hung up before the body was complete.")
        part: bytes = message.get("body", b"")
        length += len(part)
        if length > limits.body:
            raise _too_large(limits)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def head_of(request: Request) -> dict[bytes, bytes]:
    """The headers by name, in one step; looked up one by one they cost as much as the score."""
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
        what = f"{given!r} is not read here" if given else "The Content-Type is missing"
        raise MediaTypeError(f"{what}: send {' or '.join(allowed)}.")
    if parameters and _charset(parameters) not in CHARSETS:
        raise MediaTypeError(f"{given!r} is not read here: send UTF-8.")
    coding = head.get(b"content-encoding", b"identity").decode("latin-1")
    if coding.strip().lower() != "identity":
        raise MediaTypeError(f"The Content-Encoding {coding!r} is not read here: send it plain.")
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
    """Refuse query parameters that would silently do nothing.

    Raises:
        UnknownParameterError: there is one that is not known, or one twice.
    """
    if not request.scope.get("query_string"):
        return
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known or names.count(name) > 1:
            there_are = f"there are {', '.join(known)}" if known else "it has none"
            raise UnknownParameterError(
                f"The query parameter {name!r} is not one of this route's, or stands there twice; "
                f"{there_are}."
            )


def _charset(parameters: str) -> str:
    """The charset that the parameters of a media type name; UTF-8 where they name none."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"


def _too_large(limits: Limits) -> TooLargeError:
    return TooLargeError(
        f"The body has more than {limits.body:,} bytes. Send fewer rows at a time, or raise "
        "serve.max_body."
    )
