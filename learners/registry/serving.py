"""The pointers: which version is the latest, which one is served, and whether it is pinned.

Every move of them is made here and leaves its line in the ledger. A change has the model to
itself, so that a pin it reads stays as read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import select, update

from converters.errors import UsageError
from learners.registry import database_tables, ledger, versions
from learners.registry.actor import Actor
from learners.registry.database import Part, Transaction
from learners.registry.errors import LeftBehindError, UnservableVersionError
from learners.registry.requests import adoptions, states
from learners.registry.row_types import (
    Adoption,
    Checkpoint,
    Commit,
    Entry,
    Json,
    Pointers,
    Rollback,
    Version,
)

_ROW = database_tables.models
_TABLE = database_tables.checkpoints


@dataclass(frozen=True, slots=True)
class Moving:
    """What is asked for besides serving a version.

    Attributes:
        follow: serve the learner's next version when it comes, instead of pinning this one.
        leave_waiting: let the learner leave events behind that wait under another schema.
        overridden: what spoke against a promotion that was forced; for the ledger.
    """

    follow: bool = False
    leave_waiting: bool = False
    overridden: tuple[str, ...] = ()


class Serving(Part):
    """Reads and moves the pointers of one model.

    What a person asks for has its line in the ledger even if nothing moves; without a reason it is
    a usage error.
    """

    def pointers(self) -> Pointers:
        """The latest version, the one to serve, and whether that is pinned."""
        with self._database.read() as look:
            return read(look)

    def pin(
        self,
        action: Literal["promote", "rollback"],
        version: int,
        reason: str,
        actor: Actor | str,
        options: Moving = Moving(),
    ) -> Pointers:
        """Serve a version; a promoted backfill is to be taken by the learner.

        What is so already is told as ``unchanged``.

        Args:
            action: the ledger's word for it.
            version: its number.
            reason: why.
            actor: who asks.
            options: what else is asked for.

        Raises:
            UnknownVersionError: there is no such version.
            UnservableVersionError: it was refused, or its files are gone.
            LeftBehindError: events wait that the learner could not take along.
        """
        check_reason(reason)
        with self._database.write() as change:
            wanted = versions.version(change, version)
            check_servable(change, wanted)
            if action == "rollback":
                check_served(wanted)
            before = read(change)
            after = replace(before, serving=version, pinned=not options.follow)
            detail = withdraw(change, version if action == "promote" else None)
            if action == "promote" and wanted.epoch is None and not _taken(change, version):
                detail |= _ask(change, wanted, leave_waiting=options.leave_waiting)
            if options.overridden:
                detail["overridden"] = list(options.overridden)
            move(change, before, after, (actor, action, reason), version, detail)
            asked = detail.keys() & {"adoption", "withdrawn"}
            return replace(after, unchanged=after == before and not asked)

    def unpin(self, reason: str, actor: Actor | str) -> Pointers:
        """Serve what the learner continues from, and follow it again.

        That is its newest good version, or the one whose state it has still to take.
        """
        check_reason(reason)
        with self._database.write() as change:
            before = read(change)
            asked = adoptions.pending(change)
            best = learners_best(change) if asked is None else asked.version
            after = replace(before, serving=best or before.serving, pinned=False)
            move(change, before, after, (actor, "unpin", reason), after.serving)
            return replace(after, unchanged=after == before)

    def give_up(self, adoption: Adoption, reason: str, actor: Actor | str) -> None:
        """The learner cannot take what a promotion asked for; serving stays as it is."""
        with self._database.write() as change:
            asked = adoptions.pending(change)
            if asked is None or asked.seq != adoption.seq:
                return
            adoptions.withdraw(change)
            now = read(change)
            move(change, now, now, (actor, "withdraw", reason), adoption.version)

    def refuse(self, bad: Checkpoint, reason: str, actor: Actor | str) -> Pointers:
        """Mark a checkpoint as corrupt: never served or resumed from again, another is served."""
        check_reason(reason)
        with self._database.write() as change:
            before = read(change)
            this = _TABLE.c.serial == bad.serial
            if not versions.find(change, this, ~_TABLE.c.broken):
                return before
            versions.change_rows(change, this, state="refused", reason=reason, broken=True)
            after = before
            if bad.version is not None and bad.version == before.serving:
                instead = _instead_of(change, bad.version, bad.schema_hash)
                # A pin on nothing would keep the learner's next good version from being served.
                pinned = before.pinned and instead is not None
                after = replace(before, serving=instead, pinned=pinned)
            detail = {"checkpoint": bad.serial, "folder": bad.snapshot.folder}
            asked = adoptions.pending(change)
            if asked is not None and asked.version == bad.version:
                detail |= withdraw(change)
            move(change, before, after, (actor, "refuse", reason), bad.version, detail)
            return after


def check_reason(reason: str) -> None:
    """Refuse a move without a reason."""
    if not reason.strip():
        raise UsageError(
            "A reason is required: the ledger keeps one for each move (--reason TEXT)."
        )


def read(look: Transaction) -> Pointers:
    """The pointers as they are; one look at one row."""
    statement = select(_ROW.c.latest, _ROW.c.serving, _ROW.c.pinned)
    return Pointers(*look.connection.execute(statement.where(_ROW.c.model == look.model)).one())


def publish(
    change: Transaction, version: int, commit: Commit, actor: str, done: Rollback | None = None
) -> Pointers:
    """A new version: now the latest, and served if it is good, not held, and none is pinned.

    ``done`` is the rollback of the learner that is done with it.
    """
    before, verdict = read(change), commit.verdict
    # What a rollback of the learner serves is pinned until the learner has gone back too.
    pinned = before.pinned and (done is None or ledger.last_choice(change) != done.pin)
    after = replace(before, latest=version, pinned=pinned)
    # Of a lineage that is to end, nothing takes the place of the promoted version.
    follows = not pinned and adoptions.pending(change) is None
    follows = follows and not _catching_up(change, commit.lineage, commit.events)
    if verdict.good and not verdict.held and follows:
        after = replace(after, serving=version)
    action = ("hold" if verdict.held else "publish") if verdict.good else "refuse"
    detail = {} if done is None else {"rollback": done.number}
    move(change, before, after, (actor, action, verdict.reason), version, detail)
    return after


def _catching_up(look: Transaction, lineage: int, events: Mapping[str, int]) -> bool:
    """Whether a learner has not yet learned again all that the version it took has learned."""
    if states.replays(look, lineage):
        return True
    adoption = adoptions.of_lineage(look, lineage)
    if adoption is None or adoption.kind != "whole" or adoption.checkpoint is None:
        return False
    taken = versions.version(look, adoption.version).events
    return events.get("learned", 0) < taken.get("learned", 0)


def adopted(change: Transaction, adoption: Adoption, lineage: int, actor: str) -> None:
    """The learner has taken a version's state: its lineage begins with it."""
    adoptions.take(change, adoption, lineage)
    now = read(change)
    taken = "its state" if adoption.kind == "whole" else "its weights"
    detail = {"lineage": lineage, "kind": adoption.kind}
    what = actor, "adopt", f"lineage {lineage} continues from {taken}"
    move(change, now, now, what, adoption.version, detail)


