"""The rules for what readers of CSV disagree on, each by an example, and all over any bytes."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config.settings import CsvSettings
from converters.convert.records import RowReader
from converters.files.csv_file import CsvFile, CsvFileError
from converters.files.framing import Dialect, unclosed
from converters.schema.column_names import ColumnNames
from tests.support.rows import schemas
from tests.support.rows.schemas import build
from tests.support.streams.stepping import Stepping

COLUMNS: schemas.Columns = {
    "key": {"role": "id"},
    "late": {"role": "label"},
    "note": {"kind": "categorical", "missing": "indicator"},
}
MARK = b"\xef\xbb\xbf"


def read(value: bytes) -> list[str]:
    """The rows of a record: their feature's text, or why they are refused."""
    rows = RowReader(build(COLUMNS)).events(value)
    return [row.reason if isinstance(row, Refusal) else row[2].removeprefix("| ") for row in rows]


RULES: list[tuple[str, bytes, list[str]]] = [
    ("a short row is refused", b"k,1\nk,1,a", ["wrong-width", "note=a"]),
    ("a long row is refused", b"k,1,a,b\nk,1,a", ["wrong-width", "note=a"]),
    ("a long row is refused though it ends in nothing", b"k,1,a,\n", ["wrong-width"]),
    ("a blank line is a refused row", b"k,1,a\n\nk,1,b\n", ["note=a", "empty-row", "note=b"]),
    ("a blank line of CRLF too", b"\r\nk,1,b\r\n", ["empty-row", "note=b"]),
    ("blank lines at the end too", b"k,1,a\n\n\n", ["note=a", "empty-row", "empty-row"]),
    ("one ending of the last row is none", b"k,1,a\n", ["note=a"]),
    ("no ending of the last row is needed", b"k,1,a", ["note=a"]),
    ("blanks alone are no blank line", b"  \n", ["wrong-width"]),
    ("delimiters alone are missing cells", b",,\n", ["note="]),
    ("a bare quote within a field is a character", b'k,1,5" pipe', ['note=5"%20pipe']),
    ("many too, and they hide no delimiter", b'k,1,a"b,c"d', ["wrong-width"]),
    ("a blank in front of a quote makes it bare", b'k,1, "a"', ['note=%20"a"']),
    ("a doubled quote in quotes is one", b'k,1,"5"" pipe"', ['note=5"%20pipe']),
    ("text behind a closing quote is refused", b'k,1,"a"b\nk,1,c', ["text-after-quote", "note=c"]),
    ("a blank behind a closing quote too", b'k,1,"a" \n', ["text-after-quote"]),
    ("quotes behind it open nothing", b'k,1,"a"b"\nk,1,c', ["text-after-quote", "note=c"]),
    ("an open quote takes the rest", b'k,1,a\nk,1,"b\nk,1,c', ["note=a", "unclosed-quote"]),
    ("a line feed in quotes is a character", b'k,1,"a\nb"\nk,1,c', ["note=a%0Ab", "note=c"]),
    ("CRLF in quotes is two", b'k,1,"a\r\nb"\r\n', ["note=a%0D%0Ab"]),
    ("a CR in quotes is a character", b'k,1,"a\rb"', ["note=a%0Db"]),
    ("a CR outside quotes is refused", b"k,1,a\rb\nk,1,c", ["bare-cr", "note=c"]),
    ("rows that end in CR alone are one such", b"k,1,a\rk,1,b\r", ["bare-cr"]),
    ("CR CR LF ends a row too", b"k,1,a\r\r\nk,1,b\r\r\r\n", ["note=a", "note=b"]),
    ("CRLF ends a row", b"k,1,a\r\nk,1,b\r\n", ["note=a", "note=b"]),
    ("mixed endings are all endings", b"k,1,a\r\nk,1,b\nk,1,c", ["note=a", "note=b", "note=c"]),
    ("a NUL is a character", b"k,1,a\0b\n", ["note=a%00b"]),
    (
        "other separators of lines are characters",
        "k,1,a\x0bb\x0c\x85\u2028".encode(),
        ["note=a%0Bb%0C\x85\u2028"],
    ),
    (
        "a byte order mark in front of a row is none of it",
        MARK + b"k,1,a\nk,1,b",
        [
            "note=a",
            "note=b",
        ],
    ),
    ("nor are two", MARK * 2 + b'"k",1,a', ["note=a"]),
    ("nor does it hide a quote", MARK + b'"k\n,",1,a\nk,1,b', ["note=a", "note=b"]),
    ("nor is one where files were joined", b"k,1,a\n" + MARK + b"k,1,b", ["note=a", "note=b"]),
    ("elsewhere it is a character", b"k,1," + MARK + b"a", ["note=\ufeffa"]),
    ("blanks around a cell belong to it", b"k,1, a ", ["note=%20a%20"]),
    ("a header among the rows is a row", b"key,late,note\nk,1,a", ["bad-label", "note=a"]),
    ("an escape of another dialect is text", rb"k,1,a\,b", ["wrong-width"]),
    ("a comment is a row", b"# made today\nk,1,a", ["wrong-width", "note=a"]),
    ("bytes that are no UTF-8 refuse their row", b"k,1,\xff\nk,1,a", ["not-utf8", "note=a"]),
]


