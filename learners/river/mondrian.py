"""river's aggregated Mondrian forest (``forest.AMFClassifier``), and its state as plain numbers.

Mourtada, Gaïffas and Scornet 2021, "AMF: Aggregated Mondrian forests for online learning". Its
trees cut a column with a chance in proportion to its width: all are scaled to the same spread.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from river import forest
from river.tree.mondrian.mondrian_tree_nodes import (
    MondrianBranchClassifier,
    MondrianLeafClassifier,
)

from learners.river.line_by_line import State

# Any seed does; the same one always gives the same forest.
SEED = 1
LEAF = -1


class Mondrian:
    """An aggregated Mondrian forest of two classes; ``max_nodes`` is of one tree."""

    def __init__(self, trees: int, max_nodes: int) -> None:
        self._forest: Any = forest.AMFClassifier(trees, max_nodes=max_nodes, seed=SEED)
        self._forest._classes = {False, True}  # noqa: SLF001
        self._forest._initialize_trees()  # noqa: SLF001
        for tree in self._forest.data:
            # Both classes from the start: with one alone, the first score would be 0 or 1.
            tree._classes = {False, True}  # noqa: SLF001
            tree._class_to_idx, tree._idx_to_class = {False: 0, True: 1}, [False, True]  # noqa: SLF001
        # Draws how often a row of a weight that is no whole number is learned.
        self._draw = random.Random(SEED)  # noqa: S311
        # Of each column: rows, mean, and the sum of squares around it.
        self._spread: dict[int, list[float]] = {}

    def score(self, row: dict[int, float]) -> float:
        """The probability of the positive class."""
        return float(self._forest.predict_proba_one(self._scaled(row))[True])

    def learn(self, row: dict[int, float], positive: bool, weight: float) -> None:
        """Learn a row as often as it weighs, by chance for the rest of a weight."""
        for at, value in row.items():
            _add(self._spread.setdefault(at, [0.0, 0.0, 0.0]), value)
        times = int(weight)
        if times != weight:
            times += self._draw.random() < weight - times
        scaled = self._scaled(row)
        for _ in range(times):
            self._forest.learn_one(scaled, positive)

    def _scaled(self, row: dict[int, float]) -> dict[int, float]:
        """The row's numbers in standard deviations from the mean of those that were learned.

        Between the least and the most instead, a first leaf soon spans all there is, and a leaf is
        split by nothing but a row beyond its span.
        """
        spread = self._spread
        return {at: _scaled(spread[at], value) for at, value in row.items() if at in spread}

    def state(self) -> State:
        """Everything learned, as plain JSON."""
        return {
            "draw": generator_state(self._draw),
            "spread": [[at, *sums] for at, sums in self._spread.items()],
            "trees": [_saved_tree(tree) for tree in self._forest.data],
        }

    def restore(self, state: State, columns: int) -> None:
        """Take over what :meth:`state` gave, of rows that had so many columns.

        Raises:
            ValueError: it is not what a forest of this size gives; or KeyError, TypeError.
        """
        restore_generator(self._draw, state["draw"])
        self._spread = {
            place(at, columns): [float(rows), float(mean), float(squares)]
            for at, rows, mean, squares in state["spread"]
        }
        for tree, saved in zip(self._forest.data, state["trees"], strict=True):
            _restore_tree(tree, saved, columns)


def _add(sums: list[float], value: float) -> None:
    """One more number, by Welford's method."""
    sums[0] += 1
    before = value - sums[1]
    sums[1] += before / sums[0]
    sums[2] += before * (value - sums[1])


def _scaled(sums: list[float], value: float) -> float:
    rows, mean, squares = sums
    return (value - mean) / (math.sqrt(squares / rows) or 1.0)


def generator_state(generator: random.Random) -> list[int]:
    """The state of a generator of random numbers, as numbers."""
    return list(generator.getstate()[1])


def restore_generator(generator: random.Random, state: list[int]) -> None:
    """Take over what :func:`generator_state` gave; raises ValueError or TypeError."""
    generator.setstate((3, tuple(map(int, state)), None))


def place(at: object, columns: int) -> int:
    """A column's place, seen to be one of so many.

    Raises:
        ValueError: it is none.
    """
    if type(at) is not int or not 0 <= at < columns:
        raise ValueError(f"{at!r} is no column's place")
    return at


def _saved_tree(tree: Any) -> State:  # noqa: ANN401  # river is untyped
    """A tree's nodes, each before its children and the left child first."""
    return {
        "rng": generator_state(tree._rng),  # noqa: SLF001
        "iteration": tree.iteration,
        "n_nodes": tree._n_nodes,  # noqa: SLF001
        "nodes": [_saved_node(node) for node in _nodes(tree._root)],  # noqa: SLF001
    }


def _nodes(root: Any) -> Iterator[Any]:  # noqa: ANN401
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if not node.is_leaf:
            waiting += reversed(node.children)


def _saved_node(node: Any) -> list[Any]:  # noqa: ANN401
    low, high = node.memory_range_min, node.memory_range_max
    split = [LEAF, 0.0] if node.is_leaf else [node.feature, node.threshold]
    learned = [node.time, node.weight, node.log_weight_tree, node.n_samples, node.counts]
    # In the order of the dicts, by which a column to cut is drawn.
    return [*split, *learned, list(low), list(low.values()), [high[at] for at in low]]


def _restore_tree(tree: Any, saved: State, columns: int) -> None:  # noqa: ANN401
    restore_generator(tree._rng, saved["rng"])  # noqa: SLF001
    tree.iteration, tree._n_nodes = int(saved["iteration"]), int(saved["n_nodes"])  # noqa: SLF001
    open_branches: list[Any] = []
    root: Any = None
    for each in saved["nodes"]:
        if root is not None and not open_branches:
            raise ValueError("nodes that belong to no branch")
        parent = open_branches[-1] if open_branches else None
        node = _restored_node(each, parent, columns)
        if parent is None:
            root = node
        else:
            parent.children += (node,)
        if not node.is_leaf:
            open_branches.append(node)
        while open_branches and len(open_branches[-1].children) == 2:
            open_branches.pop()
    if root is None or open_branches:
        raise ValueError("a tree that lacks nodes")
    tree._root = root  # noqa: SLF001


def _restored_node(saved: list[Any], parent: Any, columns: int) -> Any:  # noqa: ANN401
    feature, threshold, time, weight, log_weight, samples, counts, known, low, high = saved
    depth = 0 if parent is None else parent.depth + 1
    node: Any
    if feature == LEAF:
        node = MondrianLeafClassifier(parent, float(time), depth)
    else:
        split = (place(feature, columns), float(threshold))
        node = MondrianBranchClassifier(parent, float(time), depth, *split)
    node.weight, node.log_weight_tree = float(weight), float(log_weight)
    node.n_samples, node.counts = int(samples), [int(count) for count in counts]
    known = [place(at, columns) for at in known]
    node.memory_range_min = dict(zip(known, map(float, low), strict=True))
    node.memory_range_max = dict(zip(known, map(float, high), strict=True))
    return node
