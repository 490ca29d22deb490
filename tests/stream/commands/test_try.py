"""``freshet try`` as a person runs it: a verdict as text, JSON and page, and what it refuses."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from tests.support.serving.command import freshet
from tests.support.serving.project import COLUMNS, Project, csv_text, flights

ROWS, FIRST = flights(3_000), 750
TRUTH = np.array([int(row[2]) for row in ROWS])
VALUE = '[value]\ntrue_positive = 5\nfalse_positive = -1\nscale = "distance"'
# Some scores that know something; a few rows have none.
OWN = ["" if not n % 50 else f"{0.2 + 0.4 * TRUTH[n] * (n % 3 > 0):.2f}" for n in range(len(ROWS))]
LABEL = ("--label", "late", "--positive", "1")
FLIGHTS = (*LABEL, "--id", "id", "--time", "at", "--label-time", "landed")
QUICK = ("--trial", "none", "--without", "LightGBM monthly", "--without", "river")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A config with prices, a file of flights with scores of one's own, and one of these alone."""
    project = Project(tmp_path_factory.mktemp("try") / "p", more=VALUE)
    project.write_csv(ROWS)
    own = [[*row, score] for row, score in zip(ROWS, OWN, strict=True)]
    (project.folder / "own.csv").write_text(csv_text(own, [*COLUMNS, "mine"]))
    scored = zip((row[0] for row in ROWS), OWN, strict=True)
    (project.folder / "scores.csv").write_text(csv_text(list(scored), ["id", "score"]))
    return project


