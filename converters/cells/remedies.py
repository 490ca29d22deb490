"""What helps against each reason of a refusal, and refused rows counted by reason.

Reports, warnings, ``freshet dead-letters`` and the table in ``docs/converter.md`` all take the
remedy from :data:`REMEDIES`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from converters.cells.refusal import LABEL_NEEDS, NO_COLUMN, Refusal

# A run that refuses a larger share of its rows than this warns.
MOST_REJECTED = 0.1
# A warning explains the commonest reasons; a list of all would hide them.
EXPLAINED = 3

# One sentence for each reason, with what to send or to set instead. No cell is quoted in it.
REMEDIES = {
    "ambiguous-time": "set the column's `format`, to `seconds` or `milliseconds` or to a pattern "
    "such as `%y%m%d%H%M`, `%Y%j%H%M` or `%Y-%m-%d%z`, and keep the zeros in front of digits; or "
    "send ISO 8601",
    "accepted-in-place": "nothing to do: the row that was refused before is accepted now, so the "
    "one sent in its place is not needed",
    "bad-columns-header": "name each column once in the record's header `columns`, as one line of "
    "CSV",
    "bad-json": "send complete JSON: `NaN` and `Infinity` are none, and `null` is missing; mark "
    "CSV by the header `content-type: text/csv`",
    "bad-label": "add the spelling to `positive` or `negative` in `[label]`; a header line among "
    "the rows has to go",
    "bad-time": "send ISO 8601, or seconds or milliseconds since 1970; for others, set the "
    "column's `format`; write the day numbers of spreadsheets, such as 45292.5, as dates; a "
    "spelling that means nothing goes into a feature's `missing_values`",
    "bare-cr": "quote a field that holds a carriage return, and end rows with LF or CRLF",
    "conflicting-label": "find out who sends two different labels for one id; "
    "`allow_corrections = true` in `[late_labels]` lets the later one count",
    "empty-record": "send no record without a row",
    "empty-row": "leave out blank lines; the last row's line end begins no other",
    "id-too-long": "send a digest of the id",
    "inexact-number": "send the number as a string",
    "missing-id": "send an `id` with each label, or the id column by its name",
    "missing-label": "send no row of labels before the label is known, and call its field `label` "
    "or as the label column is called",
    "missing-value": 'send a value, or set the column\'s `missing` to other than `"reject"`',
    "nested-value": "send a text or number in its place; where the whole row is nested in one "
    "field, name that in `path` of `[record]`",
    "no-row-at-path": "correct `path` in `[record]`, or `labels_path` for labels; where changes of "
    "a database report deletes, which have no row, filter them out upstream",
    "not-a-boolean": "add the spelling to the column's `true_values` or `false_values`, or one "
    "that means nothing to its `missing_values`",
    "not-an-integer": 'send a whole number; or take `kind = "integer"` from the id column, so '
    "that ids are texts",
    "not-a-number": "send decimal notation such as `1234.5`; list a spelling that means nothing "
    "in the column's `missing_values`, or make the column `categorical`",
    "not-a-row": "send an object for each row, or a list of objects",
    "not-finite": "leave the cell empty, or list its spelling in the column's `missing_values`",
    "not-utf8": "send UTF-8; for a file, name its encoding, such as cp1252, in `encoding` of "
    "`[csv]`",
    "out-of-range": 'correct the column\'s `min` and `max`, or set `out_of_range = "clip"`',
    "rare-value": 'set the column\'s `rare` to other than `"reject"`',
    "schema-registry": "send JSON or CSV: Avro and Protobuf are not read",
    "text-after-quote": "double the quotes within a quoted field",
    "text-too-long": "send less text, or make the column `categorical`",
    "tombstone": "send no null values: an event or label that was sent is not deleted",
    "too-many-rows": "put fewer rows into a record",
    "unclosed-quote": "close the quote; one that belongs to the text is doubled, and its field "
    "quoted",
    "unknown-column": 'set `extra = "ignore"` in `[record]` if such fields may be ignored; or add '
    'the column to the config, with `role = "drop"` if it is no feature',
    "unlearnable": "give the column `min` and `max`, or a `transform`",
    "unseen-value": "add the value to the column's `values`, or set its `unseen` to other than "
    '`"reject"`',
    "wrong-width": "send all of the config's columns in its order, or name those of the record in "
    "its header `columns`; a label is `id,label[,time]`; a cell that holds the delimiter is quoted",
}

# Where the example begins with such words, which say more than the reason does.
_KNOWN = {
    NO_COLUMN: "name in `path` of `[record]` (for labels, `labels_path`) the field that the row is "
    "nested in; if it is nested in none, call its fields as the config calls the columns",
    LABEL_NEEDS: "send these; if they are nested in a field, name that in `labels_path` of "
    "`[record]`",
}

# Refused, and not lost: the same row was accepted elsewhere.
NO_LOSS = frozenset({"accepted-in-place"})

# The text of these begins with what is wrong, in words of ours; after a colon follows the row.
IN_WORDS = frozenset({"bad-json", "schema-registry", "unknown-column", "wrong-width"})


@dataclass
class ReasonCounts:
    """Refused rows by reason, with an example of each.

    Attributes:
        reasons: how many rows.
        examples: where a reason occurred first: its column, or in words what was wrong, such as how
            wide the row was. Never what a cell holds.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many rows."""
        return self.reasons.total()

    def add(self, refusals: Iterable[Refusal]) -> None:
        """Count some more."""
        for refusal in refusals:
            if refusal.reason not in self.examples:
                self.examples[refusal.reason] = _example(refusal)
            self.reasons[refusal.reason] += 1


def commonest(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    """Reasons with their counts, the commonest first, equal ones by name."""
    return sorted(reasons.items(), key=lambda item: (-item[1], item[0]))


def listed(reasons: Mapping[str, int]) -> str:
    """All reasons in a few words.

    >>> listed({"bad-time": 2, "wrong-width": 30})
    '30 wrong-width, 2 bad-time'
    """
    return ", ".join(f"{count:,} {reason}" for reason, count in commonest(reasons))


def explained(
    reasons: Mapping[str, int], examples: Mapping[str, str], most: int = EXPLAINED
) -> list[str]:
    """The commonest reasons, each with its count, an example, and what helps.

    >>> explained({"id-too-long": 2}, {"id-too-long": "column 'user'"})
    ["2 id-too-long (column 'user'): send a digest of the id."]
    """
    return [
        f"{count:,} {reason}"
        + (f" ({examples[reason]})" if examples.get(reason) else "")
        + (f": {helps}." if (helps := _helps(reason, examples.get(reason, ""))) else ".")
        for reason, count in commonest(reasons)[:most]
    ]


def _helps(reason: str, example: str) -> str:
    found = (helps for words, helps in _KNOWN.items() if example.startswith(words))
    return next(found, REMEDIES.get(reason, ""))


def _example(refusal: Refusal) -> str:
    if refusal.column:
        return f"column '{refusal.column}'"
    return refusal.text.partition(":")[0] if refusal.reason in IN_WORDS else ""
