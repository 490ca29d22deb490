"""river's adaptive random forest (``forest.ARFClassifier``), and its state as plain numbers.

Gomes et al. 2017, "Adaptive random forests for evolving data stream classification". Each tree has
two drift detectors (ADWIN): one begins a tree in the background, the other puts it in place.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

from river import drift, forest
from river.proba import Gaussian
from river.tree.nodes.branch import NumericBinaryBranch
from river.tree.splitter import GaussianSplitter

from learners.river.line_by_line import State
from learners.river.mondrian import LEAF, SEED, generator_state, place, restore_generator

# river's own defaults.
RATE = 6
WARNING, DRIFT = 0.01, 0.001
# Leaves of one class alone say 0 or 1: an infinite log loss when they are wrong.
SURE = 0.001
# river walks down a tree by recursion.
MAX_DEPTH = 50
# river would estimate sizes from those of Python's objects, which differ after a restart.
NEVER = 1 << 62

# The bytes of ADWIN: sums of the window, a bucket list, and what it was made with.
_HEAD = struct.Struct("<diQ6d4iQ")
_BUCKET = struct.Struct("<QQQ6dQ6d")
_TAIL = struct.Struct("<diQii")


class Adaptive:
    """An adaptive random forest of two classes; ``max_nodes`` is of one tree."""

    def __init__(self, trees: int, max_nodes: int) -> None:
        self._forest: Any = forest.ARFClassifier(
            n_models=trees,
            lambda_value=RATE,
            drift_detector=drift.ADWIN(DRIFT),
            warning_detector=drift.ADWIN(WARNING),
            max_depth=MAX_DEPTH,
            memory_estimate_period=NEVER,
            seed=SEED,
        )
        self._max_leaves = (max_nodes + 1) // 2

    def score(self, row: dict[int, float]) -> float:
        """The probability of the positive class."""
        if not self._forest.data:  # river would make its trees
            return 0.5
        found = self._forest.predict_proba_one(row)
        return min(max(float(found.get(True, 0.0)), SURE), 1 - SURE) if sum(found.values()) else 0.5

    def learn(self, row: dict[int, float], positive: bool, weight: float) -> None:
        """Learn a row; each tree as often as chance says, on average six times its weight."""
        every = self._forest
        # river would keep to the number of columns of the first row, which may lack some.
        every.max_features = max(1, round(math.sqrt(len(row))))
        for tree in filter(None, [*every.data, *every._background]):  # noqa: SLF001
            leaves = tree._n_active_leaves + tree._n_inactive_leaves  # noqa: SLF001
            tree.max_features = every.max_features
            tree._growth_allowed = leaves < self._max_leaves  # noqa: SLF001
        every.lambda_value = RATE * weight
        every.learn_one(row, positive)

    def state(self) -> State:
        """Everything learned, as plain JSON."""
        every = self._forest
        return {
            "rng": generator_state(every._rng),  # noqa: SLF001
            "members": [
                {
                    "tree": _saved_tree(tree),
                    "background": [] if behind is None else [_saved_tree(behind)],
                    "right": [metric.cm.total_true_positives, metric.cm.total_weight],
                    "warning": _saved_adwin(warning),
                    "drift": _saved_adwin(drifted),
                }
                for tree, behind, metric, warning, drifted in zip(
                    every.data,
                    every._background if every.data else (),  # noqa: SLF001
                    every._metrics if every.data else (),  # noqa: SLF001
                    every._warning_detectors if every.data else (),  # noqa: SLF001
                    every._drift_detectors if every.data else (),  # noqa: SLF001
                    strict=True,
                )
            ],
        }

    def restore(self, state: State, columns: int) -> None:
        """Take over what :meth:`state` gave, of rows that had so many columns.

        Raises:
            ValueError: it is not what a forest of this size gives; or KeyError, TypeError.
        """
        every = self._forest
        restore_generator(every._rng, state["rng"])  # noqa: SLF001
        if not state["members"]:
            return
        if len(state["members"]) != every.n_models:
            raise ValueError("another number of trees")
        every.data = []
        for at, member in enumerate(state["members"]):
            every.data.append(self._restored_tree(member["tree"], columns))
            for behind in member["background"]:
                every._background[at] = self._restored_tree(behind, columns)  # noqa: SLF001
            right, of = member["right"]
            cm = every._metrics[at].cm  # noqa: SLF001
            cm._total_true_positives, cm.total_weight = float(right), float(of)  # noqa: SLF001
            _restore_adwin(every._warning_detectors[at], member["warning"])  # noqa: SLF001
            _restore_adwin(every._drift_detectors[at], member["drift"])  # noqa: SLF001

    def _restored_tree(self, saved: State, columns: int) -> Any:  # noqa: ANN401
        tree = self._forest._new_base_model()  # noqa: SLF001
        active, inactive, weight = saved["counts"]
        tree._n_active_leaves, tree._n_inactive_leaves = int(active), int(inactive)  # noqa: SLF001
        tree._train_weight_seen_by_model = float(weight)  # noqa: SLF001
        tree.classes = {_flag(label) for label in saved["classes"]}
        open_branches: list[Any] = []
        for each in saved["nodes"]:
            if tree._root is not None and not open_branches:  # noqa: SLF001
                raise ValueError("nodes that belong to no branch")
            parent = open_branches[-1] if open_branches else None
            node = _restored_node(each, tree, parent, columns)
            if parent is None:
                tree._root = node  # noqa: SLF001
            else:
                parent.children.append(node)
            if isinstance(node, NumericBinaryBranch):
                open_branches.append(node)
            while open_branches and len(open_branches[-1].children) == 2:
                open_branches.pop()
        if open_branches:
            raise ValueError("a tree that lacks nodes")
        return tree


def _saved_tree(tree: Any) -> State:  # noqa: ANN401  # river is untyped
    """A tree's nodes, each before its children and the left child first."""
    return {
        "counts": [
            tree._n_active_leaves,  # noqa: SLF001
            tree._n_inactive_leaves,  # noqa: SLF001
            float(tree._train_weight_seen_by_model),  # noqa: SLF001
        ],
        "classes": sorted(map(int, tree.classes)),
        "nodes": [_saved_node(node) for node in _nodes(tree._root)],  # noqa: SLF001
    }


