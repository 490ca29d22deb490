"""Refused rows as answers over HTTP: the reason, for programs, and a sentence, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from converters.cells.refusal import SENTENCES, Refusal
from learners.line_bounds import UNLEARNABLE

MISSING_COLUMN = "missing-column"
# Names listed in one sentence; a body may have thousands of keys.
MOST_NAMES = 20

ROW_SENTENCES = SENTENCES | {
    MISSING_COLUMN: "the column is missing, and the schema does not allow that",
    UNLEARNABLE: "the learner cannot take a value of this magnitude",
}


class RowError(BaseModel, extra="forbid"):
    """What is wrong with a row or field of a request."""

    row: int | None = Field(None, description="the row's number, from 0")
    column: str = Field(description="empty if it is about the whole row")
    reason: str = Field(description=f"such as {', '.join(sorted(ROW_SENTENCES))}")
    detail: str


def row_error(row: int, refusal: Refusal) -> dict[str, Any]:
    """A :class:`RowError` for a refused row."""
    sentence = ROW_SENTENCES.get(refusal.reason, refusal.reason)
    detail = f"{sentence}: {refusal.text}" if refusal.text else sentence
    return {"row": row, "column": refusal.column, "reason": refusal.reason, "detail": detail}


def in_words(errors: Sequence[Mapping[str, Any]], rows: int | None, then: str) -> str:
    """One sentence for all errors of a request.

    Args:
        errors: at least one, each a :class:`RowError`.
        rows: how many rows the request has; None for a single row.
        then: what this means for the request.
    """
    first = errors[0]
    column = f"column {first['column']!r}, " if first["column"] else ""
    if rows is None:
        return f"The row is refused: {column}{first['detail']}. {then}"
    wrong = len({error["row"] for error in errors})
    return (
        f"{wrong:,} of {rows:,} rows are refused, the first of them row {first['row']}: {column}"
        f"{first['detail']}. {then}"
    )


def listed(names: Sequence[str]) -> str:
    """Names in a sentence; only the first of many."""
    shown = ", ".join(repr(name[: MOST_NAMES * 5]) for name in names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else shown
