"""Registries of older releases come to the shape of this one, whole or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.engine import Engine

from learners.registry import Registry
from learners.registry.errors import RegistryError
from tests.support import ROOT
from tests.support.learning.registry_samples import Writer, open_registry

# In this registry of the first shape, backfill 2 is promoted, and lineage 1 is live.
OLDER, MODEL = ROOT / "tests" / "older_home" / "pending.tar.xz", "loans"
SHAPES = "SELECT number, release FROM registry_shape"
ASKED = "SELECT version, kind, leave_waiting, state FROM adoptions"
TAKEN_WHOLE = [(2, "whole", 0, "pending")]
OF_A_FILE = "UPDATE checkpoints SET positions = '{}' WHERE version = 2;"

SHAPE = "UPDATE registry_shape SET number = {};"
WITHOUT_QUARANTINES = (
    "DROP TABLE quarantines; ALTER TABLE lineages DROP COLUMN quarantined;"
    "ALTER TABLE lineages DROP COLUMN corrected;"
)

ROLLED_BACK = """
    INSERT INTO ledger SELECT model, 9, at, actor, 'rollback', reason, version, from_version,
        to_version, detail FROM ledger WHERE seq = 2
"""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A registry of the first shape."""
    with tarfile.open(OLDER) as packed:
        packed.extract("./.freshet/registry.db", tmp_path, filter="data")
    return tmp_path / ".freshet" / "registry.db"


def opened(path: Path) -> Registry:
    """The registry of this file, migrated if need be."""
    return Registry(f"sqlite:///{path}", MODEL)


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """What a file holds."""
    with closing(sqlite3.connect(path)) as file:
        return file.execute(query).fetchall()


def shape_of(path: Path) -> dict[str, Any]:
    """Tables, columns, keys, checks and indexes of a file."""
    engine = create_engine(f"sqlite:///{path}")
    with closing(engine.connect()) as connection:
        found = inspect(connection)
        return {
            table: [
                [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
                found.get_pk_constraint(table)["constrained_columns"],
                [key["referred_table"] for key in found.get_foreign_keys(table)],
                found.get_check_constraints(table),
                found.get_unique_constraints(table),
                found.get_indexes(table),
            ]
            for table in sorted(found.get_table_names())
        }


def test_a_migrated_registry_has_the_shape_of_a_new_one(older: Path, tmp_path: Path) -> None:
    """Nothing tells them apart, and both name the release that gave them their shape."""
    opened(older).close()
    open_registry(tmp_path).close()
    new = tmp_path / "registry.db"
    assert shape_of(older) == shape_of(new)
    assert rows(older, SHAPES) == rows(new, SHAPES) == [(4, version("freshet-ml"))]


def test_a_registry_of_the_second_shape_has_no_rollbacks(tmp_path: Path) -> None:
    """It gets their table; what it has stays."""
    with closing(open_registry(tmp_path, MODEL)) as registry:
        epoch = registry.writer.begin_epoch("before")
    path = tmp_path / "registry.db"
    new = shape_of(path)
    with closing(sqlite3.connect(path)) as file:
        file.executescript(f"{WITHOUT_QUARANTINES} DROP TABLE rollbacks; {SHAPE.format(2)}")
    with closing(opened(path)) as registry:
        assert registry.rollbacks.all() == []
        registry.writer.check_epoch(epoch)
    assert shape_of(path) == new
    assert rows(path, SHAPES) == [(4, version("freshet-ml"))]


def test_a_registry_of_the_third_shape_keeps_its_rollbacks(tmp_path: Path) -> None:
    """Those that it has stay as they are; replays and quarantines have room beside them."""
    with closing(open_registry(tmp_path, MODEL)) as registry:
        Writer(registry).versions(2)
        asked = registry.rollbacks.ask(1, "resume", "poison", "ann").rollback
    path = tmp_path / "registry.db"
    new = shape_of(path)
    drop = "".join(
        f"ALTER TABLE rollbacks DROP COLUMN {name};"
        for name in ("quarantine", "undoes", "quarantined", "tip", "until")
    )
    with closing(sqlite3.connect(path)) as file:
        file.executescript(WITHOUT_QUARANTINES + drop + SHAPE.format(3))
    with closing(opened(path)) as registry:
        assert registry.rollbacks.all() == [asked]
        assert registry.quarantines.all() == []
    assert shape_of(path) == new


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ("", TAKEN_WHOLE),
        (OF_A_FILE, [(2, "weights", 0, "pending")]),
        (
            OF_A_FILE + "UPDATE checkpoints SET schema_hash = 'other' WHERE version = 2;",
            [(2, "whole", 1, "pending")],
        ),
        ("UPDATE models SET live_lineage = NULL", TAKEN_WHOLE),
        ("UPDATE models SET pinned = 0", []),
        ("UPDATE models SET serving = NULL", []),
        ("UPDATE models SET serving = 1", []),
        ("UPDATE lineages SET parent_version = 2 WHERE serial = 1", []),
        (
            ROLLED_BACK,
            [],
        ),
    ],
)
def test_a_backfill_that_the_learner_would_have_taken_is_asked_for(
    older: Path, before: str, asked: list[tuple[Any, ...]]
) -> None:
    """One that was promoted, is pinned, and is not what the learner comes from."""
    with closing(sqlite3.connect(older)) as file:
        file.executescript(before)
    opened(older).close()
    assert rows(older, ASKED) == asked
    opened(older).close()
    assert rows(older, ASKED) == asked


