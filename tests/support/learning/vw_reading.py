"""How Vowpal Wabbit itself reads a line: the features it sees, not the ones we meant."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import vowpalwabbit
from vowpalwabbit.pyvw import pylibvw

# Few enough hash collisions that two features of a test do not share a weight.
BITS = 28
# VW numbers weights with a stride, for it keeps several values beside each.
STRIDE = 4
CONSTANT_NAMESPACE = 128


class Feature(NamedTuple):
    """A feature as VW holds it: its namespace, the hash of its name, its value."""

    namespace: str
    hash: int
    value: float


class Reading(NamedTuple):
    """One line as VW holds it; ``label`` is None for a line without one."""

    label: float | None
    weight: float
    tag: str
    features: list[Feature]


class VwReader:
    """A workspace that only parses."""

    def __init__(self) -> None:
        self._workspace: Any = vowpalwabbit.Workspace(
            f"--quiet --loss_function logistic --link logistic -b {BITS}"
        )

    def read_block(self, lines: Sequence[str]) -> list[Reading]:
        """What VW makes of lines that are parsed in one go, as a learner has them parsed."""
        return self.read("".join(f"{line}\n" for line in lines))

    def read(self, text: str) -> list[Reading]:
        """The examples that VW makes of some text."""
        examples = self._workspace._parse(text)
        readings = [self._reading(e) for e in examples]
        for example in examples:
            # The public finish_example keeps 31 KB of each.
            pylibvw.vw._finish_example(self._workspace, example)
        return readings

    def hash(self, name: str, namespace: str) -> int:
        """The hash that VW gives a feature of this name, which it takes byte by byte."""
        whole: int = self._workspace.hash_feature(name, self._workspace.hash_space(namespace))
        return whole & ((1 << BITS) - 1)

    def close(self) -> None:
        """End the workspace."""
        self._workspace.finish()

    def _reading(self, example: Any) -> Reading:  # vowpalwabbit is not typed
        spaces = [example.namespace(i) for i in range(example.num_namespaces())]
        label = example.get_simplelabel_label()
        features = [
            Feature(chr(s), example.feature(s, i) // STRIDE, example.feature_weight(s, i))
            for s in spaces
            if s != CONSTANT_NAMESPACE
            for i in range(example.num_features_in(s))
        ]
        return Reading(
            None if label > 1e38 else label,
            example.get_simplelabel_weight(),
            example.get_tag(),
            features,
        )


def float32(value: float) -> float:
    """The nearest float32."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def ulps_apart(one: float, other: float) -> int:
    """How many float32 values lie between two float32 values."""
    return abs(_place(one) - _place(other))


def _place(value: float) -> int:
    """The place of a float32 in the order of all float32 values."""
    bits: int = struct.unpack("<i", struct.pack("<f", value))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)
