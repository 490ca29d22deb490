"""Checkpoints and versions: writing them down, and finding them again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, insert, select, update

from learners.registry import tables
from learners.registry.database import Transaction
from learners.registry.errors import UnknownVersionError, ranges
from learners.registry.records import Checkpoint, Commit, Lineage, Start, Version
from learners.snapshots import SnapshotRef

_TABLE = tables.lineages


def start_columns(start: Start) -> dict[str, Any]:
    """A start as the columns that hold it."""
    return {
        "positions": start.positions,
        "topic_ids": start.topic_ids,
        "journal_position": start.journal_position,
    }


def start_of(row: RowMapping) -> Start:
    """The start that a row holds; JSON has turned partitions into text."""
    positions = {
        topic: {int(partition): offset for partition, offset in offsets.items()}
        for topic, offsets in row["positions"].items()
    }
    return Start(positions, row["topic_ids"], row["journal_position"])


def next_serial(look: Transaction, after: int) -> int:
    """The number of the next lineage, above ``after``."""
    highest = select(func.max(_TABLE.c.serial)).where(_TABLE.c.model == look.model)
    return 1 + max(look.connection.scalar(highest) or 0, after)


def add(change: Transaction, lineage: Lineage) -> None:
    """Write a new lineage down."""
    values = {
        "model": change.model,
        "serial": lineage.serial,
        "parent_version": lineage.parent_version,
        "origin": lineage.origin,
        "learner": lineage.learner,
        "schema_hash": lineage.schema_hash,
        "epoch": lineage.epoch,
        "created_at": lineage.created_at,
        **start_columns(lineage.start),
    }
    change.connection.execute(insert(_TABLE).values(values))


def make_live(change: Transaction, lineage: Lineage) -> None:
    """From now on the live learner works on this lineage; what it began with is the latest."""
    row = tables.models
    values: dict[str, int] = {"live_lineage": lineage.serial}
    if lineage.parent_version is not None:
        values["latest"] = lineage.parent_version
    change.connection.execute(update(row).where(row.c.model == change.model).values(values))


def live_serial(look: Transaction) -> int | None:
    """The number of the lineage that the live learner works on, if there is one."""
    row = tables.models
    return look.connection.scalar(select(row.c.live_lineage).where(row.c.model == look.model))


def find(look: Transaction, serial: int | None) -> Lineage | None:
    """The lineage of this number; None if there is none."""
    statement = select(_TABLE).where(_TABLE.c.model == look.model, _TABLE.c.serial == serial)
    row = look.connection.execute(statement).mappings().one_or_none()
    return None if row is None else _lineage(row)


def parents(look: Transaction) -> set[int]:
    """The versions that some lineage began with."""
    parent = _TABLE.c.parent_version
    statement = select(parent).where(_TABLE.c.model == look.model, parent.is_not(None))
    return set(look.connection.scalars(statement.distinct()))


def _lineage(row: RowMapping) -> Lineage:
    return Lineage(
        serial=row["serial"],
        parent_version=row["parent_version"],
        origin=row["origin"],
        learner=row["learner"],
        schema_hash=row["schema_hash"],
        start=start_of(row),
        epoch=row["epoch"],
        created_at=row["created_at"],
    )


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
