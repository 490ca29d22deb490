"""The registry's tables, the same on every database.

``model`` is part of every key, so that many models can share one database. The row in ``models``
is the lock of its model: every change begins with an UPDATE of it, so that numbers can be given
as the highest plus one. Rows of versions and of the ledger are never deleted, so that no number
is ever given twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.types import TypeDecorator

from learners.registry.row_types import iso

# Raised whenever a table changes its shape; a registry with a higher number is refused.
SHAPE = 4

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A time as text of fixed width in UTC, so that it sorts and reads alike on every database."""

    impl = String(24)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To text with milliseconds."""
        return None if value is None else iso(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Back to an aware datetime."""
        return None if value is None else datetime.fromisoformat(value)


def _model() -> Column[str]:
    return Column("model", String(100), primary_key=True)


def _start() -> tuple[Column[Any], Column[Any], Column[int]]:
    """The columns of a :class:`learners.registry.row_types.Start`."""
    return (
        Column("positions", JSON, nullable=False),
        Column("topic_ids", JSON, nullable=False),
        Column("journal_position", BigInteger, nullable=False),
    )


# ``release`` is the release that gave the registry this shape.
shape = Table(
    "registry_shape",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("release", Text),
)

models = Table(
    "models",
    metadata,
    _model(),
    Column("epoch", Integer, nullable=False),
    Column("owner", Text),
    Column("owned_since", Moment),
    Column("live_lineage", Integer),
    Column("latest", Integer),
    Column("serving", Integer),
    Column("pinned", Boolean, nullable=False),
    Column("settings", JSON),
)

lineages = Table(
    "lineages",
    metadata,
    _model(),
    Column("serial", Integer, primary_key=True),
    Column("parent_version", Integer),
    Column("origin", Text, nullable=False),
    Column("learner", JSON, nullable=False),
    Column("schema_hash", Text, nullable=False),
    *_start(),
    Column("epoch", Integer),
    Column("created_at", Moment, nullable=False),
    Column("config", JSON(none_as_null=True)),
    Column("writers", JSON(none_as_null=True)),
    Column("quarantined", JSON(none_as_null=True)),
    Column("corrected", JSON(none_as_null=True)),
    ForeignKeyConstraint(["model"], ["models.model"]),
)

# Who takes which version's state from where; ``lineage`` is the one that began with it, and null
# while the learner has still to take it.
adoptions = Table(
    "adoptions",
    metadata,
    _model(),
    Column("seq", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("leave_waiting", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("lineage", Integer),
    Column("checkpoint", Integer),
    ForeignKeyConstraint(["model"], ["models.model"]),
    CheckConstraint("state IN ('pending', 'done', 'withdrawn')", name="known_adoption"),
)

# ``pin`` is the ledger's entry by which serving moved; ``lineage`` is the one that the learner
# began by it, and ``made`` the version that it then cut. Of a replay ``quarantined`` is what it
# leaves out, ``tip`` the version that the learner had come to, and ``until`` are the
# positions of that.
rollbacks = Table(
    "rollbacks",
    metadata,
    _model(),
    Column("number", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("learner", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("pin", Integer, nullable=False),
    Column("lineage", Integer),
    Column("made", Integer),
    Column("words", Text, nullable=False),
    Column("ended_at", Moment),
    Column("quarantine", Integer),
    Column("undoes", Integer),
    Column("quarantined", JSON(none_as_null=True)),
    Column("tip", Integer),
    Column("until", JSON(none_as_null=True)),
    ForeignKeyConstraint(["model"], ["models.model"]),
    CheckConstraint(
        "state IN ('asked', 'claimed', 'replaying', 'done', 'failed', 'cancelled')",
        name="known_rollback",
    ),
)

# What nobody is to learn when the log is read again: ``ranges`` are what was ``asked`` for, as the
# log was then. The columns from ``removed_at`` on are null while that holds.
quarantines = Table(
    "quarantines",
    metadata,
    _model(),
    Column("number", Integer, primary_key=True),
    Column("asked", JSON, nullable=False),
    Column("ranges", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("removed_at", Moment),
    Column("removed_by", Text),
    Column("removed_because", Text),
    Column("corrected", Integer, nullable=False),
    ForeignKeyConstraint(["model"], ["models.model"]),
)

# ``broken`` (found corrupt after its commit, never to be resumed from) and ``thinned`` stand
# beside ``state``, so that the gate's word is not lost when either comes true.
checkpoints = Table(
    "checkpoints",
    metadata,
    _model(),
    Column("serial", Integer, primary_key=True),
    Column("lineage", Integer, nullable=False),
    Column("version", Integer),
    Column("parent_version", Integer),
    Column("folder", Text, nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("model_sha256", String(64), nullable=False),
    *_start(),
    Column("events", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("learner", JSON, nullable=False),
    Column("schema_hash", Text, nullable=False),
    Column("epoch", Integer),
    Column("created_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("served", Boolean, nullable=False),
    Column("broken", Boolean, nullable=False),
    Column("thinned", Boolean, nullable=False),
    UniqueConstraint("model", "version"),
    UniqueConstraint("model", "folder"),
    ForeignKeyConstraint(["model", "lineage"], ["lineages.model", "lineages.serial"]),
    CheckConstraint("state IN ('verified', 'refused', 'candidate')", name="known_state"),
    Index("checkpoints_of_lineage", "model", "lineage", "serial"),
    Index("checkpoints_to_thin", "model", "thinned", "served", "serial"),
    Index("checkpoints_by_state", "model", "state", "version"),
)

ledger = Table(
    "ledger",
    metadata,
    _model(),
    Column("seq", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("version", Integer),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("detail", JSON, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    _model(),
    Column("epoch", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("status", JSON, nullable=False),
)

posts = Table(
    "posts",
    metadata,
    _model(),
    Column("key_sha256", String(64), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    Index("posts_by_age", "model", "at"),
)

# SQLite's INSERT OR REPLACE deletes without firing a delete trigger: hence the one on INSERT.
_APPEND_ONLY = {
    "sqlite": """
        CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
        ;;
        CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
        ;;
        CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger
        WHEN EXISTS (SELECT 1 FROM ledger WHERE model = NEW.model AND seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    "postgresql": """
        CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$
        ;;
        CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()
    """,
}


@event.listens_for(ledger, "after_create")
def _guard(_table: Table, connection: Connection, **_more: object) -> None:
    """Triggers, so that no other program rewrites history by mistake either."""
    for statement in _APPEND_ONLY.get(connection.dialect.name, "").split(";;"):
        connection.exec_driver_sql(statement)
