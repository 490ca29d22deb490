"""Files that appear whole or not at all: their names, and the mode of what they replace."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from converters.files.output import OutputError, writing


def write(path: Path) -> None:
    """A file of one byte."""
    with writing(str(path)) as file:
        file.write(b"a")


@pytest.mark.parametrize("name", ["n" * 251, "n" * 255, "é" * 127, f"{'n' * 252}.gz"])
def test_every_name_that_the_file_system_takes(tmp_path: Path, name: str) -> None:
    """A name of 255 bytes is written too, although the partial file's name is longer."""
    name = name[-255:]
    write(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    """A name that no file can have is told, and nothing is left."""
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        write(tmp_path / ("n" * 256))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    """Who could not read the file before cannot read it afterwards, or while it is written."""
    path = tmp_path / "out"
    path.write_bytes(b"before")
    path.chmod(mode)
    with writing(str(path)) as file:
        file.write(b"after")
        assert {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()} == {mode}
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == mode
