"""Models of explanations, as ``/explain`` and ``/predict?explain=`` answer them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from serve.rows.row_errors import RowError


class Baseline(BaseModel, extra="forbid"):
    """What rows are held against."""

    kind: Literal["missing", "typical", "file"]
    rows: int = Field(ge=1, description="over so many rows contributions are averaged")
    log_odds: float = Field(description="their mean log-odds, before calibration")
    score: float = Field(ge=0, le=1, description="the probability of these log-odds")


class Contribution(BaseModel, extra="forbid"):
    """What a column adds to a row's log-odds."""

    column: str
    value: str = Field(description="the cell; empty if it is missing")
    contribution: float = Field(description="in log-odds of the positive class")
    standard_error: float | None = Field(None, description="only of a sampled one")


class Reason(BaseModel, extra="forbid"):
    """A column that worked against whom the row is about."""

    column: str
    contribution: float
    reason: str = Field(description="in words")


class OtherNumber(BaseModel, extra="forbid"):
    """The nearest number of a column that gives the row the other label."""

    column: str
    value: str
    to: str
    score: float = Field(ge=0, le=1)


class OtherCategory(BaseModel, extra="forbid"):
    """A category that gives the row the other label."""

    value: str
    score: float = Field(ge=0, le=1)


class OtherCategories(BaseModel, extra="forbid"):
    """Those of a column, the furthest across the threshold first."""

    column: str
    value: str
    to: list[OtherCategory]


class WhatIf(BaseModel, extra="forbid"):
    """Changes of single cells that give the row the other label."""

    threshold: float
    numbers: list[OtherNumber]
    categories: list[OtherCategories]
    note: str


class Explained(BaseModel, extra="forbid"):
    """Why a row has its score.

    The baseline's log-odds and the contributions add up to ``log_odds``; with ``adjustment``, to
    the log-odds of ``score``.
    """

    score: float = Field(ge=0, le=1)
    label: str
    log_odds: float
    adjustment: float = Field(description="by calibration and correction of imbalance, in log-odds")
    method: Literal["exact", "sampled"]
    contributions: list[Contribution] = Field(description="the strongest first")
    other: float | None = Field(None, description="what features add that are no column's")
    reasons: list[Reason] | None = Field(
        None, description="the strongest first; where the config allows reasons"
    )
    what_if: WhatIf | None = None
    id: str | float | bool | None = Field(None, description="as in the request")


class Moved(BaseModel, extra="forbid"):
    """By how much a column moves the log-odds."""

    column: str
    value: str
    to: str
    difference: float


class Difference(BaseModel, extra="forbid"):
    """What changes move: the columns and the adjustment add up, in log-odds."""

    score: float
    log_odds: float
    adjustment: float
    columns: list[Moved] = Field(description="the strongest first")


class RefusedRow(BaseModel, extra="forbid"):
    """A row of many that could not be scored, or explained."""

    error: RowError


def explained_answer(label_spellings: Sequence[str]) -> object:
    """The answer of ``/explain``, with the labels that the model may give."""
    label: Any = (Literal[tuple(label_spellings)], ...)
    about: dict[str, Any] = {"version": (int, ...), "baseline": (Baseline, ...)}
    one: Any = create_model("Explanation", __base__=Explained, label=label)
    single: Any = create_model("ExplainedRow", __base__=one, **about)
    many: Any = create_model(
        "Explanations",
        __config__={"extra": "forbid"},
        explanations=(list[one | RefusedRow], ...),
        **about,
    )
    changed: Any = create_model(
        "ExplainedChange",
        __config__={"extra": "forbid"},
        before=(one, ...),
        after=(one, ...),
        difference=(Difference, ...),
        note=(str, ...),
        **about,
    )
    return single | many | changed
