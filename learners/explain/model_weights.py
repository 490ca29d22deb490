"""The largest weights of a saved model by name: their columns and values, and who has them.

A model that hashes its features is undone by the names that are known: what the config tells, what
was met in cells (:mod:`learners.explain.feature_names`), and what the kept rows hold. Where several
features may be at one place, those that the kept rows have come first; all are told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from converters.cells.escaping import CONSTANT, escape_name
from converters.convert.feature_notes import told_names
from converters.convert.from_vw_text import flat, meetings, read_row, readable
from converters.schema.schema import Schema
from learners import choose
from learners.learner import LearnerSpec, NamedWeights, NameGroup
from learners.line_bounds import interactions_of
from learners.metrics.arrays import IntArray

# So many features that share a weight are looked for, and so many of them are told.
MOST_FOUND, MOST_TOLD = 200, 5
# As if so many more rows had a part that none has.
_UNMET = 0.5
_CROSS = re.compile(r"\*(?=[A-Za-z]\|)")


class NamedWeight(NamedTuple):
    """A weight.

    Attributes:
        weight: log-odds for each unit of the feature.
        names: the keys of features that it may be of, likeliest first; none if no name is known.
        share: of the kept rows that have the first of them; None without kept rows.
        others: how many more features it may be of than the first.
    """

    weight: float
    names: tuple[str, ...]
    share: float | None
    others: int


class Totals(NamedTuple):
    """How much of a model is undone.

    Attributes:
        weights: that are not zero.
        undone: of these, with a name.
        shared: of these, with more than one.
        names: of single features that are known.
        untried: pairs of columns that were not crossed, since it takes too long.
    """

    weights: int
    undone: int
    shared: int
    names: int
    untried: int


@dataclass
class KeptFeatures:
    """How many of the kept rows have each feature, crossed ones too.

    Attributes:
        rows: how many rows these are.
        counts: by key.
    """

    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, lines: Sequence[str], spec: LearnerSpec) -> KeptFeatures:
        """Those of unlabelled lines."""
        pairs, counts = interactions_of(spec.args), Counter[str]()
        for line in lines:
            spaces = read_row(line).spaces
            counts.update([*flat(spaces), *meetings(spaces, pairs), CONSTANT])
        return cls(len(lines), counts)

    def likeliest(self, names: Sequence[str]) -> list[str]:
        """Names in the order of how many rows have them; then, how likely they are."""
        chances = {
            name: prod(self.counts[part] + _UNMET for part in parts_of(name)) for name in names
        }
        return sorted(names, key=lambda name: (-self.counts[name], -chances[name], name))

    def share(self, name: str) -> float | None:
        """Of the rows that have a feature."""
        return self.counts[name] / self.rows if self.rows else None


def parts_of(key: str) -> list[str]:
    """The keys that meet in a cross; of a single feature its own."""
    return _CROSS.split(key) if key[1:2] == "|" else [key]


def name_groups(schema: Schema, names: Sequence[str]) -> list[NameGroup]:
    """Names by feature, in the order in which a row's text has them.

    Args:
        schema: that the rows are written by.
        names: keys of single features that were met; those that the config tells are added.
    """
    met: dict[tuple[str, str], list[str]] = {}
    for key in names:
        letter, token = (key[0], key[2:]) if key[1:2] == "|" else ("", key)
        met.setdefault((letter, token.partition("=")[0]), []).append(token)
    found = []
    for feature in sorted(schema.features, key=lambda each: each.namespace != ""):
        first, *others = told_names(feature)
        more = met.get((feature.namespace, feature.kind.name), ())
        alone = feature.settings.kind != "text"
        known = {*first, *(name for group in others for name in group)}
        new = [name for name in dict.fromkeys(more) if name not in known]
        found.append(NameGroup(feature.namespace, [*first, *new], alone))
        found += [NameGroup(feature.namespace, group) for group in others]
    return found


class ModelWeights:
    """The weights of a saved model, and their names.

    Args:
        spec: what it was learned with.
        path: its file.
        schema: its own.
        names: keys of features that were met.
        lines: the kept rows, unlabelled.

    Raises:
        WrongLearnerError: the file is another kind's, or was made with other arguments.
    """

    def __init__(
        self,
        spec: LearnerSpec,
        path: Path,
        schema: Schema,
        names: Sequence[str],
        lines: Sequence[str],
    ) -> None:
        kept = KeptFeatures.of(lines, spec)
        singles = [key for key in kept.counts if key != CONSTANT and len(parts_of(key)) == 1]
        groups = name_groups(schema, [*names, *singles])
        self.kept = kept
        self.saved: NamedWeights = choose.named_weights(spec, path, groups)
        self._known = sum(len(group.names) for group in groups)

    def totals(self) -> Totals:
        """How much of the model is undone."""
        counts = self.saved.counts()
        undone, shared = np.count_nonzero(counts), np.count_nonzero(counts > 1)
        return Totals(counts.size, int(undone), int(shared), self._known, self.saved.untried)

    def largest(self, most: int) -> list[NamedWeight]:
        """The largest weights, by magnitude."""
        values = np.abs(self.saved.values)
        return self.named(np.argsort(-values, kind="stable")[:most])

    def named(self, at: IntArray) -> list[NamedWeight]:
        """Some of the weights, by their numbers."""
        found = []
        each = zip(self.saved.values[at].tolist(), self.saved.names(at, MOST_FOUND), strict=True)
        for weight, names in each:
            ordered = tuple(self.kept.likeliest(names))
            share = self.kept.share(ordered[0]) if ordered else None
            found.append(NamedWeight(weight, ordered, share, max(0, len(ordered) - 1)))
        return found


class FeatureColumns:
    """Whose features keys are."""

    def __init__(self, schema: Schema) -> None:
        self._columns = {(f.namespace, escape_name(f.name)): f for f in schema.features}

    def parts(self, key: str) -> list[dict[str, Any]]:
        """For each part of a key its column, and its value: None for a number's unit."""
        found = []
        for part in parts_of(key):
            letter, token = (part[0], part[2:]) if part[1:2] == "|" else ("", part)
            name, equals, value = token.partition("=")
            feature = self._columns.get((letter, name))
            found.append(
                {
                    "column": None if feature is None else feature.column,
                    "feature": unquote(name),
                    "value": unquote(value) if equals else None,
                }
            )
        return found

    def to_json(self, weight: NamedWeight) -> dict[str, Any]:
        """A weight as ``show --weights --json`` has it."""
        first = weight.names[0] if weight.names else None
        parts = [] if first is None else self.parts(first)
        return {
            "weight": weight.weight,
            "name": None if first is None else readable(first),
            "crossed": len(parts) > 1,
            "parts": parts,
            "share": weight.share,
            "others": weight.others,
            "may_be": [readable(name) for name in weight.names[1 : 1 + MOST_TOLD]],
        }
