"""A column of numbers -> quantities, codes, or an id; and the range of quantities."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from converters.cells.numbers import LARGEST_FLOAT32
from converters.config.toml_text import quoted, readable
from converters.init.column_decision import (
    Alternative,
    Guess,
    percent,
    plain,
    rounded,
)
from converters.init.nonnumeric_columns import categories, with_known
from converters.sampling.column_sample import ColumnSample
from converters.sampling.nearly_numbers import (
    LEADING_ZERO,
    MOST_NUMBERED_CATEGORIES,
    is_postal,
    shown,
)
from converters.sampling.number_notations import notation_in

# Numbers are often nearly unique and still amounts: as ids pass those that also count up or down,
# are called so, or are long and of one length.
COUNTING_SHARE = 0.99
ID_DIGITS = 6
ID_NAME = re.compile(r"(?:^|[^a-z])(?:id|key|no|nr|num|number|uuid|guid|index)$", re.IGNORECASE)
CAMEL_ID = re.compile(r"[a-z]I[dD]$")

# More spellings than these come anew in each file.
MANY_SPELLINGS = 10
# What to do with limits, fractions and the like.
ALMOST = (
    " Such cells other than those listed refuse their rows: write numbers in their place, and into "
    "a column of its own what they say besides, where it matters."
)

NAMES = Alternative({"kind": "categorical"}, "if these are codes, not quantities")

# log1p helps where a few amounts are many times the usual one; below LOG_BENDS it changes nothing.
LONG_TAIL = 5
LOG_BENDS = 10


def numbers(column: ColumnSample) -> Guess:
    """What a column of numbers is, if it is no id.

    Words among them are listed as missing.
    """
    values = len(set(column.numbers))
    whole = all(value.is_integer() for value in column.numbers)
    if whole and (named := _codes(column)):
        return named
    few = values <= MOST_NUMBERED_CATEGORIES and 2 * values <= len(column.present)
    # One number in two spellings (7 and 7.0) would be two categories.
    if whole and few and values == len(column.distinct):
        seen = f"whole numbers, {values} distinct, {_span(column.numbers)}"
        amount = Alternative(_amount(column.numbers), "if these are quantities, not codes")
        because = f"{seen}: treated as categories"
        guess = Guess("categorical", because, (amount,), is_counting=True)
        return with_known(column, guess)
    amounts = _amount(column.numbers)
    seen = f"numbers, {values:,} distinct, {_span(column.numbers)}"
    because = f"{seen}; {_explained(column, amounts)}"
    others: list[Alternative] = []
    if "transform" in amounts:
        linear = {key: value for key, value in amounts.items() if key != "transform"}
        others.append(Alternative(linear, "to take the numbers as they are"))
    if 2 * values <= len(column.present):
        others.append(NAMES)
    guess = Guess("numeric", because, tuple(others), amounts)
    return guess if not column.odd else _with_odd(column, guess)


def _codes(column: ColumnSample) -> Guess | None:
    """Whole numbers that name something: by a leading zero, or called as postal codes are."""
    zero = next((cell for cell in column.values if LEADING_ZERO.fullmatch(cell.strip())), None)
    if not (zero or is_postal(column.name)):
        return None
    why = f"{readable(zero)} begins with a zero" if zero else "called as postal codes are"
    guess = categories(column)
    amount = Alternative(_amount(column.numbers), "if these are quantities, not codes")
    because = f"whole numbers treated as categories, since {why}; {guess.because}"
    others = guess.otherwise if column.odd else (amount, *guess.otherwise)
    return replace(guess, because=because, otherwise=others)


def like_an_id(column: ColumnSample) -> bool:
    """Whether nearly unique whole numbers look like the names of things."""
    if is_postal(column.name) or not all(value.is_integer() for value in column.numbers):
        return False
    if ID_NAME.search(column.name) or CAMEL_ID.search(column.name):
        return True
    steps = [b - a for a, b in zip(column.numbers, column.numbers[1:], strict=False)]
    one_way = max(sum(s > 0 for s in steps), sum(s < 0 for s in steps))
    if one_way >= COUNTING_SHARE * len(steps):
        return True
    lengths = {len(cell.strip()) for cell in column.distinct}
    return len(lengths) == 1 and lengths.pop() >= ID_DIGITS


def bounds(low: float, high: float) -> tuple[float, float]:
    """Generous bounds: as much again on either side, but not across zero for one sign.

    They are rounded outward to a hundredth of what lies between, so that they can be read.
    """
    span = high - low or abs(high) or 1.0
    unit = 10.0 ** (math.floor(math.log10(span)) - 1) if math.isfinite(span) else math.inf
    below, above = _rounded(low - span, unit, math.floor), _rounded(high + span, unit, math.ceil)
    below, above = max(below, -LARGEST_FLOAT32), min(above, LARGEST_FLOAT32)
    return (0.0 if low >= 0 > below else below, 0.0 if high <= 0 < above else above)


def _rounded(value: float, unit: float, way: Any) -> float:  # noqa: ANN401  # floor or ceil
    units = value / unit if unit else math.inf
    if not abs(units) < 1e6:  # far from zero, or too small to divide: as it is
        return value
    # A unit such as 0.1 is no binary fraction: the product is corrected to its digits.
    return float(f"{way(units) * unit:.12g}")


def _amount(values: Sequence[float]) -> dict[str, Any]:
    low, high = bounds(min(values), max(values))
    settings: dict[str, Any] = {"kind": "numeric", "min": low, "max": high}
    if _tail(values) is not None:
        settings["transform"] = "log1p"
    return settings


def _tail(values: Sequence[float]) -> tuple[float, float] | None:
    """Median (of those above zero) and 99th percentile, if the tail is long."""
    if min(values) < 0:
        return None
    above = sorted(value for value in values if value > 0)
    if not above:
        return None
    median, high = above[len(above) // 2], above[int(len(above) * 0.99)]
    return (median, high) if high >= LOG_BENDS and high > LONG_TAIL * median else None


def _span(values: Sequence[float]) -> str:
    return f"seen {plain(min(values))} .. {plain(max(values))}"


def _explained(column: ColumnSample, amounts: dict[str, Any]) -> str:
    low, high = min(column.numbers), max(column.numbers)
    said = (
        f"bounds {plain(amounts['min'])} .. {plain(amounts['max'])}: widened on either side by "
        f"what these span ({rounded(high - low)})"
    )
    if low >= 0 and low - (high - low) < 0:
        said += ", but not below zero"
    tail = _tail(column.numbers)
    if tail is not None:
        said += (
            f"; long-tailed (one in a hundred is from {rounded(tail[1])} on, more than {LONG_TAIL} "
            f"times the usual {rounded(tail[0])}), so its logarithm is learned from"
        )
    return said


def _with_odd(column: ColumnSample, guess: Guess) -> Guess:
    """Words and limits among numbers are missing; one in another notation refuses its row."""
    found = column.beside
    if found is None:
        return guess
    because, warnings = guess.because, []
    for what, cells in {"": found.strange, **found.almost}.items():
        if cells:
            said, warning = _taken(column, what, cells)
            because += said
            warnings.append(warning)
    if found.otherwise:
        of, cell = _cells(column, found.otherwise), found.otherwise[0]
        notation = notation_in(found.otherwise, column.values)
        because += f"; {of} are numbers in another notation, such as {readable(cell)}, and refused"
        warnings.append(
            f"column {quoted(column.name)} holds numbers but for {of} in another notation, for "
            f"example {readable(cell)} in line {column.line_of(cell)}, whose rows are refused, "
            f"as freshet check shows. {notation.advice(cell)}."
        )
        guess = replace(guess, rule=notation.rule)
    others = guess.otherwise
    if len(found.strange) > MANY_SPELLINGS and NAMES not in others:
        others = (*others, NAMES)
    return replace(
        guess,
        because=because,
        otherwise=others,
        warnings=tuple(warnings),
        as_missing=found.taken,
    )


def _taken(column: ColumnSample, what: str, cells: Sequence[str]) -> tuple[str, str]:
    """That cells beside numbers count as missing: what a comment goes on with, and a warning."""
    of, spelt = _cells(column, cells), shown(cells)
    many = len(cells) > MANY_SPELLINGS
    if many:
        share = sum(map(column.distinct.__getitem__, cells)) / len(column.present)
        of += f" ({percent(share)})"
    warning = (
        f"column {quoted(column.name)} holds numbers but for {of} ({spelt}, first in line "
        f"{column.line_of(cells[0])}){what and f', {what}'}; these are taken for missing."
        f"{ALMOST if what or many else ''}"
    )
    return f"; {of} are {what or 'no numbers'} and taken for missing: {spelt}", warning


def _cells(column: ColumnSample, spellings: Sequence[str]) -> str:
    rows = sum(column.distinct[cell] for cell in spellings)
    return f"{rows:,} of {len(column.present):,} cells"
