"""The rows of rollbacks, from state to state: each step of a change has its condition here."""

from __future__ import annotations

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, update

from learners.registry import database_tables, versions
from learners.registry.database import Transaction
from learners.registry.errors import AdoptionWithdrawnError, UnknownRollbackError
from learners.registry.requests.offset_ranges import of_positions
from learners.registry.row_types import Commit, Entry, Json, Rollback, Start

_TABLE = database_tables.rollbacks
ASKED, CLAIMED, REPLAYING = "asked", "claimed", "replaying"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
UNDER_WAY = (ASKED, CLAIMED, REPLAYING)
BEGUN = (CLAIMED, REPLAYING)


def find(look: Transaction, *wanted: ColumnElement[bool]) -> list[Rollback]:
    """The rollbacks that meet all conditions, the oldest first."""
    here = select(_TABLE).where(_TABLE.c.model == look.model, *wanted).order_by(_TABLE.c.number)
    return [_rollback(row) for row in look.connection.execute(here).mappings()]


def numbered(look: Transaction, number: int) -> Rollback:
    """The one of this number.

    Raises:
        UnknownRollbackError: there is none.
    """
    found = find(look, _TABLE.c.number == number)
    if not found:
        every = find(look)
        has = f"its last is {every[-1].number}" if every else "it has none"
        raise UnknownRollbackError(f"Model {look.model!r} has no rollback {number}; {has}.")
    return found[0]


def of_lineage(look: Transaction, lineage: int) -> Rollback | None:
    """The one that began a lineage, if one did."""
    return next(iter(find(look, _TABLE.c.lineage == lineage)), None)


def under_way(look: Transaction) -> Rollback | None:
    """The one that is asked for, claimed or replaying, if there is one."""
    return next(iter(find(look, _TABLE.c.state.in_(UNDER_WAY))), None)


def begun(look: Transaction) -> Rollback | None:
    """The one that the live lineage began with, if the learner has still to be done with it."""
    live = versions.live_serial(look)
    found = None if live is None else of_lineage(look, live)
    return found if found is not None and found.state in BEGUN else None


def replays(look: Transaction, lineage: int) -> bool:
    """Whether a lineage reads again, and has not caught up yet."""
    found = of_lineage(look, lineage)
    return found is not None and found.learner == "replay" and found.state in BEGUN


def tips(look: Transaction) -> set[int]:
    """The versions that the learner had come to before it read the log again."""
    tip = _TABLE.c.tip
    here = select(tip).where(_TABLE.c.model == look.model, tip.is_not(None))
    return set(look.connection.scalars(here))


def add(change: Transaction, version: int, learner: str, entry: Entry, more: Json) -> Rollback:
    """A new one, asked for as the ledger's entry says.

    Args:
        change: the registry.
        version: to go back to.
        learner: how.
        entry: of the ledger: who asks, why, when.
        more: further columns: ``quarantine``, ``undoes``, ``quarantined``.
    """
    highest = select(func.max(_TABLE.c.number)).where(_TABLE.c.model == change.model)
    number = 1 + (change.connection.scalar(highest) or 0)
    who = {"at": entry.at, "actor": entry.actor, "reason": entry.reason, "pin": entry.seq}
    what = {"version": version, "learner": learner, "state": ASKED, "words": ""}
    values = {"model": change.model, "number": number, **what, **who, **more}
    change.connection.execute(insert(_TABLE).values(values))
    return numbered(change, number)


def pinned_by(change: Transaction, rollback: Rollback, entry: Entry) -> Rollback:
    """It was asked for once more, by this entry of the ledger."""
    _set(change, rollback.number, pin=entry.seq)
    return numbered(change, rollback.number)


def claim(change: Transaction, rollback: Rollback, lineage: int) -> None:
    """The learner does it from here on, by this lineage, and knows how far a replay goes.

    Raises:
        AdoptionWithdrawnError: it was cancelled since it was read.
    """
    asked = _TABLE.c.state == ASKED
    values = {"state": CLAIMED, "lineage": lineage, "tip": rollback.tip, "until": rollback.until}
    if not _set(change, rollback.number, asked, **values):
        raise AdoptionWithdrawnError(
            f"Rollback {rollback.number} of model {change.model!r} was cancelled meanwhile."
        )


def replaying(change: Transaction, number: int) -> None:
    """The learner has begun to read again."""
    _set(change, number, _TABLE.c.state == CLAIMED, state=REPLAYING)


def finish(change: Transaction, commit: Commit, version: int) -> Rollback | None:
    """The one that began a lineage is done with this version; None if there is none.

    A replay is done once it has read as far as the learner had before it.
    """
    found = of_lineage(change, commit.lineage)
    if found is None or found.state not in BEGUN or not has_caught_up(found, commit.start):
        return None
    _set(change, found.number, state=DONE, made=version, ended_at=change.now)
    return numbered(change, found.number)


def has_caught_up(rollback: Rollback, start: Start) -> bool:
    """Whether a place is that where a replay ends, or beyond it; always if it is no replay."""
    at = of_positions(start.positions)
    return all(at.get(p, 0) >= end for p, end in of_positions(rollback.until or {}).items())


def end(change: Transaction, number: int, state: str, words: str) -> Rollback:
    """It has failed, or is cancelled."""
    _set(change, number, state=state, words=words, ended_at=change.now)
    return numbered(change, number)


def _set(change: Transaction, number: int, *wanted: ColumnElement[bool], **values: object) -> bool:
    """Change a row that meets these conditions; whether it did."""
    here = (_TABLE.c.model == change.model, _TABLE.c.number == number, *wanted)
    return change.connection.execute(update(_TABLE).where(*here).values(**values)).rowcount > 0


def _rollback(row: RowMapping) -> Rollback:
    return Rollback(**{name: row[name] for name in row if name != "model"})