def withdraw(change: Transaction, unless: int | None = None) -> Json:
    """Have nothing taken any more; for the ledger, which version that was, if not this one."""
    asked = adoptions.pending(change)
    if asked is None:
        return {}
    adoptions.withdraw(change)
    return {} if asked.version == unless else {"withdrawn": asked.version}


def _ask(change: Transaction, wanted: Version, *, leave_waiting: bool) -> Json:
    """Have the learner take a version's state; for the ledger, how."""
    kind = _kind(change, wanted, leave_waiting=leave_waiting)
    adoptions.ask(change, wanted.version, kind, leave_waiting=leave_waiting)
    return {"adoption": kind}


def move(
    change: Transaction,
    before: Pointers,
    after: Pointers,
    who_what_why: tuple[Actor | str, str, str],
    version: int | None,
    detail: Json | None = None,
) -> Entry:
    """Set the pointers, and add the ledger's entry, which is returned."""
    values = {"latest": after.latest, "serving": after.serving, "pinned": after.pinned}
    change.connection.execute(update(_ROW).where(_ROW.c.model == change.model).values(values))
    if after.serving is not None and after.serving != before.serving:
        # Promoted: a candidate is one no longer.
        versions.change_rows(
            change, _TABLE.c.version == after.serving, served=True, state="verified"
        )
    actor, action, reason = who_what_why
    name, by = (actor, {}) if isinstance(actor, str) else (actor.name, {"by": actor.by})
    return ledger.append(
        change,
        actor=name,
        action=action,
        reason=reason,
        version=version,
        moved=(before.serving, after.serving),
        detail={"latest": after.latest, "pinned": after.pinned, **(detail or {}), **by},
    )


