"""The complete arguments of river's learners, from the config's sections.

Needs no river: a config is understood
where river is not installed.
"""

from __future__ import annotations

from collections.abc import Sequence

from converters.config.learning_settings import ForestSettings, RiverSettings
from learners.learner import LearnerSpec


def river_spec(
    settings: RiverSettings, interactions: Sequence[tuple[str, str]], *, every: bool = False
) -> LearnerSpec:
    """The spec of a river learner.

    Args:
        settings: of river.
        interactions: pairs of namespace letters.
        every: whether they are all pairs. A row then has so many features more that a step would
            be too long: it is as much shorter.
    """
    pairs = sorted({"".join(sorted(pair)) for pair in interactions})
    rate = settings.learning_rate
    if every and pairs:
        columns = len(set("".join(pairs)))
        rate = float(f"{rate * columns / (columns + len(pairs)):.3g}")
    return LearnerSpec(
        "river",
        (
            *("--optimizer", settings.optimizer),
            *("--learning_rate", repr(rate)),
            *("--l2", repr(settings.l2)),
            *("--intercept_lr", repr(settings.intercept_learning_rate)),
            *("--scaler", "standard"),
            *(part for pair in pairs for part in ("--interactions", pair)),
        ),
    )


def forest_spec(settings: ForestSettings) -> LearnerSpec:
    """The spec of one of river's forests; trees cross columns by themselves."""
    return LearnerSpec(
        "river-forest",
        (
            *("--model", settings.model),
            *("--trees", str(settings.trees)),
            *("--max_nodes", str(settings.max_nodes)),
        ),
    )
