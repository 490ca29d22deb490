"""What ``freshet convert --csv2vw`` refuses, and where it says that it stands."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from converters.convert.whole_file import Reject
from converters.csv2vw.convert import MEANINGS
from tests.support.rows.csv2vw_files import FLAGS, fast, refused, run

ROWS = b"id,late,dist,carrier\na,1,700,UA\nb,0,5,AA\nc,1,0,\n"
TEXT = "1 a| dist:700 carrier=UA\n-1 b| dist:5 carrier=AA\n1 c|\n"

BAD_ROWS = [
    ("wrong-width", "", b"d,1,3"),
    ("wrong-width", "", b"d,1,3,UA,4"),
    ("empty-row", "", b""),
    ("not-utf8", "", b"d,1,3,\xff"),
    ("bare-cr", "", b"d,1,3\r,UA"),
    ("quote", "carrier", b'd,1,3,"UA"'),
    ("quote", "id", b'"d",1,3,UA'),
    ("vw-syntax", "carrier", b"d,1,3,U A"),
    ("vw-syntax", "carrier", b"d,1,3,U:A"),
    ("vw-syntax", "carrier", b"d,1,3,U|A"),
    ("vw-syntax", "carrier", b"d,1,3,U\tA"),
    ("vw-syntax", "id", b"d e,1,3,UA"),
    ("vw-syntax", "id", b"'d,1,3,UA"),
    ("mixed-column", "carrier", b"d,1,3,7"),
    ("mixed-column", "carrier", b"d,1,3,nan"),
    ("mixed-column", "dist", b"d,1,NA,UA"),
    ("mixed-column", "late", b"d,yes,3,UA"),
    ("not-a-number", "dist", b"d,1,1_000,UA"),
    ("not-a-number", "dist", "d,1,\u0661,UA".encode()),
    ("not-finite", "dist", b"d,1,-inf,UA"),
    ("not-finite", "late", b"d,nan,3,UA"),
    ("out-of-range", "dist", b"d,1,1e39,UA"),
    ("out-of-range", "dist", b"d,1,1e-40,UA"),
    ("bad-label", "late", b"d,0.0,3,UA"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a config."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("reason", "column", "row"), BAD_ROWS)
def test_what_would_be_misread_is_refused(
    folder: Path, reason: str, column: str, row: bytes
) -> None:
    """A row that csv2vw would corrupt stops with its row, its column and the reason."""
    told = refused(ROWS + row + b"\ne,1,4,UA\n")
    where = f", column '{column}'" if column else ""
    assert told.startswith(f"standard input, row 5 (the first line is row 1){where}: {reason}: ")
    assert MEANINGS[reason] in told


@pytest.mark.parametrize(("reason", "column", "row"), BAD_ROWS)
def test_refused_rows_are_set_aside(folder: Path, reason: str, column: str, row: bytes) -> None:
    """With --rejects the row goes there, and all others are converted."""
    result = run(ROWS + row + b"\ne,1,4,UA\n", FLAGS, "--rejects", "bad.csv")
    assert result.exit_code == 0
    assert result.stdout == TEXT + "1 e| dist:4 carrier=UA\n"
    with (folder / "bad.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [r[:3] for r in rows] == [["line", "reason", "column"], ["5", reason, column]]


@pytest.mark.parametrize(
    ("cells", "reason", "column"),
    [
        ("d,1,x,w1,o", "mixed-column", "number"),
        ("d,1,nan,w1,o", "not-finite", "number"),
        ("d,1,1e39,w1,o", "out-of-range", "number"),
        ("d,1,.00000000000000001,w1,o", "out-of-range", "number"),
        ("d,1,1.2.3,w1,o", "mixed-column", "number"),
        ("d,1, 5,w1,o", "vw-syntax", "number"),
        ("d,1,5\u00a0,w1,o", "not-a-number", "number"),
        ("d,1,\u0661,w1,o", "not-a-number", "number"),
        ("d,1,7,5,o", "mixed-column", "word"),
        ("d,1,7,1_0,o", "mixed-column", "word"),
        ("d,1,7,-Infinity,o", "mixed-column", "word"),
        ("d,1,7,\u0661,o", "mixed-column", "word"),
        ("d,1,7,w:1,o", "vw-syntax", "word"),
        ("d,1,7,w 1,o", "vw-syntax", "word"),
        ("d,1,7,w\x1f1,o", "vw-syntax", "word"),
        ('d,1,7,"w1,o', "quote", "word"),
        ('d,1,7,w1,"o', "quote", "ignored"),
        ("d e,1,7,w1,o", "vw-syntax", "id"),
        ("'d,1,7,w1,o", "vw-syntax", "id"),
    ],
)
def test_columns_that_hardly_repeat_are_looked_through(
    cells: str, reason: str, column: str
) -> None:
    """A bad cell among values that were never seen before is found as well."""
    good = [f"t{i},0,{i}.5,w{i}x,o" for i in range(400)]
    rows = "\n".join(["id,y,number,word,ignored", *good[:350], cells, *good[350:]])
    rejects: list[Reject] = []
    printed = fast(rows.encode(), f"{FLAGS} -1", most=2_000, rejects=rejects)
    assert [(r.line, r.refusal.reason, r.refusal.column) for r in rejects] == [
        (352, reason, column)
    ]
    assert printed.decode() == "".join(f"-1 t{i}| number:{i}.5 word=w{i}x\n" for i in range(400))


@pytest.mark.parametrize("cells", [("w{}", "{}"), ("{}", "w{}")])
def test_a_column_cannot_change_its_kind(cells: tuple[str, str]) -> None:
    """Whole blocks of words after blocks of numbers are refused, and the reverse."""
    rows = [cells[i >= 1_500].format(i) for i in range(3_000)]
    rejects: list[Reject] = []
    content = "\n".join(["x,y", *(f"{row},1" for row in rows)])
    assert fast(content.encode(), "-l 1", most=2_000, rejects=rejects).count(b"\n") == 1_500
    assert [r.line for r in rejects] == list(range(1_502, 3_002))


def test_every_reason_is_tried() -> None:
    """Each reason to refuse a row has a row above, or a test of its own."""
    assert set(MEANINGS) == {reason for reason, _, _ in BAD_ROWS} | {"too-many-classes"}


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"id,late,dist,car rier", "a feature's name"),
        (b"id,late,dist,car:rier", "a feature's name"),
        (b"id,late,dist,", "without a name"),
        (b"id,late,dist,dist", "two features of the same name"),
        (b"id,late,dist,dist=1", "another with its value"),
        (b'id,late,dist,"carrier"', "quotes"),
        (b"\xef\xbb\xbfid,late,dist,carrier", "byte order mark"),
        (b"id,late,dist\r,carrier", "carriage return"),
        (b"id,late", "no column is left"),
        (b"id", "out of range"),
        (b"id,late,dist,\xff", "not UTF-8"),
    ],
)
def test_headers_that_would_be_misread(folder: Path, header: bytes, why: str) -> None:
    """A first line after which nothing could be read as it is meant is refused."""
    told = refused(header + b"\na,1,700,UA\n")
    assert told.startswith("standard input, row 1")
    assert why in told