def tried(project: Project, *arguments: str) -> dict[str, Any]:
    """The JSON document of a run."""
    done = freshet("try", *arguments, "--json", cwd=project.folder)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The contenders."""
    return {each["name"]: each for each in document["contenders"]}


@pytest.fixture(scope="module")
def by_config(project: Project) -> dict[str, Any]:
    """Tried by a config, with its prices."""
    options = ("--config", "freshet.toml", "--label-time", "landed", "--scores", "scores.csv")
    return tried(project, "rows.csv", *options, *QUICK)


def test_a_config_scores_as_a_backfill_of_the_file(
    project: Project, by_config: dict[str, Any]
) -> None:
    """The figures are those of the pipeline itself, to the digits in which scores are written."""
    options = ("--label-time", "landed", "--scores", "backfill.csv", "--rows-per-message", "1")
    done = freshet("backfill", "rows.csv", *options, cwd=project.folder)
    assert done.returncode == 0, done.stderr
    with (project.folder / "backfill.csv").open() as file:
        found = {row["id"]: float(row["score"]) for row in csv.DictReader(file)}
    scores = np.array([found[row[0]] for row in ROWS])[FIRST:]
    ours = by_name(by_config)["your config"]
    assert ours["labels"] == len(scores)
    assert ours["log_loss"] == pytest.approx(log_loss(TRUTH[FIRST:], scores), abs=1e-6)
    assert ours["auc"] == pytest.approx(roc_auc_score(TRUTH[FIRST:], scores), abs=1e-6)


def test_ones_own_scores_are_measured_on_the_rows_that_have_one(
    project: Project, by_config: dict[str, Any]
) -> None:
    """As scikit-learn has it; from a column they come to the same, and it is not learned from."""
    there = [n for n in range(FIRST, len(ROWS)) if OWN[n]]
    scores = [float(OWN[n]) for n in there]
    of_file = by_name(by_config)["your scores"]
    assert of_file["labels"] == len(there)
    assert of_file["log_loss"] == pytest.approx(log_loss(TRUTH[there], scores))
    assert of_file["auc"] == pytest.approx(roc_auc_score(TRUTH[there], scores))
    assert "Not all of these rows have a score of your scores." in by_config["verdict"]["notes"]
    document = tried(project, "own.csv", *FLIGHTS, "--score", "mine", *QUICK)
    of_column = by_name(document)["your scores"]
    assert of_column["log_loss"] == of_file["log_loss"]
    columns = tomllib.loads(document["config"])["columns"]
    assert columns["mine"] == {"role": "drop"}


def test_decisions_have_their_value(by_config: dict[str, Any]) -> None:
    """An event's, by the config's prices and the column that multiplies them."""
    there = [n for n in range(FIRST, len(ROWS)) if OWN[n]]
    worth = [
        (5 if TRUTH[n] else -1) * float(ROWS[n][6]) if float(OWN[n]) >= 1 / 6 else 0.0
        for n in there
    ]
    assert by_name(by_config)["your scores"]["value"] == pytest.approx(np.mean(worth))


def test_the_page_and_the_text_say_the_same(project: Project) -> None:
    """The verdict first; every contender in the table; curves on the page. Nothing else is left."""
    before = sorted(project.folder.iterdir())
    text = freshet("try", "rows.csv", *FLIGHTS, *QUICK, cwd=project.folder)
    html = freshet("try", "rows.csv", *FLIGHTS, *QUICK, "--html", "v.html", cwd=project.folder)
    assert (text.returncode, html.returncode) == (0, 0), text.stderr + html.stderr
    page = (project.folder / "v.html").read_text()
    sentence = text.stdout.partition("\n\n")[2].partition("\n\n")[0].replace("\n", " ")
    assert sentence.startswith("Learning on gains nothing here: ")
    assert sentence in page
    for name in ("proposal", "frozen copy", "raw VW", "LightGBM once", "base rate"):
        assert f"  {name}" in text.stdout
        assert name in page
    assert page.count("<svg") == 2
    assert "Not tried: river, as asked." in text.stdout
    (project.folder / "v.html").unlink()
    assert sorted(project.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--label COLUMN and --positive VALUE, or --config FILE"),
        ((*LABEL, "--config", "freshet.toml"), "--config says what --label is to say"),
        (("--config", "freshet.toml", "--encoding", "cp1252"), "what --encoding is to say"),
        (("--label", "lat", "--positive", "1"), 'did you mean "late"?'),
        (("--label", "late", "--positive", "7"), "try with --first SHARE"),
        ((*LABEL, "--time", "carrier"), '"carrier" is to hold times, and most of its cells are'),
        ((*LABEL, "--label-time", "landed"), "name --time too"),
        ((*FLIGHTS, "--label-delay", "9"), "--label-time and --label-delay both say"),
        ((*LABEL, "--scores", "scores.csv"), "name the column of ids with --id"),
        ((*FLIGHTS, "--scores", "rows.csv"), "columns id and score are needed"),
        ((*FLIGHTS, "--score", "distance"), "no probability from 0 to 1"),
        ((*LABEL, "--score", "mine"), '--score names the column "mine", which rows.csv does not'),
        ((*LABEL, "--without", "proposal"), "--without 'proposal' is none of 'raw VW', 'river'"),
        ((*LABEL, "--rows", "200"), "at least 100 are needed to look at"),
        ((*LABEL, "--html", "rows.csv"), "give --html another"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    project: Project, arguments: tuple[str, ...], said: str
) -> None:
    """With what helps, before anything is scored."""
    done = freshet("try", "rows.csv", *arguments, cwd=project.folder)
    assert done.returncode == 2, done.stderr
    assert said in " ".join(done.stderr.split())


def test_a_section_that_is_not_applied_is_told(tmp_path: Path) -> None:
    """A backfill would weight and calibrate; the figures of these scores are not passed for its."""
    more = '[imbalance]\npositive_weight = 9\n[calibration]\nmethod = "platt"'
    project = Project(tmp_path / "p", more=more)
    project.write_csv(ROWS)
    done = freshet("try", "rows.csv", "--config", "freshet.toml", *QUICK, cwd=project.folder)
    assert "the config file without its [imbalance] and [calibration]" in done.stdout, done.stderr


def test_rows_behind_the_bound_are_told(project: Project, tmp_path: Path) -> None:
    """A file is taken as far as asked, and the verdict says so."""
    (tmp_path / "rows.csv").write_text(csv_text(ROWS))
    done = freshet("try", "rows.csv", *FLIGHTS, *QUICK, "--rows", "2000", cwd=tmp_path)
    assert "Of 2,000 rows with a label (the file has more; --rows takes them)" in done.stdout
    assert project.folder != tmp_path
