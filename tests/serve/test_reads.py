"""Commands that read make nothing: a mistyped home, registry or log is told, and left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from converters.errors import FreshetError
from serve.cli import app
from tests.support.serving.project import Project, flights

REASON = ("--reason", "a test")
# With what each asks for first: the registry or the log.
READING = {
    ("models",): "registry",
    ("show", "1"): "registry",
    ("show", "1", "--weights"): "registry",
    ("diff", "1", "2"): "registry",
    ("history",): "registry",
    ("history", "--tree"): "registry",
    ("report",): "registry",
    ("compare",): "registry",
    ("score", "rows.csv", "-o", "scores.csv"): "registry",
    ("explain", "rows.csv", "-o", "explained.csv"): "registry",
    ("promote", "1", *REASON): "registry",
    ("rollback", "1", *REASON): "registry",
    ("rollbacks",): "registry",
    ("unpin", *REASON): "registry",
    ("quarantine", "add", "--skip", "flights.events:0:1-2", *REASON): "registry",
    ("quarantine", "list"): "registry",
    ("quarantine", "export", "1"): "registry",
    ("quarantine", "resubmit", "1", "rows.csv"): "registry",
    ("quarantine", "remove", "1", *REASON): "registry",
    ("scores",): "log",
    ("dead-letters",): "log",
    ("dead-letters", "--rows", "events"): "log",
    ("replay-dead-letters",): "log",
    ("replay-dead-letters", "rows.csv"): "log",
}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model with a version."""
    project = Project(tmp_path_factory.mktemp("learned"), args="-b 10")
    project.produce(project.write_csv(flights(20)))
    project.learn()
    return project


def contents(folder: Path) -> dict[Path, bytes | None]:
    """Every file and folder below one."""
    return {
        path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }


def failure(*arguments: str) -> FreshetError:
    """How a command ends."""
    error = CliRunner().invoke(app, [*arguments]).exception
    assert isinstance(error, FreshetError), error
    assert error.exit_status == 1
    return error


@pytest.mark.parametrize(("arguments", "asked"), READING.items(), ids=map(" ".join, READING))
def test_where_there_is_nothing_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], asked: str
) -> None:
    """Beside a config and nothing else: no home, no file."""
    project = Project(tmp_path / "new")
    project.write_csv(flights(2))
    monkeypatch.chdir(project.folder)
    before = contents(project.folder)
    said = str(failure(*arguments))
    assert said.startswith(f"There is no {asked} at ")
    assert f"/new/.freshet/{asked}.db. Check" in said
    assert "'freshet learn'" in said
    assert contents(project.folder) == before


@pytest.mark.parametrize(("arguments", "asked"), READING.items(), ids=map(" ".join, READING))
@pytest.mark.parametrize("wrong", ["HOME", "file"])
def test_a_mistyped_place_is_told_with_the_one_that_was_meant(
    learned: Project,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    asked: str,
    wrong: str,
) -> None:
    """A home, a registry or a log whose name is nearly that of one that is there."""
    home = learned.settings.home
    places = {"HOME": str(learned.folder / ".freshte")}
    if wrong == "file":
        places = {asked.upper(): f"sqlite:///{home}/{asked[:-1]}{asked[-1] * 2}.db"}
    for name, place in places.items():
        monkeypatch.setenv(f"FRESHET_{name}", place)
    monkeypatch.chdir(learned.folder)
    before = contents(learned.folder)
    assert f"; did you mean {home}/{asked}.db?" in str(failure(*arguments))
    assert contents(learned.folder) == before


@pytest.mark.parametrize(
    "arguments", [each for each, asked in READING.items() if asked == "registry"], ids=" ".join
)
def test_a_mistyped_model_is_not_begun(
    learned: Project, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """The message names those that the registry has."""
    monkeypatch.chdir(learned.folder)
    monkeypatch.setenv("FRESHET_MODEL", "flihgts")
    assert "has no model 'flihgts', only flights." in str(failure(*arguments))


def test_a_mistyped_snapshot_folder_is_not_made(
    learned: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor the folder in which a snapshot is copied before it is loaded."""
    monkeypatch.chdir(learned.folder)
    monkeypatch.setenv("FRESHET_SNAPSHOTS", str(learned.folder / "snapshot"))
    for arguments in (("show", "1"), ("score", "rows.csv"), ("report",), ("compare",)):
        assert "is not there" in str(failure(*arguments))
    assert not (learned.folder / "snapshot").exists()


def test_no_reading_command_is_forgotten() -> None:
    """Besides these: what makes things by its purpose, or needs neither registry nor log."""
    making = {"init", "produce", "learn", "serve", "up", "backfill", "demo"}
    apart = {
        "check",
        "convert",
        "try",
        "status",
    }  # of files; says of everything whether it is there
    names = {command.name or "" for command in app.registered_commands} | {"quarantine"}
    assert names - making - apart == {each[0] for each in READING}
