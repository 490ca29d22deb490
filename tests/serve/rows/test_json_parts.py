"""A JSON body read part by part gives what parsing it at once gives, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.convert.cell_watch import CellWatch
from converters.convert.records import RowReader
from converters.errors import FreshetError
from serve.http.body import JSON
from serve.http.problems import NotJsonError, RowsRefusedError, TooLargeError
from serve.rows import request_rows
from serve.rows.json_body import elements
from serve.rows.request_rows import AlikePart, Part, RequestReader
from serve.rows.row_limits import RowLimits
from tests.support.rows import schemas
from tests.support.serving.alike_lists import alike_lists

ANY = 10**9
MARK = b"\xef\xbb\xbf"
texts = st.text(st.sampled_from('ab"\\{}[],:é\ud7ff\n '), max_size=6)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
lists = st.lists(values, max_size=8)
bodies = st.one_of(
    lists,
    lists.map(lambda x: {"instances": x}),
    lists.map(lambda x: {"instances": x, "parameters": {}}),
    lists.map(lambda x: {"parameters": None, "instances": x}),
)
spellings = st.sampled_from(
    [
        {"separators": (",", ":")},
        {"separators": (" ,\t", " : ")},
        {"indent": 1},
        {"ensure_ascii": False},
    ]
)


def at_once(body: bytes) -> list[Any] | None:
    """The elements as one call of the parser gives them; None if the body is no JSON."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(content, dict) and content.keys() <= {"instances", "parameters"}:
        inner = content.get("instances")
        content = inner if isinstance(inner, list) else content
    return content if isinstance(content, list) else [content]


def in_parts(body: bytes, part_bytes: int, row_bytes: int = ANY) -> list[Any] | None:
    """The elements as the server reads them; None if the body is no JSON."""
    limits = RowLimits(ANY, row_bytes, part_bytes)
    try:
        parts = [part for part in elements(body, limits, instances=True) if part is not None]
    except NotJsonError:
        return None
    return [element for part in parts for element in part.content]


@given(bodies, spellings, st.integers(8, 40), st.sampled_from([b"", MARK, b" \n" + MARK + b" "]))
def test_parts_hold_what_parsing_at_once_gives(
    content: Any, spelling: dict[str, Any], part_bytes: int, lead: bytes
) -> None:
    """Whatever strings hold and however the text is spelt, wherever it is cut, and marked."""
    body = json.dumps(content, **spelling).encode()
    assert in_parts(lead + body, part_bytes) == at_once(body)


@pytest.mark.parametrize("rows", [2, 200])
def test_parameters_beside_instances(rows: int) -> None:
    """They would have no effect, which is said."""
    content = {"instances": [1] * rows, "parameters": {"a": 1}}
    body = json.dumps(content).encode()
    with pytest.raises(RowsRefusedError, match="`parameters` beside `instances` would have no eff"):
        in_parts(body, 64)
    with pytest.raises(TooLargeError, match=r"more than `instances` in it.*Send nothing but"):
        in_parts(body, 16, 20)
    first = json.dumps({"parameters": {"a": 1}, "instances": [1] * rows}).encode()
    with pytest.raises(TooLargeError, match=r"more than `instances` in it.*Send nothing but"):
        in_parts(first, 40, 20)


@given(bodies, spellings, st.integers(8, 40), st.data())
def test_what_parsing_at_once_refuses_is_refused(
    content: Any, spelling: dict[str, Any], part_bytes: int, data: st.DataObject
) -> None:
    """One character more, less or another: JSON or none, as the parser says."""
    body = json.dumps(content, **spelling).encode()
    at = data.draw(st.integers(0, len(body)))
    more = data.draw(st.sampled_from([b"", b",", b"]", b"[", b"{", b"}", b'"', b"\\", b"1", b" "]))
    less = data.draw(st.integers(0, 1))
    changed = body[:at] + more + body[at + less :]
    try:
        found = in_parts(changed, part_bytes)
    # An object of more than its instances, too long for one row, or of parameters besides.
    except (TooLargeError, RowsRefusedError):
        assert changed.lstrip().startswith(b"{")
        return
    assert found == at_once(changed)


@pytest.mark.parametrize("before", range(16))
@pytest.mark.parametrize("text", ['\\",{"', '\\\\",{"', '"', "\\"])
def test_a_string_over_several_pieces_is_read_as_one(before: int, text: str) -> None:
    """Wherever the cut between two pieces falls: also behind a backslash."""
    long = "x" * before + 5 * text
    body = json.dumps([{"a": long}, [1, 2], long, {"b": 5 * text}]).encode()
    assert in_parts(body, 8) == at_once(body)


@given(st.lists(st.sampled_from([b",", b"[]", b"{}", b"1", b'"a,"', b" ", b"],["]), max_size=30))
def test_no_list_is_made_of_what_is_none(pieces: list[bytes]) -> None:
    """Elements without a value, commas at the ends, several lists."""
    body = b"[%b]" % b"".join(pieces)
    assert in_parts(body, 8) == at_once(body)