def _nodes(root: Any) -> Iterator[Any]:  # noqa: ANN401
    waiting = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, NumericBinaryBranch):
            waiting += reversed(node.children)


def _saved_node(node: Any) -> list[Any]:  # noqa: ANN401
    if isinstance(node, NumericBinaryBranch):
        return [node.feature, node.threshold]
    right = [node._mc_correct_weight, node._nb_correct_weight]  # noqa: SLF001
    return [
        LEAF,
        # In the order of the dicts: sums and ties go by it.
        [[int(label), weight] for label, weight in node.stats.items()],
        [node.last_split_attempt_at, *map(float, right)],
        [node.max_features, *node.feature_indices],
        node.is_active(),
        [[at, _saved_splitter(splitter)] for at, splitter in (node.splitters or {}).items()],
    ]


def _restored_node(saved: list[Any], tree: Any, parent: Any, columns: int) -> Any:  # noqa: ANN401
    if saved[0] != LEAF:
        feature, threshold = saved
        depth = 0 if parent is None else parent.depth + 1
        # Its statistics are shown by river and used by nothing.
        branch = NumericBinaryBranch(
            {}, place(feature, columns), float(threshold), depth, None, None
        )
        branch.children.clear()
        return branch
    _, stats, (tried, majority, bayes), (most, *sampled), active, splitters = saved
    leaf = tree._new_leaf({_flag(label): _number(w) for label, w in stats}, parent)  # noqa: SLF001
    leaf.last_split_attempt_at = _number(tried)
    leaf._mc_correct_weight, leaf._nb_correct_weight = float(majority), float(bayes)  # noqa: SLF001
    leaf.max_features = int(most)
    leaf.feature_indices = [place(at, columns) for at in sampled]
    leaf.splitters = {place(at, columns): _restored_splitter(each) for at, each in splitters}
    if not _flag(active):
        leaf.deactivate()
    return leaf


def _flag(value: object) -> bool:
    if value not in (0, 1):
        raise ValueError(f"{value!r} is neither of two classes, nor true or false")
    return bool(value)


def _number(value: object) -> float:
    """A number as it is: what whole numbers add up to is written as a whole number."""
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is not a number")
    return value  # type: ignore[return-value]


def _saved_splitter(splitter: Any) -> list[list[Any]]:  # noqa: ANN401
    """By class: the least and the most, and the sums of a normal distribution."""
    found = []
    for label, gaussian in splitter._att_dist_per_class.items():  # noqa: SLF001
        span = splitter._min_per_class[label], splitter._max_per_class[label]  # noqa: SLF001
        var = gaussian._var  # noqa: SLF001
        found.append([int(label), *span, var.mean.n, var.mean._mean, var._S])  # noqa: SLF001
    return found


def _restored_splitter(saved: list[list[Any]]) -> Any:  # noqa: ANN401
    splitter: Any = GaussianSplitter()
    for label, least, most, n, mean, squares in saved:
        gaussian: Any = Gaussian()
        var = gaussian._var  # noqa: SLF001
        var.mean.n, var.mean._mean, var._S = float(n), float(mean), float(squares)  # noqa: SLF001
        positive = _flag(label)
        splitter._att_dist_per_class[positive] = gaussian  # noqa: SLF001
        splitter._min_per_class[positive] = float(least)  # noqa: SLF001
        splitter._max_per_class[positive] = float(most)  # noqa: SLF001
    return splitter


def _saved_adwin(detector: Any) -> State:  # noqa: ANN401
    """The numbers of a detector, whose inside is compiled and gives them as bytes."""
    content = detector._helper.__getstate__()  # noqa: SLF001
    buckets = content[_HEAD.size : len(content) - _TAIL.size]
    return {
        "detected": detector.drift_detected,
        "sums": list(_HEAD.unpack_from(content)),
        "buckets": [list(bucket) for bucket in _BUCKET.iter_unpack(buckets)],
    }


def _restore_adwin(detector: Any, saved: State) -> None:  # noqa: ANN401
    """Take over what :func:`_saved_adwin` gave; of other sizes, the compiled part would panic."""
    helper = detector._helper  # noqa: SLF001
    fresh = helper.__getstate__()
    *made_with, _ = _HEAD.unpack_from(fresh)
    head, buckets = saved["sums"], saved["buckets"]
    if head[:5] != made_with[:5] or head[-1] != len(buckets) or not buckets:
        raise ValueError("another detector")
    if any(not _is_bucket(bucket, made_with[2]) for bucket in buckets):
        raise ValueError("a bucket of another size")
    try:
        parts = [_HEAD.pack(*head), *(_BUCKET.pack(*bucket) for bucket in buckets)]
    except struct.error as error:
        raise ValueError(str(error)) from None
    helper.__setstate__(b"".join([*parts, fresh[-_TAIL.size :]]))
    detector._drift_detected = _flag(saved["detected"])  # noqa: SLF001


def _is_bucket(bucket: list[Any], most: int) -> bool:
    """Whether a bucket has room for so many sums, as many variances, and no more within."""
    room = most + 1
    sizes = (bucket[0], bucket[2], bucket[3 + room])
    return sizes == (most, room, room) and 0 <= bucket[1] <= most
