"""Who sent a request, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

if TYPE_CHECKING:  # `freshet --help` loads this module
    from fastapi import Request

# What a route lets its callers do: score rows, append rows, read state, scrape metrics, change what
# is served.
Scope = Literal["score", "ingest", "read", "metrics", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Caller(NamedTuple):
    """The sender of a request.

    Attributes:
        name: of its token; empty if it has none.
        scopes: what the token allows; ``admin`` allows everything.
        ended: why the token, whose secret is right, is no longer accepted; it then allows nothing.
    """

    name: str = ""
    scopes: frozenset[Scope] = frozenset()
    ended: str = ""

    @property
    def is_admin(self) -> bool:
        """Whether it may see everything and change what is served."""
        return "admin" in self.scopes


ANYBODY = Caller()
# The callers with a token that no file of tokens names; no token may have their names.
ADMIN_TOKEN = Caller("admin-token", frozenset({"admin"}))
LOCAL_ADMIN = Caller("local-admin", frozenset({"admin"}))


def peer_of(scope: Mapping[str, Any]) -> str:
    """The address that a request's connection comes from: perhaps a proxy's."""
    client = scope.get("client")
    return str(client[0]) if client else "unix socket"


def caller_of(request: Request) -> Caller:
    """The sender of a request that a guard has let through."""
    caller: Caller = request.scope.get("caller", ANYBODY)
    return caller
