"""The label column of a sample -> the label map, and what is odd about it.

Part of :mod:`converters.init.schema_inference`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from converters.config.toml_text import quoted, readable
from converters.errors import UsageError
from converters.sampling.column_sample import means_missing

# How many label values a message lists.
LISTED_VALUES = 10
# More classes than this in one label column hint at a column that is no label, and this many no
# person looks through in the config.
MANY_VALUES = 31
MOST_VALUES = 1_000


class InferError(UsageError):
    """What was told does not fit the file."""


@dataclass(frozen=True)
class Labels:
    """The label map, and the code of each row of the sample: 1, 0, None (not known)."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    missing: tuple[str, ...]
    codes: tuple[int | None, ...]
    warnings: tuple[str, ...]

    @property
    def balance(self) -> str:
        """How many rows of the sample are positive, in words."""
        known = sum(code is not None for code in self.codes)
        positive = sum(code == 1 for code in self.codes)
        are = "label in the sample is" if known == 1 else "labels in the sample are"
        return f"{positive:,} of {known:,} {are} positive ({positive / known:.1%})"


@dataclass(frozen=True)
class LabelColumn:
    """The label column of a sample and what was told about it.

    Attributes:
        name: the column.
        cells: its cells.
        positive: the spellings of the positive class; one at least must occur.
        negative: those of the negative class; empty means every other one that occurs.
    """

    name: str
    cells: Sequence[str]
    positive: tuple[str, ...]
    negative: tuple[str, ...]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each cell occurs."""
        return Counter(self.cells)

    @cached_property
    def missing(self) -> list[str]:
        """The spellings of missing that occur and were not told to be a class."""
        told = {*self.positive, *self.negative}
        return sorted(c for c in self.counts if c and means_missing(c) and c not in told)

    @cached_property
    def values(self) -> list[str]:
        """The other values, sorted."""
        return [value for value in sorted(self.counts) if value and value not in self.missing]

    def ranked(self, values: Sequence[str]) -> tuple[str, ...]:
        """Values by how often they occur, the most frequent first."""
        return tuple(sorted(values, key=lambda value: -self.counts[value]))


def map_labels(column: LabelColumn) -> Labels:
    """Which class each value of the label column is.

    Raises:
        InferError: what was told does not fit the cells.
    """
    _check_told(column)
    negative = column.negative or tuple(v for v in column.values if v not in column.positive)
    if not column.negative and len(negative) > MOST_VALUES:
        raise InferError(
            f"The label column {quoted(column.name)} holds {len(column.values):,} values; say with "
            "--negative VALUE which are the other class, or name another column."
        )
    if not negative:
        missing = f" (and {listed(column.missing)}, read as not known)" if column.missing else ""
        raise InferError(
            f"The label column {quoted(column.name)} holds no value but {listed(column.values)}"
            f"{missing} in the sample; say with --negative VALUE what the other class is."
        )
    # Answers name a class by its first spelling.
    positive, negative = column.ranked(column.positive), column.ranked(negative)
    classes = {**dict.fromkeys(column.positive, 1), **dict.fromkeys(negative, 0)}
    codes = tuple(classes.get(cell) for cell in column.cells)
    warnings = [
        f"the label column {quoted(column.name)} {warning}"
        for warning in (*_too_few(column, codes), *_too_many(column, negative))
    ]
    return Labels(positive, negative, tuple(column.missing), codes, tuple(warnings))


def _check_told(column: LabelColumn) -> None:
    told = Counter((*column.positive, *column.negative))
    if "" in told:
        raise InferError("The empty cell cannot be a class: it is a label that is not known yet.")
    twice = [value for value, count in told.items() if count > 1]
    if twice:
        raise InferError(
            f"--positive and --negative name {listed(twice)} twice; each value is of one class."
        )
    if not set(column.positive) & set(column.values):
        raise InferError(
            f"--positive {listed(column.positive)} never occurs in the label column "
            f"{quoted(column.name)} of the sample. Its values are "
            f"{listed(column.values) or 'all missing'}. (--sample ROWS reads more rows.)"
        )


def _too_few(column: LabelColumn, codes: Sequence[int | None]) -> Iterable[str]:
    unseen = [v for v in (*column.positive, *column.negative) if v not in column.counts]
    if unseen:
        yield f"never holds {listed(unseen)} in the sample."
    if 0 not in codes:
        yield "holds one class alone in the sample; a model needs both."


def _too_many(column: LabelColumn, negative: Sequence[str]) -> Iterable[str]:
    values = f"holds {len(column.values):,} values"
    if not column.negative and len(negative) > 1:
        yield (
            f"{values}; all but {listed(column.positive)} count as negative: {listed(negative)}. "
            "Other values will be refused; --negative VALUE says which are meant."
        )
    if len(column.values) > MANY_VALUES:
        yield f"{values}; is it the label?"
    others = [v for v in column.values if v not in {*column.positive, *negative}]
    if others:
        rows = sum(column.counts[value] for value in others)
        yield (
            f"holds {listed(others)} besides the values told; such rows ({rows:,} in the sample) "
            "will be refused."
        )


def listed(values: Sequence[str]) -> str:
    """Values as a message lists them, the first ten if there are more."""
    shown = ", ".join(map(readable, values[:LISTED_VALUES]))
    more = len(values) - LISTED_VALUES
    return f"{shown} and {more:,} more" if more > 0 else shown
