"""JSON as rows: where in a record they are, the cells of each, and what of a text is no JSON.

Used by :mod:`converters.convert.records` for the records of topics, and by the server for bodies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from converters.cells.escaping import QUOTED_LENGTH, quoted
from converters.cells.refusal import Refusal, no_column
from converters.cells.spellings import EXACT_INTEGERS
from converters.files.framing import BYTE_ORDER_MARK, MOST_ROWS
from converters.schema.column_names import ColumnNames
from converters.schema.schema import PARSED_INTEGERS

# How much of a text is shown before and behind the place where it stops being JSON.
BEFORE, BEHIND = 30, 20
# Of a row none of whose fields is a column.
# Field names listed by a refusal.
MOST_FIELDS = 5

_NO_VALUE = re.compile(r"-?(NaN|Infinity|None|True|False|undefined)\b")
# A schema registry's: a zero, and the number of the schema in four bytes.
_PREFIX_BYTES = 5
_LEAD = rb"(?>(?:%b|[ \t\r\n])*)" % BYTE_ORDER_MARK.encode()
_AROUND = re.compile(rb"\A" + _LEAD)
_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff|[{\[]\0|\0[{\[]")
_OPENING = re.compile(_LEAD + rb"[{\[]")
# What JSON that holds rows goes on with behind its first bracket, and what is mistaken for it.
_BEGINNING = re.compile(_LEAD + rb"(?:\{\s*(?:[\"'}]|[A-Za-z_$][\w$]*\s*:|\Z)|\[\s*(?:[\[{\]]|\Z))")


NONE_WHOLE: Mapping[str, float] = MappingProxyType({})

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
# What no list of JSON has.
_END = object()


class Nowhere(NamedTuple):
    """A part of a record in which the path leads to no row, and why."""

    content: object
    refusal: Refusal


class Broken(NamedTuple):
    """A text that is no JSON.

    Attributes:
        fault: in words, where it stops being JSON, and what is there.
        behind: the character behind a first value that is whole; empty if it is not.
    """

    fault: str
    behind: str


def parsed(value: bytes) -> object:
    """What a text says; :class:`Broken` if it is no JSON, as NaN and Infinity are not.

    In front of it may be blanks and byte order marks.
    """
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        first = error
    if fault := _no_utf8(value):
        return Broken(fault, "")
    bare = _AROUND.sub(b"", value, count=1)
    if len(bare) == len(value):
        return _broken(first)
    try:
        return orjson.loads(bare)
    except orjson.JSONDecodeError as error:
        return _broken(error)


def _no_utf8(value: bytes) -> str:
    """What is wrong with a text's encoding, in words; empty if nothing is."""
    if _UTF16.match(value):
        return "it is UTF-16, and JSON has to be UTF-8"
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return f"it is not UTF-8: byte {error.start} is 0x{value[error.start]:02x}"
    return ""


def _broken(error: orjson.JSONDecodeError) -> Broken:
    text, at = error.doc, error.pos
    if not text:
        return Broken(str(error), "")
    named = _NO_VALUE.match(text, at)
    behind = text[at : at + 1] if _is_whole(text[:at]) else ""
    if behind:
        what = "more follows the first value; several rows need a list"
    elif named:
        what = f"{named[0]} is no value of JSON"
    elif text[at : at + 1] == "'":
        what = "names and texts need double quotes"
    elif at >= len(text.rstrip()):
        what = "the text is cut off"
    else:
        what = error.msg
    before = text[max(0, at - BEFORE) : at]
    shown = f"{'…' if at > BEFORE else ''}{before}{text[at : at + BEHIND]}"
    fault = f"{what}: line {error.lineno} column {error.colno} (char {at}): {shown}"
    return Broken(quoted(fault), behind)


def _is_whole(text: str) -> bool:
    """Whether a text is a JSON value."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def opens_as_json(value: bytes) -> bool:
    """Whether its first character, behind blanks and byte order marks, is a bracket of JSON."""
    return _OPENING.match(value) is not None


def begins_as_json(value: bytes) -> bool:
    """Whether more than that character says so."""
    return _BEGINNING.match(value) is not None


def registered_schema(value: bytes) -> int | None:
    """The schema's number in a schema registry's prefix; None if there is no such prefix."""
    if value[:1] != b"\0" or len(value) <= _PREFIX_BYTES:
        return None
    return int.from_bytes(value[1:_PREFIX_BYTES])


def without_prefix(value: bytes) -> bytes:
    """What is behind a schema registry's prefix, or all if there is none."""
    return value if registered_schema(value) is None else value[_PREFIX_BYTES:]


def rows_in(content: object, path: Sequence[str]) -> Sequence[object]:
    """The rows of a record: its value, or what is at the path; lists on the way hold many.

    Not many more than :data:`~converters.files.framing.MOST_ROWS` of them are looked for.
    """
    parts = content if isinstance(content, list) else [content]
    if not parts:
        return [Nowhere(content, Refusal("empty-record", "", ""))]
    if not path:
        return parts
    found = chain.from_iterable(_follow(each, path, 0) for each in parts)
    return list(islice(found, MOST_ROWS + 1))


