"""Quarantines: records of the log that nobody learns who reads it again, who said so, and why.

Their ranges were found when one was asked for, and stay. A replay and a ``backfill log --fresh``
take those that hold; what a lineage leaves out is kept with the lineage.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, update

from converters.errors import UsageError
from learners.registry import database_tables, serving
from learners.registry.actor import Actor
from learners.registry.database import Part, Transaction
from learners.registry.errors import UnknownQuarantineError
from learners.registry.requests import suitable
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Json, Quarantine

_TABLE = database_tables.quarantines


class Quarantines(Part):
    """The quarantines of one model."""

    def all(self) -> list[Quarantine]:
        """Every one, the oldest first, removed ones too."""
        with self._database.read() as look:
            return find(look)

    def in_force(self) -> list[Quarantine]:
        """Those that were not removed, the oldest first."""
        with self._database.read() as look:
            return find(look, _TABLE.c.removed_at.is_(None))

    def find(self, number: int) -> Quarantine:
        """The one of this number.

        Raises:
            UnknownQuarantineError: there is none.
        """
        with self._database.read() as look:
            return numbered(look, number)

    def held(self) -> OffsetRanges:
        """What those hold that were not removed, together."""
        with self._database.read() as look:
            return held_by(look)

    def known_to(self, held: OffsetRanges) -> list[int]:
        """The versions that have read some of these records, and did not leave them out; rising."""
        with self._database.read() as look:
            return suitable.known_to(look, held)

    def add(self, asked: Json, held: OffsetRanges, reason: str, actor: Actor | str) -> Quarantine:
        """Leave these records out from now on, wherever the log is read again.

        Nothing that has learned them changes by it.

        Args:
            asked: the words that it was asked for in, by the option's name.
            held: the records.
            reason: why.
            actor: who asks.

        Raises:
            UsageError: there is no record, or no reason.
        """
        serving.check_reason(reason)
        with self._database.write() as change:
            return add(change, asked, held, reason, actor)

    def remove(self, number: int, reason: str, actor: Actor | str) -> Quarantine:
        """Learn these records again, wherever the log is read again; removed twice is once.

        Raises:
            UnknownQuarantineError: there is none of this number.
        """
        serving.check_reason(reason)
        with self._database.write() as change:
            return remove(change, number, reason, actor)

    def corrected(self, number: int, rows: int, sent: int, actor: Actor | str) -> Quarantine:
        """Note that rows of it were corrected: to be learned in its place, where it is left out.

        The ledger tells it too where a command was killed after it had sent them.

        Args:
            number: of the quarantine.
            rows: how many of its rows have been corrected.
            sent: how many of them now.
            actor: by whom.

        Raises:
            UnknownQuarantineError: there is none of this number.
        """
        with self._database.write() as change:
            here = (_TABLE.c.model == change.model) & (_TABLE.c.number == number)
            new = max(sent, rows - numbered(change, number).corrected)
            change.connection.execute(update(_TABLE).where(here).values(corrected=rows))
            if new:
                words = "one row was corrected" if new == 1 else f"{new:,} rows were corrected"
                _tell(change, (actor, "correct", words), number)
            return numbered(change, number)


def add(
    change: Transaction, asked: Json, held: OffsetRanges, reason: str, actor: Actor | str
) -> Quarantine:
    """A new one; the same one if it was asked for in the same words and holds the same.

    Raises:
        UsageError: there is no record.
    """
    if not held:
        raise UsageError("There is no record of the log in what is to be left out.")
    same = [q for q in find(change, _TABLE.c.removed_at.is_(None)) if q.ranges == held.to_json()]
    if same:
        return same[-1]
    highest = select(func.max(_TABLE.c.number)).where(_TABLE.c.model == change.model)
    number = 1 + (change.connection.scalar(highest) or 0)
    name = actor if isinstance(actor, str) else actor.name
    who = {"at": change.now, "actor": name, "reason": reason}
    what = {"number": number, "asked": asked, "ranges": held.to_json(), "corrected": 0}
    change.connection.execute(insert(_TABLE).values(model=change.model, **what, **who))
    _tell(change, (actor, "quarantine", reason), number)
    return numbered(change, number)


def remove(change: Transaction, number: int, reason: str, actor: Actor | str) -> Quarantine:
    """It holds no longer."""
    found = numbered(change, number)
    if found.removed_at is not None:
        return found
    name = actor if isinstance(actor, str) else actor.name
    values = {"removed_at": change.now, "removed_by": name, "removed_because": reason}
    here = (_TABLE.c.model == change.model) & (_TABLE.c.number == number)
    change.connection.execute(update(_TABLE).where(here).values(**values))
    _tell(change, (actor, "release", reason), number)
    return numbered(change, number)


def held_by(look: Transaction) -> OffsetRanges:
    """What those hold that were not removed, together."""
    held = find(look, _TABLE.c.removed_at.is_(None))
    return OffsetRanges.of(each for q in held for each in OffsetRanges.from_json(q.ranges))


def find(look: Transaction, *wanted: ColumnElement[bool]) -> list[Quarantine]:
    """The quarantines that meet all conditions, the oldest first."""
    here = select(_TABLE).where(_TABLE.c.model == look.model, *wanted).order_by(_TABLE.c.number)
    return [_quarantine(row) for row in look.connection.execute(here).mappings()]


def numbered(look: Transaction, number: int) -> Quarantine:
    """The one of this number.

    Raises:
        UnknownQuarantineError: there is none.
    """
    found = find(look, _TABLE.c.number == number)
    if not found:
        every = find(look)
        has = f"its last is {every[-1].number}" if every else "it has none"
        raise UnknownQuarantineError(f"Model {look.model!r} has no quarantine {number}; {has}.")
    return found[0]


def _tell(change: Transaction, what: tuple[Actor | str, str, str], number: int) -> None:
    """Into the ledger; serving stays as it is."""
    now = serving.read(change)
    serving.move(change, now, now, what, None, {"quarantine": number})


def _quarantine(row: RowMapping) -> Quarantine:
    return Quarantine(**{name: row[name] for name in row if name != "model"})
