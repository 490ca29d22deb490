"""Whether files can be written: full and read-only disks are told before a write fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from learners.snapshots.disk import unwritable
from tests.support.serving.project import Project


def test_a_disk_with_room_is_no_trouble(tmp_path: Path) -> None:
    """Nor is a folder that has not been made yet."""
    assert unwritable(tmp_path, tmp_path / "later") == ""


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("f_bavail", 1, "full"), ("f_favail", 0, "full"), ("f_flag", os.ST_RDONLY, "read-only")],
)
def test_a_disk_without_room_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: int, said: str
) -> None:
    """No bytes or no files left, or mounted read-only; the folder is named."""
    names = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree")
    values = dict.fromkeys((*names, "f_favail"), 4096) | {"f_flag": 0, "f_namemax": 255}
    found = os.statvfs_result((values | {field: value}).values())
    monkeypatch.setattr("learners.snapshots.disk.os.statvfs", lambda _folder: found)
    told = unwritable(tmp_path)
    assert said in told
    assert str(tmp_path) in told


def test_all_that_a_learner_writes_to_is_looked_at(tmp_path: Path) -> None:
    """The home, the snapshots, and the folders of SQLite files; brokers have disks of their own."""
    settings = Project(tmp_path / "p", log=f"sqlite:///{tmp_path}/other/log.db").settings
    home = settings.home
    assert settings.written_folders == (home, home / "snapshots", tmp_path / "other", home)
    settings = Project(tmp_path / "q", log="kafka://127.0.0.1:1").settings
    assert settings.written_folders == (settings.home, settings.home / "snapshots", settings.home)
