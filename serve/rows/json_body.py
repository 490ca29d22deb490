"""A JSON body, parsed a part at a time: what parsing it at once would give, in short steps.

Parsing megabytes at once would hold the interpreter, also from a thread. A list is therefore cut
between its elements. Where is guessed first: behind a ``},``. If what is before it parses as
elements of a list, it was the end of one, since JSON is read in one way only. If it does not, the
cut is looked for exactly, with numpy: a comma outside strings and below no other bracket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from serve.http.body import not_json, parse, without_mark
from serve.http.problems import RowsRefusedError, TooLargeError
from serve.rows.object_layouts import AlikeRows
from serve.rows.row_limits import RowLimits

_BLANKS = b" \t\r\n"
# Parameters that say nothing, before or behind the instances.
_NONE = rb'"parameters"[ \t\r\n]*+:[ \t\r\n]*+(?:null|\{[ \t\r\n]*+\})[ \t\r\n]*+'
_BEGINNING = re.compile(
    rb"[ \t\r\n]*+(\{[ \t\r\n]*+(?:%b,[ \t\r\n]*+)?"
    rb'"instances"[ \t\r\n]*+:[ \t\r\n]*+)?\[' % _NONE
)
_NO_PARAMETERS = re.compile(rb"\][ \t\r\n]*+,[ \t\r\n]*+%b\Z" % _NONE)
# So much of the body's end is looked through for these.
_LONGEST_END = 256
_QUOTE, _COMMA, _BACKSLASH = b'",\\'
# How much deeper each byte leads.
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1
# Where one byte in so many opens a list, a part is cut to a fraction: lists in lists take twenty
# times as long to parse, to show and to free as the rows of a schema.
_MANY_LISTS, _FRACTION = 32, 4
# What an element of JSON may begin with.
_FIRST = frozenset(b'{["-0123456789tfn')


class Elements(NamedTuple):
    """Elements of the list that a body is, in their order; or its only value.

    Attributes:
        content: the elements.
        single: whether the body is no list but this one value.
        alike: the elements in place of the content, where they were not parsed.
    """

    content: list[Any]
    single: bool = False
    alike: AlikeRows | None = None

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.content if self.alike is None else self.alike)


# Takes the elements of a list at once, if they are rows that are written alike.
Alike = Callable[[bytes], AlikeRows | None]


def elements(
    body: bytes, limits: RowLimits, *, instances: bool, alike: Alike | None = None
) -> Iterator[Elements | None]:
    """The rows of a body, a part at a time; None between two steps that gave none.

    Args:
        body: a list or one value.
        limits: of rows.
        instances: whether the list may be in an object, as its value ``instances``, beside
            ``parameters`` without any.
        alike: takes a part before it is parsed.

    Raises:
        NotJsonError: it is not JSON.
        RowsRefusedError: there are parameters.
        TooLargeError: an element is longer than a row may be.
    """
    body = without_mark(body)
    if len(body) <= limits.part_bytes:
        yield at_once(body, instances=instances)
        return
    begun = _BEGINNING.match(body, 0, limits.part_bytes)
    if begun is None or (begun[1] and not instances):
        yield _long_value(body, limits, instances=instances)
        return
    wrapped = bool(begun[1])
    end = _end(body, limits, wrapped=wrapped)
    if end is None:
        if wrapped and len(body) > limits.row_bytes:
            raise _more_than_instances(limits)
        yield _long_value(body, limits, instances=instances)
        return
    yield from _List(body, end, wrapped, limits, alike).parts(begun.end())


def inside_list(body: bytes, limits: RowLimits, *, instances: bool) -> bytes:
    """What is between the brackets of a body that is nothing but a list; else nothing."""
    begun = _BEGINNING.match(body)
    if begun is None or (begun[1] and not instances):
        return b""
    wrapped = bool(begun[1])
    if not body.rstrip(_BLANKS).endswith(b"}" if wrapped else b"]"):
        return b""
    end = _end(body, limits, wrapped=wrapped)
    return b"" if end is None else body[begun.end() : end]


def at_once(body: bytes, *, instances: bool) -> Elements:
    """All elements of a body of no more than one part."""
    content = parse(body)
    if instances and isinstance(content, dict) and "instances" in content:
        inner = content["instances"]
        if isinstance(inner, list) and content.keys() <= {"instances", "parameters"}:
            _check_none(content.get("parameters"))
            content = inner
    return Elements(content) if isinstance(content, list) else Elements([content], single=True)


def _check_none(parameters: object) -> None:
    """Refuse parameters, which would have no effect."""
    if parameters not in (None, {}):
        raise RowsRefusedError(
            "`parameters` beside `instances` would have no effect here: leave it out, or empty. "
            "What a request can ask for, such as explain, is in its query."
        )


def _long_value(body: bytes, limits: RowLimits, *, instances: bool) -> Elements:
    """A value that is no list, or not certainly one."""
    first = body[: limits.part_bytes].lstrip(_BLANKS)[:1]
    if not first:
        raise _blank(limits)
    if first[0] not in _FIRST:
        raise not_json("unexpected character")
    # A row holds this only as the name, or the whole, of a cell.
    if instances and len(body) > limits.row_bytes and b'"instances"' in body[: limits.part_bytes]:
        raise _more_than_instances(limits)
    limits.check_row(0, len(body))
    return at_once(body, instances=instances)


def _end(body: bytes, limits: RowLimits, *, wrapped: bool) -> int | None:
    """Where the bracket is that closes the list; None if the body does not end with one."""
    rest = body[-limits.part_bytes :]
    inside = rest.rstrip(_BLANKS)
    if not inside:
        raise _blank(limits)
    if wrapped:
        if not inside.endswith(b"}"):
            return None
        inside = inside[:-1].rstrip(_BLANKS)
        found = _NO_PARAMETERS.search(inside, max(0, len(inside) - _LONGEST_END))
        if found:
            inside = inside[: found.start() + 1]
    if inside.endswith(b"]"):
        return len(body) - len(rest) + len(inside) - 1
    if wrapped:
        return None
    raise not_json("the list is not closed")


def _blank(limits: RowLimits) -> TooLargeError:
    return TooLargeError(
        f"The body begins or ends with {limits.part_bytes:,} blanks. Send it without them."
    )


def _more_than_instances(limits: RowLimits) -> TooLargeError:
    return TooLargeError(
        "The body is one object with more than `instances` in it, and longer than "
        f"{limits.row_bytes:,} bytes. Send nothing but `instances`."
    )


class _List:
    """The inside of a long list, up to the bracket at ``end``."""

    def __init__(
        self, body: bytes, end: int, wrapped: bool, limits: RowLimits, alike: Alike | None
    ) -> None:
        self._body = body
        self._end = end
        # As deep as it is in the body: the parser has a limit.
        self._lead, self._tail = (b"[[", b"]]") if wrapped else (b"[", b"]")
        self._limits = limits
        self._alike = alike
        self._rows = 0
        self._closed = False

    def parts(self, begin: int) -> Iterator[Elements | None]:
        """All elements, from the byte behind the opening bracket on."""
        at, guessing = begin, True
        while True:
            stop = self._guess(at) if guessing else 0
            found = self._taken(at, stop) if stop else None
            if found is None:
                guessing = False
                stop = yield from self._cut(at)
                found = self._taken(at, stop)
            # Nothing at all between two commas parses as a list without elements.
            if found is None or (not found.rows and (at, stop) != (begin, self._end)):
                raise self._wrong()
            self._rows += found.rows
            yield found
            if stop == self._end:
                return
            at = stop + 1

    def _wrong(self) -> Exception:
        """Why a part does not parse."""
        if self._closed and len(self._lead) > 1:
            return _more_than_instances(self._limits)
        return not_json(f"in or after row {self._rows:,}")

    def _room(self, at: int) -> int:
        """How many bytes the part from ``at`` on may have."""
        most = self._limits.part_bytes
        lists = self._body.count(b"[", at, at + most)
        return most if lists < most // _MANY_LISTS else most // _FRACTION

    def _guess(self, at: int) -> int:
        """Where the elements from ``at`` on could be cut; 0 if nothing suggests a place."""
        most = self._room(at)
        if self._end - at <= most:
            return self._end
        return self._body.rfind(b"},", at, at + most) + 1

    def _taken(self, at: int, stop: int) -> Elements | None:
        """The elements between two places; None if that is no list of elements."""
        inside = self._body[at:stop]
        if self._alike is not None and (rows := self._alike(inside)) is not None:
            return Elements([], alike=rows)
        try:
            content = orjson.loads(b"%b%b%b" % (self._lead, inside, self._tail))
        except orjson.JSONDecodeError:
            return None
        if len(self._lead) > 1:
            return Elements(content[0]) if len(content) == 1 else None
        return Elements(content)

    def _cut(self, at: int) -> Generator[None, None, int]:
        """The last comma between elements that a part has room for, or the next one behind it."""
        most, scan = self._room(at), Scan()
        for start in range(at, self._end, most):
            commas = scan.commas(self._body[start : min(start + most, self._end)])
            self._closed |= scan.closed
            if len(commas):
                stop = start + int(commas[-1 if start == at else 0])
                self._limits.check_row(self._rows, stop - at if start > at else 0)
                return stop
            self._limits.check_row(self._rows, min(start + most, self._end) - at)
            yield
        return self._end


class Scan:
    """Reads the inside of a list piece by piece and finds the commas between its elements.

    Of what is no JSON it may find others: then a part does not parse.

    Attributes:
        closed: whether a bracket has closed the list.
    """

    def __init__(self) -> None:
        self._escaping = self._in_string = self.closed = False
        self._depth = 0

    def commas(self, piece: bytes) -> NDArray[np.intp]:
        """Their places in the next piece, which is not empty."""
        if self._escaping:
            piece = b"." + piece[1:]
        # A backslash takes what is behind it with it; the length stays.
        piece = piece.replace(b"\\\\", b"..").replace(b'\\"', b"..")
        self._escaping = piece[-1] == _BACKSLASH
        content = np.frombuffer(piece, np.uint8)
        inside = np.logical_xor.accumulate(content == _QUOTE) ^ self._in_string
        steps = _STEPS[content]
        steps[inside] = 0
        depth = np.cumsum(steps, dtype=np.int32) + self._depth
        self._in_string, self._depth = bool(inside[-1]), int(depth[-1])
        self.closed = self.closed or bool(depth.min() < 0)
        found: NDArray[np.intp] = np.flatnonzero((content == _COMMA) & (depth == 0) & ~inside)
        return found
