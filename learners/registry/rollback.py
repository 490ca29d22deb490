"""Rollbacks of the learner: asked for by a person, claimed by the learner, done with a version.

Serving moves when one is asked for, in the same transaction. From the moment the learner claims
it, which begins a lineage, it cannot be cancelled: a start that finds it claimed finishes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, update

from learners.registry import adoptions, database_tables, ledger, serving, versions
from learners.registry.actor import Actor
from learners.registry.database import Part, Transaction
from learners.registry.errors import (
    AdoptionWithdrawnError,
    RollbackClaimedError,
    RollbackRefusedError,
    RollbackUnderWayError,
    UnknownRollbackError,
)
from learners.registry.row_types import Adoption, Entry, Json, Pointers, Rollback, Version

_TABLE = database_tables.rollbacks
ASKED, CLAIMED, DONE, FAILED, CANCELLED = "asked", "claimed", "done", "failed", "cancelled"
UNDER_WAY = (ASKED, CLAIMED)
# What to do where one can no longer be cancelled.
_ADVICE = {
    CLAIMED: "Once it is done, have the learner go back to another version.",
    DONE: "Have the learner go back to another version.",
    FAILED: "The learner has gone on as before.",
}


class Rollbacks(Part):
    """The rollbacks of one model's learner."""

    def all(self) -> list[Rollback]:
        """Every one, the oldest first."""
        with self._database.read() as look:
            return find(look)

    def find(self, number: int) -> Rollback:
        """The one of this number.

        Raises:
            UnknownRollbackError: there is none.
        """
        with self._database.read() as look:
            return numbered(look, number)

    def under_way(self) -> Rollback | None:
        """The one that is asked for or claimed, if there is one."""
        with self._database.read() as look:
            return under_way(look)

    def asked(self) -> Rollback | None:
        """The one that the learner has still to claim, if there is one."""
        found = self.under_way()
        return found if found is not None and found.state == ASKED else None

    def to_tell(self) -> Rollback | None:
        """The one that is under way; or the last, if it failed and nobody has chosen since."""
        with self._database.read() as look:
            last = find(look)[-1:]
            told = last and (
                last[0].state in UNDER_WAY
                or (last[0].state == FAILED and ledger.last_choice(look) == last[0].pin)
            )
            return last[0] if told else None

    def of_lineage(self, lineage: int) -> Rollback | None:
        """The one that began a lineage, if one did."""
        with self._database.read() as look:
            return of_lineage(look, lineage)

    def ask(
        self, version: int, learner: Literal["resume"], reason: str, actor: Actor | str
    ) -> Pointers:
        """Serve a version, and have the learner go back to it.

        What was asked for before, and is under way or was just done, is not asked for again.

        Returns:
            The pointers, with the rollback.

        Raises:
            UnknownVersionError: there is no such version.
            UnservableVersionError: it was refused, or its files are gone.
            RollbackRefusedError: the learner could not go back to it.
            RollbackUnderWayError: the learner has still to do another one.
        """
        serving.check_reason(reason)
        with self._database.write() as change:
            wanted = versions.version(change, version)
            serving.check_servable(change, wanted)
            serving.check_served(wanted)
            _check_resumable(change, wanted)
            before = serving.read(change)
            last = _asked_before(change, wanted, learner)
            done = last is not None and last.state == DONE
            # What the learner made of it has taken its place, or soon will.
            after = before if done else replace(before, serving=version, pinned=True)
            detail: Json = serving.withdraw(change) | {"learner": learner}
            what = actor, "rollback", reason
            entry = serving.move(change, before, after, what, version, detail)
            rollback = last if done else _ask(change, last, wanted, learner, entry)
            known = last is not None and after == before
            return replace(after, unchanged=known, rollback=rollback)

    def cancel(self, number: int, reason: str, actor: Actor | str) -> Rollback:
        """Have the learner not do what it has not claimed; what is served stays as it is.

        Raises:
            UnknownRollbackError: there is none of this number.
            RollbackClaimedError: it is claimed, done or failed.
        """
        serving.check_reason(reason)
        with self._database.write() as change:
            found = numbered(change, number)
            if found.state not in (ASKED, CANCELLED):
                raise RollbackClaimedError(
                    f"Rollback {number} cannot be cancelled: it is {found.state}. Nothing was "
                    f"changed. {_ADVICE[found.state]}"
                )
            return _ended(change, found, CANCELLED, (actor, "cancel", reason))

    def fail(self, rollback: Rollback, words: str, actor: Actor | str) -> None:
        """The learner cannot do it, and goes on as before; what is served stays as it is."""
        with self._database.write() as change:
            found = numbered(change, rollback.number)
            if found.state == ASKED:
                _ended(change, found, FAILED, (actor, "fail", words))


def _ask(
    change: Transaction, last: Rollback | None, wanted: Version, learner: str, entry: Entry
) -> Rollback:
    """The rollback by this entry; one that is under way is not asked for again."""
    if last is None:
        return add(change, wanted.version, learner, entry)
    return pinned_by(change, last, entry)


def _ended(
    change: Transaction, found: Rollback, state: str, what: tuple[Actor | str, str, str]
) -> Rollback:
    if found.state != state:
        now = serving.read(change)
        serving.move(change, now, now, what, found.version, {"rollback": found.number})
        return end(change, found.number, state, what[2])
    return found


