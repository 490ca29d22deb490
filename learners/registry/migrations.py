"""Migrations: how a registry of an older release comes to the shape of this one.

:data:`STEPS` has one for each shape after the first, in order. Whoever opens the registry runs
those that it lacks, all in one transaction. A step never uses the tables as they are today, which
later steps change; it has the statements of its time. The next one: a function here and in
``STEPS``, ``database_tables`` changed alike, and a home of the release before it as a test.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, Row, select, text, update

from learners.registry import database_tables
from learners.registry.errors import NewerRegistryError, RegistryError

_SHAPE = database_tables.shape


def this_shape() -> dict[str, Any]:
    """The row of a registry that this release has made or migrated."""
    return {"number": database_tables.SHAPE, "release": version("freshet-ml")}


def is_current(connection: Connection, shown: str) -> bool:
    """Whether a registry, which has been made, has the shape of this release.

    Args:
        connection: to its database.
        shown: its URL, as errors name it.

    Raises:
        NewerRegistryError: a newer release has made or migrated it.
    """
    number: int = connection.scalars(select(_SHAPE.c.number)).one()
    if number <= database_tables.SHAPE:
        return number == database_tables.SHAPE
    release = connection.scalar(select(_SHAPE.c.release))
    raise NewerRegistryError(
        f"The registry {shown} was made or migrated by Freshet {release}, which is newer than "
        f"this one, {version('freshet-ml')} (schema version {number}, and here "
        f"{database_tables.SHAPE}). Use Freshet {release}, or another `registry` in the config; "
        "nothing was changed."
    )


def migrate(connection: Connection, shown: str) -> None:
    """Run the steps that a registry lacks, within a transaction; of two at once, one waits."""
    connection.execute(update(_SHAPE).values(number=_SHAPE.c.number))
    if is_current(connection, shown):
        return
    before = connection.scalars(select(_SHAPE.c.number)).one()
    for step in STEPS[before - 1 :]:
        step(connection)
    connection.execute(update(_SHAPE).values(this_shape()))


def look_where_it_was(place: str, model: str, read: Callable[[Path], sqlite3.Connection]) -> None:
    """Refuse to begin a model anew whose registry an earlier release has under another path.

    Args:
        place: the path of a registry in SQLite.
        model: the model's name.
        read: opens such a file to be read.

    Raises:
        RegistryError: it is there; says where to copy it.
    """
    path, former = Path(place), Path(place.partition("?")[0])
    if path == former or path.exists():
        return
    try:
        with closing(read(former)) as registry:
            found = registry.execute("SELECT 1 FROM models WHERE model = ?", (model,)).fetchone()
    except sqlite3.Error:  # there is none
        return
    if found:
        raise RegistryError(
            f"The registry of the model '{model}' is {former}: earlier releases cut its path at "
            f"the question mark. Stop every freshet that uses it, and copy {former}, with its "
            f"-wal file if there is one, to {path}. Nothing was made."
        )


def _keep_configs_and_adoptions(connection: Connection) -> None:
    """Shape 2: lineages keep their config, and adoptions are rows of their own."""
    for statement in (
        "ALTER TABLE registry_shape ADD COLUMN release TEXT",
        "ALTER TABLE models ADD COLUMN settings JSON",
        "ALTER TABLE lineages ADD COLUMN config JSON",
        "ALTER TABLE lineages ADD COLUMN writers JSON",
        """
        CREATE TABLE adoptions (
            model VARCHAR(100) NOT NULL,
            seq INTEGER NOT NULL,
            version INTEGER NOT NULL,
            kind VARCHAR(16) NOT NULL,
            leave_waiting BOOLEAN NOT NULL,
            at VARCHAR(24) NOT NULL,
            state VARCHAR(16) NOT NULL,
            lineage INTEGER,
            checkpoint INTEGER,
            PRIMARY KEY (model, seq),
            FOREIGN KEY (model) REFERENCES models (model),
            CONSTRAINT known_adoption CHECK (state IN ('pending', 'done', 'withdrawn'))
        )
        """,
    ):
        connection.execute(text(statement))
    for promoted in connection.execute(_PROMOTED_BACKFILLS).all():
        _ask_for(connection, promoted)


# The learner took what was pinned, by a promotion and not a rollback, and not its own already.
_PROMOTED_BACKFILLS = text(
    """
    SELECT m.model, c.version, c.positions, c.schema_hash, l.schema_hash AS live_schema_hash,
        (
            SELECT action FROM ledger AS e WHERE e.model = m.model
            AND e.action IN ('promote', 'rollback') ORDER BY e.seq DESC LIMIT 1
        ) AS chosen_by,
        (SELECT max(at) FROM ledger AS e WHERE e.model = m.model) AS at
    FROM models AS m
    JOIN checkpoints AS c ON c.model = m.model AND c.version = m.serving
    LEFT JOIN lineages AS l ON l.model = m.model AND l.serial = m.live_lineage
    WHERE m.pinned AND c.epoch IS NULL
    AND (l.parent_version IS NULL OR l.parent_version <> c.version)
    """
).columns(positions=JSON)
_ASK = text(
    """
    INSERT INTO adoptions (model, seq, version, kind, leave_waiting, at, state)
    VALUES (:model, 1, :version, :kind, :leave_waiting, :at, 'pending')
    """
)


def _ask_for(connection: Connection, promoted: Row[Any]) -> None:
    """Have the learner take a backfill as it would have: a file's left waiting events behind.

    Under one schema there is no need for that now.
    """
    if promoted.chosen_by != "promote":
        return
    alike = promoted.schema_hash == promoted.live_schema_hash
    asked = {
        "model": promoted.model,
        "version": promoted.version,
        "kind": "weights" if alike and not promoted.positions else "whole",
        "leave_waiting": not alike and not promoted.positions,
        "at": promoted.at,
    }
    connection.execute(_ASK, asked)


def _keep_rollbacks(connection: Connection) -> None:
    """Shape 3: rollbacks of the learner are rows."""
    connection.execute(
        text(
            """
            CREATE TABLE rollbacks (
                model VARCHAR(100) NOT NULL,
                number INTEGER NOT NULL,
                version INTEGER NOT NULL,
                learner VARCHAR(16) NOT NULL,
                state VARCHAR(16) NOT NULL,
                at VARCHAR(24) NOT NULL,
                actor TEXT NOT NULL,
                reason TEXT NOT NULL,
                pin INTEGER NOT NULL,
                lineage INTEGER,
                made INTEGER,
                words TEXT NOT NULL,
                ended_at VARCHAR(24),
                PRIMARY KEY (model, number),
                FOREIGN KEY (model) REFERENCES models (model),
                CONSTRAINT known_rollback
                    CHECK (state IN ('asked', 'claimed', 'done', 'failed', 'cancelled'))
            )
            """
        )
    )


_QUARANTINES = """
    CREATE TABLE quarantines (
        model VARCHAR(100) NOT NULL,
        number INTEGER NOT NULL,
        asked JSON NOT NULL,
        ranges JSON NOT NULL,
        at VARCHAR(24) NOT NULL,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL,
        removed_at VARCHAR(24),
        removed_by TEXT,
        removed_because TEXT,
        corrected INTEGER NOT NULL,
        PRIMARY KEY (model, number),
        FOREIGN KEY (model) REFERENCES models (model)
    )
