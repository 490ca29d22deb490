"""The converter's text read back as features: the same features that VW sees."""

from __future__ import annotations

import doctest
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from vowpalwabbit.pyvw import pylibvw

from converters.cells.numbers import number_text
from converters.convert import from_vw_text
from converters.convert.from_vw_text import crossed, read_row, readable
from learners.vw.arguments import vw_spec
from tests.support.learning.vw_plain import plain
from tests.support.rows.read_back import features

PAIRS = ("ab", "bc", "cc")

names = st.text("xyz^*%.é", min_size=1, max_size=3)
values = st.text("ab=*^/%é", max_size=3)
magnitudes = st.floats(1e-30, 1e15, allow_nan=False)
tokens = st.one_of(
    st.builds("{}={}".format, names, values),
    st.builds("{}:{}".format, names, magnitudes.map(number_text)),
)
# A column has one number; only its words may repeat, which another test is about.
spaces = st.lists(tokens, max_size=3, unique_by=lambda token: token.partition(":")[0]).map(" ".join)
lines = st.builds("| {} |a {} |b {} |c {}".format, spaces, spaces, spaces, spaces)


def test_examples() -> None:
    """The examples in the module's documentation hold."""
    assert doctest.testmod(from_vw_text).failed == 0


def test_features_of_a_line() -> None:
    """Indicators are 1, numbers are themselves, hexadecimal ones too; the label is no feature."""
    line = "-1 | carrier=UA dist:1400 p:0x1.8p-70 note= |a month=1 |b gate="
    assert features(line) == {
        "carrier=UA": 1.0,
        "dist": 1400.0,
        "p": math.ldexp(1.5, -70),
        "note=": 1.0,
        "a|month=1": 1.0,
        "b|gate=": 1.0,
    }


def test_the_same_name_in_two_namespaces_stays_apart() -> None:
    """A token is another feature in each namespace, as it is for VW."""
    assert features("| x=1 n:2 |a x=1 n:3") == {"x=1": 1, "n": 2, "a|x=1": 1, "a|n": 3}


def test_empty_rows_and_namespaces() -> None:
    """A row without features, and namespaces without any, give nothing."""
    for line in ("|", "1 |", "| ", "| |a", "| |a |b "):
        assert features(line) == {}
        assert crossed(read_row(line).spaces, PAIRS) == {}


def test_a_repeated_token_adds_up() -> None:
    """A bag of words counts, as in VW."""
    assert features("| w=a w=b w=a n:2 n:3") == {"w=a": 2, "w=b": 1, "n": 5}


def test_numbers_are_told_from_indicators() -> None:
    """Only what the row gave as a number is to be scaled."""
    assert read_row("| n:2 zero=0 |a m:1.5 w=x").numbers == {"n": " ", "a|m": "a"}


def test_crosses_multiply() -> None:
    """Categories meet as indicators, a number keeps its value, two numbers give their product."""
    row = read_row("| skipped=1 |a city=X size:3 |b hour=2 price:0.5")
    assert crossed(row.spaces, ["ab", "az"]) == {
        "a|city=X*b|hour=2": 1.0,
        "a|city=X*b|price": 0.5,
        "a|size*b|hour=2": 3.0,
        "a|size*b|price": 1.5,
    }


def test_a_namespace_crossed_with_itself() -> None:
    """Each unordered pair once, and each feature with itself."""
    row = read_row("| |a n:3 w=x")
    assert crossed(row.spaces, ["aa"]) == {"a|n*a|n": 9, "a|n*a|w=x": 3, "a|w=x*a|w=x": 1}


def test_readable_names() -> None:
    """People see columns and values, not namespace letters."""
    assert readable("carrier=UA") == "carrier=UA"
    assert readable("a|month=1") == "month=1"
    assert readable("a|month=1*b|x*y=2") == "month=1*x*y=2"


@given(line=lines)
@settings(max_examples=60, deadline=None)
def test_vw_sees_the_same_features(line: str) -> None:
    """As many features and crosses as VW counts, besides its constant, and none share a key."""
    row = read_row(line)
    with plain(vw_spec("-b 10", [("a", "b"), ("b", "c"), ("c", "c")]).args) as workspace:
        (example,) = workspace._parse(line)
        pylibvw.vw.predict(workspace, example)
        counted = example.get_feature_number() - 1
        pylibvw.vw._finish_example(workspace, example)
    assert len(features(line)) + len(crossed(row.spaces, PAIRS)) == counted


@given(line=lines, other=st.tuples(spaces, spaces))
@settings(max_examples=60, deadline=None)
def test_no_cross_is_taken_for_a_feature(line: str, other: tuple[str, str]) -> None:
    """Whatever names and values hold, keys of crosses and of features never meet."""
    crosses = crossed(read_row(line).spaces, PAIRS)
    assert not crosses.keys() & features(line).keys()
    assert not crosses.keys() & features(f"| {other[0]} |a {other[1]}").keys()
