"""Errors as RFC 9457 problem documents: what the HTTP side refuses, and the one table of statuses.

Every route raises; the handlers at the end of this module turn what was raised into
``application/problem+json``. Nothing else in the package knows a status of failure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from converters.errors import FreshetError, UsageError
from learners.registry import (
    PostConflictError,
    PostInProgressError,
    RegistryError,
    UnknownVersionError,
    UnservableVersionError,
)
from learners.snapshots import SnapshotError
from stream.log.contract import LogError, RecordTooLargeError, StampError

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:freshet:problem:"
# A request whose every row is wrong is told about so many of them.
MOST_ERRORS = 100

Errors = Sequence[Mapping[str, Any]]


class RequestError(FreshetError):
    """The request cannot be answered as it is; the subclass decides the status.

    Attributes:
        errors: what is wrong, by row and column.
        headers: of the answer.
    """

    def __init__(
        self, detail: str, errors: Errors = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.errors = errors
        self.headers = headers or {}


class NotJsonError(RequestError):
    """The body is no JSON."""


class UnknownParameterError(RequestError):
    """The query names a parameter that the route does not have, or a value it cannot read."""


class NotAuthorizedError(RequestError):
    """An admin route was asked without the right token."""


class ForbiddenError(RequestError):
    """An admin route was asked by someone who is not a direct local caller."""


class ClientGoneError(RequestError):
    """The client hung up before its body was complete; nobody reads the answer."""


class SlowBodyError(RequestError):
    """The body did not arrive in time."""


class TooLargeError(RequestError):
    """The body has too many bytes or too many rows."""


class MediaTypeError(RequestError):
    """The body is of a type or coding that the route does not read."""


class RowsRefusedError(RequestError):
    """Rows or fields of the body are wrong."""


class MovedOnError(RequestError):
    """Someone else moved what is served while this request did."""


class NoModelError(RequestError):
    """There is no model to answer with yet."""


class NotLoadedError(RequestError):
    """This process could not load the version that is to be served."""


class NotYetServedError(RequestError):
    """This process did not come to serve the version in time."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its status, its name in ``type``, its title, and fixed headers."""

    status: int
    name: str
    title: str
    headers: Mapping[str, str] = field(default_factory=dict)


RETRY = {"Retry-After": "1"}

# The most special class of an error's ancestors decides.
KINDS: dict[type[FreshetError], Kind] = {
    NotJsonError: Kind(400, "not-json", "The body is not JSON"),
    ClientGoneError: Kind(400, "incomplete", "The body is incomplete"),
    UnknownParameterError: Kind(400, "bad-query", "The query cannot be read"),
    NotAuthorizedError: Kind(
        401, "not-authorized", "A token is needed", {"WWW-Authenticate": "Bearer"}
    ),
    ForbiddenError: Kind(403, "forbidden", "Only for direct local callers"),
    UnknownVersionError: Kind(404, "unknown-version", "There is no such version"),
    SlowBodyError: Kind(408, "slow-body", "The body came too slowly", {"Connection": "close"}),
    UnservableVersionError: Kind(409, "unservable-version", "The version cannot be served"),
    MovedOnError: Kind(409, "moved-on", "What is served was moved meanwhile"),
    PostInProgressError: Kind(
        409, "request-in-progress", "The first request is not answered yet", RETRY
    ),
    TooLargeError: Kind(413, "too-large", "The request is too large"),
    RecordTooLargeError: Kind(413, "too-large", "The request is too large"),
    MediaTypeError: Kind(415, "unknown-media-type", "The body is of another type"),
    RowsRefusedError: Kind(422, "refused", "The body is wrong"),
    PostConflictError: Kind(422, "key-used-before", "The key was used for another request"),
    StampError: Kind(422, "bad-time", "The log does not take this time"),
    UsageError: Kind(422, "refused", "The body is wrong"),
    NoModelError: Kind(503, "no-model", "There is no model yet", RETRY),
    NotLoadedError: Kind(503, "not-loaded", "The version could not be loaded"),
    RegistryError: Kind(503, "registry", "The registry cannot be used", RETRY),
    SnapshotError: Kind(503, "snapshot", "The snapshot cannot be read", RETRY),
    LogError: Kind(503, "log", "The log cannot be used", RETRY),
    NotYetServedError: Kind(504, "not-yet-served", "The version is not served yet"),
    FreshetError: Kind(503, "failed", "The request could not be carried out"),
}

OF_HTTP = {
    404: Kind(404, "unknown-route", "There is nothing at this address"),
    405: Kind(405, "wrong-method", "The address does not take this method"),
}
BUG = Kind(500, "bug", "This is a fault of freshet's")


def kind_of(error: FreshetError) -> Kind:
    """The kind of problem that an error is."""
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def problem(
    kind: Kind, detail: str, errors: Errors = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for a problem."""
    content: dict[str, Any] = {
        "type": TYPE_PREFIX + kind.name,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
    }
    if errors:
        content["errors"] = list(errors[:MOST_ERRORS])
    return Response(
        orjson.dumps(content),
        kind.status,
        headers={**kind.headers, **(headers or {})},
        media_type=PROBLEM_JSON,
    )


def install(app: FastAPI) -> None:
    """Let an application answer every failure with a problem document."""
    app.exception_handler(FreshetError)(_on_error)
    app.exception_handler(HTTPException)(_on_http)
    app.exception_handler(Exception)(_on_bug)


async def _on_error(_request: Request, error: FreshetError) -> Response:
    errors: Errors = error.errors if isinstance(error, RequestError) else ()
    headers = error.headers if isinstance(error, RequestError) else {}
    return problem(kind_of(error), str(error), errors, headers)


async def _on_http(request: Request, error: HTTPException) -> Response:
    kind = OF_HTTP.get(error.status_code, Kind(error.status_code, "http", str(error.detail)))
    detail = f"{kind.title}: {request.method} {request.url.path}. See /docs for what there is."
    return problem(kind, detail, headers=error.headers)


async def _on_bug(_request: Request, error: Exception) -> Response:
    """What nobody foresaw; the server's log has the traceback, the answer only the kind."""
    detail = f"{type(error).__name__}; the server's log says where. Please report it."
    return problem(BUG, detail)
