"""Records as other producers write them: nested, with more fields, framed, broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.cells.remedies import ReasonCounts, explained
from converters.config.load import ConfigError, from_values
from converters.convert.records import AT_THE_TOP, Headers, RowReader
from tests.support.rows.rows_to_read import COLUMNS, COMMA, CSV, GOOD, GOOD_ROW, JSON
from tests.support.rows.schemas import UNHURRIED, build

ROW: dict[str, Any] = {"key": "k1", "late": 1, "dist": 700, "carrier": "UA"}
OBJECT = orjson.dumps(ROW)
PLAIN = RowReader(build(COLUMNS))
CLOUD_EVENT = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def reader(**record: str) -> RowReader:
    """A reader under these settings of the section ``record``."""
    return RowReader(build(COLUMNS, record=record))


def refusal(rows: list[Any]) -> tuple[str, str]:
    """Reason and text of the only row."""
    (row,) = rows
    assert isinstance(row, Refusal)
    return row.reason, row.text


def helps(rows: list[Any]) -> str:
    """What a report says of the only row, which is refused."""
    counts = ReasonCounts()
    counts.add(rows)
    (said,) = explained(counts.reasons, counts.examples)
    return said


names = st.sampled_from(["payload", "after", "a b", "key", "é"])
paths = st.lists(names, min_size=1, max_size=3)
beside = st.dictionaries(st.sampled_from(["ts", "op", "before"]), st.none() | st.booleans())
extras = st.dictionaries(
    st.sampled_from(["more", "Key", "", "n"]), st.none() | st.lists(st.text(max_size=3), max_size=2)
)


@given(st.data(), paths, st.integers(1, 3))
@settings(UNHURRIED, max_examples=60)
def test_nested_rows_are_the_plain_ones(data: st.DataObject, path: list[str], count: int) -> None:
    """Wherever the path leads, through lists as well, and whatever else is beside them."""
    plain = [ROW | {"key": str(number)} for number in range(count)]
    nested: list[Any] = [row | data.draw(extras) for row in plain]
    for name in reversed(path):
        if len(nested) > 1 and data.draw(st.booleans()):
            nested = [nested]
        nested = [data.draw(beside) | {name: each} for each in nested]
        nested = nested[0] if isinstance(nested[0], list) else nested
    record = nested[0] if len(nested) == 1 and data.draw(st.booleans()) else nested
    found = reader(extra="ignore", path=".".join(path)).events(orjson.dumps(record))
    assert found == PLAIN.events(orjson.dumps(plain))


NOWHERE = [
    ({"payload": {"after": None, "op": "d"}}, "payload.after is null"),
    ({"payload": {"after": "gone"}}, "payload.after is the text gone"),
    ({"payload": {"after": 7}}, "payload.after is the number 7"),
    ({"payload": {"before": {}, "op": "c"}}, "payload has no field after, but before, op"),
    ({"payload": None}, "payload is null"),
    ({}, "the record has no field payload, but none"),
    (ROW, "the record has no field payload, but key, late, dist, carrier"),
]


@pytest.mark.parametrize(("record", "text"), NOWHERE)
def test_a_path_that_leads_nowhere_is_one_refused_row(record: object, text: str) -> None:
    """The refusal says what is there; neighbours in the same record live."""
    nested = reader(path="payload.after")
    assert refusal(nested.events(orjson.dumps(record))) == ("no-row-at-path", text)
    good = {"payload": {"after": ROW}}
    assert nested.events(orjson.dumps([good, record, good]))[::2] == [PLAIN.events(OBJECT)[0]] * 2


def test_the_path_is_of_json_from_others_only() -> None:
    """CSV has none, and a record that says so has its row at the top."""
    nested = reader(path="payload")
    assert nested.events(GOOD) == [GOOD_ROW]
    assert nested.events(OBJECT, [AT_THE_TOP]) == PLAIN.events(OBJECT)
    assert nested.events(OBJECT, [("path", b"/orders")]) == nested.events(OBJECT)
    assert PLAIN.events(OBJECT, [AT_THE_TOP]) == PLAIN.events(OBJECT)


def test_labels_may_have_a_path_of_their_own() -> None:
    """By default they have that of the events."""
    label = orjson.dumps({"after": {"id": "k", "label": 1}})
    assert reader(path="after").labels(label) == [("k", 1)]
    assert reader(labels_path="after").labels(label) == [("k", 1)]
    assert reader(path="after", labels_path="").labels(b'{"id": "k", "label": 1}') == [("k", 1)]
    assert refusal(reader(path="after").labels(b"{}"))[0] == "no-row-at-path"


def test_labels_may_have_the_names_of_the_schema() -> None:
    """Then other fields of those names are extra; the event's time is not the label's."""
    ignoring = reader(extra="ignore")
    for value in (b'{"key": "k", "late": 1}', b'{"key": "k", "label": 1, "when": "soon"}'):
        assert PLAIN.labels(value) == ignoring.labels(value) == [("k", 1)]
    both = b'{"id": 7, "key": "k", "late": 1, "why": [2]}'
    assert ignoring.labels(both) == [("k", 1)]
    assert refusal(PLAIN.labels(both))[0] == "unknown-column"


@pytest.mark.parametrize("extra", [None, "ignore"])
def test_a_label_of_other_names_is_told_which_it_needs(extra: str | None) -> None:
    """By the schema's own names and by those of labels; ignoring more fields would not help."""
    section = {} if extra is None else {"extra": extra}
    for value in (b'{"ref": "k", "result": 1}', b'{"payload": {"key": "k", "late": 1}}'):
        (refused,) = counts = reader(**section).labels(value)
        assert isinstance(refused, Refusal)
        assert refused.text.startswith(
            "a label needs the fields 'key' and 'late', or 'id' and 'lab"
        )
        told = ReasonCounts()
        told.add(counts)  # type: ignore[arg-type]
        (said,) = explained(told.reasons, told.examples)
        assert "'key' and 'late', or 'id' and 'label'): send these; if they are nested" in said
        assert "extra" not in said
    assert refusal(PLAIN.labels(b'{"key": "k", "result": 1}'))[1].startswith("a label needs")


