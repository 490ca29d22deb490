"""A registry that is only read is left as it is, whatever state it is in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from learners.registry import Registry
from learners.registry.errors import NewerRegistryError, NoRegistryError, RegistryError
from tests.support.learning.registry_samples import a_lineage, registry_at


def read(folder: Path, model: str = "m") -> closing[Registry]:
    """The registry in a folder, only to be read."""
    return closing(Registry(f"sqlite:///{folder}/registry.db", model, read_only=True))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_reads_what_is_there_and_writes_nothing(tmp_path: Path) -> None:
    """Closed by its writer: no file is changed or made, not even for a moment's log."""
    with registry_at(tmp_path) as registry:
        begun = a_lineage(registry, registry.writer.begin_epoch("me"))
    before = contents(tmp_path)
    with read(tmp_path) as registry:
        assert registry.versions.live_lineage() == begun
        assert contents(tmp_path) == before
        with pytest.raises(RegistryError, match="readonly"):
            registry.writer.begin_epoch("me")
    assert contents(tmp_path) == before


def test_it_reads_beside_a_writer(tmp_path: Path) -> None:
    """Open at its writer: the newest commit is seen, which stands only in the log beside it."""
    with registry_at(tmp_path) as writing:
        epoch = writing.writer.begin_epoch("me")
        with read(tmp_path) as registry:
            assert registry.versions.live_lineage() is None
            begun = a_lineage(writing, epoch)
            assert registry.versions.live_lineage() == begun


def test_none_is_made(tmp_path: Path) -> None:
    """Where there is none, that is said, and none is made; nor is a model that is not known."""
    with pytest.raises(NoRegistryError):
        read(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "registry.db").touch()
    with pytest.raises(NoRegistryError):
        read(tmp_path)
    (tmp_path / "registry.db").unlink()
    with registry_at(tmp_path, "one") as registry:
        a_lineage(registry, registry.writer.begin_epoch("me"))
    with read(tmp_path, "other") as registry:
        assert registry.versions.live_lineage() is None
        assert registry.writer.last_settings() == {"one": None}


def test_an_older_one_is_not_migrated(tmp_path: Path) -> None:
    """Of the first shape: read as if migrated, with nothing in newer columns, and left as it is."""
    with registry_at(tmp_path) as registry:
        begun = a_lineage(registry, registry.writer.begin_epoch("me"))
    with closing(sqlite3.connect(tmp_path / "registry.db")) as older:
        for table, column in (("lineages", "config"), ("lineages", "writers")):
            older.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        older.execute("ALTER TABLE models DROP COLUMN settings")
        older.execute("DROP TABLE adoptions")
        older.execute("UPDATE registry_shape SET number = 1")
        older.commit()
    before = contents(tmp_path)
    with read(tmp_path) as registry:
        assert registry.versions.live_lineage() == begun
        assert registry.writer.last_settings() == {"m": None}
        assert registry.adoptions.pending() is None
    assert contents(tmp_path) == before


def test_a_newer_one_is_refused(tmp_path: Path) -> None:
    """Of a newer release: refused with its name, as when it is opened to be written."""
    with registry_at(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "registry.db")) as newer:
        newer.execute("UPDATE registry_shape SET number = 99, release = '9.9'")
        newer.commit()
    with pytest.raises(NewerRegistryError, match=r"9\.9"):
        read(tmp_path)


def test_odd_names_of_folders(tmp_path: Path) -> None:
    """A path with characters that mean something in a URL is one path."""
    folder = tmp_path / "a b?c#d%20"
    folder.mkdir()
    url = make_url("sqlite://").set(database=str(folder / "registry.db"))
    with closing(Registry(url.render_as_string(), "m")) as registry:
        begun = a_lineage(registry, registry.writer.begin_epoch("me"))
    with closing(Registry(url.render_as_string(), "m", read_only=True)) as registry:
        assert registry.versions.live_lineage() == begun
