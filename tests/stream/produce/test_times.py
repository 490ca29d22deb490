"""``freshet produce`` of a row whose time no log takes: which row and cell it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serve.cli import app
from stream.log.contract import StampError
from tests.support.serving.project import Project, flights


@pytest.mark.parametrize(
    ("column", "cell", "options", "sent"),
    [
        ("at", "2204-01-01", (), "1,000 rows and 0 labels"),
        ("at", "7384348800", (), "1,000 rows and 0 labels"),
        ("landed", "2204-01-01", ("--label-time", "landed"), "rows and "),
    ],
)
def test_the_cell_is_named(
    tmp_path: Path, column: str, cell: str, options: tuple[str, ...], sent: str
) -> None:
    """Line, column, cell, what was sent before it, and what to do are told."""
    project = Project(tmp_path / "p")
    rows = flights(1_300)
    rows[1_205][("at", "landed").index(column) * 6 + 1] = cell
    config = ("--config", str(project.config_file))
    path = str(project.write_csv(rows))
    if not options:
        options = ("--rows-per-message", "2")
    result = CliRunner().invoke(app, ["produce", path, *options, *config])
    assert isinstance(result.exception, StampError)
    told = str(result.exception)
    assert f"rows.csv, line 1207, column '{column}': {cell} is not a time" in told
    assert "Correct the time column" in told
    assert "rows that have not been sent" in told
    assert sent in result.stderr