def test_what_is_wrong_with_a_label_is_named_as_the_record_names_it() -> None:
    """A bad label in `late` is one in `late`; in `label`, and in CSV, it is one in `label`."""
    for value, column in [
        (b'{"key": "k", "late": "maybe"}', "late"),
        (b'{"id": "k", "late": "maybe"}', "late"),
        (b'{"key": "k", "label": "maybe"}', "label"),
        (b'{"id": "k", "label": "maybe"}', "label"),
        (b"k,maybe", "label"),
        (b'{"key": "", "late": 1}', "key"),
        (b'{"key": ["k"], "late": 1}', "key"),
    ]:
        (refused,) = PLAIN.labels(value)
        assert isinstance(refused, Refusal)
        assert refused.column == column


def test_a_row_without_any_column_may_be_nested() -> None:
    """That is told first, and ignoring more fields not at all: it would not help."""
    for rows in (
        PLAIN.events(b'{"payload": {"carrier": "UA"}}'),
        reader(extra="ignore").events(b'{"payload": {"carrier": "UA"}, "op": 1}'),
        reader(extra="ignore").events(b"1,2", [("columns", b"x,z")]),
        reader(path="after").events(b'{"after": {"row": {"carrier": "UA"}}}'),
    ):
        said = helps(rows)
        assert "(no field is a column): name in `path` of `[record]`" in said
        assert "extra" not in said


def test_names_of_labels_mean_what_they_say_if_columns_have_them_too() -> None:
    """A column that is called ``label`` and is no label is no reason to read labels otherwise."""
    columns = {"label": {"role": "id"}, "id": {"role": "label"}, "a": {"kind": "numeric"}}
    assert RowReader(build(columns)).labels(b'{"id": "k", "label": 1}') == [("k", 1)]


