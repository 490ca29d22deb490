"""Reports and comparisons say which figures are of what is served, and of which version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from learners.commands.report import report
from stream.commands.compare import compare
from tests.support.learning.measured_models import MeasuredModel, lessons, measured_model, rows, run


@pytest.fixture
def model(tmp_path: Path) -> MeasuredModel:
    """A model of two versions, whose first is pinned and measured in the second's checkpoint."""
    made = measured_model(tmp_path)
    made.save(0)
    found = lessons(200)
    found.scores["pinned"] = np.where(np.arange(200) < 80, np.nan, found.scores["raw"])
    made.evaluator.take(found)
    made.save(200, pinned={"version": 1, "begun": 80, "trouble": ""})
    with made.project.registry() as registry:
        registry.serving.pin("rollback", 1, "a try", "ann")
    return made


def served(model: MeasuredModel, *arguments: str, command: Any = report) -> dict[str, Any]:
    """What a report's or comparison's JSON says of what is served."""
    found = json.loads(run(model, "--json", *arguments, command=command).stdout)
    said: dict[str, Any] = found["served"]
    return said


@pytest.mark.parametrize("command", [report, compare])
def test_what_is_pinned_stands_by_its_version_and_the_learner_is_called_so(
    model: MeasuredModel, command: Any
) -> None:
    """In text and JSON; nothing of the learner's is called served."""
    assert served(model, command=command) == {"version": 1, "measured_as": "pinned", "why": ""}
    text = run(model, command=command).stdout
    assert "Version 1 is pinned and served: its figures are those of 'pinned'" in text
    assert "score (served)" not in text
    assert "served score" not in text
    if command is report:
        table = rows(text, "All 200 labels")
        assert table["pinned (version 1)"][0] == "120"
        assert table["learner"][0] == "200"
    else:
        assert "Against the learner's score, over the last 200 labels" in text
        assert "the pinned version 1" in text.lower()


@pytest.mark.parametrize("command", [report, compare])
def test_what_is_served_and_not_measured_is_said_with_the_reason(
    model: MeasuredModel, command: Any
) -> None:
    """Of a version that was pinned after the checkpoint."""
    with model.project.registry() as registry:
        registry.serving.pin("promote", 2, "another", "ann")
    found = served(model, command=command)
    assert (found["version"], found["measured_as"]) == (2, None)
    text = " ".join(run(model, command=command).stdout.split())
    assert "Version 2 is served and not measured: It was pinned after these figures" in text
    assert "score (served)" not in text


def test_a_report_on_the_page_says_the_same(model: MeasuredModel, tmp_path: Path) -> None:
    """Its first section has the sentence and the names."""
    run(model, "--html", str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Version 1 is pinned and served" in page
    assert "pinned (version 1)" in page
    assert "score (served)" not in page


@pytest.mark.parametrize("command", [report, compare])
def test_a_backfills_candidate_is_reported_on_by_its_number(
    model: MeasuredModel, command: Any
) -> None:
    """It says which version it speaks of, and that nobody was served the scores."""
    number = model.save_candidate(200)
    found = json.loads(run(model, "--json", "--version", str(number), command=command).stdout)
    assert found["version"] == number
    assert found["served"]["measured_as"] is None
    text = " ".join(run(model, "--version", str(number), command=command).stdout.split())
    assert f"version {number}" in text
    assert "Version 1 is served. These figures are of a backfill (lineage 2)" in text
    assert "which nobody was served" in text
    assert "score (served)" not in text


def test_unpinned_the_learner_is_what_is_served(model: MeasuredModel) -> None:
    """As soon as figures without a pin are there."""
    model.evaluator.drop("pinned")
    with model.project.registry() as registry:
        registry.serving.unpin("go on", "ann")
    model.save(210)
    assert served(model) == {"version": 3, "measured_as": "learner", "why": ""}
    text = run(model).stdout
    assert "score (served)" in text
    assert "pinned" not in text
