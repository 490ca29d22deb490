"""One value in several spellings: which counts, and that no text becomes a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.cells.refusal import RefusedCellError
from converters.cells.spellings import LONGEST, Spellings, integer
from tests.support.rows.meanings import spelt
from tests.support.rows.schemas import build

LISTS: dict[str, Mapping[str, object]] = {
    "none": {},
    "some": {each: each for each in ("36.0", "True", "5", "1000", "-2", ".5", "UA")},
    "versions": {each: each for each in ("1.1", "1.10", "True", "TRUE")},
    "classes": {"1": 1, "1.0": 1, "yes": 1, "0": 0, "FALSE": 0, "-1": None},
}

COUNTS = [
    *(("some", cell, "36.0") for cell in ("36", "36.0", "36.00", "36.", "3.6e1", "+36", "360e-1")),
    *(("some", cell, "True") for cell in ("true", "TRUE", "tRuE", "True")),
    *(("some", cell, ".5") for cell in ("0.5", "0.50", "5e-1")),
    *(("some", cell, "1000") for cell in ("1e3", "1E+3", "1000.0")),
    ("some", "-2.0", "-2"),
    ("some", "false", "false"),
    ("some", "FALSE", "false"),
    ("versions", "1.10", "1.10"),
    ("versions", "1.100", "1.100"),
    ("versions", "true", "true"),
    ("versions", "tRUE", "tRUE"),
    ("classes", "1.00", "1"),
    ("classes", "1.0", "1.0"),
    ("classes", "-1.0", "-1"),
    ("classes", "0.0", "0"),
    ("classes", "-0", "0"),
    ("classes", "false", "FALSE"),
    ("classes", "true", "true"),
    ("none", "36.0", "36"),
    ("none", "-36.000", "-36"),
    ("none", "-0.0", "0"),
    ("none", "1e+16", "10000000000000000"),
    ("none", "1.8446744073709552e+19", "18446744073709552000"),
    ("none", "9007199254740993.0", "9007199254740993"),
    ("none", "TRUE", "true"),
]


@pytest.mark.parametrize(("listed", "cell", "counts"), COUNTS)
def test_the_spelling_that_counts(listed: str, cell: str, counts: str) -> None:
    """That which is listed; if several are, none; of what is not listed, the integer's."""
    assert Spellings(LISTS[listed]).of(cell) == counts


TEXTS = (
    *("", "007", "036.0", "00", " 36", "36 ", "1_000", "3_6", "٣٦", "36,0", "0x24", "inf", "nan"),
    *("36e", "36.0.0", "1.2.3", "--36", "1e9999", "trve", "true ", "fal\u017fe", "yes", "٣.0"),
    *("36\n", "1" * LONGEST + "1.0", "UA", "e+16", ".", "+", "-"),
)


@pytest.mark.parametrize("listed", LISTS)
@pytest.mark.parametrize("cell", TEXTS)
def test_no_text_becomes_a_number(listed: str, cell: str) -> None:
    """Zeros in front, blanks, underscores, commas and other digits make a text, which stays."""
    assert Spellings(LISTS[listed]).of(cell) == cell


@pytest.mark.parametrize("cell", ["36.50", "1e3", "12E5", "+49", "1e-05", "1.5e+00", "36.", ".50"])
def test_codes_that_are_not_listed_stay(cell: str) -> None:
    """Only an integer as floats are printed is respelt where nothing is listed."""
    assert Spellings({}).of(cell) == cell


cells = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.from_regex(r"[+-]?[0-9]{0,3}(\.[0-9]{0,3})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(["true", "True", "FALSE", "UA", "", "yes", "-0", "0.0"]),
)


@given(st.dictionaries(cells, st.sampled_from([1, 0, None])), st.lists(cells, max_size=8))
def test_any_cells(meanings: dict[str, int | None], found: list[str]) -> None:
    """What counts is what fractions say, twice the same, and many at once agree with each."""
    spellings = Spellings(meanings)
    counts = list(map(spellings.of, found))
    assert counts == [spelt(cell, meanings) for cell in found]
    assert list(map(spellings.of, counts)) == counts
    if found and spellings.keep(found, "\n".join(found)):
        assert counts == found


INTEGERS = (
    *(("100001", "100001"), ("100001.0", "100001"), ("007", "7"), ("+7", "7"), ("1e5", "100000")),
    *(("-0", "0"), ("00", "0"), (" 7 ", "7"), ("7.", "7"), (".7e1", "7"), ("-1.50E1", "-15")),
    *(("9007199254740993.0", "9007199254740993"), ("", ""), (" ", "")),
)


GONE = {"missing_values": ["-7"]}


@pytest.mark.parametrize(
    ("settings", "missing", "known", "unseen"),
    [
        ({"kind": "categorical", "values": ["36"], "missing_values": ["-7"]}, "-7.0", "36.0", "8"),
        ({"kind": "numeric", "missing_values": ["-7"]}, "-7.00", "7", ""),
        ({"kind": "numeric", "transform": "bucket", "edges": [0, 9], **GONE}, "-7.0", "7", ""),
        ({"kind": "boolean", "false_values": ["n"], **GONE}, "-7.0", "1.0", ""),
    ],
)
def test_what_is_absent_or_unseen(
    settings: dict[str, Any], missing: str, known: str, unseen: str
) -> None:
    """Another spelling of what is listed is that, for whoever counts such cells."""
    (feature,) = build({"c": settings, "y": {"role": "label"}}).features
    assert feature.is_missing(missing)
    assert feature.value(missing) is None
    assert not feature.is_missing(known)
    assert not feature.is_unseen(known)
    assert feature.is_unseen(unseen) is bool(unseen)


@pytest.mark.parametrize(("cell", "whole"), INTEGERS)
def test_integers(cell: str, whole: str) -> None:
    """Every spelling of an integer is that integer, exactly."""
    assert integer(cell) == whole


@pytest.mark.parametrize(
    "cell", ["7.5", "x", "7e-1", "1_0", "٣", "0x7", "true", "1e100", "7 7", "nan"]
)
def test_what_is_no_integer(cell: str) -> None:
    """Anything else is refused."""
    with pytest.raises(RefusedCellError, match="not-an-integer"):
        integer(cell)
