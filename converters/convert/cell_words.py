"""Sentences about columns with remarkably many unseen values, or without any value at all."""

from __future__ import annotations

from converters.cells.escaping import quoted
from converters.convert.cell_watch import CellCounts

# Fewer rows say little about a column.
LEAST_ROWS = 100
# So many unseen values come from day to day; more mean that something is spelt in another way, or
# that the config's list has grown old.
MOST_UNSEEN = 0.1
# Columns named in a sentence.
MOST_NAMED = 10


def unseen_words(cells: CellCounts) -> str:
    """Which columns have many values that the config does not list; empty if none has."""
    if cells.rows < LEAST_ROWS:
        return ""
    many = [
        f"{quoted(name)} ({count:,}, {count / cells.rows:.0%})"
        for name, count in sorted(cells.unseen.items(), key=lambda item: (-item[1], item[0]))
        if count > MOST_UNSEEN * cells.rows
    ]
    if not many:
        return ""
    return (
        f"Of {cells.rows:,} event rows, many have a value that their column does not list: "
        f"{_named(many)}. See whether they are spelt in another way than before ('freshet check' "
        "shows them); if they are new, add them to `values`."
    )


def absent_words(cells: CellCounts) -> str:
    """Which columns have no value in any row; empty if none is so."""
    if cells.rows < LEAST_ROWS:
        return ""
    never = [quoted(name) for name, count in sorted(cells.absent.items()) if count == cells.rows]
    if not never:
        return ""
    return (
        f"None of {cells.rows:,} event rows has a value for {_named(never)}. Unless the column is "
        "new, see whether the sender has renamed or dropped it (`was` names what a column was "
        "called): without it, scores are worse than they could be."
    )


def remarks_on(cells: CellCounts) -> list[str]:
    """What a person should know of them."""
    return [words for words in (unseen_words(cells), absent_words(cells)) if words]


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
