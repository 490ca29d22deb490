"""A column of nothing but chance, which a shadow learns like the others: how much noise matters.

Its cell follows from the row's number among all that were scored: the same stream gives the same
cells. It has a category of 16 values and a number, in a namespace of its own, and is crossed with
all that is crossed.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the choice of a learner needs none of it
    from learners.metrics.arrays import IntArray

# What reports call it.
CONTROL = "control"
# Its namespace, which no column has: letters are given from the front, 52 at most.
LETTER = string.ascii_uppercase[-1]
VALUES, STEPS = 16, 10_000
# Other numbers than those by which rows are kept: what is kept would not be chance otherwise.
_APART = 1 << 40


def pairs_with_control(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of namespace letters, and each letter of them with the control's."""
    known = list(pairs)
    letters = dict.fromkeys(letter for pair in known for letter in pair if letter != LETTER)
    return [*known, *((letter, LETTER) for letter in letters)]


def control_cells(numbers: IntArray) -> IntArray:
    """The cell of each row, 0 to 159,999, by its number among all that were scored."""
    import numpy as np

    from learners.metrics.arrays import drawn_for

    cells: IntArray = (drawn_for(numbers + _APART) % np.uint64(VALUES * STEPS)).astype(np.int64)
    return cells


def control_text(cell: int) -> str:
    """What a row's text has for a cell: a category, and a number within -1 to 1 that is not 0."""
    step, value = divmod(cell, VALUES)
    number = (2 * step + 1 - STEPS) / STEPS
    return f" |{LETTER} {CONTROL}={value} {CONTROL}:{number:.4f}"
