"""A request's media type, its body within limits, its JSON and its query parameters, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fastapi import Request

from converters.config.settings import ServeSettings
from converters.files.framing import BYTE_ORDER_MARK
from converters.objects.json_rows import Broken, parsed
from serve.http.problems import (
    BusyError,
    ClientGoneError,
    MediaTypeError,
    NotJsonError,
    TooLargeError,
    UnknownParameterError,
)

JSON, CSV = "application/json", "text/csv"
# In the ASGI scope, what checks once more, when the body has come, that its sender may send it.
RECHECK = "recheck"
# ASCII is UTF-8 as well.
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_MARKED = re.compile(rb"[ \t\r\n]{0,100}" + BYTE_ORDER_MARK.encode())
_FIRST_OF_JSON = (b"{", b"[")
# Of each body so many bytes do not count against ``serve.max_bodies``.
FREE_BYTES = 16 * 2**10
# A header or a name is shown up to so many characters.
SHOWN = 100


class Bodies:
    """The bodies of the requests that this process answers, and the bytes that they hold together.

    The first bytes of each are free: however many slow senders hold the others, a row to be scored
    is always read. What they may add up to follows from the number of connections.

    Attributes:
        held: bytes that count against the limit.
    """

    def __init__(self, limits: ServeSettings) -> None:
        self.limits = limits
        self.held = 0

    def of(self, request: Request, most: int | None = None) -> Body:
        """The body of a request, of at most so many bytes; ``serve.max_body`` if not given."""
        return Body(self, request, self.limits.max_body if most is None else most)


class Body:
    """The whole body of a request, which is held until the ``with`` ends.

    :mod:`serve.http.every_request` limits how long it may take.

    The server reads and drops the rest of a refused body, so that a client that sends everything
    before it listens can keep its connection.

    Raises:
        TooLargeError: it has, or announces, more bytes than the limit.
        BusyError: the bodies of all requests together do.
        ClientGoneError: it will never be complete.
    """

    __slots__ = ("_bodies", "_held", "_most", "_request")

    def __init__(self, bodies: Bodies, request: Request, most: int) -> None:
        self._bodies = bodies
        self._request = request
        self._most = min(most, bodies.limits.max_body)
        self._held = 0

    async def __aenter__(self) -> bytes:
        """Read it."""
        announced = head_of(self._request).get(b"content-length", b"")
        if announced.isdigit() and int(announced[:20]) > self._most:
            raise self._too_large()
        try:
            whole = await self._whole()
            if recheck := self._request.scope.get(RECHECK):
                recheck()
        except BaseException:
            self._release()
            raise
        else:
            return whole

    async def __aexit__(self, *_: object) -> None:
        """Its bytes are held no longer."""
        self._release()

    async def _whole(self) -> bytes:
        whole = bytearray()
        while True:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError(
                    "The client closed the connection before the body was complete."
                )
            part: bytes = message.get("body", b"")
            self._hold(len(whole) + len(part))
            more = message.get("more_body", False)
            if not more and not whole:
                return part
            whole += part
            if not more:
                return bytes(whole)

    def _hold(self, length: int) -> None:
        if length > self._most:
            raise self._too_large()
        more = length - FREE_BYTES - self._held
        if more > 0:
            if self._bodies.held + more > self._bodies.limits.max_bodies:
                raise BusyError(
                    "The bodies of the requests that are being answered fill the memory allowed "
                    "for them. Try again in a moment, or raise serve.max_bodies."
                )
            self._bodies.held += more
            self._held += more

    def _release(self) -> None:
        self._bodies.held -= self._held
        self._held = 0

    def _too_large(self) -> TooLargeError:
        how = "Send fewer rows at a time, or raise serve.max_body."
        if self._most < self._bodies.limits.max_body:
            how = "This route needs no more."
        return TooLargeError(f"The body has more than {self._most:,} bytes. {how}")


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
        shown = f"{given[:SHOWN]!r} is not supported here"
        what = shown if given else "The Content-Type is missing"
        raise MediaTypeError(f"{what}: send {' or '.join(allowed)}.")
    if parameters and _charset(parameters) not in CHARSETS:
        raise MediaTypeError(f"{given[:SHOWN]!r} is not supported here: send UTF-8.")
    coding = head.get(b"content-encoding", b"identity").decode("latin-1")
    if coding.strip().lower() != "identity":
        raise MediaTypeError(
            f"The Content-Encoding {coding[:SHOWN]!r} is not supported: send the body uncompressed."
        )
    return kind


def parse(body: bytes) -> object:
    """The body as JSON data; a byte order mark in front of it is no part of it.

    Raises:
        NotJsonError: it is none; NaN and Infinity are not JSON.
    """
    content = parsed(body)
    if isinstance(content, Broken):
        raise NotJsonError(f"The body is not JSON: {content.fault}.")
    return content


def without_mark(body: bytes) -> bytes:
    """A body without a byte order mark in front of it, or behind blanks."""
    found = None if body[:1] in _FIRST_OF_JSON else _MARKED.match(body)
    return body if found is None else body[found.end() :]


def not_json(why: str) -> NotJsonError:
    """The error for a body that is no JSON."""
    return NotJsonError(f"The body is not JSON ({why}); NaN and Infinity are not.")


def only_parameters(request: Request, known: Sequence[str] = ()) -> None:
    """Refuse query parameters that would have no effect.

    Raises:
        UnknownParameterError: there is one that is not known, or one twice.
    """
    if not request.scope.get("query_string"):
        return
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known or name in seen:
            there_are = f"this route has {', '.join(known)}" if known else "this route has none"
            raise UnknownParameterError(
                f"The query parameter {name[:SHOWN]!r} is unknown or given twice; {there_are}."
            )
        seen.add(name)


def flag_in(given: Mapping[str, str], name: str) -> bool | None:
    """What a query parameter says, true or false; None if it is not there.

    Raises:
        UnknownParameterError: it says something else.
    """
    value = given.get(name)
    if value not in ("true", "false", None):
        raise UnknownParameterError(f"The query parameter '{name}' is true or false.")
    return None if value is None else value == "true"


def count_in(given: Mapping[str, str], name: str, most: int) -> int | None:
    """The whole number from 1 that a query parameter says; None if it is not there.

    Raises:
        UnknownParameterError: it says something else, or more.
    """
    value = given.get(name)
    if value is None:
        return None
    if value.isascii() and value.isdecimal() and 0 < int(value[:9]) <= most:
        return int(value[:9])
    raise UnknownParameterError(f"The query parameter '{name}' is a number from 1 to {most}.")


def _charset(parameters: str) -> str:
    """The charset that the parameters of a media type name; UTF-8 where they name none."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"