def _check_resumable(look: Transaction, version: Version) -> None:
    """Refuse a version whose weights do not fit what the learner goes on with.

    Raises:
        RollbackRefusedError: there is no learner yet, or it has another schema or other arguments.
    """
    live = versions.lineage(look, versions.live_serial(look))
    made = versions.lineage(look, version.lineage)
    if live is None or made is None:
        raise RollbackRefusedError(
            f"No learner of model {look.model!r} has learned yet, so none can go back to version "
            f"{version.version}. Nothing was changed; --learner keep serves it."
        )
    if made.schema_hash == live.schema_hash and _scoring(made.learner) == _scoring(live.learner):
        return
    alike = versions.newest_good(look, database_tables.checkpoints.c.lineage == live.serial)
    instead = "" if alike is None else f" The newest version that it can go back to is {alike}."
    raise RollbackRefusedError(
        f"The learner cannot go back to version {version.version}, which was learned under "
        "another schema or with other arguments than the learner has now. Nothing was changed. "
        f"--learner keep serves it, and the learner goes on as it is.{instead}"
    )


def _scoring(learner: Json) -> Json:
    """What of a learner's settings decides how it scores and trains, and not how labels join."""
    return {k: v for k, v in learner.items() if k not in ("late_labels", "duplicates")}


def _asked_before(look: Transaction, version: Version, learner: str) -> Rollback | None:
    """The same rollback if it is under way, or was just done and nothing was learned since.

    Raises:
        RollbackUnderWayError: another one is.
    """
    every, now = find(look), serving.read(look)
    last = every[-1] if every else None
    if last is None or last.state not in (*UNDER_WAY, DONE):
        return None
    same = (last.version, last.learner) == (version.version, learner)
    if last.state == DONE:
        kept = last.made == now.latest and now.serving in (last.made, last.version)
        return last if same and kept else None
    if same:
        return last
    raise RollbackUnderWayError(
        f"Rollback {last.number}, which has the learner go back to version {last.version}, is "
        f"{last.state} (by {last.actor}: {last.reason}). Nothing was changed. Wait until it is "
        "done; or, while it is only asked for, cancel it with 'freshet rollbacks --cancel "
        f"{last.number} --reason TEXT'. What is served can be moved meanwhile, by 'rollback "
        "--learner keep', 'promote' and 'unpin'."
    )


def adoption_by(rollback: Rollback, checkpoint: int) -> Adoption:
    """How a lineage takes the version of a rollback, into the joins of the live checkpoint."""
    return Adoption(
        seq=0,
        version=rollback.version,
        kind="resume",
        leave_waiting=False,
        at=rollback.at,
        state="pending",
        lineage=None,
        checkpoint=checkpoint,
        rollback=rollback,
    )


def resumed(change: Transaction, rollback: Rollback, adoption: Adoption, lineage: int) -> None:
    """The learner has claimed a rollback: its lineage begins with it.

    Raises:
        AdoptionWithdrawnError: it was cancelled since it was read.
    """
    claim(change, rollback, lineage)
    adoptions.note(change, adoption, lineage)
    now = serving.read(change)
    words = f"lineage {lineage} goes on with what version {rollback.version} had learned"
    detail = {"lineage": lineage, "rollback": rollback.number}
    what = rollback.actor, rollback.learner, words
    serving.move(change, now, now, what, rollback.version, detail)


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
    """The one that is asked for or claimed, if there is one."""
    return next(iter(find(look, _TABLE.c.state.in_(UNDER_WAY))), None)


def add(change: Transaction, version: int, learner: str, entry: Entry) -> Rollback:
    """A new one, asked for as the ledger's entry says."""
    highest = select(func.max(_TABLE.c.number)).where(_TABLE.c.model == change.model)
    number = 1 + (change.connection.scalar(highest) or 0)
    who = {"at": entry.at, "actor": entry.actor, "reason": entry.reason, "pin": entry.seq}
    what = {"version": version, "learner": learner, "state": ASKED, "words": ""}
    values = {"model": change.model, "number": number, **what, **who}
    change.connection.execute(insert(_TABLE).values(values))
    return numbered(change, number)


def pinned_by(change: Transaction, rollback: Rollback, entry: Entry) -> Rollback:
    """It was asked for once more, by this entry of the ledger."""
    _set(change, rollback.number, pin=entry.seq)
    return numbered(change, rollback.number)


def claim(change: Transaction, rollback: Rollback, lineage: int) -> None:
    """The learner does it from here on, by this lineage.

    Raises:
        AdoptionWithdrawnError: it was cancelled since it was read.
    """
    asked = _TABLE.c.state == ASKED
    if not _set(change, rollback.number, asked, state=CLAIMED, lineage=lineage):
        raise AdoptionWithdrawnError(
            f"Rollback {rollback.number} of model {change.model!r} was cancelled meanwhile."
        )


def finish(change: Transaction, lineage: int, version: int) -> Rollback | None:
    """The claimed one that began a lineage is done with this version; None if there is none."""
    found = of_lineage(change, lineage)
    if found is None or found.state != CLAIMED:
        return None
    _set(change, found.number, state=DONE, made=version, ended_at=change.now)
    return numbered(change, found.number)


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
