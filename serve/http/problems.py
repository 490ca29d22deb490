"""Errors as RFC 9457 problem documents, and the one table from an error to its status.

Routes raise; the handlers at the end of this module answer with ``application/problem+json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from converters.errors import FreshetError, UsageError
from converters.logger import log
from learners.explain.baseline import NO_BASELINE, BaselineError, NoReasonsError
from learners.registry.errors import (
    LeftBehindError,
    PostConflictError,
    PostInProgressError,
    PromotionRefusedError,
    RegistryError,
    RollbackClaimedError,
    RollbackRefusedError,
    RollbackUnderWayError,
    UnknownQuarantineError,
    UnknownRollbackError,
    UnknownVersionError,
    UnservableVersionError,
)
from learners.snapshots.errors import SnapshotError
from serve.http import request_ids
from stream.log.contract import LogError, RecordTooLargeError, StampError

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:freshet:problem:"
# How many errors of rows an answer lists.
MOST_ERRORS = 100

# From which status on the server is at fault.
SERVERS_FAULT = 500
# How soon a text is logged again, and how soon another text of the same kind.
AGAIN_SECONDS, OTHER_SECONDS = 60.0, 1.0

Errors = Sequence[Mapping[str, Any]]


class RequestError(FreshetError):
    """The request cannot be answered; the subclass decides the status.

    Attributes:
        errors: of rows and columns.
        headers: of the answer.
    """

    def __init__(
        self, detail: str, errors: Errors = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.errors = errors
        self.headers = headers or {}


class NotJsonError(RequestError):
    """The body is not JSON."""


class UnknownParameterError(RequestError):
    """A query parameter is unknown or has an invalid value."""


class NotAuthorizedError(RequestError):
    """A token is needed and was not sent; or it is unknown, was revoked or has expired."""


class ForbiddenError(RequestError):
    """The token does not allow this."""


class ForeignPageError(RequestError):
    """A web page of another origin made a browser send the request."""


class MisdirectedError(RequestError):
    """The request is for a host that is not this server."""


class TokensUnavailableError(RequestError):
    """The file of tokens is damaged, so that nobody can be let in."""


class ClientGoneError(RequestError):
    """The client closed the connection before its body was complete."""


class SlowBodyError(RequestError):
    """The body did not arrive in time."""


class TooSlowError(RequestError):
    """The whole request took longer than it may."""


class TooLargeError(RequestError):
    """The body has too many bytes or too many rows."""


class MediaTypeError(RequestError):
    """The body has a media type or encoding that the route does not support."""


class RowsRefusedError(RequestError):
    """Rows or fields of the body are invalid.

    Attributes:
        reasons: how many errors there are of each reason, if more than those listed.
    """

    def __init__(
        self, detail: str, errors: Errors = (), reasons: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(detail, errors)
        self.reasons = reasons or {}


class ServedVersionChangedError(RequestError):
    """Someone else changed the served version during this request."""


class PerhapsChangedError(RequestError):
    """The registry did not answer in time; a change of it may still be made."""


class BusyError(RequestError):
    """The server has as much to do as it may; nothing was done for this request."""


class LogTooLongError(RequestError):
    """The log could not be looked through in time; nothing was changed."""


class NoModelError(RequestError):
    """There is no model yet."""


class NotLoadedError(RequestError):
    """This process could not load the version to be served."""


class NotYetServedError(RequestError):
    """This process did not serve the version in time."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    Attributes:
        status: of the answer.
        name: in its ``type``.
        title: a few words.
        headers: of every answer.
        public: the detail for those who are no admins, where the error's own may name hosts, files
            or processes; empty where it never does.
    """

    status: int
    name: str
    title: str
    headers: Mapping[str, str] = field(default_factory=dict)
    public: str = ""


SAID = "The server's log says why."
RETRY = {"Retry-After": "1"}

# The most specific class of an error decides.
KINDS: dict[type[FreshetError], Kind] = {
    NotJsonError: Kind(400, "not-json", "The body is not JSON"),
    ClientGoneError: Kind(400, "incomplete", "The body is incomplete"),
    UnknownParameterError: Kind(400, "bad-query", "Invalid query parameter"),
    NotAuthorizedError: Kind(
        401, "not-authorized", "Token required", {"WWW-Authenticate": "Bearer"}
    ),
    ForbiddenError: Kind(403, "forbidden", "The token does not allow this"),
    ForeignPageError: Kind(403, "foreign-page", "Sent by a page of another origin"),
    UnknownVersionError: Kind(404, "unknown-version", "Version not found"),
    SlowBodyError: Kind(408, "slow-body", "The body arrived too slowly", {"Connection": "close"}),
    TooSlowError: Kind(408, "too-slow", "The request took too long", {"Connection": "close"}),
    UnservableVersionError: Kind(
        409,
        "unservable-version",
        "The version cannot be served",
        public="The version was refused, its files are gone, or its schema is not known. "
        "GET /versions lists the others.",
    ),
    NoReasonsError: Kind(409, "no-reasons", "The config gives no reasons"),
    BaselineError: Kind(503, "no-baseline", "No baseline", public=NO_BASELINE),
    PromotionRefusedError: Kind(409, "worse", "The version is worse than the served one"),
    LeftBehindError: Kind(409, "left-behind", "Events wait that would be left behind"),
    UnknownQuarantineError: Kind(404, "unknown-quarantine", "Quarantine not found"),
    UnknownRollbackError: Kind(404, "unknown-rollback", "Rollback not found"),
    RollbackRefusedError: Kind(409, "no-way-back", "The learner cannot go back to the version"),
    RollbackUnderWayError: Kind(
        409,
        "rollback-under-way",
        "Another rollback of the learner is under way",
        public="Another rollback of the learner is under way. GET /rollbacks says which.",
    ),
    RollbackClaimedError: Kind(409, "claimed", "The rollback cannot be cancelled any more"),
    ServedVersionChangedError: Kind(409, "moved-on", "The served version was changed meanwhile"),
    PostInProgressError: Kind(
        409, "request-in-progress", "The first request is still running", RETRY
    ),
    TooLargeError: Kind(413, "too-large", "Request too large"),
    RecordTooLargeError: Kind(
        413,
        "too-large",
        "Request too large",
        public="A record is larger than the log allows. Send fewer or smaller rows at a time.",
    ),
    MediaTypeError: Kind(415, "unknown-media-type", "Unsupported media type"),
    RowsRefusedError: Kind(422, "refused", "Invalid request body"),
    PostConflictError: Kind(422, "key-used-before", "Idempotency key already used"),
    StampError: Kind(
        422,
        "bad-time",
        "The log refuses this time",
        public="A row's time is further from the log's clock than it allows. Correct the time.",
    ),
    UsageError: Kind(422, "refused", "Invalid request body"),
    MisdirectedError: Kind(421, "misdirected", "This server has another name"),
    TokensUnavailableError: Kind(503, "tokens", "Tokens cannot be verified", RETRY),
    LogTooLongError: Kind(503, "log-too-long", "The log is too long to look through in time"),
    BusyError: Kind(503, "busy", "The server is busy", RETRY),
    NoModelError: Kind(
        503,
        "no-model",
        "No model yet",
        RETRY,
        f"There is no model yet, or none that can be loaded here. {SAID} Try again in a moment.",
    ),
    NotLoadedError: Kind(
        503,
        "not-loaded",
        "The version could not be loaded",
        public=f"The version could not be loaded. {SAID}",
    ),
    PerhapsChangedError: Kind(503, "registry", "The registry is unavailable", RETRY),
    RegistryError: Kind(
        503,
        "registry",
        "The registry is unavailable",
        RETRY,
        f"The registry cannot be used now. {SAID} Try again later.",
    ),
    SnapshotError: Kind(
        503,
        "snapshot",
        "The snapshot is unavailable",
        RETRY,
        f"The version's files cannot be used now. {SAID} Try again later.",
    ),
    LogError: Kind(
        503,
        "log",
        "The log is unavailable",
        RETRY,
        f"The log cannot be used now, and the rows may or may not have been appended. {SAID} Send "
        "them again later: rows with an id are counted once.",
    ),
    NotYetServedError: Kind(504, "not-yet-served", "The version is not served yet"),
    FreshetError: Kind(503, "failed", "The request failed", public=f"It failed. {SAID}"),
}

OF_HTTP = {
    404: Kind(404, "unknown-route", "Not found"),
    405: Kind(405, "wrong-method", "Method not allowed"),
}
BUG = Kind(500, "bug", "Internal error")


def kind_of(error: FreshetError) -> Kind:
    """The kind of problem that an error is."""
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def document(kind: Kind, detail: str, errors: Errors = (), request_id: str = "") -> bytes:
    """A problem as JSON, with the id of the current request unless another is given."""
    content: dict[str, Any] = {
        "type": TYPE_PREFIX + kind.name,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "request_id": request_id or request_ids.current(),
    }
    if errors:
        content["errors"] = list(errors[:MOST_ERRORS])
    return orjson.dumps(content)


def problem(
    kind: Kind, detail: str, errors: Errors = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for a problem; its id is in its header as well, by the frame of every request."""
    return Response(
        document(kind, detail, errors),
        kind.status,
        headers={**kind.headers, **(headers or {})},
        media_type=PROBLEM_JSON,
    )


