"""A CSV body read part by part gives the rows that cutting it at once gives."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.files.first_line import named
from converters.files.framing import Dialect, unclosed
from serve.http.problems import RowsRefusedError, TooLargeError
from serve.rows.csv_body import MOST_UNNAMED, csv_lines, split_header
from serve.rows.row_limits import RowLimits

ANY = 10**9
DIALECT = Dialect(",")
MARK = b"\xef\xbb\xbf"
pieces = st.sampled_from(
    [b"a", b"bc", b",", b"\n", b"\r\n", b"\r", b'"', b'"a,\n"', b'""', b"\xff", b"\xc3\xa9", MARK]
)
bodies = st.lists(pieces, max_size=60).map(b"".join)


def at_once(body: bytes) -> tuple[list[list[str] | Refusal], bytes]:
    """The cells of all rows, and the bytes of one record of them, without parts."""
    framed = list(DIALECT.frame(body))
    cells = [DIALECT.cells_of(row) if complete else unclosed(row) for row, complete in framed]
    return cells, b"\n".join(row for row, _ in framed)


def in_parts(
    body: bytes, part_bytes: int, row_bytes: int = ANY
) -> tuple[list[list[str] | Refusal], bytes]:
    """The same as the server reads it."""
    limits = RowLimits(ANY, row_bytes, part_bytes)
    found = [part for part in csv_lines(body, 0, DIALECT, limits) if part is not None]
    cells = [
        each if isinstance(each, Refusal) else list(each) for part in found for each in part.cells()
    ]
    return cells, b"\n".join(part.value(0, len(part)) for part in found)


@given(bodies, st.integers(1, 30))
def test_parts_hold_what_cutting_at_once_gives(body: bytes, part_bytes: int) -> None:
    """Quotes over lines, open ones, endings of all kinds, bytes that are no text."""
    assert in_parts(body, part_bytes) == at_once(body)


@given(bodies)
def test_the_header_is_the_first_row(body: bytes) -> None:
    """What follows it begins with the second row."""
    names, _ = at_once(body)
    try:
        header, at = split_header(body, DIALECT, RowLimits(ANY, ANY, ANY))
    except RowsRefusedError:
        assert not names or isinstance(names[0], Refusal) or names[0] in ([], [""])
        return
    assert header == named(names[0])
    assert at_once(body[at:])[0] == names[1:]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("ending", [b"\n", b""])
def test_the_longest_row_is_taken_and_a_longer_one_named(quote: str, ending: bytes) -> None:
    """One byte more than the limit is too long."""
    for more in (0, 1):
        row = (quote + "x" * (100 - 2 * len(quote) + more) + quote).encode()
        body = b"a\nb\n" + row + ending
        if not more:
            assert in_parts(body, 50, 100) == at_once(body)
            continue
        with pytest.raises(TooLargeError, match="Row 2 has more than 100 bytes"):
            in_parts(body, 50, 100)


def test_an_open_quote_is_looked_at_no_further_than_a_row_goes() -> None:
    """At the end it refuses its row; before that the request, and says that it may be open."""
    assert in_parts(b'a\n"' + b"x" * 99, 50, 100) == at_once(b'a\n"' + b"x" * 99)
    with pytest.raises(TooLargeError, match="a quote in it is not closed"):
        in_parts(b'a\n"' + b"x\n" * 99, 50, 100)


class Watched(Dialect):
    """CSV of which no more than a row of 100 bytes is ever looked at."""

    def row_end(self, value: bytes, at: int, end: int) -> int | None:
        """As any other."""
        assert end - at <= 101
        return super().row_end(value, at, end)


@pytest.mark.parametrize("unit", [b'"', b'"",', b'"x\n', b",", b"\r", b'"A"\n', MARK])
def test_no_row_is_looked_at_beyond_its_limit(unit: bytes) -> None:
    """Not the rest of a body behind an open quote, nor that of a header."""
    body, limits = unit * 500, RowLimits(ANY, 100, 50)
    with suppress(TooLargeError):
        list(csv_lines(body, 0, Watched(","), limits))
    with suppress(RowsRefusedError):
        split_header(body, Watched(","), limits)


@pytest.mark.parametrize("body", [b"x" * 101, b'"' + b"x" * 200, b"x" * 101 + b"\nA\n"])
def test_a_header_is_bounded_as_a_row_is(body: bytes) -> None:
    """Before it is cut into names."""
    with pytest.raises(RowsRefusedError, match="header has more than 100 bytes"):
        split_header(body, DIALECT, RowLimits(ANY, 100, 50))


def test_columns_without_a_name_are_counted() -> None:
    """Each is given one: so many are no header of anybody's."""
    names, _ = split_header(b"A" + b"," * MOST_UNNAMED, DIALECT, RowLimits(ANY, ANY, ANY))
    assert len(set(names)) == 1 + MOST_UNNAMED
    with pytest.raises(RowsRefusedError, match="more than 10,000 columns without a name"):
        split_header(b"A," + b"," * MOST_UNNAMED, DIALECT, RowLimits(ANY, ANY, ANY))


def test_rows_are_counted_before_they_are_converted() -> None:
    """One more than allowed refuses all, with the first part in which there are too many."""
    limits = RowLimits(10, 100, 100)
    for line in (b"a\n", b'"a"\n', b"\n"):
        assert sum(len(part or ()) for part in csv_lines(line * 10, 0, DIALECT, limits)) == 10
        with pytest.raises(TooLargeError, match="more than 10 rows"):
            list(csv_lines(line * 11, 0, DIALECT, limits))
