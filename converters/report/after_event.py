"""Whether a column of times is always later than the event itself, in the sample: a leak.

Called by :mod:`converters.check.columns` for features of kind ``time``, where the file has a
column of role ``time``. What comes after the event is known only afterwards; ``init`` judges alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from converters.cells.refusal import RefusedCellError
from converters.cells.times import local_time
from converters.report.column_plan import ColumnPlan
from converters.sampling.column import UNIQUE_FROM_ROWS
from converters.sampling.uniform import RowSample

Moments = Sequence[float | None]


def happened(plans: Sequence[ColumnPlan], sample: RowSample) -> Moments:
    """When each sampled row's event was; empty if the file does not say, or nothing needs it."""
    places = [place for place, plan in enumerate(plans) if plan.role == "time"]
    if not places or not any(map(_learned, plans)):
        return []
    plan = plans[places[0]]
    return [_moment(plan, cell) for cell in sample.column(places[0])]


def always_later(plan: ColumnPlan, cells: Sequence[str], events: Moments) -> bool:
    """Whether these times always come after their events; each row has one cell."""
    if not events or not _learned(plan):
        return False
    compared = 0
    for cell, event in zip(cells, events, strict=True):
        moment = None if event is None else _moment(plan, cell)
        if moment is None or event is None:
            continue
        if moment <= event:  # most honest columns are done with at once
            return False
        compared += 1
    return compared >= UNIQUE_FROM_ROWS


def _learned(plan: ColumnPlan) -> bool:
    return plan.role == "feature" and plan.kind == "time"


def _moment(plan: ColumnPlan, cell: str) -> float | None:
    """Seconds since 1970; None for a cell that holds no time."""
    if plan.is_missing(cell):
        return None
    try:
        return local_time(cell, ZoneInfo(plan.zone)).timestamp()
    except RefusedCellError:
        return None
