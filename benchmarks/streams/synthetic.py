"""Generated streams that drift: river's generators with fixed seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

import pandas as pd
from river.datasets import synth

from benchmarks.streams.cell_text import DIGITS, as_text

Number = int | float | bool
Features = dict[str | int, Number]
Event = tuple[Features, int | bool]

AGRAWAL_PART, SEA_PART = 10_000, 10_000
GRADUAL_ROWS, PLANE_ROWS, RBF_ROWS = 40_000, 30_000, 30_000


def table_of(events: Iterable[Event]) -> pd.DataFrame:
    """A column a feature, ``x0`` and so on where they are numbered, and ``y``: 0 or 1."""
    rows = [
        {name if isinstance(name, str) else f"x{name}": _short(x[name]) for name in x}
        | {"y": int(y)}
        for x, y in events
    ]
    return as_text(pd.DataFrame(rows))


def _short(cell: Number) -> Number:
    return round(cell, DIGITS) if isinstance(cell, float) else cell


def agrawal_abrupt() -> pd.DataFrame:
    """Four rules for a loan, each for 10,000 rows."""
    return table_of(
        event
        for seed, rule in enumerate((0, 3, 6, 4), start=11)
        for event in islice(
            synth.Agrawal(classification_function=rule, seed=seed, perturbation=0.05), AGRAWAL_PART
        )
    )


def agrawal_gradual() -> pd.DataFrame:
    """One rule for a loan, and from row 10,000 to 30,000 ever more often another."""
    return table_of(islice(_blended(), GRADUAL_ROWS))


def _blended() -> Iterator[Event]:
    chance = Random(21)
    old = iter(synth.Agrawal(classification_function=1, seed=22, perturbation=0.05))
    new = iter(synth.Agrawal(classification_function=5, seed=23, perturbation=0.05))
    for row in range(GRADUAL_ROWS):
        share = (row - GRADUAL_ROWS / 4) / (GRADUAL_ROWS / 2)
        yield next(new if chance.random() < share else old)


def hyperplane() -> pd.DataFrame:
    """A plane in ten dimensions, five of whose weights wander; 5 % of the labels are wrong."""
    plane = synth.Hyperplane(
        seed=31, n_features=10, n_drift_features=5, mag_change=0.001, noise_percentage=0.05
    )
    return table_of(islice(plane, PLANE_ROWS))


def moving_clusters() -> pd.DataFrame:
    """Fifty clusters of two classes in ten dimensions, twenty of which move."""
    clusters = synth.RandomRBFDrift(
        seed_model=41,
        seed_sample=42,
        n_classes=2,
        n_features=10,
        n_centroids=50,
        change_speed=0.0005,
        n_drift_centroids=20,
    )
    return table_of(islice(clusters, RBF_ROWS))


def sea() -> pd.DataFrame:
    """A sum of two columns against a bound that changes every 10,000 rows; 10 % of noise."""
    return table_of(
        event
        for seed, variant in enumerate((0, 3, 2, 1), start=51)
        for event in islice(synth.SEA(variant=variant, noise=0.1, seed=seed), SEA_PART)
    )
