"""Refused rows as answers over HTTP: a sentence for each of the converter's reasons.

Reasons are single words, for programs and dead letters; a client over HTTP also gets a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from converters.cells.refusal import Refusal
from learners.line_bounds import UNLEARNABLE

MISSING_COLUMN = "missing-column"
# Names listed in one sentence; a body may have thousands of keys.
MOST_NAMES = 20

SENTENCES = {
    "bad-columns-header": "the header is empty or names a column twice",
    "bad-json": "this is not JSON",
    "bad-label": "this is not a label of the label map",
    "bad-time": "this is not a time: ISO 8601, or seconds or milliseconds since 1970",
    "bare-cr": "there is a carriage return outside quotes",
    "empty-record": "there is no row",
    "empty-row": "the row is empty",
    "id-too-long": "the id has more than 1,024 characters",
    "inexact-number": "JSON numbers from 2^64 up lose digits; send the value as a string",
    MISSING_COLUMN: "the column is missing, and the schema does not allow that",
    "missing-id": "the id is missing",
    "missing-label": "the label is missing",
    "missing-value": "the value is missing, and the schema does not allow that",
    "nested-value": "a list or an object cannot be a cell",
    "not-a-number": "this is not a number in decimal notation",
    "not-a-boolean": "this is not one of the column's spellings of true and false",
    "not-a-row": "this is not a JSON object",
    "not-finite": "this number is not finite as float32",
    "not-utf8": "the row is not UTF-8",
    UNLEARNABLE: "the learner cannot take a value of this magnitude",
    "out-of-range": "the number is outside the column's range",
    "rare-value": "the value is rare, and the schema does not allow that",
    "text-too-long": "the text has more than 100,000 tokens",
    "too-many-rows": "the record has more than 100,000 rows",
    "unclosed-quote": "a quote in this row is not closed",
    "unknown-column": "the schema has no such column",
    "unseen-value": "the value is unknown, and the schema does not allow that",
    "wrong-width": "the row has more or fewer cells than there are columns",
}


class RowError(BaseModel, extra="forbid"):
    """What is wrong with a row or field of a request."""

    row: int | None = Field(None, description="the row's number, from 0")
    column: str = Field(description="empty if it is about the whole row")
    reason: str = Field(description=f"such as {', '.join(sorted(SENTENCES))}")
    detail: str


def row_error(row: int, refusal: Refusal) -> dict[str, Any]:
    """A :class:`RowError` for a refused row."""
    sentence = SENTENCES.get(refusal.reason, refusal.reason)
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