def check_servable(look: Transaction, version: Version) -> None:
    """Refuse what was refused, or has no files any more."""
    if version.state == "thinned":
        best = versions.newest_good(look)
        raise UnservableVersionError(
            f"Version {version.version} of model {look.model!r} cannot be served: its files were "
            f"deleted by retention (checkpoint.keep). The newest that can is {best}; "
            "`freshet models` lists all."
        )
    if version.state == "refused":
        raise UnservableVersionError(
            f"Version {version.version} of model {look.model!r} cannot be served: it was refused "
            f"({version.reason}). Name another; `freshet models` lists them."
        )


def check_served(version: Version) -> None:
    """Refuse to go back to what waits for a promotion, and would be compared there."""
    if version.state == "candidate" and not version.served:
        raise UnservableVersionError(
            f"Version {version.version} cannot be gone back to: it is a candidate and was never "
            f"served. 'freshet promote {version.version} --reason TEXT' serves it, if it is not "
            "worse than what is served."
        )


def _taken(look: Transaction, version: int) -> bool:
    """Whether the live lineage comes from this version already."""
    lineage = versions.lineage(look, versions.live_serial(look))
    return lineage is not None and lineage.parent_version == version


def _kind(look: Transaction, version: Version, *, leave_waiting: bool) -> str:
    """How the learner takes a backfill: a file's has no positions, and takes the live ones.

    Raises:
        LeftBehindError: events wait under another schema, and may not be left behind.
    """
    lineage = versions.lineage(look, versions.live_serial(look))
    if version.start.positions or lineage is None:
        return "whole"
    if version.schema_hash == lineage.schema_hash:
        return "weights"
    waiting = versions.waiting(look)
    if waiting and not leave_waiting:
        raise LeftBehindError(
            f"Version {version.version} was made from a file under another schema than the "
            f"learner's, and {waiting:,} events wait for their labels under the learner's: it "
            "could not learn from them. Nothing was moved. Make a version from the log, which "
            "takes them along ('freshet backfill log --fresh'); or leave them behind with "
            '--leave-waiting (over HTTP: "leave_waiting": true).'
        )
    return "whole"


def learners_best(look: Transaction) -> int | None:
    """The newest good version of the live lineage, or what that lineage began with.

    One that was held back is none of them, even once it was promoted, unless it is served now.
    """
    lineage = versions.lineage(look, versions.live_serial(look))
    if lineage is None:
        return None
    chosen = (_TABLE.c.reason == "") | (_TABLE.c.version == read(look).serving)
    best = versions.newest_good(look, _TABLE.c.lineage == lineage.serial, chosen)
    if best is not None and _catching_up(look, lineage.serial, versions.version(look, best).events):
        best = None
    if best is not None or lineage.parent_version is None:
        return best
    return versions.newest_good(look, _TABLE.c.version == lineage.parent_version)


def _instead_of(look: Transaction, bad: int, schema_hash: str) -> int | None:
    """The newest good version before this one, for newer ones may have been rolled back from.

    One of its schema, if there is one; else any is better than none.
    """
    alike, earlier = _TABLE.c.schema_hash == schema_hash, _TABLE.c.version < bad
    for wanted in ((alike, earlier), (alike,), (earlier,), ()):
        found = versions.newest_good(look, *wanted)
        if found is not None:
            return found
    return None
