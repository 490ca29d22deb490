"""Adoptions: who takes which version's state from where, asked for by a promotion.

A promoted backfill is to be taken by the learner. Its row says so until the learner's new lineage
begins, in one transaction with that; a later promotion or a rollback withdraws it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update

from learners.registry import database_tables
from learners.registry.database import Part, Transaction
from learners.registry.errors import AdoptionWithdrawnError
from learners.registry.row_types import Adoption

_TABLE = database_tables.adoptions
PENDING, DONE, WITHDRAWN = "pending", "done", "withdrawn"


class Adoptions(Part):
    """Reads the adoptions of one model."""

    def pending(self) -> Adoption | None:
        """The one that the learner has still to take, if there is one."""
        with self._database.read() as look:
            return pending(look)

    def of_lineage(self, lineage: int) -> Adoption | None:
        """The one that a lineage began with, if it did."""
        with self._database.read() as look:
            return of_lineage(look, lineage)


def pending(look: Transaction) -> Adoption | None:
    """The newest that has not been taken or withdrawn."""
    here = (_TABLE.c.model == look.model) & (_TABLE.c.state == PENDING)
    newest = select(_TABLE).where(here).order_by(_TABLE.c.seq.desc()).limit(1)
    row = look.connection.execute(newest).mappings().one_or_none()
    return None if row is None else _adoption(row)


def of_lineage(look: Transaction, lineage: int) -> Adoption | None:
    """The one that a lineage began with, if it did."""
    here = (_TABLE.c.model == look.model) & (_TABLE.c.lineage == lineage)
    row = look.connection.execute(select(_TABLE).where(here)).mappings().one_or_none()
    return None if row is None else _adoption(row)


def ask(change: Transaction, version: int, kind: str, *, leave_waiting: bool) -> None:
    """Have the learner take a version's state; what was asked before is withdrawn."""
    withdraw(change)
    highest = select(func.max(_TABLE.c.seq)).where(_TABLE.c.model == change.model)
    values: dict[str, Any] = {
        "model": change.model,
        "seq": 1 + (change.connection.scalar(highest) or 0),
        "version": version,
        "kind": kind,
        "leave_waiting": leave_waiting,
        "at": change.now,
        "state": PENDING,
    }
    change.connection.execute(insert(_TABLE).values(values))


def withdraw(change: Transaction) -> None:
    """Have nothing taken that was asked for and not taken yet."""
    here = (_TABLE.c.model == change.model) & (_TABLE.c.state == PENDING)
    change.connection.execute(update(_TABLE).where(here).values(state=WITHDRAWN))


def take(change: Transaction, adoption: Adoption, lineage: int) -> None:
    """It is taken: the lineage begins with it.

    Raises:
        AdoptionWithdrawnError: it was withdrawn since it was read.
    """
    here = (_TABLE.c.model == change.model) & (_TABLE.c.seq == adoption.seq)
    how = {"kind": adoption.kind, "checkpoint": adoption.checkpoint}
    done = {"state": DONE, "lineage": lineage, **how}
    asked = update(_TABLE).where(here, _TABLE.c.state == PENDING)
    if change.connection.execute(asked.values(done)).rowcount == 0:
        raise AdoptionWithdrawnError(
            f"Version {adoption.version} of model {change.model!r} is no longer to be taken by the "
            "learner: someone promoted another, or rolled back. Start the learner again."
        )


def note(change: Transaction, adoption: Adoption, lineage: int) -> None:
    """What a lineage began with that no promotion asked for."""
    highest = select(func.max(_TABLE.c.seq)).where(_TABLE.c.model == change.model)
    known = {name: value for name, value in adoption._asdict().items() if name in _TABLE.c}
    values = known | {
        "model": change.model,
        "seq": 1 + (change.connection.scalar(highest) or 0),
        "at": change.now,
        "state": DONE,
        "lineage": lineage,
    }
    change.connection.execute(insert(_TABLE).values(values))


def checkpoints(look: Transaction) -> set[int]:
    """The checkpoints that lineages began with, besides versions."""
    here = (_TABLE.c.model == look.model) & _TABLE.c.checkpoint.is_not(None)
    return set(look.connection.scalars(select(_TABLE.c.checkpoint).where(here)))


def _adoption(row: RowMapping) -> Adoption:
    return Adoption(**{name: row[name] for name in row if name != "model"})
