"""The id of a request: in its answer, in its problem document, and in the lines of the log.

A caller's own ``X-Request-ID`` is kept if it is well formed; else the request gets one that no
other request of any server process has.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from itertools import count

from structlog.contextvars import bind_contextvars, get_contextvars

HEADER = b"x-request-id"
# Nothing that ends a header, a line of the log or a quoted text.
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,128}")
# Random, so that other processes and this one's next life use another.
_PROCESS = secrets.token_hex(8)
_NUMBERS = count(1)


def new() -> str:
    """An id that no other request has."""
    return f"{_PROCESS}-{next(_NUMBERS)}"


def begin(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id of a request with these headers; lines logged in this context have it from now on."""
    given = [value for name, value in headers if name == HEADER]
    if len(given) == 1 and _WELL_FORMED.fullmatch(given[0]):
        request_id = given[0].decode("ascii")
    else:
        request_id = new()
    bind_contextvars(request_id=request_id)
    return request_id


def current() -> str:
    """The id of the request that is being answered; a new one where there is none yet."""
    return str(get_contextvars().get("request_id") or new())
