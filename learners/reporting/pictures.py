"""What the report's pictures show, as plain data: lines over an axis, bars, and calibration.

Made by the sections of :mod:`learners.report`, drawn by :mod:`converters.show.pictures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Axis = Literal["time", "number"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart.

    Attributes:
        name: what the legend calls it.
        points: rising x, and y; None where undefined, which is a gap.
        kind: its colour and dashes; the same for one thing in all charts of a page.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    kind: int = 0


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over a common axis.

    Attributes:
        title: what is on the upright axis.
        axis: how x is written; a time is milliseconds since 1970.
        lines: the first one is the served score's.
        marks: x at which an upright line stands, and what it says.
        ground: whether the upright axis begins at zero.
    """

    title: str
    axis: Axis
    lines: Sequence[Line]
    marks: Sequence[tuple[float, str]] = ()
    ground: bool = False


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars side by side, of one or two series that lie over each other.

    Attributes:
        title: what the heights are.
        series: the names of the series; the first is filled, the second an outline.
        bars: what each stands for, and its heights.
    """

    title: str
    series: Sequence[str]
    bars: Sequence[tuple[str, Sequence[float]]]


@dataclass(frozen=True, slots=True)
class CalibrationPlot:
    """The share of positive labels against the mean score, bin by bin.

    Attributes:
        title: whose scores.
        points: mean score, share of positive labels, and lessons of each bin that has any.
    """

    title: str
    points: Sequence[tuple[float, float, int]]


Picture = LineChart | BarChart | CalibrationPlot
