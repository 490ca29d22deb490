"""Lines are refused before anything of a call is learned, by place and with the reason."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.config.learning_settings import RiverSettings
from learners.learner import LineBlock
from learners.line_bounds import (
    BLOCK,
    LineBounds,
    MalformedLineError,
    RefusedLinesError,
    bounds_for,
)
from learners.river.arguments import river_spec
from learners.vw.arguments import vw_spec

GRADIENT = bounds_for(vw_spec("", [("a", "b")]))
COIN = bounds_for(vw_spec("--coin", [("a", "b"), ("a", "a")]))
ALONE = bounds_for(vw_spec("--coin", []))
RIVER = bounds_for(river_spec(RiverSettings(), [("a", "b")]))
INTAKES = [GRADIENT, COIN, ALONE, RIVER]

numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.floats(1e-20, 1e20).map(repr),
    st.floats(1e-20, 1e-3).map(float.hex),
    st.floats(1e-20, 1e-3).map("{:.19f}".format),
    st.integers(-(10**25), 10**25).map(str),
    st.decimals(-(10**9), 10**9, places=12).map(lambda d: format(d, "f")),
    st.sampled_from(["", "abc", "1a", "0", "-0.0", "1e400", "0x1p-3", "1_0", "inf", "--1", "1:2"]),
)
sections = st.builds("x={} n:{}".format, st.sampled_from(["a", "é", "1e9", "-5"]), numbers)
lines_strategy = st.builds(
    "{}| {} |a {} |b {}".format, st.sampled_from(["", "1 ", "-1 "]), sections, sections, sections
)


@pytest.mark.parametrize("line_bounds", INTAKES)
@given(lines=st.lists(lines_strategy, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_fast_look_finds_what_the_exact_rule_refuses(
    line_bounds: LineBounds, lines: list[str]
) -> None:
    """Blocks are refused for exactly the lines that the rule refuses one by one."""
    expected = {i: why for i, line in enumerate(lines) if (why := line_bounds.reason(line))}
    try:
        line_bounds.blocks(lines)
        refused = {}
    except RefusedLinesError as error:
        refused = error.reasons
    assert refused == expected


@pytest.mark.parametrize(
    ("line_bounds", "line", "said"),
    [
        (GRADIENT, "1 | dist:inf", "`dist` is not a number"),
        (GRADIENT, "1 | dist:", "`dist` is not a number"),
        (GRADIENT, "1 | dist:1e39", "`dist` has a magnitude outside 0 to 1e+15"),
        (GRADIENT, "1 | dist:1000000000000001", "`dist` has a magnitude outside"),
        (GRADIENT, "1 | |a u:1e8 |b v:-20000000", "`u` times `v` has a magnitude outside"),
        (COIN, "| p:0x1.8p-70", "`p` has a magnitude outside 1e-15 to 1e+15"),
        (COIN, "| |a u:1e-7 |b v:1e-9", "`u` times `v` has a magnitude outside"),
        (ALONE, "1 | p:0.0000000000000000001", "`p` has a magnitude outside 1e-15 to 1e+15"),
        (COIN, "| |a u:1e-9", "`u` times `u` has a magnitude outside"),
        (RIVER, "-1 | dist:3.5e38", "`dist` has a magnitude outside 0 to 3.40282e+38"),
    ],
)
def test_reasons(line_bounds: LineBounds, line: str, said: str) -> None:
    """The error names the place, the column and the bounds, and what to do."""
    with pytest.raises(RefusedLinesError, match="line 1: ") as raised:
        line_bounds.blocks(["1 | x=1", line])
    assert raised.value.reasons[1].startswith(said)
    assert "`min` and `max`" in str(raised.value)


@pytest.mark.parametrize(
    ("line_bounds", "line"),
    [
        (GRADIENT, "1 | p:0x1.8p-100 dist:1e15 q:-0.0001"),
        (GRADIENT, "1 | |a u:1e-30 |b v:1e-30"),
        (GRADIENT, "1 | |a u:3e7 |b v:-3e7"),
        (COIN, "1 | p:1e-15 zero:0 |a u:0 |b v:1e-9"),
        (COIN, "1 | |a u:12345678 |b city=1e99"),
        (RIVER, "1 | |a u:1e38 |b v:1e38"),
    ],
)
def test_what_passes(line_bounds: LineBounds, line: str) -> None:
    """Magnitudes that the learner bears are let in."""
    assert line_bounds.blocks([line]) == [LineBlock(f"{line}\n", 1)]


def test_every_refused_line_of_a_call_is_named() -> None:
    """A caller can leave out all refused lines at once, in whatever block they stand."""
    lines = ["1 | x:1"] * (3 * BLOCK)
    for place in (0, BLOCK - 1, BLOCK, 3 * BLOCK - 1):
        lines[place] = "1 | x:inf"
    with pytest.raises(RefusedLinesError, match=r"^4 line\(s\)") as raised:
        GRADIENT.blocks(lines)
    assert list(raised.value.reasons) == [0, BLOCK - 1, BLOCK, 3 * BLOCK - 1]


def test_blocks_hold_all_lines_in_order() -> None:
    """Cut into blocks, the lines are all there."""
    lines = [f"1 | x={n}" for n in range(2 * BLOCK + 5)]
    blocks = GRADIENT.blocks(lines)
    assert [block.count for block in blocks] == [BLOCK, BLOCK, 5]
    assert "".join(block.text for block in blocks).splitlines() == lines
    assert GRADIENT.blocks([]) == []


@pytest.mark.parametrize(
    "line",
    [
        "2 | x=1",
        "1 -0.5 | x=1",
        "1 1e7 | x=1",
        "1 0.5  | x=1",
        "1 nan | x=1",
        "0.5 | x=1",
        "1tag| x=1",
        "-1  | x=1",
        "| x=1\r",
        "",
    ],
)
def test_what_is_no_line(line: str) -> None:
    """A wild weight, a tag, another label, a line break: an error shows how the line begins."""
    with pytest.raises(MalformedLineError, match="one begins with"):
        GRADIENT.blocks(["| x=1", line])
