"""What is said of a column's cells that mean nothing, or that keep it from being one of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converters.config.column_settings import FALSE_VALUES, TRUE_VALUES
from converters.config.toml_text import quoted, readable, value
from converters.sampling import missing_markers
from converters.sampling.column_sample import ColumnSample, truth_values
from converters.sampling.nearly_numbers import MOST_NUMBERED_CATEGORIES, shape_of, shown

# Of columns with so many cells that are numbers, or limits and the like, it is said if they are
# categories.
_MENTIONED = 0.5
# Words beside true and false are values of their own, or are missing.
_MOST_BESIDE_TRUTH = 3


def marks_said(column: ColumnSample) -> str:
    """How missing cells are spelt, as a comment goes on."""
    marks = [cell for cell in column.spellings if cell in column.markers]
    if not marks:
        return ""
    counts = column.counts
    return f", spelt {', '.join(f'{readable(c)} ({counts[c]:,} cells)' for c in marks[:8])}"


def marks_warned(column: ColumnSample) -> Iterator[str]:
    """What is taken for missing; of NA and the like nothing is to be said."""
    counts = {cell: column.counts[cell] for cell in column.markers}
    found = missing_markers.told(counts)
    if found:
        yield (
            f"column {quoted(column.name)} holds {_where(column, found)}: taken for missing. If it "
            "is a value like others, take it out of missing_values."
        )


def no_times(column: ColumnSample) -> Iterator[str]:
    """That rows are refused whose time says that there is none."""
    if found := column.spellings:
        yield (
            f"the time column {quoted(column.name)} holds {_where(column, found)}: such rows are "
            "refused, as each event needs a time of its own."
        )


def no_ids(column: ColumnSample) -> Iterator[str]:
    """That rows count as duplicates whose id says that there is none."""
    if found := column.spellings:
        yield (
            f"the id column {quoted(column.name)} holds {_where(column, found)}: each is an id "
            "like others, so that all such rows but the first count as duplicates. Leave the cell "
            "empty where there is no id."
        )


def unknown_labels(column: ColumnSample, unknown: Sequence[str]) -> Iterator[str]:
    """Which labels are not known, in words that follow the column's name."""
    if told := [cell for cell in missing_markers.told(column.counts) if cell in unknown]:
        yield (
            f"holds {_where(column, told)}: taken for a label that is not known. If it is the "
            "other class, run init again with --negative."
        )


def _where(column: ColumnSample, found: Sequence[str]) -> str:
    first = min(map(column.line_of, found))
    return f"{shown(found)} in {column.share_of(found)}, the first in line {first}"


def strays(column: ColumnSample) -> Iterator[str]:
    """What a person should look at in a column of categories, in words."""
    yield from _blanks_at_ends(column)
    yield from _mostly_others(column)
    yield from _beside_truth(column)


def _blanks_at_ends(column: ColumnSample) -> Iterator[str]:
    """A category with a blank at an end is another one than without, which nobody sees."""
    padded = [cell for cell in column.distinct if cell != cell.strip()]
    twice = [cell for cell in padded if cell.strip() in column.distinct]
    rows = sum(column.distinct[cell] for cell in padded)
    if not twice and 2 * rows <= len(column.present):
        return
    cell = twice[0] if twice else padded[0]
    yield (
        f"column {quoted(column.name)} holds {rows:,} of {len(column.present):,} cells with blanks "
        f"at an end, such as {readable(cell)} in line {column.line_of(cell)}: that and "
        f"{readable(cell.strip())} are two values. Take the blanks out if they mean nothing, in "
        "what is predicted later too."
    )


def _mostly_others(column: ColumnSample) -> Iterator[str]:
    """That it mostly holds numbers, or what says something about numbers."""
    name, rows = quoted(column.name), len(column.present)
    shapes: dict[str, list[str]] = {}
    for cell in column.odd:
        if shape := shape_of(cell):
            shapes.setdefault(shape, []).append(cell)
    for shape, cells in shapes.items():
        held = sum(column.distinct[cell] for cell in cells)
        if shape != "intervals" and held >= _MENTIONED * rows:
            yield (
                f"column {name} holds {shape} in {held:,} of {rows:,} cells, such as "
                f"{readable(cells[0])} in line {column.line_of(cells[0])}, which are read as "
                "categories. If they measure something, write decimal numbers."
            )
            return
    odd = rows - len(column.numbers)
    many = len(set(column.numbers)) > MOST_NUMBERED_CATEGORIES
    if 0 < odd <= (_MENTIONED if many else 0.1) * rows:
        cell = column.odd[0]
        yield (
            f"column {name} holds numbers but for {odd:,} of {rows:,} cells, for example "
            f"{readable(cell)} in line {column.line_of(cell)}, and so is not numeric. If it should "
            "be, correct them, or list them in its missing_values and set its kind."
        )


def _beside_truth(column: ColumnSample) -> Iterator[str]:
    """That few spellings keep a column from being boolean."""
    others = sorted({*column.distinct} - {*TRUE_VALUES, *FALSE_VALUES})
    if column.values or not 0 < len(others) <= _MOST_BESIDE_TRUTH:
        return
    if not truth_values(column.distinct.keys() - {*others}):
        return
    rows = sum(column.distinct[cell] for cell in others)
    yield (
        f"column {quoted(column.name)} holds true and false but for {rows:,} of "
        f"{len(column.present):,} cells ({shown(others)}, first in line "
        f"{min(map(column.line_of, others))}), which are values of their own. If they mean that it "
        'is missing, write kind = "boolean" and missing_values = '
        f"{value(sorted({*column.spellings, *others}))}."
    )
