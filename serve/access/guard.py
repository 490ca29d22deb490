"""Lets a request through to its route, or refuses it before its body is read.

A route names the scope that it needs and whether it writes. Where the request seems to come from
decides nothing: any proxy makes every caller a local one. A scope is open until a token of that
scope is made; then it needs one from everybody. ``admin`` always needs one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import signature
from typing import Literal

from fastapi import Request, Response
from starlette.types import Scope as Asgi

from converters.config.settings import Settings
from converters.logger import log
from serve.access.caller import ANYBODY, SCOPES, Caller, Scope, peer_of
from serve.access.credentials import Credentials
from serve.access.disclosure import TOKENS
from serve.access.hosts import Hosts, Origins
from serve.http.body import JSON, RECHECK, media_type
from serve.http.problems import (
    ForbiddenError,
    ForeignPageError,
    MediaTypeError,
    MisdirectedError,
    NotAuthorizedError,
    RequestError,
    TokensUnavailableError,
    answer_of,
)
from serve.http.prometheus_counters import Counters

Handler = Callable[..., Awaitable[Response]]

# A refused caller may send the rest of so small a body, and then the next request.
SMALL_BODY = 64 * 2**10
# What a proxy's own login leaves in the request; none of ours.
OTHER_LOGINS = frozenset({b"basic", b"digest", b"negotiate"})
# The reasons of refusals, in the log and in their counter.
REASONS: dict[type[RequestError], str] = {
    MisdirectedError: "host",
    ForeignPageError: "origin",
    NotAuthorizedError: "token",
    ForbiddenError: "scope",
    TokensUnavailableError: "tokens-file",
    MediaTypeError: "media-type",
}
NONE_SENT = "No token was sent."
UNKNOWN = "The token that was sent is unknown."
# The dashboard's form (token.js) tells a person something else than a program.
REFUSED = "{why} This needs a token of the scope {scope}: send it as 'Authorization: Bearer TOKEN'."


class Guard:
    """Decides for one server process.

    Args:
        settings: hosts and origins.
        credentials: that callers may have.
        counters: count the refusals.
    """

    def __init__(self, settings: Settings, credentials: Credentials, counters: Counters) -> None:
        self._hosts = Hosts(settings.serve)
        self._origins = Origins(settings.serve.origins)
        self._credentials = credentials
        self._counters = counters
        self._admin_paths: set[str] = set()

    def misdirected(self, scope: Asgi) -> Response | None:
        """The answer for a request to another host; None if it is for this server."""
        try:
            self._hosts.check(scope)
        except MisdirectedError as error:
            self._refuse(error, scope)
            if scope["path"] in self._admin_paths:
                self.report(scope, scope["path"], REASONS[MisdirectedError])
            return answer_of(error)
        return None

    def over(
        self, handler: Handler, path: str, needed: Scope | Literal[""], *, writes: bool
    ) -> Handler:
        """The handler, for those who may use it.

        Args:
            handler: of a route; may take the request.
            path: of the route.
            needed: scope; empty for what anybody may do, whatever token they send.
            writes: whether the route changes anything.
        """
        if not needed:
            return handler
        if needed == "admin":
            self._admin_paths.add(path)
        takes_request = bool(signature(handler).parameters)

        async def guarded(request: Request) -> Response:
            self._admit(request, path, needed, writes=writes)
            if writes:  # a token may be revoked while the body arrives
                again = partial(self._admit, request, path, needed, writes=writes)
                request.scope[RECHECK] = again
            return await (handler(request) if takes_request else handler())

        return guarded

    def admit_writer(self, request: Request, path: str, needed: Scope) -> None:
        """Check a caller of a route that only sometimes writes, now and when its body has come."""
        self._admit(request, path, needed, writes=True)
        request.scope[RECHECK] = partial(self._admit, request, path, needed, writes=True)

    def _admit(self, request: Request, path: str, needed: Scope, *, writes: bool) -> None:
        """Check a request; count and log that it is refused."""
        try:
            self.check(request, needed, writes=writes)
        except RequestError as error:
            self._refuse(error, request.scope)
            if needed == "admin":
                self.report(request.scope, path, REASONS[type(error)])
            raise

    def check(self, request: Request, needed: Scope, *, writes: bool) -> None:
        """Check that the caller may use a route; the scope of ASGI then has the caller.

        Raises:
            ForeignPageError: the route writes, and a page elsewhere sent the request.
            NotAuthorizedError: there is no token where one is needed, or none that can be used.
            ForbiddenError: the token does not allow this.
            TokensUnavailableError: the file of tokens is damaged.
            MediaTypeError: the body of an admin route is not JSON.
        """
        scope = request.scope
        presented = _presented(scope)
        caller = ANYBODY if presented is None else self._credentials.caller(presented)
        scope["caller"] = caller or ANYBODY  # known to the access log also if refused below
        if writes:
            self._origins.check(scope)
        if caller is None:
            raise self._refused(UNKNOWN, needed)
        self._allow(caller, needed)
        if needed == "admin" and request.method == "POST":
            # A page of another origin can post other types without asking, but delete nothing.
            media_type(request, (JSON,))

    def open_scopes(self) -> frozenset[Scope]:
        """The scopes that need no token now."""
        return frozenset(SCOPES) - self._credentials.closed()

    def report(self, scope: Asgi, path: str, reason: str) -> None:
        """Log that a call of an admin route was refused: never what was sent."""
        token = getattr(scope.get("caller"), "name", "")
        log.warning(
            "admin call refused", route=path, peer=peer_of(scope), reason=reason, token=token
        )

    def _allow(self, caller: Caller, needed: Scope) -> None:
        if caller.ended:
            raise self._refused(caller.ended, needed)
        if needed in caller.scopes or caller.is_admin or needed not in self._credentials.closed():
            return
        if not caller.name:
            raise self._refused(NONE_SENT, needed)
        raise ForbiddenError(
            f"The token is of the scope {', '.join(sorted(caller.scopes))}; this needs {needed}. "
            f"Make one with 'freshet token add NAME --scope {needed}'."
        )

    def _refused(self, why: str, needed: Scope) -> RequestError:
        if self._credentials.trouble():
            return TokensUnavailableError(TOKENS)
        return NotAuthorizedError(REFUSED.format(why=why, scope=needed))

    def _refuse(self, error: RequestError, scope: Asgi) -> None:
        """Count a refusal, and end the connection of a caller that would go on sending a body."""
        scope["refused"] = reason = REASONS[type(error)]
        self._counters.requests_refused.labels(reason).inc()
        head = dict(scope["headers"])
        length = head.get(b"content-length", b"0")
        small = length.isdigit() and int(length[:20]) <= SMALL_BODY
        known = isinstance(error, MediaTypeError)  # a caller with a right token
        if not known and (not small or b"transfer-encoding" in head):
            error.headers = {**error.headers, "Connection": "close"}


def _presented(scope: Asgi) -> bytes | None:
    """The token in a request; None if there is none, empty if it is malformed."""
    found = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                return b""
            found = value
    if found is None:
        return None
    scheme, _, token = found.strip().partition(b" ")
    if scheme.lower() in OTHER_LOGINS:
        return None
    return token.strip() if scheme.lower() == b"bearer" else b""
