"""Checkpoints and versions: writing them down, and finding them again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, insert, select, update

from learners.registry import tables
from learners.registry.database import Transaction
from learners.registry.errors import UnknownVersionError, ranges
from learners.registry.lineages import live_serial, start_columns, start_of
from learners.registry.records import Checkpoint, Commit, Version
from learners.snapshots import SnapshotRef

_TABLE = tables.checkpoints


def add(
    change: Transaction, commit: Commit, *, state: str, epoch: int | None
) -> tuple[int, int | None]:
    """Write a checkpoint down under the next number; the next version's too, if it is one."""
    serial = 1 + (_highest(change, _TABLE.c.serial) or 0)
    version = 1 + (_highest(change, _TABLE.c.version) or 0) if commit.learned_something else None
    values = {
        "model": change.model,
        "serial": serial,
        "version": version,
        "lineage": commit.lineage,
        "parent_version": commit.parent_version,
        "folder": commit.snapshot.folder,
        "manifest_sha256": commit.snapshot.manifest_sha256,
        "model_sha256": commit.model_sha256,
        "events": commit.events,
        "metrics": commit.metrics,
        "learner": commit.learner,
        "schema_hash": commit.schema_hash,
        "epoch": epoch,
        "created_at": change.now,
        "state": state,
        "reason": "" if commit.verdict.good else commit.verdict.reason,
        "served": False,
        "broken": False,
        "thinned": False,
        **start_columns(commit.start),
    }
    change.connection.execute(insert(_TABLE).values(values))
    return serial, version


def find(look: Transaction, *wanted: ColumnElement[bool]) -> list[Checkpoint]:
    """The checkpoints that are all this, by their number."""
    rows = look.connection.execute(_select(look, *wanted).order_by(_TABLE.c.serial)).mappings()
    return [checkpoint(row) for row in rows]


def by_folder(look: Transaction, folder: str) -> Checkpoint | None:
    """The checkpoint that names this snapshot folder."""
    return next(iter(find(look, _TABLE.c.folder == folder)), None)


def version(look: Transaction, number: int) -> Version:
    """The version of this number.

    Raises:
        UnknownVersionError: there is none; the message lists those that there are.
    """
    for found in find(look, _TABLE.c.version == number):
        if isinstance(found, Version):
            return found
    every = select(_TABLE.c.version).where(_TABLE.c.model == look.model)
    numbers = list(
        look.connection.scalars(
            every.where(_TABLE.c.version.is_not(None)).order_by(_TABLE.c.version)
        )
    )
    raise UnknownVersionError(
        f"Model {look.model!r} has no version {number}; it has: {ranges(numbers)}. "
        "`freshet models` lists them."
    )


def versions(look: Transaction, limit: int | None) -> list[Version]:
    """The versions, or the newest ``limit`` of them; the newest last."""
    numbered = _select(look, _TABLE.c.version.is_not(None))
    newest = numbered.order_by(_TABLE.c.version.desc()).limit(limit)
    rows = look.connection.execute(newest).mappings().all()
    found = [checkpoint(row) for row in reversed(rows)]
    return [item for item in found if isinstance(item, Version)]


def resume_point(look: Transaction) -> Checkpoint | None:
    """The newest checkpoint of the live lineage whose files are there and whole."""
    here = _TABLE.c.lineage == live_serial(look)
    whole = _select(look, here, ~_TABLE.c.broken, ~_TABLE.c.thinned)
    newest = whole.order_by(_TABLE.c.serial.desc()).limit(1)
    row = look.connection.execute(newest).mappings().one_or_none()
    return None if row is None else checkpoint(row)


def newest_good(look: Transaction, *wanted: ColumnElement[bool]) -> int | None:
    """The newest version that may be served and has its files."""
    number = _TABLE.c.version
    good = (_TABLE.c.state == "verified") & ~_TABLE.c.thinned & number.is_not(None)
    found = select(number).where(_TABLE.c.model == look.model, good, *wanted)
    return look.connection.scalar(found.order_by(number.desc()).limit(1))


def change_rows(change: Transaction, which: ColumnElement[bool], **values: object) -> None:
    """Set columns of some of the model's checkpoints."""
    here = (_TABLE.c.model == change.model) & which
    change.connection.execute(update(_TABLE).where(here).values(**values))


def folders(look: Transaction) -> set[str]:
    """The snapshot folders that some checkpoint of any model here still needs."""
    return set(look.connection.scalars(select(_TABLE.c.folder).where(~_TABLE.c.thinned)))


def checkpoint(row: RowMapping) -> Checkpoint:
    """A row as a :class:`Checkpoint`, or as a :class:`Version` if it has a number."""
    fields: dict[str, Any] = {
        name: row[name]
        for name in (
            *("serial", "version", "lineage", "parent_version", "reason", "served"),
            *("model_sha256", "events", "metrics", "learner", "schema_hash", "epoch"),
            "created_at",
        )
    }
    fields["state"] = "thinned" if row["thinned"] else row["state"]
    fields["snapshot"] = SnapshotRef(row["folder"], row["manifest_sha256"])
    fields["start"] = start_of(row)
    return Checkpoint(**fields) if row["version"] is None else Version(**fields)


def _select(look: Transaction, *wanted: ColumnElement[bool]) -> Select[Any]:
    return select(_TABLE).where(_TABLE.c.model == look.model, *wanted)


def _highest(look: Transaction, column: ColumnElement[int]) -> int | None:
    return look.connection.scalar(select(func.max(column)).where(_TABLE.c.model == look.model))
