"""Files with the columns of before: produced and learned as those of now."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from serve.cli import app
from tests.support.serving.project import COLUMNS, Project, csv_text, flights

ROWS = flights(120)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model that has learned under other columns: one was renamed since, and one removed."""
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(ROWS[:60]))
    project.learn()
    return project.edited(
        ("carrier = {", 'airline = { was = "carrier",'),
        ('landed = { role = "drop" }\n', ""),
    )


def run(project: Project, *command: str) -> Result:
    """Run a command with the project's config."""
    return CliRunner().invoke(app, [*command, "--config", str(project.config_file)])


@pytest.mark.parametrize("late", [False, True])
def test_a_file_of_before_is_taken(project: Project, late: bool) -> None:
    """By ``produce`` and by ``backfill``, though its columns have other names or are gone."""
    path = project.folder / "old.csv"
    path.write_text(csv_text(ROWS[60:], COLUMNS))
    options = ("--label-delay", "60") if late else ()
    for command in ("produce", "backfill"):
        result = run(project, command, str(path), *options)
        assert result.exit_code == 0, result.stderr
    assert "60 learned" in result.stderr
    assert project.backfill(fresh=True)["learned"] == 120


def test_a_column_that_never_was_is_refused(project: Project) -> None:
    """Beside those of before."""
    path = project.folder / "old.csv"
    path.write_text(csv_text([[*row, "x"] for row in ROWS[60:]], [*COLUMNS, "stray"]))
    for command in ("produce", "backfill"):
        result = run(project, command, str(path))
        assert "old.csv has the column 'stray', which the config does not" in str(result.exception)