def test_fields_that_are_no_columns_are_passed_over() -> None:
    """In objects and under a ``columns`` header; unless none of them is a column."""
    ignoring = reader(extra="ignore")
    more = orjson.dumps(ROW | {"more": {"a": [1]}})
    assert ignoring.events(more) == PLAIN.events(OBJECT)
    header = [("columns", b"x,carrier,key,y")]
    assert ignoring.events(b"1,UA,k,2", header) == [("k", None, "| carrier=UA")]
    for rows in (PLAIN.events(more), PLAIN.events(b"1,UA,k,2", header)):
        assert refusal(rows)[0] == "unknown-column"
    assert refusal(ignoring.events(b'{"payload": {}, "op": 1}'))[0] == "unknown-column"
    assert refusal(ignoring.events(b"1,2", [("columns", b"x;y,z")]))[0] == "unknown-column"


BROKEN = [
    (OBJECT.replace(b"700", b"NaN"), "NaN is no value of JSON: line 1 column 29 (char 28)"),
    (OBJECT.replace(b"700", b"-Infinity"), "Infinity is no value of JSON"),
    (json.dumps(ROW | {"dist": float("nan")}).encode(), "NaN is no value of JSON"),
    (OBJECT.replace(b"700", b"None"), "None is no value of JSON"),
    (OBJECT[:-8], "the text is cut off"),
    (b"[" + OBJECT + b",", "the text is cut off"),
    (b'{"ke', "the text is cut off"),
    (b"{", "the text is cut off"),
    (b"[", "the text is cut off"),
    (OBJECT.replace(b"}", b",}"), "trailing comma"),
    (str(ROW).encode(), "names and texts need double quotes"),
    (OBJECT + b"\n" + OBJECT, "several rows need a list: line 2 column 1"),
    (b"\xef\xbb\xbf \n" + OBJECT[:-8], "the text is cut off"),
    (b"\0\0\0\0\x07" + OBJECT[:-8], "the text is cut off"),
    (b"{not json", "line 1 column 2"),
]


@pytest.mark.parametrize(("value", "text"), BROKEN)
@pytest.mark.parametrize("headers", [(), JSON, CLOUD_EVENT, [("x", b"y")]])
def test_json_that_breaks_is_told_as_such(value: bytes, text: str, headers: Headers) -> None:
    """One refusal says what is wrong and where, as an event and as a label."""
    for said in (refusal(PLAIN.events(value, headers)), refusal(PLAIN.labels(value, headers))):
        assert said[0] == "bad-json"
        assert text in said[1]


AROUND = [
    b"\xef\xbb\xbf" * 9_999,
    b"\xef\xbb\xbf",
    b" \r\n\t",
    b"\xef\xbb\xbf\n",
    b"\0\0\0\0\x2a",
    b"\0\0\0\x01\x2a ",
]


@pytest.mark.parametrize("before", AROUND)
def test_what_is_in_front_of_json_is_no_part_of_it(before: bytes) -> None:
    """A byte order mark, blanks, the prefix of a schema registry."""
    for headers in ((), JSON, CLOUD_EVENT, [("content-type", b"application/octet-stream")]):
        assert PLAIN.events(before + OBJECT + b"\n", headers) == PLAIN.events(OBJECT)


def test_avro_is_told_by_the_prefix_of_its_registry() -> None:
    """With the number of its schema, also if that is a line feed."""
    for headers in ((), JSON, [("content-type", b"avro/binary")]):
        reason, text = refusal(PLAIN.events(b"\0\0\0\0\x0a\x04k1\xff\x02\n", headers))
        assert (reason, text[:9]) == ("schema-registry", "schema 10")


def test_csv_whose_cells_begin_like_json_stays_csv() -> None:
    """A row of the right width is refused for its cell, and a good one is read."""
    for cell in (b"[x]", b"{y", b'{"a": 1}', b"[1]", b"\0\0\0\0\0z"):
        value = GOOD.replace(b"k1", cell)
        assert PLAIN.events(value) == PLAIN.events(value, CSV)
        assert isinstance(PLAIN.events(value)[0], tuple)
        assert refusal(PLAIN.events(value.replace(b"700", b"far")))[0] == "not-a-number"
    assert refusal(PLAIN.events(OBJECT, CSV))[0] != "bad-json"


