"""Every reason for which a row can be refused, by example."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

import converters
from converters.cells.refusal import Refusal
from converters.convert.records import Headers, RowReader
from tests.support import ROOT
from tests.support.rows.rows_to_read import COLUMNS, CSV, GOOD, JSON, columns
from tests.support.rows.schemas import Columns, build


@pytest.fixture(scope="module")
def reader() -> RowReader:
    """A reader of rows like ``GOOD``."""
    return RowReader(build(COLUMNS))


def reasons(rows: Sequence[object]) -> list[str]:
    """The reason of each refusal; ``good`` for an accepted row."""
    return [row.reason if isinstance(row, Refusal) else "good" for row in rows]


EVENTS: list[tuple[bytes, Headers, list[str]]] = [
    (GOOD, [], ["good"]),
    (GOOD + b"\n", [], ["good"]),
    (GOOD + b"\r\n" + GOOD + b"\r\n", [], ["good", "good"]),
    (b"", [], ["empty-record"]),
    (b"", CSV, ["empty-record"]),
    (b"[]", [], ["empty-record"]),
    (b"\n", [], ["empty-row"]),
    (GOOD + b"\n\r\n\n" + GOOD, [], ["good", "empty-row", "empty-row", "good"]),
    (GOOD + b"\n\n", columns("key", "carrier"), ["wrong-width", "empty-row"]),
    (b"k,2013-01-01,1,700", [], ["wrong-width"]),
    (GOOD + b",", [], ["wrong-width"]),
    (b"k,UA\nk\nk,UA,1\n", columns("key", "carrier"), ["good", "wrong-width", "wrong-width"]),
    (GOOD + b"\nk\xff" + GOOD + b"\n" + GOOD, [], ["good", "not-utf8", "good"]),
    (b'"k\xe9",,,,UA\n' + GOOD, [], ["not-utf8", "good"]),
    (GOOD + b'\nk,,,,"UA\n' + GOOD + b"\n", [], ["good", "unclosed-quote"]),
    (b'k,,,,"UA""\n' + GOOD, [], ["unclosed-quote"]),
    (GOOD + b"\nk\r1,,,,UA\n" + GOOD, [], ["good", "bare-cr", "good"]),
    (b'"k"\r1,,,,UA', [], ["bare-cr"]),
    (
        b'"k"1,,,,UA\n' + GOOD + b'\n"k""1" ,,,,UA',
        [],
        ["text-after-quote", "good", "text-after-quote"],
    ),
    (b"{", JSON, ["bad-json"]),
    (b"", JSON, ["bad-json"]),
    (b'{"dist": NaN, "carrier": "UA"}', JSON, ["bad-json"]),
    (b'{"carrier": "\xff"}', JSON, ["bad-json"]),
    (b"[" * 3000, JSON, ["bad-json"]),
    (GOOD, JSON, ["bad-json"]),
    (b'{"dist": NaN, "carrier": "UA"}', [], ["bad-json"]),
    (b"\0\0\0\0\x07\x02k", [], ["schema-registry"]),
    (b"3", JSON, ["not-a-row"]),
    (b'[{"carrier": "UA"}, 3, null, "x", ["k"]]', [], ["good", *["not-a-row"] * 4]),
    (b'{"carrier": ["UA"]}', [], ["nested-value"]),
    (b'{"key": 12345678901234567890123, "carrier": "UA"}', [], ["inexact-number"]),
    (b'{"key": 1234567890123456789, "carrier": "UA", "dist": 1e22}', [], ["out-of-range"]),
    (b'[{"carrier": {"a": 1}}, {"carrier": "UA"}]', [], ["nested-value", "good"]),
    (b'{"carrier": "UA", "tail": 1}', [], ["unknown-column"]),
    (b"UA,1\nUA,2\n", columns("carrier", "tail"), ["unknown-column"] * 2),
    (b"UA,UA\nUA,UA", columns("carrier", "carrier"), ["bad-columns-header"] * 2),
    (b"UA\n\xff", [("columns", b"\xff")], ["bad-columns-header", "not-utf8"]),
    (GOOD, [("columns", b"")], ["bad-columns-header"]),
    (b"k,,1,far,UA", [], ["not-a-number"]),
    (b"k,,1,0x1p3,UA", [], ["not-a-number"]),
    (b"k,,1,1a5,UA", [], ["not-a-number"]),
    (b"k,,1,1_000,UA", [], ["not-a-number"]),
    ("k,,1,\N{ARABIC-INDIC DIGIT THREE},UA".encode(), [], ["not-a-number"]),
    (b'{"dist": true, "carrier": "UA"}', [], ["not-a-number"]),
    (b'{"dist": "far", "carrier": "UA"}', [], ["not-a-number"]),
    (b"k,,1,inf,UA", [], ["not-finite"]),
    (b"k,,1,nan,UA", [], ["not-finite"]),
    (b"k,,1,1e39,UA", [], ["not-finite"]),
    (b'{"dist": 1e39, "carrier": "UA"}', [], ["not-finite"]),
    (b"k,,1,-1,UA\nk,,1,5001,UA", [], ["out-of-range"] * 2),
    (b"k,,1,1,", [], ["missing-value"]),
    (b"{}", [], ["missing-value"]),
    (b'{"carrier": null}', [], ["missing-value"]),
    (b"k", columns("key"), ["missing-value"]),
    (b"k,,2,1,UA\nk,,yes!,1,UA", [], ["bad-label"] * 2),
    (b"k,,NA,1,UA", [], ["good"]),
    (b"k,soon,1,1,UA", [], ["bad-time"]),
    (b"k,1950-01-01,1,1,UA", [], ["bad-time"]),
    (b"k" * 1_025 + b",,1,1,UA", [], ["id-too-long"]),
    (b"\n" * 100_002, [], [*["empty-row"] * 100_000, "too-many-rows"]),
]


@pytest.mark.parametrize(("value", "headers", "expected"), EVENTS)
def test_event_records(
    reader: RowReader, value: bytes, headers: Headers, expected: list[str]
) -> None:
    """Each row of a record is accepted, or refused for its own reason and no other row's."""
    assert reasons(reader.events(value, headers)) == expected


