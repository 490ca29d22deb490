"""Refused rows as answers over HTTP: the reason, for programs, and a sentence, for people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import nsmallest
from itertools import islice
from typing import Any

from pydantic import BaseModel, Field

from converters.cells.refusal import SENTENCES, Refusal
from learners.line_bounds import UNLEARNABLE
from serve.http.problems import MOST_ERRORS, RowsRefusedError

MISSING_COLUMN, TOO_MANY_CROSSES = "missing-column", "too-many-crosses"
# Names listed in one sentence; a body may have thousands of keys.
MOST_NAMES = 20
# How much of a name an error holds.
MOST_NAME = 200
# Names kept to be counted; a body may have a million.
MOST_COLUMNS = 10_000

ROW_SENTENCES = SENTENCES | {
    MISSING_COLUMN: "the column is missing, and the schema does not allow that",
    TOO_MANY_CROSSES: "crossing its cells gives more features than are scored",
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


class RefusedRows:
    """What is wrong with the rows of a request: all are counted, the first are kept.

    Attributes:
        errors: the first :data:`MOST_ERRORS`, each a :class:`RowError`.
        rows: how many rows are refused.
        reasons: how many errors there are of each reason.
        columns: the columns that errors of a reason name, up to :data:`MOST_COLUMNS`.
        strange: whether a row has no column at all.
    """

    def __init__(self) -> None:
        self.errors: list[dict[str, Any]] = []
        self.rows, self._last = 0, -1
        self.reasons: dict[str, int] = {}
        self.columns: dict[str, set[str]] = {}
        self.strange = False

    @property
    def has_room(self) -> bool:
        """Whether the next error is kept, so that it is worth wording."""
        return len(self.errors) < MOST_ERRORS

    def add(self, row: int, refusal: Refusal) -> None:
        """A row, and what is wrong with it."""
        self._count(row, refusal.reason)
        if self.has_room:
            self.errors.append(row_error(row, refusal))

    def add_columns(self, row: int, reason: str, names: Collection[str]) -> None:
        """A row, and columns that are wrong with it, if there are any."""
        if not names:
            return
        self._count(row, reason, len(names))
        noted, room = self.columns.setdefault(reason, set()), MOST_ERRORS - len(self.errors)
        noted.update(islice(names, max(0, MOST_COLUMNS - len(noted))))
        if room > 0:
            refusals = [Refusal(reason, name[:MOST_NAME], "") for name in nsmallest(room, names)]
            self.errors += [row_error(row, refusal) for refusal in refusals]

    def _count(self, row: int, reason: str, errors: int = 1) -> None:
        self.rows += row != self._last
        self._last = row
        self.reasons[reason] = self.reasons.get(reason, 0) + errors

    def in_words(self, rows: int | None, then: str) -> str:
        """One sentence for all errors; there is at least one.

        Args:
            rows: how many rows the request has; None for a single row.
            then: what this means for the request.
        """
        first = self.errors[0]
        column = f"column {first['column']!r}, " if first["column"] else ""
        if rows is None:
            return f"The row is refused: {column}{first['detail']}. {then}"
        return (
            f"{self.rows:,} of {rows:,} rows are refused, the first of them row {first['row']}: "
            f"{column}{first['detail']}. {then}"
        )


def only(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answer for a single row.

    Raises:
        RowsRefusedError: it is an error.
    """
    (answer,) = answers
    if "error" in answer:
        error = answer["error"]
        column = f"column {error['column']!r}, " if error["column"] else ""
        raise RowsRefusedError(
            f"The row is refused: {column}{error['detail']}. Correct it and send it again.", [error]
        )
    return answer


def listed(names: Sequence[str]) -> str:
    """Names in a sentence; only the first of many."""
    shown = ", ".join(repr(name[: MOST_NAMES * 5]) for name in names[:MOST_NAMES])
    least = "at least " if len(names) >= MOST_COLUMNS else ""
    more = len(names) - MOST_NAMES
    return f"{shown} and {least}{more:,} more" if more > 0 else shown
