"""When the database fails, or several processes want it at once."""

from __future__ import annotations

import sqlite3
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from converters.errors import UsageError
from learners.registry import Registry, database
from learners.registry.errors import NewerRegistryError, RegistryError, RegistryUnavailableError
from learners.snapshots.store import SnapshotStore
from tests.support.learning.registry_samples import (
    Writer,
    open_registry,
    registry_at,
    start_learner,
)


def wait_for_versions(registry: Registry, count: int) -> None:
    """Wait until another process has committed so many versions."""
    deadline = time.monotonic() + 60
    while (registry.serving.pointers().latest or 0) < count:
        assert time.monotonic() < deadline, "the other process commits nothing"
        time.sleep(0.01)


def set_page_limit(registry: Registry, pages: int) -> None:
    """Let SQLite find its disk full once the file has so many pages (or no more than it has)."""
    with registry.database._engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("registry.db", "'registry.db' is no database URL: write sqlite:///PATH"),
        (
            "postgresql//user:secret@host/name",
            "registry = 'postgresql//\\*\\*\\*@host/name' is no database URL",
        ),
        ("postgresql://user:secret@host:secret/name", "is no database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("nosuchdatabase://host/name", "needs a database driver"),
    ],
)
def test_a_wrong_url_says_what_would_be_right(url: str, message: str) -> None:
    """A URL that cannot work is a usage error."""
    with pytest.raises(UsageError, match=message):
        Registry(url, "m")


def test_a_password_is_never_told() -> None:
    """Messages name the database without its password, and so do tracebacks."""
    for url in ("nosuchdatabase://user:secret@host/name", "postgresql://user:secret:0/name"):
        with pytest.raises(UsageError) as told:
            Registry(url, "m")
        assert "://***" in str(told.value)
        assert "secret" not in "".join(traceback.format_exception(told.value))


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """The error says which file, and what to do; the file is left alone."""
    path = tmp_path / "registry.db"
    path.write_text("model,version\n" * 100)
    with pytest.raises(RegistryError, match=r"registry\.db cannot be used .*this is no registry"):
        registry_at(tmp_path)
    assert path.read_text() == "model,version\n" * 100


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A registry below a file cannot be; the error says so."""
    (tmp_path / "file").touch()
    with pytest.raises(RegistryError, match="folder of the registry"):
        registry_at(tmp_path / "file" / "below")


def test_damage_is_told(tmp_path: Path) -> None:
    """A registry whose pages were overwritten raises instead of answering nonsense."""
    with registry_at(tmp_path) as registry:
        Writer(registry).versions(30)
    path = tmp_path / "registry.db"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with pytest.raises(RegistryError, match="the file is damaged: restore a backup"):
        registry_at(tmp_path)


def test_a_value_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A cell that another program broke raises a registry error, not a traceback."""
    with registry_at(tmp_path) as registry:
        Writer(registry).commit()
        other = sqlite3.connect(tmp_path / "registry.db")
        other.execute("UPDATE checkpoints SET metrics = '{\"auc\": '")
        other.commit()
        other.close()
        with pytest.raises(RegistryError, match="holds a value that cannot be read"):
            registry.versions.all()


def test_a_registry_of_a_newer_freshet_is_left_alone(tmp_path: Path) -> None:
    """The message names the release that made it, and this one."""
    open_registry(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "registry.db")) as other, other:
        other.execute("UPDATE registry_shape SET number = 99, release = '7.1.0'")
    with pytest.raises(NewerRegistryError, match=r"by Freshet 7\.1\.0, .* \(schema version 99,"):
        registry_at(tmp_path)


def test_a_read_only_registry_can_be_read_but_not_changed(tmp_path: Path) -> None:
    """A change says what to make writable, and the pointers still answer."""
    with registry_at(tmp_path) as registry:
        writer = Writer(registry)
        writer.commit()
        with registry.database._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
        assert registry.serving.pointers().serving == 1
        with pytest.raises(RegistryError, match="writable for this user"):
            writer.commit()
        assert len(registry.versions.all()) == 1


