"""``freshet explain``: a file, or one row of it on a page."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from learners.explain.explainer import logistic
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, csv_text, flights
from tests.support.serving.served import a_project

EXPLAIN = """
[explain]
baseline = "typical"
adverse = "positive"
"""
ROWS = flights(60, seed=5)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model with a version, and a file of rows."""
    project = a_project(tmp_path_factory.mktemp("explained"), EXPLAIN)
    project.produce(project.write_csv(flights(300)))
    project.learn()
    (project.folder / "rows.csv").write_text(csv_text(ROWS))
    return project


def test_a_file_is_explained_row_by_row(project: Project) -> None:
    """The scores of 'freshet score', each with what leads to it; reasons in words."""
    explained = freshet("explain", "rows.csv", "-o", "explained.csv", cwd=project.folder)
    assert explained.returncode == 0, explained.stderr
    assert "60 rows explained with version" in explained.stderr
    freshet("score", "rows.csv", "-o", "scored.csv", cwd=project.folder)
    rows, scored = (_read(project.folder / f"{name}.csv") for name in ("explained", "scored"))
    assert [row["score"] for row in rows] == [row["score"] for row in scored]
    for row in rows:
        columns = [float(row[name]) for name in ("carrier", "origin", "hour", "distance")]
        log_odds = float(row["baseline"]) + sum(columns)
        assert log_odds == pytest.approx(float(row["log_odds"]), abs=5e-6)
        score = logistic(log_odds + float(row["adjustment"]))
        assert score == pytest.approx(float(row["score"]), abs=2.0**-22)
        reasons = [row[f"reason_{at}"] for at in range(1, 5)]
        assert sum(map(bool, reasons)) == sum(value > 5e-6 for value in columns)


def test_a_refused_row_says_why(project: Project) -> None:
    """In its place; exit status 1."""
    wrong = [*ROWS[0][:6], "far", ROWS[0][7]]
    (project.folder / "wrong.csv").write_text(csv_text([ROWS[0], wrong]))
    result = freshet("explain", "wrong.csv", "-o", "some.csv", cwd=project.folder)
    assert result.returncode == 1
    assert "1 of 2 rows" in result.stderr
    good, bad = _read(project.folder / "some.csv")
    assert good["refused"] == ""
    assert (bad["score"], bad["refused"], bad["refused_column"]) == ("", "not-a-number", "distance")


def test_one_row_is_a_page(project: Project) -> None:
    """Its score, a bar a column, reasons, and what would give the other label."""
    result = freshet("explain", "rows.csv", "--id", "f17", "--what-if", cwd=project.folder)
    assert result.returncode == 0, result.stderr
    for words in ("so the label is", "carrier = ", "█", "Reasons:", "not what would happen"):
        assert words in result.stdout
    by_line = freshet("explain", "rows.csv", "--line", "19", "--what-if", cwd=project.folder)
    assert by_line.stdout == result.stdout
    document = freshet("explain", "rows.csv", "--id", "f17", "--json", cwd=project.folder)
    answer = json.loads(document.stdout)
    assert f"Score {answer['score']:.4f}" in result.stdout
    other = freshet("explain", "rows.csv", "--id", "f17", "--change", "hour=1", cwd=project.folder)
    assert "becomes" in other.stdout
    assert "hour: " in other.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--id", "nobody"], "no row with id 'nobody'"),
        (["--line", "9999"], "no row with line 9999"),
        (["--id", "f1", "--line", "3"], "leave one out"),
        (["--change", "hour=1"], "--id or --line"),
        (["--id", "f1", "--change", "colour=red"], "carrier, distance, hour, origin"),
        (["--id", "f1", "--change", "distance=far"], "not-a-number, column 'distance'"),
        (["--id", "f1", "--change", "hour=1", "--what-if"], "leave --change out"),
        (["--what-if"], "choose it by --id or --line"),
        (["--baseline", "missing", "--reasons", "2"], "neither"),
        (["--baseline", "none.csv"], "none.csv cannot be opened"),
        (["--version", "99"], "99"),
    ],
)
def test_a_wrong_option_says_what_to_do(project: Project, options: list[str], words: str) -> None:
    """In one paragraph, with exit status above 0."""
    result = freshet("explain", "rows.csv", *options, cwd=project.folder)
    assert result.returncode != 0
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
