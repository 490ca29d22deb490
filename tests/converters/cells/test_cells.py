"""Cells: which numbers, times and texts pass, how they are written, and how VW reads them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converters.cells import escaping, numbers
from converters.cells.feature import Feature
from converters.cells.refusal import RefusedCellError
from converters.config.column_settings import ColumnSettings
from tests.support.learning.vw_reading import VwReader, float32, ulps_apart
from tests.support.rows import schemas
from tests.support.rows.read_back import unescape

LARGEST = numbers.LARGEST_FLOAT32


@pytest.fixture(scope="module")
def vw() -> Iterator[VwReader]:
    """Vowpal Wabbit's own parser."""
    reader = VwReader()
    yield reader
    reader.close()


def piece(cell: str, **column: object) -> str:
    """The piece of a column called ``a``."""
    return Feature("a", "a", ColumnSettings.model_validate(column)).piece(cell)


def reason(cell: str, **column: object) -> str:
    """Why a cell of a column called ``a`` is refused."""
    with pytest.raises(RefusedCellError) as refused:
        piece(cell, **column)
    assert refused.value.cell == cell
    return refused.value.reason


NUMBERS = [
    ("5", 5.0),
    ("+5", 5.0),
    ("-5", -5.0),
    ("5.", 5.0),
    (".5", 0.5),
    ("1e3", 1000.0),
    ("1E-3", 0.001),
    (" 7 ", 7.0),
    ("007", 7.0),
    ("3.4028234663852886e38", LARGEST),
    ("1e-400", 0.0),
]


@pytest.mark.parametrize(("cell", "value"), NUMBERS)
def test_decimal_notation_is_a_number(cell: str, value: float) -> None:
    """A cell in decimal notation, blanks around it or not, is its value."""
    assert numbers.number(cell) == value


NOT_NUMBERS = ["x", "", " ", "0x1p3", "1a5", "1_000", "1,5", "1 5", "--1", "1e", "e5", ".", "+"]
NOT_NUMBERS += ["1\n", "\t1", "1\xa0", "1|a", "1:2", "1d5", "infinit", "nano", "1e5.5"]
NOT_NUMBERS += ["\N{ARABIC-INDIC DIGIT THREE}", "\N{FULLWIDTH DIGIT ONE}", "1\N{SUPERSCRIPT TWO}"]


@pytest.mark.parametrize("cell", NOT_NUMBERS)
def test_anything_else_is_not_a_number(cell: str) -> None:
    """What is not decimal notation is refused, even where Python's float would take it."""
    with pytest.raises(RefusedCellError) as refused:
        numbers.number(cell)
    assert refused.value.reason == "not-a-number"


@pytest.mark.parametrize(
    "cell", ["inf", "-inf", "+Infinity", "nan", "NaN", "1e39", "-1e39", "3.5e38", "1e999", " inf "]
)
def test_infinite_as_float32_is_refused(cell: str) -> None:
    """What float32 cannot hold as a finite number is refused, and named as that."""
    with pytest.raises(RefusedCellError) as refused:
        numbers.number(cell)
    assert refused.value.reason == "not-finite"


number_like = st.text(st.sampled_from("0123456789+-.eE_ \t\n\xa0infaN\N{ARABIC-INDIC DIGIT THREE}"))


@given(st.one_of(number_like, schemas.decimals, st.text()))
@example("1e38" + "0" * 400)
def test_numbers_are_those_of_the_grammar(text: str) -> None:
    """Exactly the texts of the decimal grammar pass whose value is finite as float32."""
    decimal = numbers.NUMBER.fullmatch(text.strip(" "))
    if decimal and abs(float(text)) <= LARGEST:
        assert math.isfinite(float32(numbers.number(text)))
        return
    with pytest.raises(RefusedCellError) as refused:
        numbers.number(text)
    named = decimal or numbers.NOT_FINITE.fullmatch(text.strip(" "))
    assert refused.value.reason == ("not-finite" if named else "not-a-number")


@given(st.floats(1e-15, 1e37, exclude_max=True).flatmap(lambda v: st.sampled_from([v, -v])))
@example(1e-4)
@example(9999999999999998.0)
@example(1e16)
def test_plain_numbers_are_written_by_repr(value: float) -> None:
    """Whatever writes them fastest, numbers are written as ``repr`` writes them."""
    assert numbers.number_text(value) == repr(value).removesuffix(".0")


def test_vw_reads_every_float_within_8_ulp(vw: VwReader) -> None:
    """Over the whole range of float32, VW reads each number, and within 8 ulp."""
    values = st.floats(1e-37, LARGEST).flatmap(lambda v: st.sampled_from([v, -v]))

    @settings(deadline=None, max_examples=300)
    @given(st.one_of(values, st.integers(-37, 37).map(lambda e: 1.7 * 10.0**e)))
    @example(1e-37)
    @example(LARGEST)
    @example(-LARGEST)
    @example(1e-15)
    @example(math.nextafter(1e-15, 0))
    @example(math.nextafter(1e37, 0))
    @example(1e37)
    @example(123456789.123456789)
    def check(value: float) -> None:
        (reading,) = vw.read(f"| a:{numbers.number_text(value)}")
        (feature,) = reading.features
        assert ulps_apart(feature.value, float32(value)) <= 8

    check()


