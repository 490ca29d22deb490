"""``history``: what was served when, in every spelling of a time; reasons; the tree of lineages."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from converters.errors import UsageError
from learners.registry import row_types
from serve.cli import app
from tests.support.serving.project import Project, flights


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model whose version 1 is served."""
    project = Project(tmp_path_factory.mktemp("history") / "p")
    project.produce(project.write_csv(flights(20)))
    project.learn()
    return project


def history(project: Project, *options: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(app, ["history", *options, "--config", str(project.config_file)])


def asked(project: Project, at: str) -> int | None:
    """The version that the command says."""
    result = history(project, "--at", at, "--json")
    if result.exception is not None:
        raise result.exception
    version: int | None = json.loads(result.stdout)["version"]
    return version


@pytest.mark.parametrize(
    ("at", "version"),
    [
        ("20240301120000", None),  # as milliseconds of 2611, it would be after all versions
        ("202403011200", None),
        ("2024030112", None),
        ("20240301", None),
        ("20991231235959", 1),
        ("2208988799", 1),
        ("now", 1),
        ("10 minutes ago", 1),
        ("50min ago", 1),
        ("an hour ago", None),
        ("yesterday", None),
    ],
)
def test_what_was_served_then(
    project: Project, monkeypatch: pytest.MonkeyPatch, at: str, version: int | None
) -> None:
    """Digits that form a calendar time are that; words count back from now."""
    with project.registry() as registry:
        later = registry.ledger.entries()[-1].at + timedelta(minutes=55)
    monkeypatch.setattr(row_types, "utc_now", lambda: later)
    assert asked(project, at) == version


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("240301120000", r"another time \(240301120000: 1977-08-13 .* or 2024-03-01 12:00:00 as"),
        ("20241301120000", "is not a time: write it as ISO 8601, or how long ago"),
        ("45292.5", "is not a time"),
        ("soon", "is not a time"),
    ],
)
def test_what_is_no_time(project: Project, at: str, said: str) -> None:
    """It is said what to write."""
    with pytest.raises(Exception, match=said):
        asked(project, at)


def test_a_reason_is_shown_as_it_was_given(project: Project) -> None:
    """Brackets in it are no markup of the table's."""
    with project.registry() as registry:
        registry.serving.unpin("see [/red] and [bold]this", "ann")
    shown = history(project)
    assert shown.exit_code == 0, shown.exception
    assert "see [/red] and [bold]this" in " ".join(shown.stdout.split())


def test_the_tree_is_drawn(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a person, and as a list for scripts."""
    monkeypatch.setenv("COLUMNS", "100")
    lines = history(project, "--tree").stdout.splitlines()
    title, head, facts = (line.rstrip() for line in lines)
    assert title == "Model 'flights': 1 lineage"
    assert head.endswith("lineage 1, live, version 1 is served: learned from the start of the log")
    assert facts.endswith("; version 1; 20 events, all learned")
    (only,) = json.loads(history(project, "--tree", "--json").stdout)
    assert (only["lineage"], only["versions"], only["learned"]) == (1, [1, 1, 1], 20)


def test_a_model_without_lineages_says_so(tmp_path: Path) -> None:
    """Until a learner has begun."""
    empty = Project(tmp_path / "p")
    with empty.registry():
        shown = history(empty, "--tree")
        listed = history(empty, "--tree", "--json")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr.startswith("There is no lineage yet: 'freshet learn ")
    assert shown.stderr.endswith("' begins the first.\n")
    assert json.loads(listed.stdout) == []


def test_the_tree_is_of_no_time(project: Project) -> None:
    """It is all that there is: with a time, it would be taken for what there was then."""
    refused = history(project, "--tree", "--at", "now")
    assert isinstance(refused.exception, UsageError)
    assert "--at tells what was served at a time, --tree draws all lineages" in (
        str(refused.exception)
    )
