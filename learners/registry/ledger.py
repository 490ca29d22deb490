"""The ledger: every move of what is served, appended and never changed.

Triggers in the database (:mod:`learners.registry.database_tables`) refuse any other change.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import func, insert, select

from learners.registry import database_tables
from learners.registry.database import Part, Transaction
from learners.registry.row_types import Entry, Json

_TABLE = database_tables.ledger
_COLUMNS = [column for column in _TABLE.c if column.name != "model"]


class Ledger(Part):
    """Reads the ledger of one model."""

    def entries(self, limit: int | None = None) -> list[Entry]:
        """Every entry, or the newest ``limit`` of them; the oldest first."""
        with self._database.read() as look:
            newest = select(*_COLUMNS).where(_TABLE.c.model == look.model)
            newest = newest.order_by(_TABLE.c.seq.desc()).limit(limit)
            return [Entry(*row) for row in reversed(look.connection.execute(newest).all())]

    def served_at(self, moment: datetime) -> int | None:
        """The version that was served at a moment, if one was: the last move up to then led to it.

        Moves are ordered by ``seq``, whatever the clocks said.
        """
        with self._database.read() as look:
            before = (_TABLE.c.model == look.model) & (_TABLE.c.at <= moment)
            newest = select(_TABLE.c.to_version).where(before).order_by(_TABLE.c.seq.desc())
            return look.connection.scalar(newest.limit(1))


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
    seq = 1 + (change.connection.scalar(highest) or 0)
    entry = Entry(seq, change.now, actor, action, reason, version, *moved, detail)
    change.connection.execute(insert(_TABLE).values(model=change.model, **asdict(entry)))


def chosen(look: Transaction) -> set[int]:
    """The versions that were ever served because someone promoted or rolled back to them."""
    by_choice = (_TABLE.c.model == look.model) & _TABLE.c.action.in_(("promote", "rollback"))
    versions = look.connection.scalars(select(_TABLE.c.to_version).where(by_choice))
    return {version for version in versions if version is not None}