@given(st.floats(1e-37, LARGEST))
def test_number_text_tells_floats_apart(value: float) -> None:
    """The text of a number is the number: read back it is the same double."""
    text = numbers.number_text(value)
    assert (float.fromhex(text) if "x" in text else float(text)) == value


def test_whole_numbers_are_written_without_a_point() -> None:
    """A whole number looks as it did in the cell."""
    assert piece("1400", kind="numeric") == " a:1400"


@pytest.mark.parametrize("cell", ["0", "-0", "0.0", "0e5", "9e-38", "-9e-38", "1e-400"])
def test_zero_is_a_category(cell: str) -> None:
    """Zero, and what VW would drop as if it were missing, is written so that VW keeps it."""
    assert piece(cell, kind="numeric") == " a=0"


def test_range_clips() -> None:
    """A number outside the range becomes the bound."""
    column = {"kind": "numeric", "min": -1, "max": 10}
    pieces = [piece(c, **column) for c in ("-5", "11", "10", "3")]
    assert pieces == [" a:-1", " a:10", " a:10", " a:3"]


def test_range_refuses() -> None:
    """With ``out_of_range = "reject"`` a number outside the range refuses the row."""
    column = {"kind": "numeric", "min": 0, "max": 10, "out_of_range": "reject"}
    assert [reason(c, **column) for c in ("-0.1", "10.1")] == ["out-of-range"] * 2
    assert [piece(c, **column) for c in ("0", "10")] == [" a=0", " a:10"]


def test_range_with_one_end() -> None:
    """A bound may stand alone."""
    assert piece("-9", kind="numeric", min=1) == " a:1"
    assert piece("9e9", kind="numeric", min=1) == " a:9000000000"


def test_clipping_does_not_excuse_infinity() -> None:
    """A range does not make a number of what is not finite."""
    assert reason("inf", kind="numeric", min=0, max=10) == "not-finite"


def test_log1p_keeps_the_sign() -> None:
    """``log1p`` is sign(x) log(1 + |x|), by the one implementation of ``math``."""
    column = {"kind": "numeric", "transform": "log1p"}
    assert piece("100", **column) == f" a:{math.log1p(100)!r}"
    assert piece("-100", **column) == f" a:{-math.log1p(100)!r}"
    assert piece("0", **column) == " a=0"


def test_range_is_of_the_number_before_its_transform() -> None:
    """Bounds are those of the cell, not of its logarithm."""
    column = {"kind": "numeric", "transform": "log1p", "max": 10}
    assert piece("1000", **column) == f" a:{math.log1p(10)!r}"


@pytest.mark.parametrize("kind", ["numeric", "categorical", "text"])
def test_missing_cells_follow_the_policy(kind: str) -> None:
    """Empty, and the column's own spellings of missing, give nothing, a feature, or a refusal."""
    for cell in ("", "NA"):
        column = {"kind": kind, "missing_values": ["NA"]}
        assert piece(cell, **column) == ""
        assert piece(cell, **column, missing="indicator") == " a="
        assert reason(cell, **column, missing="reject") == "missing-value"


def test_other_spellings_of_missing_are_cells() -> None:
    """``NA`` is a category where the column does not list it, and no number."""
    assert piece("NA", kind="categorical") == " a=NA"
    assert reason("NA", kind="numeric") == "not-a-number"


def test_text_is_a_bag_of_tokens() -> None:
    """A text becomes one feature for each piece between blanks, in order."""
    assert piece(" late\tin: \u2003x|y late ", kind="text") == " a=late a=in%3A a=x%7Cy a=late"


@pytest.mark.parametrize(
    ("policy", "expected"), [("drop", ""), ("indicator", " a="), ("reject", None)]
)
def test_text_of_blanks_is_missing(policy: str, expected: str | None) -> None:
    """A text without a single token is missing, whatever the policy."""
    column = {"kind": "text", "missing": policy}
    if expected is None:
        assert reason(" \t ", **column) == "missing-value"
    else:
        assert piece(" \t ", **column) == expected


def test_syntax_is_escaped() -> None:
    """What VW would take for syntax is percent-escaped; other Unicode stays readable."""
    assert escaping.escape_value("a b:c|d%e\r\n\0\x7f=é") == "a%20b%3Ac%7Cd%25e%0D%0A%00%7F=é"
    assert escaping.escape_name("a=b") == "a%3Db"
    for code in (*range(33), 127, *map(ord, ":|%^")):
        assert escaping.escape_value(chr(code)) == f"%{code:02X}"


@given(schemas.texts)
def test_escapes_can_be_undone(text: str) -> None:
    """Every text comes back from its escaped form."""
    assert unescape(escaping.escape_value(text)) == text
    assert unescape(escaping.escape_name(text)) == text


@given(schemas.texts)
def test_escaped_text_holds_no_syntax(text: str) -> None:
    """An escaped text holds nothing that separates: no blank, control character, ``|`` or ``:``."""
    syntax = {*"|:=^\x7f", *map(chr, range(33))}
    assert not syntax & set(escaping.escape_name(text))
