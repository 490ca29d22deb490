"""The refusal of a row or cell: its reason, and the sentence that explains the reason.

A reason is a stable word, for programs and dead letters. HTTP clients also get its sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from converters.cells.escaping import quoted

# What an id may have in characters: each is kept as it is while its event waits, and written
# beside its score.
MOST_ID = 1_024

# What each reason means.
SENTENCES = {
    "ambiguous-time": "these digits could be another time",
    "bad-columns-header": "the header is empty or names a column twice",
    "bad-json": "this is not JSON",
    "bad-label": "this is not a label of the label map",
    "bad-time": "this is not a time: ISO 8601, seconds or milliseconds since 1970, or as the "
    "column's format says",
    "bare-cr": "there is a carriage return outside quotes",
    "empty-record": "there is no row",
    "empty-row": "the row is empty",
    "id-too-long": "the id has more than 1,024 characters",
    "inexact-number": "a JSON number so large has lost digits; send the value as a string",
    "missing-id": "the id is missing",
    "missing-label": "the label is missing",
    "missing-value": "the value is missing, and the schema does not allow that",
    "nested-value": "a list or an object cannot be a cell",
    "no-row-at-path": "there is no row where the config's record.path leads",
    "not-an-integer": "this id is not a whole number, as the column's kind says",
    "not-a-number": "this is not a number in decimal notation",
    "not-a-boolean": "this is not one of the column's spellings of true and false",
    "not-a-row": "this is not a JSON object",
    "not-finite": "this number is not finite as float32",
    "not-utf8": "the row is not UTF-8",
    "out-of-range": "the number is outside the column's range",
    "rare-value": "the value is rare, and the schema does not allow that",
    "schema-registry": "there is no JSON behind the prefix of a schema registry",
    "text-after-quote": "there is text behind a closing quote",
    "text-too-long": "the text has more than 100,000 tokens",
    "tombstone": "the record's value is null, which deletes a key; no event is ever deleted",
    "too-many-rows": "the record has more than 100,000 rows",
    "unclosed-quote": "a quote in this row is not closed",
    "unknown-column": "the schema has no such column",
    "unseen-value": "the value is unknown, and the schema does not allow that",
    "wrong-width": "the row has more or fewer cells than there are columns",
}


class Refusal(NamedTuple):
    """Why a row was refused: a stable reason, the column (or empty), and the offending text."""

    reason: str
    column: str
    text: str


# Begin the text of a refusal, in words that remedies go by.
NO_COLUMN = "no field is a column"
LABEL_NEEDS = "a label needs the fields"


def no_column(names: str) -> Refusal:
    """The refusal of a row none of whose fields is a column; it may begin deeper."""
    return Refusal("unknown-column", "", quoted(f"{NO_COLUMN}: {names}"))


class RefusedCellError(ValueError):
    """A cell that must not reach a learner; turned into a :class:`Refusal` with its column."""

    def __init__(self, reason: str, cell: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cell = cell


def wrong_width(
    cells: Sequence[str], width: int, delimiter: str = ",", source: str = ""
) -> Refusal:
    """The refusal of a row that has more or fewer cells than columns.

    Args:
        cells: of the row.
        width: how many it should have.
        delimiter: between them.
        source: what says so, where it is not the config of now.
    """
    if not cells or (len(cells) == 1 and not cells[0]):
        return Refusal("empty-row", "", "")
    shown = f"{len(cells)} cells, not {width}{source}: {delimiter.join(cells)}"
    return Refusal("wrong-width", "", quoted(shown))
