"""What a version knows, as JSON and on a page."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from learners.explain.feature_names import names_file
from learners.knowledge.version_weights import known_version, weights_json, write_readable
from learners.knowledge.weights_page import RANDOM, print_weights
from learners.registry.errors import UnservableVersionError
from tests.support.serving.project import Project, flights

CONTROL = '[[shadow]]\nname = "chance"\nkind = "control"\n'


def learned(folder: Path, more: str = "", kind: str = "vw") -> Project:
    """A model of some flights."""
    args = "-b 18" if kind == "vw" else ""
    project = Project(folder / "p", more=more, kind=kind, args=args)
    project.produce(project.write_csv(flights(1_000)))
    project.learn()
    return project


def told(project: Project) -> dict[str, Any]:
    """What its first version knows."""
    with project.registry() as registry:
        version = registry.versions.find(1)
    with known_version(project.snapshots(), version, project.schema) as known:
        return weights_json(known, 10)


def page(content: dict[str, Any]) -> str:
    """The same on a page."""
    out = io.StringIO()
    print_weights(content, "flights", out)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["vw", "river"])
def test_columns_stand_beside_a_random_one(kind: str, tmp_path: Path) -> None:
    """The hour decides most, and chance less; what matters no more than chance is named."""
    content = told(learned(tmp_path, CONTROL, kind))
    columns = {each["column"]: each["importance"] for each in content["importances"]["columns"]}
    control = content["control"]
    assert control["shadow"] == "chance"
    assert columns["hour"] > control["importance"] > 0
    assert {each["column"] for each in control["pairs"]} == set(columns)
    less = [name for name, value in columns.items() if value <= control["importance"]]
    assert all(any(f"'{name}'" in words for words in content["remarks"]) for name in less)
    shown = page(content)
    assert shown.count(RANDOM) == 2
    assert shown.index("\n  hour ") < shown.index(RANDOM)


def test_doubts_are_told(tmp_path: Path) -> None:
    """Weights without a known name, rows that are not kept, and how to get a control."""
    project = learned(tmp_path, "[explain]\nkept_rows = 0\n")
    with project.registry() as registry:
        version = registry.versions.find(1)
    assert told(project)["weights"]["undone"] == told(project)["weights"]["weights"]
    names_file(project.snapshots().folder, version.schema_hash).unlink()
    content = told(project)
    totals, shown = content["weights"], page(content)
    assert 0 < totals["undone"] < totals["weights"]
    assert f"{totals['weights'] - totals['undone']:,} weights have no known name" in shown
    assert "The version keeps no rows" in shown
    assert 'kind = "control"' in shown
    assert content["importances"]["columns"] == []
    with (
        pytest.raises(UnservableVersionError, match="was thinned"),
        known_version(project.snapshots(), replace(version, state="thinned"), project.schema),
    ):
        pass


@pytest.mark.parametrize(("kind", "begins"), [("vw", "Version "), ("river", "{")])
def test_a_model_is_written_for_people(kind: str, begins: str, tmp_path: Path) -> None:
    """With a line for each weight: Vowpal Wabbit's by hash, river's by name."""
    project, file = learned(tmp_path, kind=kind), tmp_path / "model.txt"
    with project.registry() as registry:
        write_readable(project.snapshots(), registry.versions.find(1), file)
    text = file.read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert ("carrier=AX" in text) == (kind == "river")
    assert text.count("\n") > told(project)["weights"]["weights"]
