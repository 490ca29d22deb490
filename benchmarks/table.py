"""A row of the table that ``make bench`` prints, and how ratios are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Measured:
    """One line: what, the measured figure, what it has to be, and the absolutes behind it.

    ``digits`` are those shown of the figure behind the point.
    """

    what: str
    figure: float
    unit: str
    wanted: str
    good: bool
    detail: str
    digits: int = 2


def paired(
    ours: Callable[[], float], theirs: Callable[[], float], pairs: int = 3
) -> tuple[float, float, float]:
    """Rates of two ways measured in turn, and the median of the ratios pair by pair.

    In turn, because these machines' speed drifts; pair by pair, because the drift is slow.
    """
    rates = [(ours(), theirs()) for _ in range(pairs)]
    return (
        median(a / b for a, b in rates),
        median(a for a, _ in rates),
        median(b for _, b in rates),
    )
