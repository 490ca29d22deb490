"""Who may write: epochs, and the heartbeat by which the writer is seen to live.

The registry asks here before it changes anything on a learner's behalf. An epoch is a number
that rises with every learner that starts; only the holder of the newest one is the writer.
"""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from learners.registry import tables
from learners.registry.database import Transaction
from learners.registry.errors import SupersededError
from learners.registry.records import Json, Status, iso


def begin(change: Transaction, owner: str) -> int:
    """Make ``owner`` the writer from now on; every earlier epoch ends."""
    row, beats = tables.models, tables.heartbeats
    mine = row.c.model == change.model
    epoch: int = 1 + change.connection.execute(select(row.c.epoch).where(mine)).scalar_one()
    values = {"epoch": epoch, "owner": owner, "owned_since": change.now}
    change.connection.execute(update(row).where(mine).values(values))
    change.connection.execute(delete(beats).where(beats.c.model == change.model))
    first = insert(beats).values(
        model=change.model, epoch=epoch, owner=owner, at=change.now, status={}
    )
    change.connection.execute(first)
    return epoch


def check(look: Transaction, epoch: int) -> str:
    """The owner of this epoch, if it is the newest; inside a change it stays so to the end.

    Raises:
        SupersededError: another learner has taken over.
    """
    row = tables.models
    statement = select(row.c.epoch, row.c.owner, row.c.owned_since)
    now = look.connection.execute(statement.where(row.c.model == look.model)).one()
    if now.epoch == epoch:
        return str(now.owner)
    since = f" at {iso(now.owned_since)}" if now.owned_since else ""
    raise SupersededError(
        f"This learner of model {look.model!r} (epoch {epoch}) may write no more: "
        f"{now.owner or 'nobody'} took over{since} with epoch {now.epoch}. Nothing was changed. "
        "Leave the work to that one; if it should not run, stop it and start this one again."
    )


def beat(change: Transaction, epoch: int, status: Json) -> None:
    """Note that the writer lives and how it does."""
    beats = tables.heartbeats
    mine = (beats.c.model == change.model) & (beats.c.epoch == epoch)
    statement = update(beats).where(mine).values(at=change.now, status=status)
    if change.connection.execute(statement).rowcount == 0:
        check(change, epoch)


def status(look: Transaction) -> Status | None:
    """The newest heartbeat; None before the first writer."""
    beats = tables.heartbeats
    statement = select(beats.c.status, beats.c.at, beats.c.epoch, beats.c.owner)
    found = look.connection.execute(statement.where(beats.c.model == look.model)).one_or_none()
    return None if found is None else Status(*found)
