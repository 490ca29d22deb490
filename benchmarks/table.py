"""A row of the table that ``make bench`` prints, and how ratios are taken."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


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


def print_table(lines: Iterable[Measured]) -> None:
    """Print the lines; one that falls short says so."""
    table = Table(title=f"Python {platform.python_version()}, {platform.machine()}")
    for name in ("what", "measured", "", "at least", "behind it"):
        table.add_column(name)
    for line in lines:
        mark = "" if line.good else " (short)"
        table.add_row(
            line.what, f"{line.figure:.{line.digits}f}{mark}", line.unit, line.wanted, line.detail
        )
    Console(width=160).print(table)


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


class Spread(NamedTuple):
    """The median of some ratios, and the smallest and the largest of them."""

    median: float
    least: float
    most: float

    @property
    def span(self) -> str:
        """From the smallest to the largest, as a detail of a line shows it."""
        return f"{self.least:.2f} to {self.most:.2f}"


def spread(ratios: Iterable[float]) -> Spread:
    """Of ratios taken pair by pair."""
    found = sorted(ratios)
    return Spread(median(found), found[0], found[-1])