def test_a_locked_registry_says_so_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers go on while another program holds the lock; a change raises, then works."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with registry_at(tmp_path) as registry:
        writer = Writer(registry)
        other = sqlite3.connect(tmp_path / "registry.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryUnavailableError, match="another process has held it"):
            writer.commit()
        assert registry.serving.pointers().latest is None
        other.execute("ROLLBACK")
        other.close()
        assert writer.commit().version == 1


def test_a_full_disk_changes_nothing_and_passes(tmp_path: Path) -> None:
    """A commit that finds no room raises and leaves no trace; with room it works again."""
    with registry_at(tmp_path) as registry:
        writer = Writer(registry)
        set_page_limit(registry, 1)
        with pytest.raises(RegistryUnavailableError, match="the disk is full: free some space"):
            writer.versions(100)
        before = registry.versions.all()
        assert (registry.serving.pointers().latest or 0) == len(before)
        assert len(before) == len(registry.ledger.entries())
        set_page_limit(registry, 1_000_000)
        assert writer.commit().version == len(before) + 1


def test_a_change_survives_a_power_loss(tmp_path: Path) -> None:
    """Every connection syncs its commits fully, in WAL mode."""
    with registry_at(tmp_path) as registry, registry.database.write() as change:
        assert change.connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert change.connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_rollback_gets_its_turn_beside_a_busy_writer(tmp_path: Path) -> None:
    """Ten moves are done while another process commits without a break, each within a second."""
    with registry_at(tmp_path) as registry:
        learner = start_learner(tmp_path, pause=0)
        wait_for_versions(registry, 2)
        took = []
        for turn in range(10):
            began = time.perf_counter()
            registry.serving.pin("rollback", 1 + turn % 2, "try", "ann")
            took.append(time.perf_counter() - began)
        assert learner.poll() is None
        learner.kill()
        learner.communicate()
        assert sorted(took)[len(took) // 2] < 3


def test_many_may_open_a_new_registry_at_once(tmp_path: Path) -> None:
    """Whoever comes first makes the tables; all others find them."""
    together = threading.Barrier(8)

    def open_one(number: int) -> int:
        together.wait()
        with registry_at(tmp_path, f"model-{number % 2}") as registry:
            return registry.writer.begin_epoch(f"host:{number}")

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(open_one, range(8))) == [1, 1, 2, 2, 3, 3, 4, 4]


def test_opening_waits_for_whoever_is_just_making_the_file(tmp_path: Path) -> None:
    """A lock held while the file is not yet in WAL mode is waited for as any other."""
    other = sqlite3.connect(tmp_path / "registry.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE made_meanwhile (number)")
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(registry_at, tmp_path)
        time.sleep(0.1)
        assert not opening.done()
        other.execute("COMMIT")
        other.close()
        with opening.result() as registry:
            assert Writer(registry).commit().version == 1


def test_of_two_processes_only_the_newer_commits(tmp_path: Path) -> None:
    """Once the second has begun, not one commit of the first gets in, and the first is told."""
    with registry_at(tmp_path) as registry:
        older = start_learner(tmp_path)
        wait_for_versions(registry, 3)
        newer = start_learner(tmp_path, count=5)
        told, _ = newer.communicate(timeout=60)
        said, _ = older.communicate(timeout=60)
        assert said.splitlines()[-1] == "superseded"
        epochs = [found.epoch or 0 for found in registry.versions.all()]
        assert epochs == sorted(epochs)
        assert epochs.count(2) == 5
        everyone = said.split()[:-1] + told.split()
        assert everyone == [str(found.version) for found in registry.versions.all()]
    assert (older.returncode, newer.returncode) == (0, 0)


def test_a_killed_learner_leaves_versions_and_orphans_only(tmp_path: Path) -> None:
    """After SIGKILLs at any moment every version listed opens; all other folders are orphans."""
    store = SnapshotStore(tmp_path / "snapshots")
    with registry_at(tmp_path) as registry:
        for more in (1, 3):
            learner = start_learner(tmp_path)
            wait_for_versions(registry, len(registry.versions.all()) + more)
            learner.kill()
            said, _ = learner.communicate(timeout=60)
            acknowledged = {int(line) for line in said.split("\n") if line}
            assert acknowledged <= {found.version for found in registry.versions.all()}
        for found in registry.versions.all():
            with store.open(found.snapshot) as snapshot:
                assert len((snapshot.path / "model").read_bytes()) == 700
        store.collect_orphans(registry.versions.folders, older_than_seconds=0)
        left = {path.name for path in store.folder.iterdir()}
        assert left == {found.snapshot.folder for found in registry.versions.all()}