def last_answer(kind: Kind, detail: str, request_id: str, date: str = "") -> bytes:
    """The bytes of an HTTP/1.1 answer that ends its connection, for what reaches no route."""
    content = document(kind, detail, request_id=request_id)
    headers = {
        "Date": date,
        **kind.headers,
        "Connection": "close",
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(content)),
        "X-Request-ID": request_id,
    }
    lines = [f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + content


class Withheld:
    """Logs what answers to non-admins leave out: of each kind of problem, a text once a minute."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, float]] = {}

    def log(self, kind: Kind, detail: str) -> None:
        """Log a detail, unless it was just logged; at most one of a kind in a second."""
        last, at = self._last.get(kind.name, ("", float("-inf")))
        if monotonic() - at >= (AGAIN_SECONDS if detail == last else OTHER_SECONDS):
            self._last[kind.name] = detail, monotonic()
            say = log.error if kind.status >= SERVERS_FAULT else log.warning
            say("request failed", problem=kind.name, detail=detail)


_withheld = Withheld()


def bug() -> Response:
    """The answer for an exception of another kind, which the log has."""
    detail = (
        "This is a bug in Freshet. The server's log has the traceback under the request id "
        f"{request_ids.current()}: please report it."
    )
    return problem(BUG, detail)


def install(app: FastAPI) -> None:
    """Make an application answer every failure with a problem document."""
    app.exception_handler(FreshetError)(_on_error)
    app.exception_handler(HTTPException)(_on_http)


def answer_of(error: FreshetError, *, admin: bool = False) -> Response:
    """The answer for an error of a known kind; only admins are told what only they may know."""
    errors: Errors = error.errors if isinstance(error, RequestError) else ()
    headers = error.headers if isinstance(error, RequestError) else {}
    kind, detail = kind_of(error), str(error)
    if kind.public:
        _withheld.log(kind, detail)
        detail = detail if admin else kind.public
    return problem(kind, detail, errors, headers)


async def _on_error(request: Request, error: FreshetError) -> Response:
    return answer_of(error, admin=getattr(request.scope.get("caller"), "is_admin", False))


async def _on_http(request: Request, error: HTTPException) -> Response:
    headers = error.headers
    if error.status_code == 405 or request.scope["path"] == "*":
        headers = {"Allow": ", ".join(_methods(request))}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    kind = OF_HTTP.get(error.status_code, Kind(error.status_code, "http", str(error.detail)))
    detail = f"{kind.title}: {request.method} {request.url.path}. /docs lists the routes."
    return problem(kind, detail, headers=headers)


def _methods(request: Request) -> list[str]:
    """What a path allows; ``*`` is the whole server."""
    found = {"OPTIONS"}
    for route in request.app.routes:
        there = request.scope["path"] == "*" or route.matches(request.scope)[0] is not Match.NONE
        found |= (getattr(route, "methods", None) or set()) if there else set()
    return sorted(found | {"HEAD"} if "GET" in found else found)
