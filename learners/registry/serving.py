"""The pointers: which version is the latest, which one is served, and whether it is pinned.

Everything that moves them is here, and every move leaves its line in the ledger. Each function
works inside a change that has the model to itself, so that a pin it reads stays as read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Literal

from sqlalchemy import func, insert, select, update

from learners.registry import serving, tables, versions
from learners.registry.database import Transaction
from learners.registry.errors import UnservableVersionError
from learners.registry.records import Checkpoint, Entry, Json, Pointers, Verdict, Version

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


_ROW = tables.models
_TABLE = tables.checkpoints


def read(look: Transaction) -> Pointers:
    """The pointers as they are; one look at one row."""
    statement = select(_ROW.c.latest, _ROW.c.serving, _ROW.c.pinned)
    return Pointers(*look.connection.execute(statement.where(_ROW.c.model == look.model)).one())


def publish(change: Transaction, version: int, verdict: Verdict, actor: str) -> Pointers:
    """A new version: now the latest, and served if it is good and none is pinned."""
    before = read(change)
    after = replace(before, latest=version)
    if verdict.good and not before.pinned:
        after = replace(after, serving=version)
    action = "publish" if verdict.good else "refuse"
    _move(change, before, after, (actor, action, verdict.reason), version)
    return after


def serve(
    change: Transaction,
    action: Literal["promote", "rollback"],
    version: Version,
    reason: str,
    actor: str,
) -> Pointers:
    """Serve this version and pin it; the same asked again changes nothing.

    Raises:
        UnservableVersionError: it was refused, or its files are gone.
    """
    before = read(change)
    _check_servable(change, version)
    after = replace(before, serving=version.version, pinned=True)
    if after != before:
        _move(change, before, after, (actor, action, reason), version.version)
    return after


def unpin(change: Transaction, reason: str, actor: str) -> Pointers:
    """Serve what the live lineage has best, and follow the learner again."""
    before = read(change)
    after = replace(before, serving=_learners_best(change) or before.serving, pinned=False)
    if after != before:
        _move(change, before, after, (actor, "unpin", reason), after.serving)
    return after


def refuse(change: Transaction, bad: Checkpoint, reason: str, actor: str) -> Pointers:
    """A checkpoint found corrupt: never resumed from or served again."""
    before = read(change)
    this = _TABLE.c.serial == bad.serial
    still_whole = bool(versions.find(change, this, ~_TABLE.c.broken))
    if not still_whole:
        return before
    versions.change_rows(change, this, state="refused", reason=reason, broken=True)
    after = before
    if bad.version is not None and bad.version == before.serving:
        instead = _instead_of(change, bad.version, bad.schema_hash)
        # A pin on nothing would keep the learner's next good version from ever being served.
        after = replace(before, serving=instead, pinned=before.pinned and instead is not None)
    detail = {"checkpoint": bad.serial, "folder": bad.snapshot.folder}
    _move(change, before, after, (actor, "refuse", reason), bad.version, detail)
    return after


def _move(
    change: Transaction,
    before: Pointers,
    after: Pointers,
    who_what_why: tuple[str, str, str],
    version: int | None,
    detail: Json | None = None,
) -> None:
    values = {"latest": after.latest, "serving": after.serving, "pinned": after.pinned}
    change.connection.execute(update(_ROW).where(_ROW.c.model == change.model).values(values))
    if after.serving is not None and after.serving != before.serving:
        # Someone has seen it good enough to serve: a candidate is one no longer.
        versions.change_rows(
            change, _TABLE.c.version == after.serving, served=True, state="verified"
        )
    actor, action, reason = who_what_why
    append(
        change,
        actor=actor,
        action=action,
        reason=reason,
        version=version,
        moved=(before.serving, after.serving),
        detail={"latest": after.latest, "pinned": after.pinned, **(detail or {})},
    )


def _check_servable(look: Transaction, version: Version) -> None:
    if version.state == "thinned":
        best = versions.newest_good(look)
        raise UnservableVersionError(
            f"Version {version.version} of model {look.model!r} cannot be served: its files were "
            f"thinned out. The newest that can is {best}; `freshet models` lists all."
        )
    if version.state == "refused":
        raise UnservableVersionError(
            f"Version {version.version} of model {look.model!r} cannot be served: it was refused "
            f"({version.reason}). Name another; `freshet models` lists them."
        )


def _learners_best(look: Transaction) -> int | None:
    """The newest good version of the live lineage, or what that lineage began with."""
    lineage = versions.find(look, versions.live_serial(look))
    if lineage is None:
        return None
    best = versions.newest_good(look, _TABLE.c.lineage == lineage.serial)
    if best is not None or lineage.parent_version is None:
        return best
    return versions.newest_good(look, _TABLE.c.version == lineage.parent_version)


def _instead_of(look: Transaction, bad: int, schema_hash: str) -> int | None:
    """The newest good version before this one, for newer ones may have been rolled back from."""
    alike = _TABLE.c.schema_hash == schema_hash
    earlier = versions.newest_good(look, alike, _TABLE.c.version < bad)
    return earlier if earlier is not None else versions.newest_good(look, alike)


_TABLE = tables.checkpoints


def thinnable(look: Transaction, keep: int) -> list[Checkpoint]:
    """The checkpoints whose folders may go, oldest first.

    Kept are the newest ``keep`` versions of the learner and as many candidates (a learner must
    not push out a backfill's version before someone could promote it), every version that was
    ever served because someone chose it, what a pointer names, the point to resume from, and
    what any lineage began with.

    Versions that were served only by following the learner go too: it makes one every few
    seconds, and kept for ever they would fill the disk.
    """
    there = versions.find(look, ~_TABLE.c.thinned)
    needed = _needed_versions(look, keep) | serving.chosen(look)
    resume = versions.resume_point(look)
    return [
        found
        for found in there
        if found.version not in needed and (resume is None or found.serial != resume.serial)
    ]


def mark(change: Transaction, given: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Mark those of the given that may still go, and return them: their folders can be deleted."""
    wanted = {found.serial for found in given}
    gone = [found for found in thinnable(change, keep=0) if found.serial in wanted]
    if gone:
        serials = [found.serial for found in gone]
        versions.change_rows(change, _TABLE.c.serial.in_(serials), thinned=True)
    if any(found.version is not None for found in gone):  # others were never on offer
        served = serving.read(change).serving
        serving.append(
            change,
            actor="freshet",
            action="thin",
            reason="older than what is kept, and never chosen to be served",
            version=None,
            moved=(served, served),
            detail={
                "checkpoints": serials,
                "versions": [found.version for found in gone if found.version is not None],
            },
        )
    return gone


def _needed_versions(look: Transaction, keep: int) -> set[int]:
    now = serving.read(look)
    pointed = {number for number in (now.latest, now.serving) if number is not None}
    candidate = _TABLE.c.state == "candidate"
    recent = {
        number
        for kind in (candidate, ~candidate)
        for number in look.connection.scalars(
            select(_TABLE.c.version)
            .where(_TABLE.c.model == look.model, _TABLE.c.version.is_not(None), kind)
            .order_by(_TABLE.c.version.desc())
            .limit(keep)
        )
    }
    return pointed | recent | versions.parents(look)
