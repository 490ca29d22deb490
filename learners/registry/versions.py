"""Lineages and their checkpoints, some of which are versions: found here, inserted here.

A lineage is a chain of versions with one start. Functions that take a :class:`Transaction` are
steps of the changes in :mod:`learners.registry.writer` and :mod:`learners.registry.serving`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, insert, select, update

from learners.registry import database_tables
from learners.registry.database import Part, Transaction
from learners.registry.errors import UnknownVersionError, ranges
from learners.registry.requests import adoptions
from learners.registry.row_types import (
    Checkpoint,
    Commit,
    Fixed,
    Json,
    Lineage,
    Start,
    Version,
)
from learners.snapshots.manifest import SnapshotRef

_TABLE, _LINEAGES, _MODELS = (
    database_tables.checkpoints,
    database_tables.lineages,
    database_tables.models,
)
# What a commit says that becomes a column of the same name.
_COMMITTED = (
    *("lineage", "parent_version", "model_sha256", "events", "metrics", "learner"),
    "schema_hash",
)
_CHECKPOINT = tuple(field.name for field in fields(Checkpoint))


class Versions(Part):
    """Finds versions, checkpoints and lineages of one model."""

    def all(self, limit: int | None = None) -> list[Version]:
        """Every version, or the newest ``limit`` of them; the newest last."""
        with self._database.read() as look:
            numbered = _select(look, _TABLE.c.version.is_not(None))
            newest = numbered.order_by(_TABLE.c.version.desc()).limit(limit)
            rows = look.connection.execute(newest).mappings().all()
            found = [_checkpoint(row) for row in reversed(rows)]
            return [item for item in found if isinstance(item, Version)]

    def candidates(self) -> list[Version]:
        """The versions that were never served and have their files, the newest last."""
        waiting = (_TABLE.c.state == "candidate") & ~_TABLE.c.served & ~_TABLE.c.thinned
        with self._database.read() as look:
            return [each for each in find(look, waiting) if isinstance(each, Version)]

    def find(self, number: int) -> Version:
        """One version; raises :class:`UnknownVersionError`, which lists the versions there are."""
        with self._database.read() as look:
            return version(look, number)

    def resume_point(self) -> Checkpoint | None:
        """The newest whole checkpoint of the live lineage; None: begin at the lineage's start."""
        with self._database.read() as look:
            return resume_point(look)

    def waiting(self) -> int:
        """How many events wait for their label, by the live lineage's newest checkpoint."""
        with self._database.read() as look:
            return waiting(look)

    def checkpoint(self, serial: int) -> Checkpoint | None:
        """The checkpoint of this number; None if there is none."""
        with self._database.read() as look:
            return next(iter(find(look, _TABLE.c.serial == serial)), None)

    def beginning(self, version: Version) -> Checkpoint | None:
        """Where a learner goes on that takes a backfill's version, if not at its end."""
        with self._database.read() as look:
            here = (_TABLE.c.lineage == version.lineage) & _TABLE.c.version.is_(None)
            before = find(look, here, _TABLE.c.epoch.is_(None), _TABLE.c.serial < version.serial)
            return before[-1] if before and version.epoch is None else None

    def lineage(self, serial: int) -> Lineage | None:
        """The lineage of this number; None if there is none."""
        with self._database.read() as look:
            return lineage(look, serial)

    def live_lineage(self) -> Lineage | None:
        """The lineage that the learner works on, if it ever began one."""
        with self._database.read() as look:
            return lineage(look, live_serial(look))

    def configs(self) -> dict[str, Json]:
        """The newest config that lineages have kept for each schema, by the schema's hash."""
        kept = (_LINEAGES.c.schema_hash, _LINEAGES.c.config)
        with self._database.read() as look:
            here = (_LINEAGES.c.model == look.model) & _LINEAGES.c.config.is_not(None)
            newest = select(func.max(_LINEAGES.c.serial)).where(here)
            each = newest.group_by(_LINEAGES.c.schema_hash)
            found = select(*kept).where(here, _LINEAGES.c.serial.in_(each))
            return {row.schema_hash: row.config for row in look.connection.execute(found)}

    def folders(self) -> set[str]:
        """The snapshot folders that must stay, of every model; any other is an orphan."""
        with self._database.read() as look:
            kept = select(_TABLE.c.folder).where(~_TABLE.c.thinned)
            return set(look.connection.scalars(kept))


def add(
    change: Transaction, commit: Commit, *, state: str, epoch: int | None
) -> tuple[int, int | None]:
    """Insert a checkpoint under the next number, and the next version's number if it is one."""
    serial = 1 + (_highest(change, _TABLE.c.serial) or 0)
    version = 1 + (_highest(change, _TABLE.c.version) or 0) if commit.learned_something else None
    values = {
        "model": change.model,
        "serial": serial,
        "version": version,
        "folder": commit.snapshot.folder,
        "manifest_sha256": commit.snapshot.manifest_sha256,
        "epoch": epoch,
        "created_at": change.now,
        "state": state,
        "reason": commit.verdict.reason,
        **dict.fromkeys(("served", "broken", "thinned"), False),
        **{name: getattr(commit, name) for name in _COMMITTED},
        **commit.start._asdict(),
    }
    change.connection.execute(insert(_TABLE).values(values))
    return serial, version


