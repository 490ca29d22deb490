"""How large Vowpal Wabbit's table of weights has to be for all pairs of columns.

Crosses that share a slot of the table are learned as one. How many different ones there are is
counted on the sample; a stream brings more of them than that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from converters.init.column_decision import Decision
from converters.sampling.column_sample import ColumnSample, coded, number_or_nan

# Vowpal Wabbit's own size, in bits of the table; one of the second takes 100 MB under --coin.
VW_BITS, MOST_BITS = 18, 22
# Slots for each cross that is seen in the sample.
SLOTS_A_CROSS = 8

Codes = NDArray[np.int64]


def table_bits(decisions: Sequence[Decision], columns: Mapping[str, ColumnSample]) -> int:
    """The bits of a table in which few crosses of these columns share a slot."""
    codes = [found for each in decisions if (found := _codes(each, columns[each.name])) is not None]
    crosses = sum(len(np.unique(a * (b.max() + 1) + b)) for a, b in combinations(codes, 2))
    needed = int(np.ceil(np.log2(max(1, SLOTS_A_CROSS * crosses))))
    return min(max(VW_BITS, needed), MOST_BITS)


def _codes(decision: Decision, column: ColumnSample) -> Codes | None:
    """The features of a column as numbers; None if it is none that is crossed."""
    kind = decision.settings.get("kind")
    if kind in ("categorical", "boolean"):
        return coded(column.cells)
    if kind == "numeric":
        edges = np.array(decision.settings.get("edges", (0.0,)), np.float64)
        numbers = np.array(list(map(number_or_nan, column.cells)))
        return np.searchsorted(edges, numbers, side="right").astype(np.int64)
    return None
