"""Reports on models that were really learned, and the commands of the documentation."""

from __future__ import annotations

import re
from typing import Any

import pytest
from typer.testing import CliRunner

from learners.report.checkpoint_measures import measured
from learners.report.document import document
from learners.report.render import sections
from serve.cli import app
from tests.support import ROOT
from tests.support.serving.project import Project, flights

MORE = """
slices = ["carrier"]
static_after = "2013-01-02T00:00:00Z"
[value]
true_positive = 3
false_positive = -1
[[shadow]]
name = "coin"
args = "-b 16 --coin"
"""


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Flights with labels at landing, learned with a shadow and a frozen copy beside."""
    project = Project(tmp_path_factory.mktemp("learned"), more=MORE)
    project.produce(project.write_csv(flights(900)), label_time="landed")
    project.learn()
    return project


def report(project: Project) -> dict[str, Any]:
    """The document of the newest checkpoint."""
    return document(project.settings, measured(project.settings, project.schema, None))


def test_the_report_is_of_what_the_learner_measured(learned: Project) -> None:
    """The checkpoint's measures, read back, are those that the registry has of the version."""
    told = report(learned)
    with learned.registry() as registry:
        version = registry.versions.find(told["version"])
    known = {name: v for name, v in version.metrics.items() if name in told["measures"]}
    assert {"log_loss", "window", "faded", "recent", "static", "contenders", "value"} <= set(known)
    for name in set(known) - {"static", "contenders", "stream_time"}:
        assert told["measures"][name] == known[name], name
    assert told["measures"]["static"]["log_loss"] == known["static"]["log_loss"]
    shadow = told["measures"]["contenders"]["coin"]
    assert shadow["log_loss"] == known["contenders"]["coin"]["log_loss"]


def test_slices_are_named_as_the_rows_named_them(learned: Project) -> None:
    """The codes of the measures are the texts of the manifest; all labels are in some slice."""
    told = report(learned)
    slices = told["measures"]["slices"]["carrier"]
    assert {each["value"] for each in slices} == {a + b for a in "AB" for b in "XYZ"}
    assert sum(each["count"] for each in slices) == told["measures"]["count"]


def test_a_whole_report_has_every_section(learned: Project) -> None:
    """Nothing is missing of a model that has all parts, and the counts add up."""
    told = report(learned)
    assert [section.title for section in sections(told)] == [
        *("Measures", "Over event time", "Calibration", "Scores", "Decisions", "Value", "Slices"),
        *("Versions", "Age of the label", "Delay of labels", "Input"),
        "What became of events and labels",
    ]
    assert all(each["holds"] for each in told["equations"])


def test_the_commands_of_the_documentation_run(
    learned: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that docs/evaluation.md shows, as it stands there."""
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    commands = re.findall(r"^freshet (.*?) *(?:#.*)?$", text, re.MULTILINE)
    assert {command.split()[0] for command in commands} == {"report", "compare"}
    monkeypatch.chdir(learned.folder)
    for command in commands:
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == 0, f"{command}: {result.output} {result.exception}"
