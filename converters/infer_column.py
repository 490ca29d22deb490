"""One column of a sample -> what it is: kind, range, missing policy, and the reason in words.

Called by :mod:`converters.infer` for every column whose role was not told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from converters.column_sample import ColumnSample, number_or_none
from converters.leaks import rank_auc, rate_auc, suspect
from converters.numbers import LARGEST_FLOAT32, number
from converters.toml_text import quoted, readable

# More than so much missing is worth a feature of its own; more than so much, a warning.
INDICATED_SHARE = 0.05
MOSTLY_SHARE = 0.5

# Whole numbers with at most so many values (days of a month) are names more often than amounts.
MOST_NUMBERED_CATEGORIES = 31
# Numbers are often nearly unique and still amounts: as ids pass those that also count up or down,
# are called so, or are long and of one length.
COUNTING_SHARE = 0.99
ID_DIGITS = 6
ID_NAME = re.compile(r"(?:^|[^a-z])(?:id|key|no|nr|num|number|uuid|guid|index)$", re.IGNORECASE)
CAMEL_ID = re.compile(r"[a-z]I[dD]$")

# Free text: several blanks a cell, and hardly a cell twice.
TEXT_BLANKS = 2.0
TEXT_UNIQUE = 0.8

# Values with fewer rows than this on average have a share of positives by chance alone.
ROWS_A_VALUE = 20


@dataclass(frozen=True)
class Decision:
    """What a column shall be.

    Attributes:
        name: the column.
        settings: its settings as the config file holds them.
        because: why, in words; stands beside it in the file.
        warnings: what the person should look at.
        alone: for a category that is no suspect, how well it alone tells the classes apart (AUC).
    """

    name: str
    settings: dict[str, Any]
    because: str
    warnings: tuple[str, ...] = ()
    alone: float | None = None


def decide(column: ColumnSample) -> Decision:
    """What a feature column is."""
    if not column.present:
        return _dropped(column, "always missing", "is always missing")
    if len(column.counts) == 1:
        always = f"always {readable(column.cells[0])}"
        return _dropped(column, always, f"is constant ({always})")
    if len(column.numbers) == len(column.present):
        return _numbers(column)
    return _words(column)


def _numbers(column: ColumnSample) -> Decision:
    whole = all(value.is_integer() for value in column.numbers)
    if whole and column.nearly_unique and _like_an_id(column):
        return _unique(column)
    values = len(set(column.numbers))
    few = values <= MOST_NUMBERED_CATEGORIES and 2 * values <= len(column.present)
    # One number in two spellings (7 and 7.0) would be two categories.
    if whole and few and values == len(column.distinct):
        return _feature(column, "categorical", f"whole numbers, {values} distinct")
    low, high = min(column.numbers), max(column.numbers)
    seen = f"numbers, {values:,} distinct, seen {_plain(low)}..{_plain(high)}; range widened"
    return _feature(column, "numeric", seen, _range(low, high))


def _words(column: ColumnSample) -> Decision:
    rows = len(column.present)
    blanks = sum(len(cell.split()) - 1 for cell in column.present) / rows
    unique = len(column.distinct) / rows
    if blanks >= TEXT_BLANKS and unique >= TEXT_UNIQUE:
        return _feature(column, "text", f"free text, {blanks + 1:.0f} words a cell")
    if column.nearly_unique:
        return _unique(column)
    most, count = column.distinct.most_common(1)[0]
    because = (
        f"{len(column.distinct):,} distinct, most often {readable(most)} ({_percent(count / rows)})"
    )
    return _feature(column, "categorical", because)


def _feature(
    column: ColumnSample, kind: str, because: str, extra: dict[str, Any] | None = None
) -> Decision:
    settings = {"kind": kind, **(extra or {})}
    warnings = [*_odd_numbers(column)]
    share = column.missing_share
    if share:
        because += f"; {_percent(share)} missing"
    if share > INDICATED_SHARE:
        settings["missing"] = "indicator"
    if share > MOSTLY_SHARE:
        warnings.append(f"column {quoted(column.name)} is mostly missing ({_percent(share)}).")
    if column.spellings:
        settings["missing_values"] = column.spellings
    rank, rate = _alone(column, kind)
    leak = suspect(rank, rate)
    if leak is not None:
        because += f"; a leak? alone it tells the classes apart (AUC {leak:.2f})"
        warnings.append(_leak_warning(column.name, leak))
    alone = rate if leak is None and kind == "categorical" else None
    return Decision(column.name, settings, because, tuple(warnings), alone)


def _leak_warning(name: str, auc: float) -> str:
    return (
        f"column {quoted(name)} looks like a leak: alone it tells the classes apart (AUC "
        f"{auc:.2f}). If it is known only when the label is, what is learned from it is worth "
        f"nothing when it matters: run init again with --drop {quoted(name)}."
    )


def _odd_numbers(column: ColumnSample) -> list[str]:
    """A few cells that keep a column of numbers from being one."""
    odd = len(column.present) - len(column.numbers)
    if not 0 < odd <= len(column.present) / 10:
        return []
    pairs = zip(column.cells, column.lines, strict=True)
    cell, line = next(
        (c, at) for c, at in pairs if c not in column.missing and number_or_none(c) is None
    )
    said = (
        f"column {quoted(column.name)} holds numbers but for {odd:,} of {len(column.present):,} "
        f"cells, for example {readable(cell)} in line {line}, and so cannot be numeric. Mend them, "
        "or list them in its missing_values and set its kind."
    )
    return [said]


def _dropped(column: ColumnSample, because: str, warning: str) -> Decision:
    said = f"column {quoted(column.name)} {warning} and is dropped."
    return Decision(column.name, {"role": "drop"}, because, (said,))


def _unique(column: ColumnSample) -> Decision:
    found = f"{len(column.distinct):,} distinct values in {len(column.present):,} rows"
    name = quoted(column.name)
    what = "time" if column.holds_times else "id"
    warning = (
        f"column {name} is nearly unique ({found}); nothing can be learned from that and it is "
        f"dropped. If it is the event's {what}, run init again with --{what} {name}."
    )
    warnings = (warning, *_odd_numbers(column))
    return Decision(column.name, {"role": "drop"}, f"nearly unique: {found}", warnings)


def _like_an_id(column: ColumnSample) -> bool:
    if ID_NAME.search(column.name) or CAMEL_ID.search(column.name):
        return True
    steps = [b - a for a, b in zip(column.numbers, column.numbers[1:], strict=False)]
    one_way = max(sum(s > 0 for s in steps), sum(s < 0 for s in steps))
    if one_way >= COUNTING_SHARE * len(steps):
        return True
    lengths = {len(cell.strip()) for cell in column.distinct}
    return len(lengths) == 1 and lengths.pop() >= ID_DIGITS


def _alone(column: ColumnSample, kind: str) -> tuple[float | None, float | None]:
    """How well the column alone tells the classes apart: by its rank, and by a share per value."""
    known = [(c, y) for c, y in zip(column.cells, column.labels, strict=True) if y is not None]
    labels = [y for _, y in known]
    if kind == "categorical" and len(column.counts) * ROWS_A_VALUE <= len(known):
        return None, rate_auc([c for c, _ in known], labels)
    absent = rate_auc([c in column.missing for c, _ in known], labels)
    if kind != "numeric":
        return None, absent
    present = [(number(c), y) for c, y in known if c not in column.missing]
    return rank_auc([x for x, _ in present], [y for _, y in present]), absent


def _range(low: float, high: float) -> dict[str, float]:
    """Generous bounds: as much again on either side, but not across zero for one sign."""
    span = high - low or abs(high) or 1.0
    below, above = max(low - span, -LARGEST_FLOAT32), min(high + span, LARGEST_FLOAT32)
    below = 0.0 if low >= 0 > below else below
    above = 0.0 if high <= 0 < above else above
    return {"min": below, "max": above}


def _plain(value: float) -> str:
    return repr(value).removesuffix(".0")


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "under 1%"
