"""What ``freshet.toml`` says of the learner; part of :mod:`converters.config.settings`.

Stands at the very bottom. Which arguments a learner takes is checked by the learners' floor.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from converters.config.column_settings import Section


class RiverSettings(Section):
    """river's LogisticRegression, used when Vowpal Wabbit cannot be imported or by choice."""

    optimizer: Literal["sgd", "adagrad", "adam"] = Field("sgd", description="river.optim class")
    learning_rate: float = Field(0.05, gt=0, le=10, description="step size of the optimizer")
    l2: float = Field(0.0, ge=0, le=1, description="L2 penalty")
    intercept_learning_rate: float = Field(
        0.01, ge=0, le=10, description="step size of the intercept"
    )


class LearnerSettings(Section):
    """The learner and its arguments; a change makes a new lineage."""

    kind: Literal["auto", "vw", "river"] = Field(
        "auto", description="`auto` is vw, or river (said loudly) where vw cannot be imported"
    )
    args: str = Field("", description="Vowpal Wabbit arguments from the proven list, as one string")
    interactions: tuple[tuple[str, str], ...] = Field(
        (),
        description="pairs whose values are crossed, each a feature column, a part of a time "
        "(`applied.hour`) or a `namespace` of columns",
    )
    river: RiverSettings = Field(RiverSettings(), description="river's arguments")