def test_everything_in_an_older_registry_stays(older: Path) -> None:
    """Versions, lineages and the ledger read as they were written."""
    ledger = rows(older, "SELECT * FROM ledger")
    metrics = rows(older, "SELECT metrics FROM checkpoints")
    with closing(opened(older)) as registry:
        assert [found.version for found in registry.versions.all()] == [1, 2]
        pointers = registry.serving.pointers()
        assert (pointers.latest, pointers.serving, pointers.pinned) == (1, 2, True)
        lineage = registry.versions.live_lineage()
        assert lineage
        assert (lineage.serial, lineage.config, lineage.writers) == (1, None, None)
    assert rows(older, "SELECT * FROM ledger") == ledger
    assert rows(older, "SELECT metrics FROM checkpoints") == metrics


def test_a_migration_that_is_killed_has_changed_nothing(older: Path, tmp_path: Path) -> None:
    """SIGKILL before each statement, and before the commit: the next one to open does it all."""
    killed = [sys.executable, "-m", "tests.support.learning.killed_migrations"]
    subprocess.run([*killed, older, MODEL, tmp_path], cwd=ROOT, check=True)
    opened(older).close()
    *left, whole = sorted(tmp_path.glob("*.db"), key=lambda path: int(path.stem))
    assert len(left) > 10
    for path in left:
        assert rows(path, "SELECT number FROM registry_shape") == [(1,)]
        opened(path).close()
    for path in (*left, whole):
        assert shape_of(path) == shape_of(older)
        assert rows(path, ASKED) == TAKEN_WHOLE


def test_of_many_who_open_an_older_registry_one_migrates_it(older: Path) -> None:
    """Processes that open it at once all find it migrated once."""
    code = (
        "import sys; from learners.registry import Registry; sys.stdin.read();"
        f"Registry('sqlite:///{older}', '{MODEL}').close()"
    )
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        assert process.stdin
        process.stdin.close()
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert rows(older, ASKED) == TAKEN_WHOLE


def test_an_older_registry_that_cannot_be_written_says_why_it_must(older: Path) -> None:
    """The message says what to make writable and what for; the file stays as it was."""

    def forbid(connection: sqlite3.Connection, _entry: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    event.listen(Engine, "connect", forbid)
    try:
        with pytest.raises(
            RegistryError, match=r"file and its folder writable .* An older release made this"
        ):
            opened(older)
    finally:
        event.remove(Engine, "connect", forbid)
    assert rows(older, "SELECT * FROM registry_shape") == [(1,)]
