"""The pictures of a report: each shows its numbers, in a drawing that no name can break."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.show.charts import (
    HEIGHT,
    WIDTH,
    BarChart,
    CalibrationPlot,
    Chart,
    Line,
    LineChart,
    draw,
    scale_of,
    ticks,
)

HOSTILE = '"><script>alert(1)</script>\x1b[31m'
VALUES = st.floats(-1e12, 1e12, allow_nan=False)


def paths(drawn: str, kind: int) -> list[str]:
    """The outlines of a line of this kind, but for its sample in the legend."""
    found = re.findall(rf'<path class="line{kind}" d="([^"]+)"', drawn)
    return [path for path in found if " 10H" not in path]


def chart(*points: tuple[float, float | None]) -> LineChart:
    """A chart of one line."""
    return LineChart("log loss", "number", [Line("score", points)])


def test_a_line_stands_where_its_values_are() -> None:
    """The lowest value is drawn lowest, the first leftmost, and equal ones equally high."""
    (path,) = paths(draw(chart((0, 1.0), (1, 3.0), (3, 1.0))), 0)
    places = [tuple(map(float, step.split())) for step in re.split("[ML]", path)[1:]]
    (left, low), (middle, high), (right, again) = places
    assert left < middle < right
    assert (middle - left) * 2 == pytest.approx(right - middle, abs=0.2)
    assert low == again > high


def test_an_undefined_value_is_a_gap() -> None:
    """A line is lifted where a value is undefined, and a value all alone is a dot."""
    drawn = draw(chart((0, 1.0), (1, 2.0), (2, None), (3, 4.0), (4, None), (5, 2.0), (6, 1.0)))
    (path,) = paths(drawn, 0)
    assert path.count("M") == 3
    assert path.count("L") == 2
    assert drawn.count("<circle") == 1


@pytest.mark.parametrize(
    "empty",
    [chart(), chart((0, None)), BarChart("n", ["a"], [("x", [0])]), CalibrationPlot("s", [])],
    ids=["no points", "undefined", "no counts", "no bins"],
)
def test_nothing_to_show_is_no_picture(empty: Chart) -> None:
    """Without a number there is no empty frame."""
    assert draw(empty) == ""


def test_bars_are_as_high_as_their_counts() -> None:
    """A bar of half the count is half as high; the second series is drawn over the first."""
    drawn = draw(BarChart("labels", ["no", "yes"], [("0", [10, 5]), ("1", [0, 10])]))
    bars = re.findall(
        r'class="(first|second)"[^>]* y="[\d.]+" width="[\d.]+" height="([\d.]+)"', drawn
    )
    heights = [(kind, float(high)) for kind, high in bars if high != "10"]
    (first, high), (second, half), (_, none), (_, whole) = heights
    assert (first, second, none) == ("first", "second", 0)
    assert high == whole == pytest.approx(2 * half, abs=0.2)


@pytest.mark.parametrize("horizontal", [False, True], ids=["upright", "horizontal"])
def test_rates_are_dots_on_a_scale_of_their_own(horizontal: bool) -> None:
    """Each known rate is a dot as far along as it is great, whatever the bars' heights."""
    bars = [("a", [0.9]), ("b", [0.1]), ("c", [0.4]), ("d", [0.2])]
    drawn = draw(BarChart("share", ["rows"], bars, [0.0, 0.5, None, 1.0], horizontal))
    dots = re.findall(r'class="rate" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    none, half, whole = (float(x) if horizontal else -float(y) for x, y in dots)
    assert none < half < whole
    assert half - none == pytest.approx(whole - half, abs=0.11)


@pytest.mark.parametrize("long", [1, 20])
def test_texts_of_bars_do_not_overlap(long: int) -> None:
    """The longer the texts of bars, the fewer are shown; the first and the last always are."""
    bars = [(chr(ord("a") + number) * long, [1.0]) for number in range(20)]
    drawn = draw(BarChart("share", ["rows"], bars))
    found = re.findall(r'<text x="([\d.]+)" y="214.0" text-anchor="middle">(.+?)<', drawn)
    assert (found[0][1], found[-1][1]) == (bars[0][0], bars[-1][0])
    places = [float(x) for x, _ in found]
    assert all(right - left >= 5.5 * long for left, right in pairwise(places))
    assert max(places) + 3 * long <= WIDTH


def test_calibrated_bins_stand_on_the_slanted_line() -> None:
    """A bin whose share of positives is its mean score lies on the line from corner to corner."""
    drawn = draw(CalibrationPlot("score", [(0.0, 0.0, 5), (0.5, 0.5, 9), (1.0, 1.0, 2)]))
    dots = [
        (float(x), float(y))
        for x, y in re.findall(r'class="rate" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    ]
    (a, b), (c, d), (e, f) = dots
    assert c - a == pytest.approx(e - c, abs=0.11)
    assert b - d == pytest.approx(d - f, abs=0.11)
    assert "9 labelled examples" in drawn


class Drawing(HTMLParser):
    """The tags of a picture, and its words."""

    def __init__(self, drawn: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words = ""
        self.feed(drawn)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; attributes of events there are none."""
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        """Note words."""
        self.words += data


@pytest.mark.parametrize(
    "picture",
    [
        LineChart(HOSTILE, "time", [Line(HOSTILE, [(1, 2.0)])], [(1, HOSTILE)]),
        BarChart(HOSTILE, [HOSTILE, HOSTILE], [(HOSTILE, [1, 2])]),
        CalibrationPlot(HOSTILE, [(0.5, 0.5, 1)]),
    ],
    ids=["lines", "bars", "calibration"],
)
def test_no_name_becomes_markup(picture: Chart) -> None:
    """Hostile names are text, without control characters."""
    drawn = Drawing(draw(picture))
    assert drawn.tags <= {"svg", "path", "text", "rect", "circle", "title"}
    assert "script" in draw(picture)
    assert "\x1b" not in draw(picture)


@given(st.lists(st.tuples(VALUES, st.none() | VALUES), max_size=8))
def test_any_numbers_are_drawn_within_the_frame(points: list[tuple[float, float | None]]) -> None:
    """Whatever the values, every point of the line lies in the picture."""
    for path in paths(draw(chart(*points)), 0):
        for step in re.split("[ML]", path)[1:]:
            x, y = map(float, step.split())
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT


@given(VALUES, VALUES)
def test_ticks_are_few_round_and_within(one: float, other: float) -> None:
    """Between any two values stand one to nine ticks at equal distances."""
    scale = scale_of(min(one, other), max(one, other), 0, 1)
    found = ticks(scale.low, scale.high)
    room = (scale.high - scale.low) * 1e-6
    assert 1 <= len(found) <= 9
    assert all(scale.low - room <= tick <= scale.high + room for tick in found)
