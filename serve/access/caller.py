"""Who sent a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import Request

# What a route lets its callers do: score rows, append rows, read state, scrape metrics, change what
# is served.
Scope = Literal["score", "ingest", "read", "metrics", "admin"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request.

    Attributes:
        name: of its token; empty if it has none.
        scopes: what the token allows; ``admin`` allows everything.
    """

    name: str = ""
    scopes: frozenset[Scope] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether it may see everything and change what is served."""
        return "admin" in self.scopes


ANYBODY = Caller()


def caller_of(request: Request) -> Caller:
    """The sender of a request that a guard has let through."""
    caller: Caller = request.scope.get("caller", ANYBODY)
    return caller