LABELS: list[tuple[bytes, Headers, list[str]]] = [
    (b"k1,1\nk2,no,2013-01-01\n", [], ["good", "good"]),
    (b'[{"id": "k", "label": 1}, {"id": 7, "label": "no", "time": null}]', [], ["good", "good"]),
    (b"", [], ["empty-record"]),
    (b"k\nk,1,2013-01-01,x", [], ["wrong-width", "wrong-width"]),
    (b",1", [], ["missing-id"]),
    (b'{"label": 1}', [], ["missing-id"]),
    (b"k,\nk,NA", [], ["missing-label", "missing-label"]),
    (b'{"id": "k"}', [], ["missing-label"]),
    (b"k,2", [], ["bad-label"]),
    (b"k,1,soon", [], ["bad-time"]),
    (b"k" * 1_025 + b",1", [], ["id-too-long"]),
    (b'{"id": "k", "label": 1, "late": 1}', [], ["unknown-column"]),
    (b'{"id": ["k"], "label": 1}', [], ["nested-value"]),
    (b'k,"1', [], ["unclosed-quote"]),
    (b"k,1\n\xff,1", [], ["good", "not-utf8"]),
]


@pytest.mark.parametrize(("value", "headers", "expected"), LABELS)
def test_label_records(
    reader: RowReader, value: bytes, headers: Headers, expected: list[str]
) -> None:
    """Each row of a label record is accepted, or refused for its own reason."""
    assert reasons(reader.labels(value, headers)) == expected


def test_refusal_says_column_and_text(reader: RowReader) -> None:
    """A refusal names the column, and quotes the offending cell or row."""
    value = b"k,,1,far,UA\n\xffx,,,,\n,\n"
    number, utf8, width = reader.events(value)
    assert number == Refusal("not-a-number", "dist", "far")
    assert utf8 == Refusal("not-utf8", "", "\\xffx,,,,")
    assert width == Refusal("wrong-width", "", "2 cells, not 5: ,")


