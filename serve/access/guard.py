"""Who may use the admin routes, which change what is served.

If a token is configured, callers that send it. If not, only direct callers on this machine: a
request that a proxy forwarded or a web page sent is refused, because any page that a browser opens
can reach a server on the same machine. Checked before the body is read.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request, Response
from pydantic import SecretStr

from serve.http.body import JSON, media_type
from serve.http.problems import ForbiddenError, NotAuthorizedError

# What a proxy adds, and what a browser adds when a page of another origin sends the request.
FOREIGN_HEADERS = ("forwarded", "origin")
FOREIGN_PREFIX = "x-forwarded-"
HOW = (
    "Call this machine directly, or configure a token (FRESHET_SERVE__ADMIN_TOKEN) and send it as "
    "'Authorization: Bearer TOKEN'."
)


def admin_only(
    handler: Callable[..., Awaitable[Response]], token: SecretStr | None
) -> Callable[[Request], Awaitable[Response]]:
    """The handler, for callers that may use admin routes."""

    async def guarded(request: Request) -> Response:
        authorize(request, token)
        return await handler(request)

    return guarded


def authorize(request: Request, token: SecretStr | None) -> None:
    """Check that the caller may use admin routes.

    Raises:
        NotAuthorizedError: a token is configured and the request does not have it.
        ForbiddenError: none is configured and the request is not a direct local one.
        MediaTypeError: the body is not JSON, which a page cannot send without asking first.
    """
    if token is not None:
        _check_token(request.headers.getlist("authorization"), token.get_secret_value())
    else:
        _check_local(request)
    media_type(request, (JSON,))


def _check_token(given: Sequence[str], token: str) -> None:
    scheme, _, presented = (given[0] if len(given) == 1 else "").partition(" ")
    # Compared in constant time, so that a token cannot be guessed character by character.
    right = hmac.compare_digest(presented.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not right or not token:
        raise NotAuthorizedError(
            "This route needs the admin token: send it as 'Authorization: Bearer TOKEN'."
        )


def _check_local(request: Request) -> None:
    peer = request.client
    if peer is None or not is_loopback(peer.host):
        raise ForbiddenError(f"The call comes from another machine. {HOW}")
    for name in request.headers:
        if name in FOREIGN_HEADERS or name.startswith(FOREIGN_PREFIX):
            raise ForbiddenError(f"The call has the header {name!r}. {HOW}")
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or not is_loopback(host_name(hosts[0])):
        raise ForbiddenError(f"The call's Host is not this machine. {HOW}")


def host_name(host: str) -> str:
    """The name or address in a Host header, without its port; empty if it is none."""
    try:
        split = urlsplit(f"//{host}")
        _ = split.port
    except ValueError:
        return ""
    plain = not (split.path or split.query or split.fragment or split.username is not None)
    return (split.hostname or "") if plain else ""


def is_loopback(name: str) -> bool:
    """Whether a name or address means this machine."""
    if name.lower() == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
