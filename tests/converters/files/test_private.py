"""Homes and what is in them are for one user; what the user names as output is not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from converters.config import load
from converters.config.settings import Settings
from converters.files.output import writing
from converters.files.private import create_file, keep_private, make_folder, make_home, narrow

CONFIG = """model = "m"\n{more}[columns]\nx = {{ role = "label" }}\n[label]
positive = ["1"]\nnegative = ["0"]\n"""


@pytest.fixture(params=[0o000, 0o022])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A umask that lets others in."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> set[int]:
    """The modes of everything below a folder."""
    return {mode(path) for path in folder.rglob("*")}


def mode(path: Path) -> int:
    """The permissions of a file or folder itself."""
    return stat.S_IMODE(path.lstat().st_mode)


def project(folder: Path, more: str = "") -> tuple[Settings, Path]:
    """A config and its file."""
    file = folder / "freshet.toml"
    file.write_text(CONFIG.format(more=more), encoding="utf-8")
    return load.load(file), file


@contextmanager
def wide(folder: Path) -> Iterator[None]:
    """A home as older versions have made it, open to everybody."""
    before = os.umask(0)
    try:
        (folder / "snapshots" / "20260101T000000000-0123456789ab").mkdir(parents=True)
        for name in ("log.db", "log.db-wal", "registry.db", "learner.lock"):
            (folder / name).write_text("rows")
        for path in (folder / "snapshots").iterdir():
            (path / "manifest.json").write_text("{}")
            (path / "model").write_text("weights")
    finally:
        os.umask(before)
    yield


def test_what_is_made_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """Folders with those above them, and files for a library that knows no modes."""
    make_folder(tmp_path / "a" / "b")
    create_file(tmp_path / "a" / "file")
    assert {mode(tmp_path / "a"), mode(tmp_path / "a" / "b")} == {0o700}
    assert mode(tmp_path / "a" / "file") == 0o600
    (tmp_path / "shared").mkdir(mode=0o755)
    make_folder(tmp_path / "shared")
    assert mode(tmp_path / "shared") == 0o777 & ~umask & 0o755
    make_home(tmp_path / "shared")
    assert mode(tmp_path / "shared") == 0o700


def test_outputs_that_the_user_names_keep_the_umask(tmp_path: Path, umask: int) -> None:
    """In a process that keeps its files private, an output has the mode that it always had."""
    with keep_private():
        with writing(str(tmp_path / "out")) as file:
            file.write(b"a")
        (tmp_path / "own").write_bytes(b"a")
    assert mode(tmp_path / "out") == 0o666 & ~umask
    assert mode(tmp_path / "own") == 0o600
    (tmp_path / "after").write_bytes(b"a")
    assert mode(tmp_path / "after") == 0o666 & ~umask


def test_an_existing_home_is_closed(tmp_path: Path) -> None:
    """Everything below it, hidden or not; a second look finds nothing."""
    settings, config = project(tmp_path)
    with wide(settings.home):
        assert narrow(settings, config) == 9
    assert mode(settings.home) == 0o700
    assert modes(settings.home) == {0o700, 0o600}
    assert narrow(settings, config) == 0


def test_links_are_not_followed_out_of_a_home(tmp_path: Path) -> None:
    """A file elsewhere is not the home's, even if a link in the home leads to it."""
    settings, config = project(tmp_path)
    with wide(settings.home):
        for name in ("file", "folder"):
            (settings.home / name).symlink_to(tmp_path / name)
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file", tmp_path / "folder" / "file"):
        path.write_text("")
        path.chmod(0o644)
    narrow(settings, config)
    assert {mode(tmp_path / "file"), mode(tmp_path / "folder" / "file")} == {0o644}


def test_a_home_that_is_a_link_is_closed_where_it_is(tmp_path: Path) -> None:
    """The folder behind the link, with what is in it."""
    settings, config = project(tmp_path)
    with wide(tmp_path / "disk"):
        settings.home.symlink_to(tmp_path / "disk")
    narrow(settings, config)
    assert mode(tmp_path / "disk") == 0o700
    assert modes(tmp_path / "disk") == {0o700, 0o600}


def test_files_of_a_home_that_are_elsewhere(tmp_path: Path) -> None:
    """Log, registry and snapshots are closed where they are; folders there are left as they are."""
    urls = 'log = "sqlite:///other/log.db"\nregistry = "sqlite:///other/registry.db"\n'
    settings, config = project(tmp_path, f'{urls}snapshots = "other/snapshots"\n')
    with wide(tmp_path / "other"):
        other = tmp_path / "other" / "snapshots" / "mine.txt"
        other.write_text("")
        other.chmod(0o644)
    narrow(settings, config)
    found = {path.name: mode(path) for path in (tmp_path / "other").rglob("*") if path.is_file()}
    private = ("log.db", "log.db-wal", "registry.db", "manifest.json", "model")
    assert {name: found[name] for name in private} == dict.fromkeys(private, 0o600)
    assert found["mine.txt"] == 0o644
    assert mode(tmp_path / "other") == mode(tmp_path / "other" / "snapshots") == 0o777


def test_a_home_that_holds_the_project_too(tmp_path: Path) -> None:
    """The folder is closed, and what is Freshet's; other files keep what their owner gave them."""
    settings, config = project(tmp_path, 'home = "."\n')
    with wide(tmp_path):
        (tmp_path / "run.sh").write_text("")
        (tmp_path / "run.sh").chmod(0o755)
    narrow(settings, config)
    assert mode(tmp_path) == 0o700
    assert mode(tmp_path / "run.sh") == 0o755
    assert mode(tmp_path / "log.db") == mode(tmp_path / "registry.db") == 0o600


def test_what_cannot_be_closed_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's home, or one on a file system that is read-only, is no error."""
    settings, config = project(tmp_path)
    with wide(settings.home):
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert narrow(settings, config) == 0
        monkeypatch.undo()

    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "chmod", refused)
    assert narrow(settings, config) == 0
