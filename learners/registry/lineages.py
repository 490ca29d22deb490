"""All lineages of a model: what each began with, and what came of it.

Asked for by a few questions, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, Select, func, select

from learners.registry import database_tables, versions
from learners.registry.database import Part, Transaction
from learners.registry.row_types import Json, Lineage

_TABLE, _LINEAGES, _MODELS = (
    database_tables.checkpoints,
    database_tables.lineages,
    database_tables.models,
)


class Descent(NamedTuple):
    """A lineage, what it began with, and what came of it.

    Attributes:
        lineage: without its config, writers and quarantine.
        parent_lineage: the lineage of its parent version, if it has one.
        parent_events: the counts at that version.
        live: whether the learner works on it.
        served: the version of it that is served now.
        pinned: whether that is pinned.
        kind: how it took its parent version (:class:`Adoption`); None if the learner took nothing.
        joins_of: the lineage of the checkpoint that it took beside the version, if any.
        joins_events: the counts there.
        rollback: the number of the rollback that began it; None if none did.
        mode: what that rollback had the learner do.
        actor: by whom it was asked for.
        reason: why.
        first: its first version; None while it has made none.
        last: its last version.
        versions: how many it has made.
        events: the counts at its last checkpoint; None while it has none.
        state: of that, as the gate said.
        ever_served: whether that was ever served.
    """

    lineage: Lineage
    parent_lineage: int | None
    parent_events: dict[str, int] | None
    live: bool
    served: int | None
    pinned: bool
    kind: str | None = None
    joins_of: int | None = None
    joins_events: dict[str, int] | None = None
    rollback: int | None = None
    mode: str | None = None
    actor: str | None = None
    reason: str | None = None
    first: int | None = None
    last: int | None = None
    versions: int = 0
    events: dict[str, int] | None = None
    state: str | None = None
    ever_served: bool = False


class Lineages(Part):
    """Reads the lineages of one model."""

    def all(self) -> list[Descent]:
        """Every one, by its number; seen at one moment."""
        with self._database.read() as look:
            told = [_by_lineage(look, each) for each in (_made(look), *_begun_by(look))]
            return [_descent(row, told) for row in look.connection.execute(_begun(look)).mappings()]


def _begun(look: Transaction) -> Select[Any]:
    """The lineages, with their parent versions, and what is live and served."""
    parent, served = _TABLE.alias("parent"), _TABLE.alias("is_served")
    mine, now = _LINEAGES.c.model == look.model, _MODELS.c
    large = ("model", "config", "writers", "quarantined", "corrected")
    columns = (
        *(column for column in _LINEAGES.c if column.name not in large),
        *(parent.c.lineage.label("parent_lineage"), parent.c.events.label("parent_events")),
        *(served.c.version.label("served"), now.pinned, now.live_lineage),
    )
    is_parent = (parent.c.model == look.model) & (parent.c.version == _LINEAGES.c.parent_version)
    is_served = (served.c.model == look.model) & (served.c.version == now.serving)
    tables = _LINEAGES.join(_MODELS, now.model == look.model).outerjoin(parent, is_parent)
    tables = tables.outerjoin(served, is_served & (served.c.lineage == _LINEAGES.c.serial))
    return select(*columns).select_from(tables).where(mine).order_by(_LINEAGES.c.serial)


def _begun_by(look: Transaction) -> tuple[Select[Any], Select[Any]]:
    """What lineages took besides their parent version, and the rollbacks that began some.

    Each by itself: joined with the lineages, for want of an index, a thousand take half a second.
    """
    taken, back = database_tables.adoptions, database_tables.rollbacks
    joins = (_TABLE.c.model == look.model) & (_TABLE.c.serial == taken.c.checkpoint)
    with_joins = select(
        *(taken.c.lineage.label("by"), taken.c.kind),
        *(_TABLE.c.lineage.label("joins_of"), _TABLE.c.events.label("joins_events")),
    ).select_from(taken.outerjoin(_TABLE, joins))
    rolled = select(
        *(back.c.lineage.label("by"), back.c.number.label("rollback")),
        *(back.c.learner.label("mode"), back.c.actor, back.c.reason),
    )
    return with_joins.where(taken.c.model == look.model), rolled.where(back.c.model == look.model)


def _made(look: Transaction) -> Select[Any]:
    """The versions that each lineage made, and its last checkpoint."""
    here, version = _TABLE.c.model == look.model, _TABLE.c.version
    sums = select(
        *(_TABLE.c.lineage.label("by"), func.max(_TABLE.c.serial).label("serial")),
        *(func.min(version).label("first"), func.max(version).label("last")),
        func.count(version).label("versions"),
    )
    each = sums.where(here).group_by(_TABLE.c.lineage).subquery()
    of_last = _TABLE.c.events, _TABLE.c.state, _TABLE.c.served.label("ever_served")
    return select(each, *of_last).join(_TABLE, here & (_TABLE.c.serial == each.c.serial))


def _by_lineage(look: Transaction, wanted: Select[Any]) -> dict[int | None, Json]:
    rows = look.connection.execute(wanted).mappings()
    return {row["by"]: _known(row) for row in rows}


def _descent(row: RowMapping, told: Iterable[Mapping[int | None, Json]]) -> Descent:
    lineage = versions.lineage_of(row)
    found = _known(row)
    for each in told:
        found |= each.get(lineage.serial, {})
    found["live"] = row["live_lineage"] == lineage.serial
    found["pinned"] = row["served"] is not None and row["pinned"]
    return Descent(lineage, **found)


def _known(row: RowMapping) -> Json:
    return {name: row[name] for name in Descent._fields if name in row}
