"""What is wrong with one column, or odd about it; part of :mod:`.findings`."""

from __future__ import annotations

from collections.abc import Iterator

from converters.cells.refusal import quoted
from converters.check.contents import Finding, Level
from converters.report.column_contents import ColumnReport
from converters.report.wording import counted, percent
from converters.sampling.column import UNIQUE_FROM_ROWS
from converters.sampling.sketches import about
from converters.sampling.suspects import BY, Alone, suspicious

MOSTLY_MISSING_SHARE = 0.5
OUTSIDE_SHARE = 0.01
UNSEEN_SHARE = 0.01
DRIFTED = 0.25


AFTER_EVENT = (
    "is always later than the event itself. If it is known only afterwards, give it the role "
    '"leak".'
)


def column_findings(column: ColumnReport, rows: int) -> Iterator[Finding]:
    """All of one column.

    Args:
        column: the column.
        rows: how many rows were told apart into cells.
    """
    said = _Saying(column)
    present = rows - column.missing
    if column.alone is not None and column.learned and suspicious(column.alone):
        yield said("problem", "leak-suspect", _leak(column.alone))
    elif column.after_event:
        yield said("warning", "leak-suspect", AFTER_EVENT)
    if column.learned and rows >= UNIQUE_FROM_ROWS:
        yield from _values(column, present, said)
    if column.numbers and column.numbers.outside >= OUTSIDE_SHARE * present:
        share = percent(column.numbers.outside / present)
        cells = f"{counted(column.numbers.outside, 'cell', 'cells')} ({share})"
        rest = f"has {cells} outside min..max; if they are right, widen the range."
        yield said("warning", "out-of-range", rest)
    if present and column.unseen >= UNSEEN_SHARE * present:
        share = percent(column.unseen / present)
        cells = f"{counted(column.unseen, 'cell', 'cells')} ({share})"
        yield said("warning", "unseen-values", f"has {cells} that its lists of values do not name.")
    yield from _drifting(column, said)


class _Saying:
    """Makes findings about one column, whose messages begin with its name."""

    def __init__(self, column: ColumnReport) -> None:
        self._name = column.name

    def __call__(self, level: Level, code: str, message: str) -> Finding:
        return Finding(level, code, self._name, f"'{quoted(self._name)}' {message}")


def _leak(alone: Alone) -> str:
    return (
        f"alone tells the classes apart {BY[alone.by]} (AUC {alone.auc:.3f}; columns of chance "
        f"stay under {alone.control:.3f}). If it is known only when the label is, give it the "
        'role "leak".'
    )


def _values(column: ColumnReport, present: int, said: _Saying) -> Iterator[Finding]:
    if not present:
        yield said("warning", "always-missing", "is always missing.")
    elif column.constant:
        rest = "has one value in all rows that have it; nothing can be learned from that."
        if column.missing:
            rest = "has one value in all rows that have it: only its being missing tells anything."
        yield said("note" if column.missing else "warning", "constant", rest)
    elif column.missing_share > MOSTLY_MISSING_SHARE:
        share = percent(column.missing_share)
        yield said("warning", "mostly-missing", f"is missing in {share} of the rows.")
    if column.nearly_unique and column.kind in ("categorical", "boolean"):
        rest = (
            f"hardly has a value twice ({about(column.distinct)} in {present:,} rows); nothing "
            "can be learned from that. Drop it, or give it the role of the id."
        )
        yield said("warning", "nearly-unique", rest)


def _drifting(column: ColumnReport, said: _Saying) -> Iterator[Finding]:
    drift = column.drift
    if drift is None or drift.psi < DRIFTED or drift.psi <= drift.chance:
        return
    index = f"population stability index {drift.psi:.2f}"
    if drift.ordered:
        rest = f"is what the file is ordered by, so that its halves differ in it ({index})."
        yield said("note", "ordered-by", rest)
    elif column.learned:
        rest = (
            f"differs between the file's halves ({index}; by chance under {drift.chance:.2f}): if "
            "the file is in order of time, what is learned first may not hold later."
        )
        yield said("warning", "drift", rest)
