"""The pointers: which version is the latest, which one is served, and whether it is pinned.

Everything that moves them is here, and every move leaves its line in the ledger. Each function
works inside a change that has the model to itself, so that a pin it reads stays as read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from sqlalchemy import select, update

from learners.registry import ledger, lineages, tables, versions
from learners.registry.database import Transaction
from learners.registry.errors import UnservableVersionError
from learners.registry.records import Checkpoint, Json, Pointers, Verdict, Version

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
    ledger.append(
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
    lineage = lineages.find(look, lineages.live_serial(look))
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