def test_huge_row_is_quoted_short(reader: RowReader) -> None:
    """However long the bad row, its refusal stays small."""
    for value in (
        b"x" * 9999,
        b'"' + b"x" * 9999,
        b"\xff" * 9999,
        b'{"tail": "%s"}' % (b"x" * 999),
    ):
        (refused,) = reader.events(value)
        assert isinstance(refused, Refusal)
        assert len(refused.text) <= 200


KINDS: Columns = {
    "label": {"role": "label"},
    "cat": {"kind": "categorical", "values": ["a"], "rare_values": ["b"]},
    "flag": {"kind": "boolean"},
    "at": {"kind": "time", "zone": "UTC"},
    "said": {"kind": "text"},
    "w": {"role": "weight", "max": 10, "out_of_range": "reject", "missing": "reject"},
}
OF_KINDS = [
    (b"1,a,yes,2013-01-01,a,2", "good"),
    (b"1,b,yes,2013-01-01,a,2", "rare-value"),
    (b"1,c,yes,2013-01-01,a,2", "unseen-value"),
    (b"1,a,maybe,2013-01-01,a,2", "not-a-boolean"),
    (b"1,a,yes,soon,a,2", "bad-time"),
    (b"1,a,yes,2401030952,a,2", "ambiguous-time"),
    (b"1,a,yes,2013-01-01,a,11", "out-of-range"),
    (b"1,a,yes,2013-01-01,a,-1", "out-of-range"),
    (b"1,a,yes,2013-01-01,a,", "missing-value"),
    (b"1,a,yes,2013-01-01,a,much", "not-a-number"),
    (b"1,a,yes,2013-01-01," + b"a " * 100_000 + b",2", "good"),
    (b"1,a,yes,2013-01-01," + b"a " * 100_001 + b",2", "text-too-long"),
]


@pytest.mark.parametrize(("value", "reason"), OF_KINDS)
def test_kinds_and_roles(value: bytes, reason: str) -> None:
    """Categories, booleans, times and weights are refused where the config says so."""
    refusing: Columns = {"cat": KINDS["cat"] | {"rare": "reject", "unseen": "reject"}}
    assert reasons(RowReader(build(KINDS | refusing)).events(value)) == [reason]


def reasons_in_the_code() -> set[str]:
    """Every reason that the converter can give: its only words with dashes, but for these."""
    folder = Path(converters.__file__).parent
    names = ("files/framing", "schema/schema")
    modules = [folder / f"{name}.py" for name in names]
    modules += [*folder.glob("convert/*.py"), *folder.glob("cells/*.py")]
    found = re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', "".join(m.read_text() for m in modules))
    return set(found) - {"content-type", "utf-8"}


def test_every_reason_has_an_example() -> None:
    """No reason is in the code that the examples above do not reach, and none is made up."""
    shown = {reason for _, _, expected in (*EVENTS, *LABELS) for reason in expected}
    shown |= {reason for _, reason in OF_KINDS}
    (no_integer,) = RowReader(build({**KINDS, "key": {"role": "id", "kind": "integer"}})).events(
        OF_KINDS[0][0] + b",k7"
    )
    shown.add(no_integer[0])
    (nowhere,) = RowReader(build(COLUMNS, record={"path": "a"})).events(b"{}")
    shown.add(nowhere[0])
    of_the_fold = {"accepted-in-place", "conflicting-label"}  # among the remedies
    assert shown - {"good"} == reasons_in_the_code() - of_the_fold


def test_every_reason_is_documented() -> None:
    """The table of reasons in the documentation is that of the code."""
    document = ROOT / "docs" / "converter.md"
    text = document.read_text(encoding="utf-8")
    section = text.partition("## Why rows are refused")[2].partition("\n## ")[0]
    table = re.findall(r"(?m)^\| `([a-z0-9-]+)` \| .* \|$", section)
    reasons_told = [word for word in table if "-" in word]
    assert sorted(reasons_told) == sorted(reasons_in_the_code())
