"""The ways to learn a stream that are tried: what numbers become, what is crossed, by which steps.

Each is a whole config as ``init`` would write it, so that what is measured is what is proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from converters.config.learning_settings import PAIRS, LearnerSettings
from converters.init.column_decision import Alternative, Decision
from converters.init.config_text import Proposal
from converters.init.interactions import Crossing
from converters.sampling.column_sample import ColumnSample
from learners.selection.number_features import scale_and_bins
from learners.selection.table_size import VW_BITS, table_bits

# What a column's settings say of its numbers; scale and bins take the place of it.
OF_NUMBERS = frozenset({"transform", "center", "scale", "edges", "features", "clip"})
# The namespace of the columns that are crossed where not all can be.
CROSSED = "crossed"
MOST_CROSSED: int = LearnerSettings.model_fields["pairs_most"].default


@dataclass(frozen=True)
class Way:
    """A way to learn.

    Attributes:
        name: what tables call it.
        said: the same in words.
        cost: how ways are ordered by the time that a row takes; no clock decides what is proposed.
        scaled: whether numbers become scale and bins.
        pairs: whether every two features are crossed.
        coin: whether by ``--coin``, or else by gradient descent.
        credit: by how much its log loss may be above others' on a sample: it has more weights, and
            goes on learning them when the others have learned theirs. In nats, as found over the
            streams of ``make bench ARGS=quality``.
    """

    name: str
    said: str
    cost: int
    scaled: bool = False
    pairs: bool = False
    coin: bool = False
    credit: float = 0.0


WAYS = (
    Way("raw", "numbers as they are", 1),
    Way("raw-coin", "the same by --coin", 1, coin=True),
    Way("bins", "numbers scaled, and in bins", 2, scaled=True, credit=0.002),
    Way(
        *("pairs-coin", "bins, all pairs crossed, --coin", 4),
        scaled=True,
        pairs=True,
        coin=True,
        credit=0.01,
    ),
    Way("pairs", "bins, all pairs, gradient descent", 4, scaled=True, pairs=True),
)


def proposal(
    way: Way,
    decisions: Sequence[Decision],
    columns: Mapping[str, ColumnSample],
    crossings: Sequence[Crossing],
    telling: Callable[[], Sequence[str]],
) -> Proposal:
    """What a way makes of the columns.

    Args:
        way: the way.
        decisions: of the columns.
        columns: the sample's.
        crossings: the pairs of features that help for sure, or may; for ways without all pairs.
        telling: gives the features to cross; asked if not all can be.
    """
    if way.scaled:
        decisions = [scaled(each, columns[each.name]) for each in decisions]
    coin = ["--coin"] if way.coin else []
    if not way.pairs:
        learned = set(_learned(decisions))
        kept = [crossing for crossing in crossings if learned.issuperset(crossing.pair)]
        return Proposal(decisions, {"args": " ".join(coin)} if coin else {}, kept)
    bits = table_bits(decisions, columns)
    args = [f"-b {bits}"] * (bits > VW_BITS) + coin
    learner: dict[str, Any] = {"args": " ".join(args)} if args else {}
    if _features(decisions) <= MOST_CROSSED:
        return Proposal(decisions, learner | {"interactions": PAIRS})
    names = _names(decisions, telling())
    named = [_in_namespace(each) if each.name in names else each for each in decisions]
    return Proposal(named, learner | {"interactions": [(CROSSED, CROSSED)]})


def _features(decisions: Iterable[Decision]) -> int:
    """How many features ``interactions = "pairs"`` would cross."""
    return sum(
        len(each.settings.get("parts", ())) or each.settings.get("kind", "text") != "text"
        for each in decisions
        if each.is_learned
    )


def _learned(decisions: Iterable[Decision]) -> Iterable[str]:
    """The features of the columns."""
    for each in decisions:
        if each.is_learned:
            parts = each.settings.get("parts", ())
            yield from [f"{each.name}.{part}" for part in parts] or [each.name]


def _names(decisions: Iterable[Decision], telling: Sequence[str]) -> set[str]:
    """The columns of features, as many as have no more features than may be crossed."""
    names: set[str] = set()
    left = MOST_CROSSED
    for each in decisions:
        parts = each.settings.get("parts", ())
        features = [f"{each.name}.{part}" for part in parts] or [each.name]
        if not set(features).isdisjoint(telling) and len(features) <= left:
            names.add(each.name)
            left -= len(features)
    return names


def _in_namespace(decision: Decision) -> Decision:
    return replace(decision, settings={**decision.settings, "namespace": CROSSED})


def scaled(decision: Decision, column: ColumnSample) -> Decision:
    """A column of numbers as scale and bins, from those of the sample."""
    if decision.settings.get("kind") != "numeric":
        return decision
    missing = decision.settings.get("missing_values", ())
    numbers = [
        column.values[cell]
        for cell in column.cells
        if cell in column.values and cell not in missing
    ]
    of_numbers = scale_and_bins(numbers) if numbers else None
    if of_numbers is None:
        return decision
    kept = {key: value for key, value in decision.settings.items() if key not in OF_NUMBERS}
    before = Alternative(decision.settings, "one slope for all of its numbers")
    return replace(decision, settings=kept | of_numbers, otherwise=(before, *decision.otherwise))
