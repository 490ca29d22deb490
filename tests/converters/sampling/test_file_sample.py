"""The sample from which a schema is inferred: rows from all over a file, in bounded memory."""

from __future__ import annotations

import pytest

from converters.files.csv_file import CsvFileError
from converters.init.declared import Declared
from converters.init.schema_inference import infer
from converters.sampling import file_sample
from tests.support.rows.tables import NOISE, sampled, table


def test_sample_is_drawn_from_all_over_the_file() -> None:
    """What changes only late in the file is seen: files of events are in order of time."""
    content = table({"month": lambda i: i // 1_000}, rows=12_000)
    drawn = sampled(content, limit=600)
    assert drawn.rows == 600
    assert set(drawn.columns["month"]) == {str(m) for m in range(12)}
    assert drawn.lines == sorted(drawn.lines)
    assert drawn.described == "600 of the 12,000 rows"


def test_sample_is_the_same_again() -> None:
    """The same file always gives the same sample."""
    content = table({"a": str}, rows=5_000)
    assert sampled(content, 100) == sampled(content, 100)


def test_sample_does_not_follow_a_pattern() -> None:
    """Rows in turns of two are not drawn from one of the two alone."""
    drawn = sampled(table({"a": lambda i: i % 2}, rows=8_000), 1_000)
    assert 400 < drawn.columns["a"].count("1") < 600


def test_small_file_is_taken_whole() -> None:
    """A file with no more rows than asked for is taken whole, blank lines left out."""
    drawn = sampled(b"a,b\n1,2\n\n3,4\n")
    assert drawn.columns == {"a": ["1", "3"], "b": ["2", "4"]}
    assert (drawn.lines, drawn.unreadable) == ([2, 4], {})


def test_sample_of_huge_rows_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are too large to hold many of give a smaller sample."""
    monkeypatch.setattr(file_sample, "LARGEST_SAMPLE", 10_000)
    assert 1 <= sampled(table({"a": lambda i: "x" * 900}), 300).rows <= 11


def test_huge_file_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a huge file only the first part is read, and that is said."""
    monkeypatch.setattr(file_sample, "LARGEST_READ", 100_000)
    drawn = sampled(table({"a": lambda i: "x" * 90}, rows=5_000), 10)
    assert drawn.described == f"10 of the first {drawn.rows_read:,} rows"
    assert drawn.rows_read < 4_000


def test_bad_rows_are_left_out_and_told() -> None:
    """Rows that cannot be read do not decide anything; they are counted, each fault by itself."""
    content = table({"z": lambda i: NOISE[i]}) + b'1\n\xff,1\n1,2,3\n"1"x,2\n'
    width, utf8, quotes = infer(sampled(content), Declared("y", ("1",))).warnings
    assert width == (
        "2 rows of the sample were left out, the first in line 402: not as many cells as the "
        "header has."
    )
    assert utf8.startswith("1 row of the sample was left out, in line 403: not UTF-8")
    assert "--encoding cp1252" in utf8
    assert "in line 405: badly quoted" in quotes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"y,z\n", r"f\.csv has no rows: a schema is inferred from rows"),
        (b"y,z\n\n1\n\xff,2\n", "has no rows that can be read; line 3 is the first bad one"),
        (b'y,"z\nz"\n0,1\n', r"name of column 2 holds a control character \('z\\nz'\)"),
    ],
)
def test_file_that_tells_nothing(content: bytes, said: str) -> None:
    """A file without rows or names is an error that says what it lacks."""
    with pytest.raises(CsvFileError, match=said):
        sampled(content)


def test_all_rows_are_read_and_as_many_kept_as_memory_should_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Limit 0 reads a huge file to its end and draws from all of it; what was drawn is said."""
    monkeypatch.setattr(file_sample, "LARGEST_READ", 1_000)
    content = table({"month": lambda i: i // 1_000}, rows=12_000)
    assert sampled(content, 0).described == "the 12,000 rows"
    monkeypatch.setattr(file_sample, "MOST_CELLS", 1_200)
    drawn = sampled(content, 0)
    assert drawn.rows == 600
    assert set(drawn.columns["month"]) == {str(m) for m in range(12)}
    assert drawn.described == "600 of the 12,000 rows, as many as memory should hold"
    assert sampled(content, 5_000).rows < 600


def test_wide_rows_give_a_small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3,000 columns as many rows are held as there is room for cells, and that is said."""
    monkeypatch.setattr(file_sample, "MOST_CELLS", 40_000)
    header = ",".join(["y", *(f"c{k}" for k in range(2_999))])
    rows = ("01"[i % 2] + ",7" * 2_999 for i in range(30))
    drawn = sampled("\n".join([header, *rows, ""]).encode())
    assert drawn.described == "13 of the 30 rows, as many as memory should hold"


def test_rows_are_added_in_their_place() -> None:
    """Rows that are added stand in the file's order, none twice, and are told of."""
    drawn = sampled(table({"a": str}, rows=300), 20)
    known = drawn.lines[3]
    more = drawn.with_rows([(302, ("1", "x")), (known, ("1", "again")), (1, ("0", "first"))])
    assert more.lines == [1, *drawn.lines, 302]
    assert more.columns["a"] == ["first", *drawn.columns["a"], "x"]
    assert more.described == (
        "20 of the 300 rows, and 2 more that a first guess would have refused"
    )
