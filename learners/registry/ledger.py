"""The ledger: every move of what is served, appended and never changed.

Triggers in the database (:mod:`learners.registry.tables`) refuse what this module never does.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, insert, select

from learners.registry import tables
from learners.registry.database import Transaction
from learners.registry.records import Entry, Json

_TABLE = tables.ledger
_COLUMNS = [column for column in _TABLE.c if column.name != "model"]


def append(
    change: Transaction,
    *,
    actor: str,
    action: str,
    reason: str,
    version: int | None,
    moved: tuple[int | None, int | None],
    detail: Json,
) -> None:
    """Add one entry; ``moved`` is the version served before and after."""
    highest = select(func.max(_TABLE.c.seq)).where(_TABLE.c.model == change.model)
    values = {
        "model": change.model,
        "seq": 1 + (change.connection.scalar(highest) or 0),
        "at": change.now,
        "actor": actor,
        "action": action,
        "reason": reason,
        "version": version,
        "from_version": moved[0],
        "to_version": moved[1],
        "detail": detail,
    }
    change.connection.execute(insert(_TABLE).values(values))


def entries(look: Transaction, limit: int | None) -> list[Entry]:
    """Every entry, or the newest ``limit`` of them, in the order in which they were made."""
    newest = select(*_COLUMNS).where(_TABLE.c.model == look.model).order_by(_TABLE.c.seq.desc())
    rows = look.connection.execute(newest.limit(limit)).all()
    return [Entry(*row) for row in reversed(rows)]


def chosen(look: Transaction) -> set[int]:
    """The versions that were ever served because someone promoted or rolled back to them."""
    by_choice = (_TABLE.c.model == look.model) & _TABLE.c.action.in_(("promote", "rollback"))
    versions = look.connection.scalars(select(_TABLE.c.to_version).where(by_choice))
    return {version for version in versions if version is not None}


def served_at(look: Transaction, moment: datetime) -> int | None:
    """The version served at a moment: where the last move up to then had led."""
    before = (_TABLE.c.model == look.model) & (_TABLE.c.at <= moment)
    statement = select(_TABLE.c.to_version).where(before).order_by(_TABLE.c.seq.desc()).limit(1)
    return look.connection.scalar(statement)
