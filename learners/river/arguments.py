"""The complete arguments of a river learner, from the config's section.

Needs no river: a config is understood
where river is not installed.
"""

from __future__ import annotations

from collections.abc import Sequence

from converters.config.learning_settings import RiverSettings
from learners.learner import LearnerSpec


def river_spec(settings: RiverSettings, interactions: Sequence[tuple[str, str]]) -> LearnerSpec:
    """The spec of a river learner; ``interactions`` are pairs of namespace letters."""
    pairs = sorted({"".join(sorted(pair)) for pair in interactions})
    return LearnerSpec(
        "river",
        (
            *("--optimizer", settings.optimizer),
            *("--learning_rate", repr(settings.learning_rate)),
            *("--l2", repr(settings.l2)),
            *("--intercept_lr", repr(settings.intercept_learning_rate)),
            *("--scaler", "standard"),
            *(part for pair in pairs for part in ("--interactions", pair)),
        ),
    )
