"""The ledger: every move of what is served, appended and never changed.

Triggers in the database (:mod:`learners.registry.database_tables`) refuse any other change.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, select

from learners.registry import database_tables
from learners.registry.actor import Actor
from learners.registry.database import Part, Transaction
from learners.registry.row_types import Entry, Json

_TABLE = database_tables.ledger
# What was found of an older registry.
LOST = "lost"
# A corrupt version that was pinned is refused, and another is pinned in its place.
_CHOOSING = ("promote", "rollback", "refuse")
_BY_PERSONS = ("promote", "rollback", "unpin")
_COLUMNS = [column for column in _TABLE.c if column.name != "model"]


class Ledger(Part):
    """Reads the ledger of one model."""

    def entries(self, limit: int | None = None) -> list[Entry]:
        """Every entry, or the newest ``limit`` of them; the oldest first."""
        with self._database.read() as look:
            newest = select(*_COLUMNS).where(_TABLE.c.model == look.model)
            newest = newest.order_by(_TABLE.c.seq.desc()).limit(limit)
            return [Entry(*row) for row in reversed(look.connection.execute(newest).all())]

    def last_move(self) -> Entry | None:
        """The entry by which what is served now came to be served; None before the first."""
        to, before = _TABLE.c.to_version, _TABLE.c.from_version
        return self._last(to.is_not(None), before.is_(None) | (before != to))

    def last_choice(self) -> Entry | None:
        """The newest entry by which a person chose what is served, perhaps what was already."""
        return self._last(_TABLE.c.action.in_(_BY_PERSONS))

    def _last(self, *wanted: ColumnElement[bool]) -> Entry | None:
        with self._database.read() as look:
            here = select(*_COLUMNS).where(_TABLE.c.model == look.model, *wanted)
            newest = here.order_by(_TABLE.c.seq.desc()).limit(1)
            row = look.connection.execute(newest).one_or_none()
            return None if row is None else Entry(*row)

    def served_at(self, moment: datetime) -> int | None:
        """The version that was served at a moment, if one was: the last move up to then led to it.

        Moves are ordered by ``seq``, whatever the clocks said.
        """
        with self._database.read() as look:
            before = (_TABLE.c.model == look.model) & (_TABLE.c.at <= moment)
            newest = select(_TABLE.c.to_version).where(before).order_by(_TABLE.c.seq.desc())
            return look.connection.scalar(newest.limit(1))

    def note_lost(self, lineages: int, actor: Actor) -> None:
        """An older registry of this model is gone; told once.

        Args:
            lineages: how many the log's journal has, of which this registry knows nothing.
            actor: who found it.
        """
        with self._database.write() as change:
            this = (_TABLE.c.model == change.model) & (_TABLE.c.action == LOST)
            if change.connection.scalar(select(_TABLE.c.seq).where(this).limit(1)) is not None:
                return
            serving = database_tables.models.c.serving
            mine = database_tables.models.c.model == change.model
            served = change.connection.scalar(select(serving).where(mine))
            append(
                change,
                actor=actor.name,
                action=LOST,
                reason=f"the journal has {lineages} lineage(s) that this registry did not know: an "
                "older registry was lost, damaged or replaced",
                version=None,
                moved=(served, served),
                detail={"lineages": lineages, "by": actor.by},
            )


def append(
    change: Transaction,
    *,
    actor: str,
    action: str,
    reason: str,
    version: int | None,
    moved: tuple[int | None, int | None],
    detail: Json,
) -> Entry:
    """Add one entry, and give it; ``moved`` is the version served before and after."""
    highest = select(func.max(_TABLE.c.seq)).where(_TABLE.c.model == change.model)
    seq = 1 + (change.connection.scalar(highest) or 0)
    entry = Entry(seq, change.now, actor, action, reason, version, *moved, detail)
    change.connection.execute(insert(_TABLE).values(model=change.model, **entry._asdict()))
    return entry


def last_choice(look: Transaction) -> int | None:
    """The number of the newest entry by which a person chose what is served."""
    here = (_TABLE.c.model == look.model) & _TABLE.c.action.in_(_BY_PERSONS)
    found: int | None = look.connection.scalar(select(func.max(_TABLE.c.seq)).where(here))
    return found


def chosen(look: Transaction) -> set[int]:
    """The versions that were ever served because someone chose them, or in place of such a one."""
    by_choice = (_TABLE.c.model == look.model) & _TABLE.c.action.in_(_CHOOSING)
    versions = look.connection.scalars(select(_TABLE.c.to_version).where(by_choice))
    return {version for version in versions if version is not None}
