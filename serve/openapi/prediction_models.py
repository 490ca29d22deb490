"""Models of the answers of ``/predict``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from serve.live.ingest_warnings import Warned
from serve.openapi.explanation_models import Baseline, Contribution, Reason, RefusedRow


class Scored(BaseModel, extra="forbid"):
    """The score of a row, and the label that it gives at the threshold."""

    score: float = Field(ge=0, le=1)
    label: str
    id: str | float | bool | None = Field(None, description="as in the request")
    absent: list[str] = Field(
        default_factory=list, description="columns of features for which the row has no value"
    )
    unseen: list[str] = Field(
        default_factory=list,
        description="columns with a value that is not among those that the config lists, if asked",
    )
    repeated: bool = Field(
        default=False,
        description="whether a row of this id was remembered before: this is its first answer",
    )
    log_odds: float | None = Field(None, description="of an explained row; see /explain")
    adjustment: float | None = Field(None, description="likewise")
    contributions: list[Contribution] | None = Field(
        None, description="of an explained row, the strongest columns first"
    )
    reasons: list[Reason] | None = Field(
        None, description="of an explained row, where the config allows reasons"
    )


class ScoredOfMany(Scored):
    """The same of a row of many."""

    version: int | None = Field(None, description="of a repeated row, if not that of the others")


class Score(Scored):
    """The answer for a single row."""

    version: int
    warnings: list[Warned] = Field(default_factory=list, description="only if there are some")
    baseline: Baseline | None = Field(None, description="where rows are explained")


class Scores(BaseModel, extra="forbid"):
    """The answer for many rows, in their order."""

    version: int
    baseline: Baseline | None = Field(None, description="where rows are explained")
    predictions: list[ScoredOfMany | RefusedRow]
    warnings: list[Warned] = Field(default_factory=list, description="only if there are some")


def answer_model(label_spellings: Sequence[str]) -> object:
    """The answer, with the labels that the model may give."""
    label: Any = (Literal[tuple(label_spellings)], ...)
    one: Any = create_model("Score", __base__=Score, __doc__=Score.__doc__, label=label)
    of = ScoredOfMany
    scored: Any = create_model("Scored", __base__=of, __doc__=Scored.__doc__, label=label)
    predictions: Any = (list[scored | RefusedRow], ...)
    many: Any = create_model(
        "Scores", __base__=Scores, __doc__=Scores.__doc__, predictions=predictions
    )
    return one | many
