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
        ("at", "2204-01-01", (), "rows and 0 labels"),
        ("at", "2208988799", (), "rows and 0 labels"),
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
    assert sent in result.stderr
    rest = "send the whole file again" if "landed" in options else "rows that have not been sent"
    assert rest in result.stderr


def test_a_file_sent_again_loses_no_label_and_learns_no_row_twice(tmp_path: Path) -> None:
    """As is told: labels of rows that were sent before the error are sent with the whole file."""
    half_a_day = "[late_labels]\nwait = 43200"
    project = Project(tmp_path / "p", more=half_a_day)
    rows = flights(1_300)
    whole = Project(tmp_path / "whole", more=half_a_day)
    whole.produce(whole.write_csv(rows), label_time="landed")
    # The last label of all: none that goes with the first part may come before it.
    last = max(range(len(rows)), key=lambda at: int(rows[at][6 + 1]))
    right, rows[last][6 + 1] = rows[last][6 + 1], "2204-01-01"
    bad = project.write_csv(rows).rename(tmp_path / "bad.csv")
    rows[last][6 + 1] = right
    good = project.write_csv(rows)
    late = ("--label-time", "landed", "--config", str(project.config_file))
    broken_off = CliRunner().invoke(app, ["produce", str(bad), *late])
    assert broken_off.exit_code == 1
    assert "send the whole file again, with --behind" in broken_off.stderr
    assert CliRunner().invoke(app, ["produce", str(good), *late, "--behind"]).exit_code == 0
    report = project.learn()
    assert (report["learned"], report["waiting"], report["expired"]) == (1_300, 0, 0)
    assert report["duplicates"] > 0
    assert report["model_sha256"] == whole.learn()["model_sha256"]


def test_more_rows_than_ids_are_remembered_are_not_all_sent_again(tmp_path: Path) -> None:
    """The oldest would be learned twice; until when labels were sent is told."""
    project = Project(tmp_path / "p", more="[duplicates]\nwindow = 100")
    rows = flights(1_300)
    rows[1_205][6 + 1] = "2204-01-01"
    late = ("--label-time", "landed", "--config", str(project.config_file))
    result = CliRunner().invoke(app, ["produce", str(project.write_csv(rows)), *late])
    assert "leave out the rows whose labels were known before 20" in result.stderr
