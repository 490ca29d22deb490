"""What a request's head must be: within bounds, and as RFC 9110 and RFC 9112 want it.

The bytes of a head are found and bounded here before they are parsed. What the parser lets pass is
checked here as well: the request line, the target, and fields that decide what a request means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from serve.http.problems import Kind

Fields = Sequence[tuple[bytes, bytes]]

# As the defaults of nginx and Apache, and more than any client of this server needs.
MAX_LINE = 16 * 2**10
MAX_HEAD = 64 * 2**10
MAX_FIELDS = 100

# Old clients send one behind a body. A flood of them is none, and held the event loop.
MOST_BLANK_LINES = 8
ONLY_BLANK_LINES = "The request cannot be parsed: nothing but empty lines."
NOT_HTTP = Kind(400, "not-http", "This is not HTTP/1.1")
BAD_TARGET = Kind(400, "bad-target", "Invalid request target")
BAD_FIELD = Kind(400, "bad-field", "Invalid header field")
SLOW_HEAD = Kind(408, "slow-head", "The head arrived too slowly")
LONG_TARGET = Kind(414, "long-target", "Request line too long")
WRONG_EXPECTATION = Kind(417, "wrong-expectation", "Expectation not supported")
LARGE_HEAD = Kind(431, "large-head", "Header fields too large")
WRONG_METHOD = Kind(501, "unknown-method", "Method not implemented")
WRONG_CODING = Kind(501, "unknown-coding", "Transfer coding not implemented")
WRONG_VERSION = Kind(505, "unknown-version-of-http", "HTTP version not supported")
OF_HEADS = (
    *(NOT_HTTP, BAD_TARGET, BAD_FIELD, SLOW_HEAD, LONG_TARGET, WRONG_EXPECTATION, LARGE_HEAD),
    *(WRONG_METHOD, WRONG_CODING, WRONG_VERSION),
)

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(%b) ([!-~]+) HTTP/([0-9]\.[0-9])\r\n" % TOKEN)
# The longest method that is registered has 17 letters.
_BEGINS = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}( |\Z)")
_BAD_CHARACTERS = re.compile(rb"%b .* HTTP/[0-9]\.[0-9]" % TOKEN, re.DOTALL)
_OTHER_VERSION = re.compile(rb"%b [!-~]+ HTTP/[0-9.]+" % TOKEN)
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Of a slash or a control character.
_STAYS = re.compile(r"%(?=2[Ff]|[01][0-9A-Fa-f]|7[Ff])")
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)
_HOST = re.compile(rb"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?")
# An offer of another protocol: llhttp would take what follows the head for that protocol.
_OFFER = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)

VERSIONS = frozenset({b"1.0", b"1.1"})
METHODS = frozenset(
    {
        *(b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT"),
        b"QUERY",  # OpenAPI 3.2 knows it: 405 like others, not 501
    }
)
# Fields of which two would leave open which one counts.
SINGLE = frozenset(
    {
        *(b"host", b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"),
        *(b"authorization", b"origin", b"sec-fetch-site", b"expect"),
        *(b"idempotency-key", b"x-request-id"),
    }
)


class RefusedError(Exception):
    """A request that is refused before it reaches a route; its connection ends.

    Attributes:
        kind: of problem.
        detail: what is wrong, and what would be right.
    """

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


def head_end(data: bytes, at: int) -> int:
    """Where the head that begins at ``at`` ends; 0 if it is not complete.

    Raises:
        RefusedError: it is too large, or this is not HTTP.
    """
    end = data.find(b"\r\n\r\n", at, at + MAX_HEAD)
    # Of complete lines: of a complete head, the empty line does not count.
    lines = data.count(b"\r\n", at, end) if end >= 0 else data.count(b"\r\n", at) - 1
    if lines > MAX_FIELDS:
        raise _large(f"more than {MAX_FIELDS} fields")
    if 0 <= end <= at + MAX_LINE:
        return end + 4
    _check_lines(data[at : end if end >= 0 else at + MAX_HEAD])
    if end >= 0:
        return end + 4
    if len(data) - at > MAX_HEAD:
        raise _large(f"more than {MAX_HEAD:,} bytes")
    if not _BEGINS.match(data, at) or data.count(b"\n", at) != lines + 1:
        raise RefusedError(
            NOT_HTTP, "The request cannot be parsed: no request line, or a line without CRLF."
        )
    return 0


def request_line(data: bytes, at: int) -> tuple[bytes, bytes, bytes]:
    """Method, target and version of a complete head.

    Raises:
        RefusedError: the line is wrong, or the method or version is not supported.
    """
    found = REQUEST_LINE.match(data, at)
    if found is None:
        raise _wrong_line(data[at : data.index(b"\r\n", at)])
    method, target, version = found.groups()
    if version not in VERSIONS:
        raise _wrong_version()
    if method not in METHODS:
        raise RefusedError(
            WRONG_METHOD, f"This server does not know the method {method.decode()!r}."
        )
    if method == b"CONNECT":
        raise RefusedError(NOT_HTTP, "The request cannot be answered: this is not a proxy.")
    return method, target, version


def without_offer(head: bytes) -> bytes:
    """The head without an offer of another protocol, which this server never accepts."""
    return _OFFER.sub(b"", head) if b"\nupgrade:" in head.lower() else head


def resolved(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """The target as a path with its query, and the authority if the target has one.

    Raises:
        RefusedError: the target is none that this method can have.
    """
    if b"#" in target:
        raise _bad_target("it has a fragment")
    if b"%" in target and _BAD_ESCAPE.search(target):
        raise _bad_target("a percent sign is not followed by two hexadecimal digits")
    if target[0] == ord("/"):
        return target, None
    if target == b"*" and method == b"OPTIONS":
        return target, None
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise _bad_target("it should begin with a slash")
    authority, rest = absolute.groups()
    if not _HOST.fullmatch(authority):
        raise _bad_target("it names no valid host")
    return (rest if rest.startswith(b"/") else b"/" + rest), authority


def decoded(path: str) -> str:
    """A path without its escapes, except those that would end it or divide it anew.

    Routers take a slash for a separator and may pass over a line end at the end: what is escaped
    stays escaped, so that no path of a route has it.
    """
    return unquote(_STAYS.sub("%25", path)) if "%" in path else path


def checked(headers: Fields, version: bytes, authority: bytes | None) -> Mapping[bytes, bytes]:
    """The fields by name; of several of one name, the last.

    Args:
        headers: with names in lower case.
        version: of HTTP.
        authority: in the request's target, which counts instead of ``Host``.

    Raises:
        RefusedError: a field that decides what the request means is missing, doubled or wrong.
    """
    fields = dict(headers)
    if len(fields) < len(headers):
        _check_doubled(headers)
    host = fields.get(b"host")
    if host is None and version == b"1.1":
        raise _bad_field("the field Host is missing")
    if authority is None and host is not None and not _HOST.fullmatch(host):
        raise _bad_field("the field Host names no valid host")
    if b"transfer-encoding" in fields:
        _check_coding(fields[b"transfer-encoding"], version)
    expected = fields.get(b"expect")
    if expected is not None and expected.lower() != b"100-continue":
        raise RefusedError(WRONG_EXPECTATION, "Of Expect, only 100-continue is supported.")
    return fields


def _check_doubled(headers: Fields) -> None:
    seen = set()
    for name, _ in headers:
        if name in seen and name in SINGLE:
            raise _bad_field(f"the field {name.decode().title()} is given twice")
        seen.add(name)


def _check_coding(coding: bytes, version: bytes) -> None:
    """Only ``chunked``: a length that two servers could see differently lets requests be hidden."""
    if version == b"1.0":
        raise _bad_field("HTTP/1.0 has no Transfer-Encoding")
    if coding.lower() == b"chunked":
        return
    *others, last = [each.strip(b" \t").lower() for each in coding.split(b",")]
    if last != b"chunked" or b"chunked" in others or not all(others):
        raise _bad_field("the field Transfer-Encoding should be chunked")
    raise RefusedError(WRONG_CODING, "Of Transfer-Encoding, only chunked is supported.")


def _check_lines(head: bytes) -> None:
    """Of at most as many lines as there may be fields."""
    first, *fields = map(len, head.split(b"\r\n"))
    if first > MAX_LINE:
        raise RefusedError(
            LONG_TARGET, f"The request line has more than {MAX_LINE:,} bytes. Shorten the URL."
        )
    if fields and max(fields) > MAX_LINE:
        raise _large(f"a line of more than {MAX_LINE:,} bytes")


def _large(what: str) -> RefusedError:
    return RefusedError(LARGE_HEAD, f"The request's head has {what}. Send fewer or shorter fields.")


def _bad_target(what: str) -> RefusedError:
    return RefusedError(BAD_TARGET, f"The request's target is wrong: {what}.")


def _bad_field(what: str) -> RefusedError:
    return RefusedError(BAD_FIELD, f"The request's head is wrong: {what}.")


def _wrong_version() -> RefusedError:
    return RefusedError(WRONG_VERSION, "This server speaks HTTP/1.1 and HTTP/1.0.")


def _wrong_line(line: bytes) -> RefusedError:
    """Why a request line is none."""
    if _OTHER_VERSION.fullmatch(line):
        return _wrong_version()
    if _BAD_CHARACTERS.fullmatch(line):
        return _bad_target("it has a character that should be percent-encoded")
    return RefusedError(
        NOT_HTTP, "The request cannot be parsed: its first line is not 'METHOD TARGET HTTP/1.1'."
    )
