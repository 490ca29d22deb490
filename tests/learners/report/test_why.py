"""The report's part on why: from the kept rows alone, as text, JSON and page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serve.cli import app
from tests.support.serving.project import Project, flights

MORE = '[explain]\nkept_rows = {kept}\nbaseline = "typical"\nrows = 20\nadverse = "negative"\n'
COLUMNS = ["carrier", "distance", "hour", "origin"]
EACH = re.compile(r"^  (\S+)(?: missing)? +([+-]\d\.\d{4})  (█+|·)$", re.MULTILINE)


def learned(folder: Path, kept: int) -> Project:
    """Flights, learned by a config that keeps so many rows."""
    project = Project(folder, args="-b 12", more=MORE.format(kept=kept))
    project.produce(project.write_csv(flights(300)), label_time="landed")
    project.learn()
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model whose version keeps rows."""
    return learned(tmp_path_factory.mktemp("why"), 40)


def reported(project: Project, *options: str) -> str:
    """What ``freshet report`` prints."""
    result = CliRunner().invoke(app, ["report", "--config", str(project.config_file), *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_numbers_add_up_and_the_rows_are_the_extremes_and_the_median(project: Project) -> None:
    """Of the kept rows; each row's contributions and the baseline are its score in log-odds."""
    why = json.loads(reported(project, "--json"))["why"]
    assert why["remark"] is None
    found = why["importances"]
    assert sorted(each["column"] for each in found["columns"]) == COLUMNS
    assert (found["rows"], why["baseline"]["kind"]) == (40, "typical")
    rows = why["rows"]
    assert [row["which"] for row in rows] == ["highest", "median", "lowest"]
    assert rows[0]["score"] > rows[1]["score"] > rows[2]["score"]
    for row in rows:
        total = why["baseline"]["log_odds"] + sum(c["contribution"] for c in row["contributions"])
        assert total == pytest.approx(row["log_odds"], abs=5e-6)
        values = {each["column"]: each["value"] for each in row["contributions"]}
        assert re.fullmatch(r"[AB][XYZ]", values["carrier"])
        assert re.fullmatch(r"(\d+)?\.\.(\d+)?", values["distance"])  # its bin: no cell is kept


def test_bars_and_sentences_are_printed_and_drawn(project: Project, tmp_path: Path) -> None:
    """A terminal and the page say the same; reasons are told of each row."""
    text = reported(project)
    why = json.loads(reported(project, "--json"))["why"]
    told = text.partition("Why: the kept row of the highest score")[2]
    for row, part in zip(why["rows"], told.split("Why: the kept row of"), strict=True):
        printed = EACH.findall(part)
        each = [f"{c['contribution']:+.4f}" for c in row["contributions"]]
        assert [number for _, number, _ in printed] == each
        assert {bar for _, _, bar in printed[:1]} == {"█" * 24}
        for at, reason in enumerate(row["reasons"], 1):
            assert f"\n{at}. {reason['reason']}\n" in part
    assert any(row["reasons"] for row in why["rows"])
    reported(project, "--html", str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    drawn = page.partition("<h2>Why: the kept row of the highest score</h2>")[2]
    strongest = why["rows"][0]["contributions"][0]
    shown = f"{strongest['column']}={strongest['value']}"
    assert f">{shown}</text>" in drawn
    assert f">{strongest['contribution']:+.3f}</text>" in drawn


def test_without_kept_rows_the_report_says_so_in_a_line(tmp_path: Path) -> None:
    """And has all else."""
    project = learned(tmp_path, 0)
    why = json.loads(reported(project, "--json"))["why"]
    assert (why["importances"], why["rows"]) == (None, [])
    assert "explain.kept_rows is 0" in why["remark"]
    assert re.search(r"\nMeasures\n(.|\n)*keeps no rows", reported(project))
