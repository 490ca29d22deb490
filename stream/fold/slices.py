"""Passthrough cells as numbers: a code for each value of a slice, and the event's amount.

Codes are given in the order in which values come, which is the order of the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from converters.schema.passthrough import Passthrough, amount_of
from learners.metrics.arrays import FloatArray

# Longer values are truncated.
MOST_CHARACTERS = 200


@dataclass
class Slice:
    """A sliced column.

    Attributes:
        begun: examples learned when it began; one of its name before that was another slice.
        most: values that get their own code; all others share the one after them.
        values: the values, by code.
    """

    begun: int
    most: int
    values: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._codes = {value: code for code, value in enumerate(self.values)}

    def codes(self, values: Sequence[str]) -> list[int]:
        """The code of each value."""
        try:
            return list(map(self._codes.__getitem__, values))
        except KeyError:
            return [self._code(value[:MOST_CHARACTERS]) for value in values]

    def _code(self, value: str) -> int:
        code = self._codes.get(value)
        if code is None:
            if len(self.values) >= self.most:
                return self.most
            code = self._codes[value] = len(self.values)
            self.values.append(value)
        return code


class Slices:
    """The slices of a config.

    Args:
        passthrough: which cells are kept.
        most: values of a slice that get their own code.
    """

    def __init__(self, passthrough: Passthrough | None = None, most: int = 50) -> None:
        self.passthrough = passthrough or Passthrough()
        self._each = {name: Slice(0, most) for name in self.passthrough.slices}

    @property
    def columns(self) -> list[str]:
        """The columns of their codes; not those of an earlier slice of the same name."""
        return [f"{name} {each.begun}" for name, each in self._each.items()]

    @property
    def values(self) -> dict[str, list[str]]:
        """For each column, the values by code."""
        return {name: each.values for name, each in self._each.items()}

    def to_json(self) -> dict[str, Any]:
        """Their entry in a manifest."""
        return {name: asdict(each) for name, each in self._each.items()}

    def restore(self, said: Mapping[str, Any], learned: int) -> None:
        """Continue the slices of a checkpoint; a new slice begins here.

        How many values get a code is fixed when a slice begins: codes must keep their meaning.
        """
        for name, each in self._each.items():
            self._each[name] = Slice(**said[name]) if name in said else replace(each, begun=learned)

    def codes(self, columns: Sequence[Sequence[str]]) -> list[list[int]]:
        """The codes of some events' passthrough cells, which are given by column."""
        # The amount's column, if there is one, is the last.
        return [of.codes(each) for of, each in zip(self._each.values(), columns, strict=False)]

    def amounts(self, columns: Sequence[Sequence[str]]) -> FloatArray:
        """The amount of each event; nan where its cell holds none."""
        return np.array(list(map(amount_of, columns[-1])), dtype=np.float64)
