"""Axes of the report's pictures: where a value stands, and which values are written beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from converters.report.wording import moment
from learners.reporting.pictures import Axis

# Beyond a few days the hour says nothing.
DAYS_SHOWN_ALONE_MS = 3 * 86_400_000
STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from low to high, drawn from begin to end."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def scale_of(low: float, high: float, begin: float, end: float) -> Scale:
    """A scale with room on both sides where all values are one."""
    if high - low < 1e-12 * max(abs(low), abs(high), 1e-3):
        room = max(abs(low) * 0.05, 1e-3)
        return Scale(low - room, high + room, begin, end)
    return Scale(low, high, begin, end)


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round values between low and high, about so many."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in STEPS if power * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def tick_text(value: float, low: float, high: float) -> str:
    """A value on an axis, with as many digits as tell it from its neighbours."""
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    digits = max(0, min(6, 1 - math.floor(math.log10(high - low))))
    return f"{value:.{digits}f}"


def along(value: float, axis: Axis, span: float) -> str:
    """A value of the axis below."""
    if axis == "number":
        return f"{value:,.6g}"
    text = moment(int(value))
    return text[:10] if span > DAYS_SHOWN_ALONE_MS else text[:16].replace("T", " ")
