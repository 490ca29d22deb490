"""``rollback --learner resume`` and ``rollbacks``: what they say, and that ``status`` shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from converters.errors import UsageError
from learners.registry.errors import RollbackUnderWayError
from learners.snapshots.errors import CorruptSnapshotError
from serve.cli import app
from tests.support.serving.project import Project, flights


def run(project: Project, *arguments: str) -> Result:
    """A command, in this process."""
    return CliRunner().invoke(app, [*arguments, "--config", str(project.config_file)])


def back(project: Project, version: int = 1, *more: str) -> Result:
    """Have the learner go back."""
    options = ("--learner", "resume", "--reason", "poison")
    return run(project, "rollback", str(version), *options, *more)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model with two versions."""
    project = Project(tmp_path / "p")
    for rows in (flights(200), [[f"m{row[0]}", *row[1:]] for row in flights(200, 9)]):
        project.produce(project.write_csv(rows))
        project.learn()
    return project


def test_it_says_what_is_served_and_what_the_learner_does(project: Project) -> None:
    """Now, while it waits, and when it is done; ``rollbacks`` lists it."""
    assert "was never rolled back" in run(project, "rollbacks").stderr
    result = back(project)
    assert result.exit_code == 0, result.output
    served, asked = result.stderr.splitlines()
    assert served.startswith("Version 1 is served, pinned")
    assert asked == "Rollback 1: the learner goes back to version 1 when it next looks, or starts."
    line = next(line for line in run(project, "status").stdout.splitlines() if "Rollback" in line)
    assert "1: the learner goes back to version 1, asked by" in line
    assert line.endswith("poison; it waits for the learner's next start")
    assert project.learn()["version"] == 3
    assert "Rollback" not in run(project, "status").stdout
    (listed,) = json.loads(run(project, "rollbacks", "--json").stdout)
    assert (listed["state"], listed["made"], listed["reason"]) == ("done", 3, "poison")
    assert "done" in run(project, "rollbacks").stdout
    again = back(project).stderr
    assert "Nothing changed: version 3 already is served" in again
    assert "has gone back to version 1, and made version 3 of it" in again


def test_json_has_the_rollback(project: Project) -> None:
    """Beside what is served."""
    answer = json.loads(back(project, 1, "--json").stdout)
    assert (answer["serving"], answer["pinned"], answer["rollback"]["state"]) == (1, True, "asked")
    shown = json.loads(run(project, "status", "--json").stdout)
    assert shown["rollback"] == answer["rollback"]


def test_one_that_has_not_begun_can_be_cancelled(project: Project) -> None:
    """Another is refused until then."""
    back(project)
    refused = back(project, 2)
    assert isinstance(refused.exception, RollbackUnderWayError)
    assert "freshet rollbacks --cancel 1 --reason TEXT" in str(refused.exception)
    said = run(project, "rollbacks", "--cancel", "1", "--reason", "no poison").stderr
    assert said == "Rollback 1 to version 1 was cancelled: no poison\n"
    assert back(project, 2).exit_code == 0


@pytest.mark.parametrize("given", [("--cancel", "1"), ("--reason", "x")])
def test_a_number_and_a_reason_belong_together(project: Project, given: tuple[str, str]) -> None:
    """Neither is guessed."""
    assert isinstance(run(project, "rollbacks", *given).exception, UsageError)


def test_a_damaged_version_moves_nothing(project: Project) -> None:
    """It is found before serving moves."""
    with project.registry() as registry:
        folder = Path(project.settings.snapshots, registry.versions.find(1).snapshot.folder)
        before = registry.serving.pointers()
        (folder / "model").write_bytes(b"damaged")
        assert isinstance(back(project).exception, CorruptSnapshotError)
        assert registry.serving.pointers() == before
        assert registry.rollbacks.all() == []