def _follow(part: object, path: Sequence[str], depth: int) -> Iterator[object]:
    """What is at the rest of the path."""
    if depth == len(path):
        yield part
        return
    if not isinstance(part, dict) or path[depth] not in part:
        yield Nowhere(part, Refusal("no-row-at-path", "", _lost(part, path, depth)))
        return
    inner, here = part[path[depth]], ".".join(path[: depth + 1])
    if isinstance(inner, list):
        if not inner:
            yield Nowhere(part, Refusal("empty-record", "", quoted(f"{here} is an empty list")))
        for each in inner:
            yield from _follow(each, path, depth + 1)
    elif isinstance(inner, dict):
        yield from _follow(inner, path, depth + 1)
    else:
        text = quoted(f"{here} is {_in_words(inner)}")
        yield Nowhere(part, Refusal("no-row-at-path", "", text))


def _lost(part: object, path: Sequence[str], depth: int) -> str:
    """What is where the path cannot be followed."""
    where = ".".join(path[:depth]) or "the record"
    if not isinstance(part, dict):
        return quoted(f"{where} is {_in_words(part)}")
    return quoted(f"{where} has no field {path[depth]}, but {fields(part)}")


def fields(row: Mapping[str, object]) -> str:
    """The names of a row's fields; only the first of many."""
    names = ", ".join(islice(row, MOST_FIELDS))
    return (names + (", …" if len(row) > MOST_FIELDS else "")) if row else "none"


def _in_words(value: object) -> str:
    if value is None or isinstance(value, bool):
        return shown(value)
    if isinstance(value, dict):
        return "an object"
    kind = "the text" if isinstance(value, str) else "the number"
    return f"a list: {shown(value)}" if isinstance(value, list) else f"{kind} {shown(value)}"


def object_cells(
    row: object,
    names: ColumnNames,
    numbers: Container[str] = (),
    whole: Mapping[str, float] = NONE_WHOLE,
) -> list[str] | Refusal:
    """A JSON object's values as the cells that CSV would hold, in the order of the columns.

    Args:
        row: what was parsed.
        names: of the columns.
        numbers: those columns that hold numbers. In others a float from 2^64 up is refused: it may
            have been a whole number, whose digits the parser does not keep, and two ids be one.
        whole: those in which a number without a fraction is its integer, each with where floats
            begin that are refused.
    """
    if not isinstance(row, dict):
        return Refusal("not-a-row", "", shown(row))
    held = names.own
    if not row.keys() <= names.plain:
        if extra := names.unknown(row):
            if len(extra) == len(row):
                return no_column(fields(row))
            return Refusal("unknown-column", quoted(min(extra)), shown(row[min(extra)]))
        held = names.held(row)
    cells: list[str] = []
    for name in held:
        value = row.get(name)
        cell = value if value.__class__ is str else scalar_cell(value)
        if cell is None:
            return Refusal("nested-value", names.own[len(cells)], shown(value))
        if isinstance(value, float):
            column = names.own[len(cells)]
            if column not in numbers and abs(value) >= whole.get(column, PARSED_INTEGERS):
                return Refusal("inexact-number", column, cell)
            if column in whole and abs(value) < EXACT_INTEGERS and value.is_integer():
                cell = str(int(value))
        cells.append(cell)
    return cells


def shown(value: object) -> str:
    """A JSON value as a refusal quotes it: as JSON, but a text by itself without quotes."""
    if isinstance(value, str):
        return quoted(value)
    return quoted("".join(_pieces(value, QUOTED_LENGTH + 1)))


def _pieces(value: object, room: int) -> list[str]:
    """The beginning of a value as ``json.dumps`` writes it, which would write all of it.

    The parser goes deeper than ``json.dumps`` can follow. Each row of a request may be as deep,
    hence no function is called for a level: 0.1 us instead of 1.
    """
    pieces: list[str] = []
    inside: list[tuple[Iterator[Any], str]] = []
    while room > 0:
        if isinstance(value, list) and value:
            elements = iter(value)
            inside.append((elements, "]"))
            piece, value = "[", next(elements)
        elif isinstance(value, dict) and value:
            items = iter(value.items())
            inside.append((items, "}"))
            key, value = next(items)
            piece = f"{{{_scalar(key, room)}: "
        else:
            piece = _scalar(value, room)
            while inside:
                rest, end = inside[-1]
                following: Any = next(rest, _END)
                if following is _END:
                    inside.pop()
                    piece += end
                    continue
                key, value = following if end == "}" else ("", following)
                piece += f", {_scalar(key, room)}: " if end == "}" else ", "
                break
            else:
                room = 0
        pieces.append(piece)
        room -= len(piece)
    return pieces


def _scalar(value: object, room: int) -> str:
    """As ``json.dumps`` writes it, which makes an encoder each time; only so much of a text."""
    if type(value) is int:
        return str(value)
    return _ENCODE(value[:room] if isinstance(value, str) else value)


def scalar_cell(value: object) -> str | None:
    """A JSON scalar as CSV would spell it; None for anything nested."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else None
