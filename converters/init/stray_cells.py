"""What is said of a column's cells that mean nothing, or that keep it from being one of numbers."""

from __future__ import annotations

from collections.abc import Iterator

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
            f"column {quoted(column.name)} holds {shown(found)} in {column.share_of(found)}, the "
            f"first in line {min(map(column.line_of, found))}: taken for missing. If it is a value "
            "like others, take it out of missing_values."
        )


def strays(column: ColumnSample) -> Iterator[str]:
    """That a column of categories mostly holds something else, in words."""
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
    yield from _beside_truth(column)


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