@pytest.mark.parametrize(("value", "rows"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_rule(value: bytes, rows: list[str]) -> None:
    """What the rule says becomes of these rows, of a record as of a file."""
    assert read(value) == rows
    if "unclosed-quote" in rows:
        return
    file = CsvFile(io.BytesIO(b"key,late,note\n" + value), "f.csv")
    assert [read(row.content + b"\n") for row in file.rows()] == [[row] for row in rows]


def test_a_byte_order_mark_hides_no_number_and_no_id() -> None:
    """The first cell of a marked row is what it is without the mark, in labels too."""
    reader = RowReader(build({"a": {"kind": "numeric"}, "y": {"role": "label"}}))
    assert reader.events(MARK + b"5,1\n") == reader.events(b"5,1\n")
    assert reader.labels(MARK + b"k,1\n" + MARK + b"l,0") == [("k", 1), ("l", 0)]


HEADERS = [
    (b"", "has no header"),
    (b"\n1,2\n", "has no header: its first line, which has to name the columns, is blank"),
    (b"a\rb,c\r1,2", "has no header: its first line holds a carriage return .* not in CR only"),
    (b'"a"b,c\n', "has no header: in its first line text follows a closing quote"),
    (
        b"caf\xe9\n",
        "has no header: .* It seems to be in cp1252 .*: run init with --encoding cp1252",
    ),
    (b"a,b,a\n", "names the column 'a' twice"),
    (b"\x1b[2J,\x1b[2J\n", r"names the column '\\x1b\[2J' twice"),
]


@pytest.mark.parametrize(("content", "said"), HEADERS)
def test_a_header_that_cannot_be_one(content: bytes, said: str) -> None:
    """A file without a usable header is refused whole, and the message says what to look for."""
    with pytest.raises(CsvFileError, match=said):
        CsvFile(io.BytesIO(content), "f.csv")


UNKNOWN = [
    (b"a,b,tail\n", r"'tail'.* columns are a, b\. Add it to \[columns\]"),
    (b"x,y\n", "has none of them: its first line must be a header"),
    (b"7,2013-01-01\n", "has none of them: its first line must be a header"),
    (b"a;b\n", r"'a;b'.* with a config, write delimiter = \";\" in its section \[csv\]"),
    (b"a\tb\n", r"'a\\tb'.*separate cells by tabs: run init with --delimiter tab"),
    (b"a, b\n", "' b'.*The blanks around the name belong to it"),
    (b"a,\x1b[31m\n", r"'\\x1b\[31m'"),
]


@pytest.mark.parametrize(("content", "said"), UNKNOWN)
def test_a_header_of_something_else(content: bytes, said: str) -> None:
    """A name that the config does not know stops, and the message says what may have happened."""
    file = CsvFile(io.BytesIO(content), "f.csv")
    with pytest.raises(CsvFileError, match=said):
        file.require_known(ColumnNames(("a", "b")))


pieces = st.sampled_from([*'",;\t\n\r ax\0{[é', "\r\n", '""', "\ufeff", "\x1b"])
some_text = st.one_of(st.lists(pieces, max_size=40).map("".join), st.text())
some_bytes = st.one_of(some_text.map(str.encode), st.binary(max_size=40))
delimiters = st.sampled_from(",;\t|^]\\")


def proper(text: str, delimiter: str) -> bool:
    """Whether the rules call all of a text proper: csv reads it strictly, no row is marked."""
    try:
        list(csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return "\ufeff" not in text


@given(some_text, delimiters)
@example('a,"b\nc"\r\nd,""""\n', ",")
@settings(deadline=None)
def test_reads_as_csv_reader_does(text: str, delimiter: str) -> None:
    """Framing and cells are those of ``csv.reader`` on everything that the rules call proper."""
    dialect = Dialect(delimiter)
    framed = list(dialect.frame(text.encode()))
    found = [dialect.cells_of(row) if complete else None for row, complete in framed]
    assert proper(text, delimiter) == (
        "\ufeff" not in text and all(isinstance(cells, list) for cells in found)
    )
    if proper(text, delimiter):
        # csv.reader gets lines cut at LF alone, as here.
        lines = io.StringIO(text, newline="\n")
        assert found == list(csv.reader(lines, delimiter=delimiter))


@given(some_bytes, delimiters)
@settings(deadline=None)
def test_a_record_is_its_rows(value: bytes, delimiter: str) -> None:
    """The cells of a whole record are those of its rows one by one, good or bad."""
    dialect = Dialect(delimiter)
    framed = dialect.frame(value)
    rows = [dialect.cells_of(row) if complete else unclosed(row) for row, complete in framed]
    assert list(dialect.cells(value)) == (rows or [Refusal("empty-record", "", "")])


@given(st.lists(some_bytes, min_size=1, max_size=6), st.data())
@settings(deadline=None)
def test_no_row_changes_the_parse_of_its_neighbours(rows: list[bytes], data: st.DataObject) -> None:
    """With a row changed into any other, or taken out, all others stay what they were."""
    dialect = Dialect(data.draw(delimiters))
    framed = [row for row, complete in dialect.frame(b"\n".join(rows)) if complete]
    if not framed:
        return
    at = data.draw(st.integers(0, len(framed) - 1))
    instead = [row for row, complete in dialect.frame(data.draw(some_bytes)) if complete]
    changed = [*framed[:at], *instead, *framed[at + 1 :]]
    before, after = (
        list(dialect.cells(b"".join(row + b"\n" for row in each) or b"\n"))
        for each in (framed, changed)
    )
    assert before[:at] == after[:at]
    behind = len(framed) - at - 1
    assert behind == 0 or before[-behind:] == after[-behind:]


@given(some_bytes, delimiters)
@settings(deadline=None)
def test_every_byte_is_in_a_row(value: bytes, delimiter: str) -> None:
    """Framed rows are the value itself, but for the line endings; only the last may be open."""
    framed = list(Dialect(delimiter).frame(value))
    assert all(complete for (_, complete), _ in pairwise(framed))
    glued = b"\n".join(row for row, _ in framed)
    whole = value if framed and not framed[-1][1] else value.removesuffix(b"\n")
    assert glued.replace(b"\r", b"") == whole.replace(b"\r", b"")


@given(some_bytes, delimiters, st.integers(1, 9))
@settings(deadline=None)
def test_a_file_is_framed_as_a_record_of_any_delimiter(
    value: bytes, delimiter: str, step: int
) -> None:
    """However the bytes arrive, a file's rows are those of a record of them, up to an open one."""
    framed = list(Dialect(delimiter).frame(value))
    file = CsvFile(Stepping(b"h\n" + value, step), "f.csv", CsvSettings(delimiter=delimiter))
    rows: list[bytes] = []
    try:
        rows.extend(row.content for row in file.rows())
        assert all(complete for _, complete in framed)
    except CsvFileError:
        assert not framed[-1][1]
    assert rows == [row for row, complete in framed if complete]