@pytest.mark.parametrize("depth", [1022, 1023, 1024, 1025])
@pytest.mark.parametrize("around", [b"[%b]", b'{"instances":[%b]}'])
def test_elements_may_be_as_deep_as_in_the_whole_body(depth: int, around: bytes) -> None:
    """The parser's limit on brackets counts from the body's first."""
    body = around % (b"[" * depth + b"]" * depth)
    assert (in_parts(body, 64) is None) == (at_once(body) is None)


@pytest.mark.parametrize("around", [b"[%b]", b'{"instances":[%b]}'])
@pytest.mark.parametrize("position", [0, 3])
def test_the_longest_row_is_taken_and_a_longer_one_named(around: bytes, position: int) -> None:
    """One byte more than the limit is too long, wherever the row stands."""
    short = b'{"a":1}'
    for more, fits in ((0, True), (1, False)):
        long = b'{"a":"%b"}' % (b"x" * (100 - 8 + more))
        rows = [long if at == position else short for at in range(5)] * 2
        rows[5 + position] = short
        body = around % b",".join(rows)
        if fits:
            assert in_parts(body, 50, 100) == at_once(body)
            continue
        with pytest.raises(TooLargeError, match=f"Row {position} has more than 100 bytes"):
            in_parts(body, 50, 100)


def test_a_single_row_may_be_as_long_as_one_of_a_list() -> None:
    """A body that is one object is one row."""
    body = b'{"a":"%b"}' % (b"x" * 92)
    assert in_parts(body, 50, 100) == at_once(body)
    with pytest.raises(TooLargeError):
        in_parts(body, 50, 99)


@pytest.mark.parametrize("body", [b" " * 300, b" " * 300 + b"{}", b"[{}]" + b"\n" * 300])
def test_blanks_around_a_body_are_bounded(body: bytes) -> None:
    """Looking for its ends must not take longer than reading a part."""
    with pytest.raises(TooLargeError):
        in_parts(body, 50, 100)


COLUMNS: schemas.Columns = {
    "key": {"role": "id"},
    "at": {"role": "time"},
    "late": {"role": "label"},
    "dist": {"kind": "numeric", "min": 0, "was": ["far"]},
    "code": {"kind": "categorical", "values": ["1", "7"], "unseen": "group"},
    "carrier": {"kind": "categorical"},
}
KEYS = (*COLUMNS, "far", "other")


def reader(**sections: Any) -> RequestReader:
    """Of a schema with these sections beside its columns."""
    schema = schemas.build(COLUMNS, **sections)
    watch = CellWatch(schema)
    limits = RowLimits(1_000, 10_000, 500, 3, 4)
    return RequestReader(RowReader(schema, None, watch.conversion), limits, watch)


def told(read: Callable[[], Iterable[Part | None]]) -> list[object]:
    """All that answers say of rows, or why the request is refused."""
    found: list[object] = []
    try:
        for part in read():
            if part is None:
                continue
            converted = part.converted()
            odd = part.odd(converted)
            # An empty id is one that was not given. 1 is not 1.0.
            ids = [repr("" if each is None else each) for each in part.ids(converted)]
            rows = zip(converted.ids, converted.labels, ids, strict=True)
            answered = [row for at, row in enumerate(rows) if at not in converted.refused]
            lines = iter(zip(converted.lines, answered, strict=True))
            found += [
                (converted.refused.get(at) or next(lines), odd.get(at))
                for at in range(len(converted))
            ]
    except FreshetError as error:
        return [str(error)]
    return found


@pytest.mark.parametrize("extra", ["reject", "ignore"])
@pytest.mark.parametrize("wrapped", [False, True])
@schemas.UNHURRIED
@given(st.lists(alike_lists(KEYS), min_size=1, max_size=3))
def test_answers_are_those_of_parsed_rows(extra: str, wrapped: bool, lists: list[str]) -> None:
    """Texts, ids, refusals, odd cells and errors; whatever was read before."""
    quick, plain = reader(record={"extra": extra}), reader(record={"extra": extra})
    for text in lists:
        body = f"[{', '.join([text] * 5)}]".encode("utf-8", "surrogatepass")
        body = b'{"instances": %b}' % body if wrapped else body
        with patch.object(request_rows, "FEW_BYTES", 0):
            found = told(lambda: quick.read(JSON, body))  # noqa: B023  # called at once
        assert found == told(lambda: plain.objects(body, instances=True))  # noqa: B023


def test_rows_that_programs_send_are_alike() -> None:
    """In short bodies and long ones, alone and in an object, with numbers and without."""
    rows = [
        {
            "key": n,
            "at": "2024-01-01",
            "dist": n / 2,
            "code": "1",
            "carrier": None if n % 3 else "é",
        }
        for n in range(200)
    ]
    for content in (rows, rows[:30], {"instances": rows}, {"instances": rows, "parameters": {}}):
        body = json.dumps(content, ensure_ascii=False).encode()
        of = RequestReader(reader().converter, RowLimits(1_000, 10_000, 4_000))
        parts = [part for part in of.read(JSON, body) if part is not None]
        assert all(isinstance(part, AlikePart) for part in parts[1:])
        ids = [each for part in parts for each in part.ids(part.converted())]
        assert ids == list(range(len(ids)))
