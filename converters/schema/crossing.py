"""Which features are crossed: names in the config -> pairs of namespace letters.

A crossed feature has its own VW namespace, so that pairs can be named one by one; a name of several
features (a namespace of columns, or a time with several parts) becomes all their pairs.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import NamedTuple

from converters.cells.feature import Feature
from converters.config.column_settings import ColumnSettings
from converters.config.learning_settings import PAIRS, Interactions
from converters.errors import UsageError

# VW crosses namespaces by their first character; letters cannot be taken for syntax.
NAMESPACE_LETTERS = string.ascii_lowercase + string.ascii_uppercase

NOT_LEARNED = {
    "leak": "a leak, known only when the label is",
    "protected": "protected, and must not decide anything",
    "drop": "dropped",
}


class CrossingError(UsageError):
    """Interactions of the config that cannot be."""


class Crossed(NamedTuple):
    """Features, with letters for those that are crossed, and the pairs of letters."""

    features: tuple[Feature, ...]
    pairs: tuple[tuple[str, str], ...]


def crossed(
    features: Sequence[Feature],
    columns: Mapping[str, ColumnSettings],
    interactions: Interactions,
    pairs_most: int,
) -> Crossed:
    """Give letters to the features that the interactions name.

    Args:
        features: of the schema.
        columns: of the config.
        interactions: names, or that all are crossed.
        pairs_most: how many may be, where all are.

    Raises:
        CrossingError: a name is no feature's, or there are more of them than letters.
    """
    if interactions == PAIRS:
        pairs = _all_pairs(features, pairs_most)
    else:
        pairs = _pairs(features, columns, interactions)
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    if len(names) > len(NAMESPACE_LETTERS):
        raise CrossingError(
            f"learner.interactions crosses {len(names)} columns; VW has namespaces for "
            f"{len(NAMESPACE_LETTERS)}."
        )
    letters = dict(zip(names, NAMESPACE_LETTERS, strict=False))
    lettered = tuple(replace(f, namespace=letters.get(f.name, "")) for f in features)
    each = dict.fromkeys((letters[a], letters[b]) for a, b in pairs)
    return Crossed(lettered, tuple(each))


def crossed_again(
    features: Sequence[Feature],
    columns: Mapping[str, ColumnSettings],
    interactions: Interactions,
) -> tuple[tuple[str, str], ...]:
    """The pairs of letters that other interactions mean, among features that have letters.

    Raises:
        CrossingError: a name is no feature's, or one's that is not crossed already: a letter of
            its own would change the text that every learner is given.
    """
    letters = {f.name: f.namespace for f in features}
    if interactions == PAIRS:
        return tuple(combinations(filter(None, letters.values()), 2))
    pairs = _pairs(features, columns, interactions)
    for name in (name for pair in pairs for name in pair):
        if not letters[name]:
            raise CrossingError(
                f"interactions names '{name}', which `learner.interactions` does not: only what "
                "is crossed there can be crossed otherwise here."
            )
    return tuple(dict.fromkeys((letters[a], letters[b]) for a, b in pairs))


def _all_pairs(features: Sequence[Feature], most: int) -> list[tuple[str, str]]:
    """Every two features; of a text each word would be crossed with all others."""
    names = [feature.name for feature in features if feature.settings.kind != "text"]
    if len(names) > most:
        letters = len(NAMESPACE_LETTERS)
        more = "or raise learner.pairs_most" if len(names) <= letters else ""
        raise CrossingError(
            f'learner.interactions = "pairs" would cross {len(names)} features, and '
            f"learner.pairs_most is {most} (at most {letters}, one letter each): name the pairs "
            f"that pay, as 'freshet init' does{', ' if more else ''}{more}."
        )
    return list(combinations(names, 2))


def _pairs(
    features: Sequence[Feature],
    columns: Mapping[str, ColumnSettings],
    interactions: Sequence[tuple[str, str]],
) -> list[tuple[str, str]]:
    """The names of the features of each pair."""
    pairs: list[tuple[str, str]] = []
    for left, right in interactions:
        ours, theirs = (_named(name, features, columns) for name in (left, right))
        both = combinations(ours, 2) if left == right and len(ours) > 1 else product(ours, theirs)
        pairs += both
    return pairs


def _named(
    name: str, features: Sequence[Feature], columns: Mapping[str, ColumnSettings]
) -> list[str]:
    """The features that a name of the config means: one, a time's parts, or a namespace's."""
    for found in (
        [f.name for f in features if f.name == name],
        [f.name for f in features if f.column == name],
        [f.name for f in features if f.settings.namespace == name],
    ):
        if found:
            return found
    role = columns[name].role if name in columns else ""
    reason = f": it is {NOT_LEARNED[role]}" if role in NOT_LEARNED else ""
    known = {f.name: None for f in features} | {f.column: None for f in features}
    known |= {f.settings.namespace: None for f in features if f.settings.namespace}
    close = [] if reason else difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean '{close[0]}'?" if close else f". Named can be {', '.join(known)}."
    raise CrossingError(
        f"learner.interactions names '{name}', which is not a feature column{reason}{hint}"
    )
