"""The converter's text of a row as what a tree splits on: one number for each column.

A number is itself. A category is the share of positives among the rows of its value that were
learned, drawn towards the share of all (an *ordered target statistic*: Prokhorenkova et al. 2018,
"CatBoost", arXiv:1706.09516). One indicator for each value, as the linear learners have, would
leave a tree thousands of columns to draw its splits from.
"""

from __future__ import annotations

from statistics import fmean
from zlib import crc32

from converters.convert.from_vw_text import RiverRow, flat
from learners.river.line_by_line import State

# How many rows of all the share of a value's own is mixed with: one of ten rows is half its own.
PRIOR_ROWS = 10.0
# What two values share by chance; values are counted by their hash, so that memory is bounded.
SLOTS = 1 << 16


class TreeFeatures:
    """Learns what the values of categories are worth, and gives rows as numbers.

    The key of a number is the place of its column in order of first appearance. A number that a
    row lacks is 0, as the text leaves zeros out; a category that it lacks is the share of all.
    """

    def __init__(self) -> None:
        # By name; that of a category ends with "=", so that a number in bins is two columns.
        self._columns: dict[str, int] = {}
        # Rows and positives by slot; those of all rows beside them.
        self._slots: dict[int, list[float]] = {}
        self._all = [0.0, 0.0]

    def numbers(self, row: RiverRow) -> dict[int, float]:
        """The row's number for each column that has been learned."""
        overall = self._overall
        found: dict[str, list[float]] = {}
        for key, value in flat(row.spaces).items():
            if key in row.numbers:
                found[key] = [value]
            else:
                found.setdefault(_column(key), []).append(self._share(key, overall))
        lacking = {True: [overall], False: [0.0]}
        return {
            at: fmean(found.get(name) or lacking[name.endswith("=")])
            for name, at in self._columns.items()
        }

    def learn(self, row: RiverRow, positive: bool, weight: float) -> dict[int, float]:
        """Count a labelled row, and give the numbers that it had before; it knows its columns."""
        for key in flat(row.spaces):
            name = key if key in row.numbers else _column(key)
            self._columns.setdefault(name, len(self._columns))
        numbers = self.numbers(row)
        for key in flat(row.spaces):
            if key not in row.numbers:
                _count(self._slots.setdefault(_slot(key), [0.0, 0.0]), positive, weight)
        _count(self._all, positive, weight)
        return numbers

    @property
    def _overall(self) -> float:
        """The share of positives among all rows, by Laplace's rule of succession."""
        rows, positives = self._all
        return (positives + 1) / (rows + 2)

    def _share(self, key: str, overall: float) -> float:
        rows, positives = self._slots.get(_slot(key), (0.0, 0.0))
        return (positives + PRIOR_ROWS * overall) / (rows + PRIOR_ROWS)

    def state(self) -> State:
        """Everything counted, as plain JSON."""
        return {
            "columns": list(self._columns),
            "slots": [[slot, *counts] for slot, counts in sorted(self._slots.items())],
            "all": self._all,
        }

    def restore(self, state: State) -> int:
        """Take over what :meth:`state` gave; returns how many columns there are."""
        self._columns = {str(name): at for at, name in enumerate(state["columns"])}
        self._slots = {int(slot): [float(n), float(p)] for slot, n, p in state["slots"]}
        rows, positives = state["all"]
        self._all = [float(rows), float(positives)]
        return len(self._columns)


def _column(key: str) -> str:
    return key[: key.index("=") + 1] if "=" in key else f"{key}="


def _count(counts: list[float], positive: bool, weight: float) -> None:
    counts[0] += weight
    counts[1] += weight * positive


def _slot(key: str) -> int:
    return crc32(key.encode()) % SLOTS
