"""Lineages: where a chain of versions began, and which chain the live learner works on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update

from learners.registry import tables
from learners.registry.database import Transaction
from learners.registry.records import Lineage, Start

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
