"""Carried cells as numbers: a code for each value of a slice, and the event's amount.

Stands between the planner's arrivals and the columns of remembered events. Codes are given in the
order in which values come, which is the order of the records: a fold like all else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from converters.carried import Carried, amount_of
from learners.arithmetic import FloatArray
from learners.lessons import IntArray

# What is kept of a value that is longer.
MOST_CHARACTERS = 200


@dataclass
class Slices:
    """The codes of each sliced column.

    Attributes:
        carried: which cells there are.
        most: values that get a code of their own; all others share the one after them.
        values: for each column, the values by code.
    """

    carried: Carried = field(default_factory=Carried)
    most: int = 50
    values: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {name: list(self.values.get(name, ())) for name in self.carried.slices}
        self._codes = {name: {v: c for c, v in enumerate(of)} for name, of in self.values.items()}

    def restore(self, values: Mapping[str, Sequence[str]]) -> None:
        """Go on with the values that a checkpoint knows; a column that is new has none yet."""
        self.values = {name: list(values.get(name, ())) for name in self.carried.slices}
        self.__post_init__()

    def codes(self, cells: Sequence[tuple[str, ...]]) -> IntArray:
        """The codes of some events' carried cells: [columns, events]."""
        if not (self.carried.slices and cells):
            return np.zeros((len(self.carried.slices), len(cells)), dtype=np.int64)
        columns = list(zip(*cells, strict=True))
        rows = [self._coded(n, columns[at]) for at, n in enumerate(self.carried.slices)]
        return np.array(rows, dtype=np.int64)

    def amounts(self, cells: Sequence[tuple[str, ...]]) -> FloatArray:
        """The amount of each event; nan where its cell holds none."""
        return np.array([amount_of(each[-1]) for each in cells], dtype=np.float64)

    def _coded(self, name: str, values: Sequence[str]) -> list[int]:
        codes = self._codes[name]
        try:
            return [codes[value] for value in values]
        except KeyError:
            return [self._code(name, value) for value in values]

    def _code(self, name: str, value: str) -> int:
        codes = self._codes[name]
        short = value[:MOST_CHARACTERS]
        code = codes.get(short)
        if code is None:
            if len(codes) >= self.most:
                return self.most
            code = codes[short] = len(codes)
            self.values[name].append(short)
        return code