"""
_ROLLBACKS_WITH_REPLAYS = """
    CREATE TABLE rollbacks (
        model VARCHAR(100) NOT NULL,
        number INTEGER NOT NULL,
        version INTEGER NOT NULL,
        learner VARCHAR(16) NOT NULL,
        state VARCHAR(16) NOT NULL,
        at VARCHAR(24) NOT NULL,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL,
        pin INTEGER NOT NULL,
        lineage INTEGER,
        made INTEGER,
        words TEXT NOT NULL,
        ended_at VARCHAR(24),
        quarantine INTEGER,
        undoes INTEGER,
        quarantined JSON,
        tip INTEGER,
        until JSON,
        PRIMARY KEY (model, number),
        FOREIGN KEY (model) REFERENCES models (model),
        CONSTRAINT known_rollback CHECK (
            state IN ('asked', 'claimed', 'replaying', 'done', 'failed', 'cancelled')
        )
    )
"""
_KEEP_ROLLBACKS = """
    INSERT INTO rollbacks (
        model, number, version, learner, state, at, actor, reason, pin, lineage, made, words,
        ended_at
    )
    SELECT model, number, version, learner, state, at, actor, reason, pin, lineage, made, words,
        ended_at
    FROM rollbacks_before
"""


def _keep_quarantines(connection: Connection) -> None:
    """Shape 4: a replay is a rollback too, and leaves out what is in quarantine."""
    for statement in (
        "ALTER TABLE lineages ADD COLUMN quarantined JSON",
        "ALTER TABLE lineages ADD COLUMN corrected JSON",
        _QUARANTINES,
        # SQLite changes no constraint of a table that is there.
        "ALTER TABLE rollbacks RENAME TO rollbacks_before",
        _ROLLBACKS_WITH_REPLAYS,
        _KEEP_ROLLBACKS,
        "DROP TABLE rollbacks_before",
    ):
        connection.execute(text(statement))


STEPS: tuple[Callable[[Connection], None], ...] = (
    _keep_configs_and_adoptions,
    _keep_rollbacks,
    _keep_quarantines,
)
