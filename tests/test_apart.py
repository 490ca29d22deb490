"""No command overwrites what it reads: the CSV file, the config, or another of its outputs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from converters.errors import UsageError
from serve.cli import app
from tests.support.serving.project import BY_NAME, CONFIG, DISTANCE

NAMES = ("rows.csv", "freshet.toml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a config and a CSV file."""
    told = {"model": "m", "log": "", "kind": "vw", "args": "", "processes": 1}
    told |= {"distance": DISTANCE, "crosses": BY_NAME}
    text = CONFIG.format(**told, learn_more="", more="")
    (tmp_path / "freshet.toml").write_text(text, encoding="utf-8")
    (tmp_path / "rows.csv").write_text("late,carrier\n1,UA\n0,AA\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run a command here."""
    return CliRunner().invoke(app, list(arguments))


def refused(folder: Path, *arguments: str) -> None:
    """The command is refused in these words, and every file is as it was."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    error = run(*arguments).exception
    assert isinstance(error, UsageError)
    assert "are both" in str(error)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "rows.csv", "-o"),
        ("explain", "rows.csv", "-o"),
        ("convert", "rows.csv", "-o"),
        ("convert", "rows.csv", "--rejects"),
        ("check", "rows.csv", "--html"),
        ("backfill", "rows.csv", "--scores"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_not_overwritten(folder: Path, arguments: tuple[str, ...], name: str) -> None:
    """An output that is the CSV file or the config is refused before anything is opened."""
    refused(folder, *arguments, name)


def test_init_does_not_overwrite_its_input(folder: Path) -> None:
    """Not even ``--force`` lets ``init`` write over the CSV file."""
    told = ("--label", "late", "--positive", "1", "--force")
    refused(folder, "init", "rows.csv", *told, "-o", "rows.csv")


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links_are_the_file(folder: Path, link: object) -> None:
    """Another name of the input is the input."""
    link(folder / "rows.csv", folder / "other.csv")  # type: ignore[operator]
    refused(folder, "convert", "rows.csv", "-o", "other.csv")


def test_standard_input_is_a_file_too(folder: Path) -> None:
    """``freshet score - -o rows.csv < rows.csv`` would overwrite what it reads."""
    kept = os.dup(0)
    with (folder / "rows.csv").open("rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        refused(folder, "score", "-", "-o", "rows.csv")
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_other_files_are_written(folder: Path) -> None:
    """What is no input is written, and may be written again."""
    for _ in range(2):
        assert run("convert", "rows.csv", "-o", "out.vw").exit_code == 0
    assert (folder / "out.vw").read_text().startswith("1 |")