def find(look: Transaction, *wanted: ColumnElement[bool]) -> list[Checkpoint]:
    """The checkpoints that meet all conditions, by their number."""
    rows = look.connection.execute(_select(look, *wanted).order_by(_TABLE.c.serial)).mappings()
    return [_checkpoint(row) for row in rows]


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
    numbered = (_TABLE.c.model == look.model) & _TABLE.c.version.is_not(None)
    every = select(_TABLE.c.version).where(numbered).order_by(_TABLE.c.version)
    raise UnknownVersionError(
        f"Model {look.model!r} has no version {number}; it has: "
        f"{ranges(list(look.connection.scalars(every)))}. `freshet models` lists them."
    )


def resume_point(look: Transaction) -> Checkpoint | None:
    """The newest checkpoint of the live lineage whose files are there and whole."""
    here = _TABLE.c.lineage == live_serial(look)
    whole = _select(look, here, ~_TABLE.c.broken, ~_TABLE.c.thinned)
    newest = whole.order_by(_TABLE.c.serial.desc()).limit(1)
    row = look.connection.execute(newest).mappings().one_or_none()
    return None if row is None else _checkpoint(row)


def waiting(look: Transaction) -> int:
    """The events that wait in the live lineage; before its first checkpoint, as it began."""
    point = resume_point(look) or _begun_with(look)
    return 0 if point is None else point.events.get("waiting", 0)


def _begun_with(look: Transaction) -> Checkpoint | None:
    """The checkpoint that holds the joins with which the live lineage began."""
    live = lineage(look, live_serial(look))
    if live is None or live.parent_version is None:
        return None
    adoption = adoptions.of_lineage(look, live.serial)
    if adoption is None or adoption.checkpoint is None:
        return version(look, live.parent_version)
    return next(iter(find(look, _TABLE.c.serial == adoption.checkpoint)), None)


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


def lineage(look: Transaction, serial: int | None) -> Lineage | None:
    """The lineage of this number; None if there is none."""
    wanted = select(_LINEAGES).where(_LINEAGES.c.model == look.model, _LINEAGES.c.serial == serial)
    row = look.connection.execute(wanted).mappings().one_or_none()
    return None if row is None else lineage_of(row)


def lineage_of(row: RowMapping) -> Lineage:
    """A row as a :class:`Lineage`; what the row lacks is as if an older release had begun it."""
    return Lineage(**_plain(row, Lineage._fields), start=_start(row))


def live_serial(look: Transaction) -> int | None:
    """The number of the lineage that the live learner works on, if there is one."""
    live = select(_MODELS.c.live_lineage).where(_MODELS.c.model == look.model)
    return look.connection.scalar(live)


def next_lineage(look: Transaction, after: int) -> int:
    """The number of the next lineage, above ``after``."""
    highest = select(func.max(_LINEAGES.c.serial)).where(_LINEAGES.c.model == look.model)
    return 1 + max(look.connection.scalar(highest) or 0, after)


def add_lineage(change: Transaction, lineage: Lineage) -> None:
    """Insert a new lineage; if it has an epoch it is the live one, and its parent the latest."""
    values = lineage._asdict()
    values |= values.pop("start")._asdict()
    change.connection.execute(insert(_LINEAGES).values(model=change.model, **values))
    if lineage.epoch is None:
        return
    live = {"live_lineage": lineage.serial}
    if lineage.parent_version is not None:
        live["latest"] = lineage.parent_version
    this = _MODELS.c.model == change.model
    change.connection.execute(update(_MODELS).where(this).values(live))


def keep_config(change: Transaction, serial: int, fixed: Fixed) -> None:
    """Fill in the config of a lineage that has none."""
    here = (_LINEAGES.c.model == change.model) & (_LINEAGES.c.serial == serial)
    values = {"config": fixed.config, "writers": fixed.writers}
    change.connection.execute(update(_LINEAGES).where(here).values(values))


def beginnings(look: Transaction, needed: set[int]) -> set[int]:
    """The checkpoints from which a learner goes on that takes one of these versions."""
    of_backfills = find(look, _TABLE.c.epoch.is_(None))
    lineages = {each.lineage for each in of_backfills if each.version in needed}
    return {e.serial for e in of_backfills if e.version is None and e.lineage in lineages}


def parents(look: Transaction) -> set[int]:
    """The versions that some lineage began with."""
    parent = _LINEAGES.c.parent_version
    begun = select(parent).where(_LINEAGES.c.model == look.model, parent.is_not(None))
    return set(look.connection.scalars(begun.distinct()))


def _select(look: Transaction, *wanted: ColumnElement[bool]) -> Select[Any]:
    return select(_TABLE).where(_TABLE.c.model == look.model, *wanted)


def _highest(look: Transaction, column: ColumnElement[int]) -> int | None:
    return look.connection.scalar(select(func.max(column)).where(_TABLE.c.model == look.model))


def _checkpoint(row: RowMapping) -> Checkpoint:
    """A row as a :class:`Checkpoint`, or as a :class:`Version` if it has a number."""
    values = _plain(row, _CHECKPOINT) | {
        "state": "thinned" if row["thinned"] else row["state"],
        "snapshot": SnapshotRef(row["folder"], row["manifest_sha256"]),
        "start": _start(row),
    }
    return Checkpoint(**values) if row["version"] is None else Version(**values)


def _plain(row: RowMapping, names: Iterable[str]) -> dict[str, Any]:
    """The columns among these names."""
    return {name: row[name] for name in names if name in row}


def _start(row: RowMapping) -> Start:
    """The start that a row holds; JSON has turned partitions into text."""
    positions = {
        topic: {int(partition): offset for partition, offset in offsets.items()}
        for topic, offsets in row["positions"].items()
    }
    return Start(positions, row["topic_ids"], row["journal_position"])