pieces = st.sampled_from(
    [
        *(GOOD, OBJECT, OBJECT[:-3], b"k,1", b'{"a":1}', b"[,1", b"payload", b"NaN", b"null"),
        *(b"{", b"[", b"]", b"}", b",", b":", b"\n", b'"', b" ", b"\xff", b"\xef\xbb\xbf"),
        b"\0\0\0\0\x01",
    ]
)
values = st.lists(pieces, max_size=6).map(b"".join) | st.binary(max_size=12)
kinds = st.sampled_from([(), CSV, JSON, CLOUD_EVENT, [("content-type", b"text/plain")]])


def read_before(value: bytes, headers: Headers, *, labels: bool) -> list[Any]:
    """What the first versions read: JSON as its header says, or without one if it parses."""
    kind = dict(headers).get("content-type", b"").split(b";")[0]
    try:
        content = orjson.loads(value)
    except orjson.JSONDecodeError:
        content = None
    if kind == b"application/json" or (
        not kind and value[:1] in (b"{", b"[") and content is not None
    ):
        return [PLAIN.labels if labels else PLAIN.events][0](value, JSON)
    convert: Any = PLAIN.label if labels else PLAIN.convert
    return [r if isinstance(r, Refusal) else convert(r) for r in COMMA.cells(value)]


@given(values, kinds, st.booleans())
@settings(deadline=None, max_examples=300)
def test_what_gave_good_rows_gives_them_still(value: bytes, headers: Headers, labels: bool) -> None:
    """Only of records without a good row is another reading tried."""
    before = read_before(value, headers, labels=labels)
    if not all(isinstance(row, Refusal) for row in before):
        assert (PLAIN.labels if labels else PLAIN.events)(value, headers) == before


SETTINGS = [{}, {"extra": "ignore"}, {"path": "a"}, {"extra": "ignore", "path": "payload.a"}]
READERS = [reader(**each) for each in SETTINGS]


@given(values, kinds, st.sampled_from(READERS))
@settings(deadline=None, max_examples=300)
def test_reading_never_raises(value: bytes, headers: Headers, reading: RowReader) -> None:
    """Any bytes are rows or refusals, and each row has its bytes."""
    for rows, found in (
        (reading.event_rows, reading.events),
        (reading.label_rows, reading.labels),
    ):
        cells, raw = rows(value, headers)
        read = found(value, headers)
        assert len(list(cells)) == len(raw()) == len(read) > 0
        assert all(isinstance(row, Refusal | tuple) for row in read)


def test_too_many_nested_rows_are_one_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a plain list."""
    for module in ("converters.objects.json_rows", "converters.convert.records"):
        monkeypatch.setattr(f"{module}.MOST_ROWS", 3)
    rows = reader(path="rows").events(orjson.dumps([{"rows": [ROW] * 2}] * 4))
    assert [getattr(row, "reason", "good") for row in rows] == ["good"] * 3 + ["too-many-rows"]


def test_settings_at_their_defaults_leave_the_hash_alone() -> None:
    """And each that says something else is another schema."""
    default = build(COLUMNS).hash
    said = [{"extra": "reject"}, {"path": ""}, {"labels_path": ""}]
    assert {build(COLUMNS, record=each).hash for each in said} == {default}
    others = [{"extra": "ignore"}, {"path": "a"}, {"labels_path": "a"}, {"path": "a.b"}]
    assert len({default, *(build(COLUMNS, record=each).hash for each in others)}) == 5


@pytest.mark.parametrize("path", [".", "a..b", ".a", "a."])
def test_a_path_without_a_name_is_refused(path: str) -> None:
    """By the key of the setting."""
    with pytest.raises(ConfigError, match=r"record\.path"):
        from_values({"model": "m", "record": {"path": path}}, Path("freshet.toml"))
