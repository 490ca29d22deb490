"""Which features a weight may be of: the hashes of known names, and of their crosses, looked up.

Vowpal Wabbit keeps weights by hash, which nothing turns back. So every name that is known is hashed
as Vowpal Wabbit does it, and so is every pair of them that the arguments cross and that a row can
have. More than one may be at a place: by chance, or since both were learned there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from vowpalwabbit.pyvw import Workspace

from converters.convert.from_vw_text import DEFAULT_NAMESPACE
from learners.learner import LearnerSpec, NameGroup
from learners.line_bounds import interactions_of
from learners.metrics.arrays import BoolArray, FloatArray, IntArray
from learners.vw.model_file import (
    bits,
    check_made_with,
    pending_regularization,
    saved_weights,
    untrained,
)

# The feature of the constant, and fixed numbers of Vowpal Wabbit: its hash, and the multiplier of
# crossed hashes.
CONSTANT = "Constant"
CONSTANT_HASH = 11650396
CROSSING = 16777619

# More pairs of names than this are not tried: it takes about a second.
MOST_PAIRS = 100_000_000
# So many are looked up at once.
_AT_ONCE = 1 << 18
# Tables of so many bits are looked up by place; of longer ones first by their lowest bits.
_TABLE_BITS = 22


class _Block(NamedTuple):
    """Places of some names, or of the pairs of some names with others.

    Attributes:
        places: where they are; of pairs, a row for each first name.
        first, second: the names, one of ``first`` for each row.
    """

    places: NDArray[np.int64]
    first: Sequence[str]
    second: Sequence[str] | None


class _Hashed(NamedTuple):
    """The names of a group, and their places."""

    group: NameGroup
    keys: Sequence[str]
    places: NDArray[np.int64]


class VWWeights:
    """See :class:`learners.learner.NamedWeights`.

    Args:
        spec: what the model was learned with.
        path: its file.
        groups: the names that are known.

    Raises:
        WrongLearnerError: the file is not VW's, or was made with other arguments.
    """

    hashed = True

    def __init__(self, spec: LearnerSpec, path: Path, groups: Sequence[NameGroup]) -> None:
        self.places, self.values = _weights_of_file(spec, path)
        self._mask = (1 << bits(spec)) - 1
        workspace = Workspace(arg_list=["--quiet", "--bit_precision", str(bits(spec))])
        try:
            self._hashed = [_hashed(workspace, group, self._mask) for group in groups]
        finally:
            workspace.finish()
        every = list(self._meetings(interactions_of(spec.args)))
        self._meet, left = list[tuple[_Hashed, _Hashed]](), MOST_PAIRS
        sizes = [len(first.keys) * len(second.keys) for first, second in every]
        for at in sorted(range(len(every)), key=sizes.__getitem__):
            left -= sizes[at]
            if left >= 0:
                self._meet.append(every[at])
        self.untried = len(every) - len(self._meet)

    def _meetings(self, pairs: Sequence[str]) -> Iterator[tuple[_Hashed, _Hashed]]:
        """The groups whose names are crossed, the one that comes first in a row's text first."""
        of: dict[str, list[_Hashed]] = {}
        for hashed in self._hashed:
            if hashed.keys:
                of.setdefault(hashed.group.letter, []).append(hashed)
        for left, right in map(tuple, pairs):
            first, second = of.get(left, ()), of.get(right, ())
            if left == right:
                yield from combinations_with_replacement(first, 2)
            else:
                yield from product(first, second)

    def counts(self) -> IntArray:
        """How many of the features that are known may be at each place."""
        found = np.zeros(self.places.size, np.int64)
        look = _Lookup(self.places)
        for block in self._blocks():
            at = look.ranks(block.places.ravel())
            found += np.bincount(at[at >= 0], minlength=found.size)
        return found

    def names(self, at: IntArray, most: int) -> list[list[str]]:
        """The features that may be at some of the places, of each no more than ``most``."""
        found: list[list[str]] = [[] for _ in range(at.size)]
        order = np.argsort(self.places[at])
        look = _Lookup(self.places[at][order])
        for block in self._blocks():
            ranks = look.ranks(block.places.ravel())
            width = 1 if block.second is None else len(block.second)
            for hit in np.flatnonzero(ranks >= 0).tolist():
                names = found[order[ranks[hit]]]
                if len(names) < most:
                    first, second = block.first[hit // width], block.second
                    names.append(first if second is None else f"{first}*{second[hit % width]}")
        return found

    def _blocks(self) -> Iterator[_Block]:
        yield _Block(np.array([CONSTANT_HASH & self._mask]), [CONSTANT], None)
        for hashed in self._hashed:
            yield _Block(hashed.places, hashed.keys, None)
        for first, second in self._meet:
            crossing = CROSSING * first.places
            if first is second and first.group.alone:
                places = (crossing ^ first.places) & self._mask
                yield _Block(places, [f"{key}*{key}" for key in first.keys], None)
                continue
            rows = max(1, _AT_ONCE // len(second.keys))
            for start in range(0, len(first.keys), rows):
                part = slice(start, start + rows)
                places = (crossing[part, None] ^ second.places) & self._mask
                yield _Block(places, first.keys[part], second.keys)


def _hashed(workspace: Any, group: NameGroup, mask: int) -> _Hashed:  # noqa: ANN401  # untyped
    seed = workspace.hash_space(group.letter or DEFAULT_NAMESPACE)
    found = [workspace.hash_feature(name, seed) & mask for name in group.names]
    lead = f"{group.letter}|" if group.letter else ""
    return _Hashed(group, [lead + name for name in group.names], np.array(found, np.int64))


class _Lookup:
    """Finds places among others.

    Args:
        places: these, ascending.
    """

    def __init__(self, places: IntArray) -> None:
        self._places = places
        self._low = (1 << _TABLE_BITS) - 1
        self._is_short = not places.size or places[-1] <= self._low
        self._table = np.full(self._low + 1, -1, np.int32)
        self._table[places & self._low] = np.arange(places.size)

    def ranks(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of each among the places; -1 of one that is not."""
        found: IntArray = self._table[wanted & self._low].astype(np.int64)
        if self._is_short:
            return found
        near = np.flatnonzero(found >= 0)
        at = np.searchsorted(self._places, wanted[near])
        at[at == self._places.size] = 0
        there: BoolArray = self._places[at] == wanted[near]
        found[near] = np.where(there, at, -1)
        return found


def _weights_of_file(spec: LearnerSpec, path: Path) -> tuple[IntArray, FloatArray]:
    """The places and the weights in a model file, with what ``--l1`` and ``--l2`` still take.

    Raises:
        WrongLearnerError: the file is not VW's, or was made with other arguments.
    """
    check_made_with(spec, path)
    saved = saved_weights(spec, path)
    places, values = saved["index"].astype(np.int64), saved["values"][:, 0].astype(np.float64)
    if any(name in spec.args for name in ("--l1", "--l2")):
        gravity, contraction = pending_regularization(path, untrained(spec.args)[1])
        values = np.sign(values) * np.maximum(np.abs(values) - gravity, 0.0) * contraction
    there = np.flatnonzero(values)
    return places[there], values[there]
