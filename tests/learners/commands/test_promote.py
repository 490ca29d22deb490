"""``promote`` and ``backfill --promote``: what they say, refuse, override and leave behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from converters.errors import UsageError
from learners.registry.errors import PromotionRefusedError
from serve.cli import app
from stream.commands.run_end import TooManyRejectedError
from tests.support.serving.project import Project, flights

# A quarter of the sample has no origin: under this those rows are refused.
NARROW = ('missing = "indicator"', 'missing = "reject"')


def run(project: Project, *arguments: str) -> Result:
    """A command, in this process."""
    return CliRunner().invoke(app, [*arguments, "--config", str(project.config_file)])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model whose version 1 is served."""
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(flights(400)))
    project.learn()
    return project


def last_line(project: Project) -> dict[str, Any]:
    """Of the ledger."""
    entries: list[dict[str, Any]] = json.loads(run(project, "history", "--json").stdout)
    return entries[-1]


def test_a_promoted_version_is_pinned_and_the_last_line_says_so(project: Project) -> None:
    """And what the learner has still to take; ``models`` shows both."""
    made = project.backfill(fresh=True)["version"]
    result = run(project, "promote", str(made), "--reason", "to see")
    assert result.exit_code == 0, result.output
    compared, served = result.stderr.splitlines()
    assert "on 400 examples of both" in compared
    assert served == (
        "Version 2 is served, pinned (unpin to follow the learner). The learner's newest is 1. "
        "The learner has still to take the state of version 2."
    )
    listed = json.loads(run(project, "models", "--json").stdout)
    assert [each.get("adoption") for each in listed] == [None, "whole"]
    assert [each["learned"] for each in listed] == [400, 400]
    assert served in run(project, "models").stderr
    project.learn()
    assert "still to take" not in run(project, "models").stderr
    assert [last_line(project)[name] for name in ("action", "version")] == ["adopt", 2]


@pytest.mark.parametrize("more", [(), ("--promote",)])
def test_a_finished_backfill_says_how_to_see_it(project: Project, more: tuple[str, ...]) -> None:
    """Whether it is promoted or stays a candidate; the command runs as it is printed."""
    result = run(project, "backfill", "log", *more)
    assert result.exit_code == 0, result.output
    (line,) = (each for each in result.stderr.splitlines() if "freshet report" in each)
    command = line.partition("freshet ")[2].split()
    reported = CliRunner().invoke(app, command)
    assert reported.exit_code == 0, reported.output
    assert "version 2" in reported.output


def test_a_swapped_label_map_is_refused_with_the_spellings(project: Project) -> None:
    """Such a version says the opposite of the served one, and no example of both can tell."""
    swapped = project.edited(
        ('positive = ["1"]', 'positive = ["0"]'), ('negative = ["0"]', 'negative = ["1", "no"]')
    )
    asked = ("backfill", "log", "--fresh", "--promote", "--reason", "new")
    refused = run(swapped, *asked)
    assert isinstance(refused.exception, PromotionRefusedError)
    assert (
        'and version 1 is still served: labels spelled "1" are negative for it and positive for '
        'version 1; labels spelled "0" are positive for it and negative for version 1. To promote'
    ) in str(refused.exception)
    forced = run(swapped, *asked, "--force")
    assert forced.exit_code == 0, forced.output
    assert len(last_line(swapped)["detail"]["overridden"]) == 2


def test_with_follow_it_is_not_pinned(project: Project) -> None:
    """The learner continues from it, and its next version is served."""
    result = run(project, "backfill", "log", "--fresh", "--promote", "--follow", "--reason", "new")
    assert result.exit_code == 0, result.output
    assert "Version 2 is served, following the learner." in result.stderr.splitlines()[-1]
    assert last_line(project)["reason"] == "new"
    project.produce(project.write_csv(flights(500)[400:]))
    project.learn()
    with project.registry() as registry:
        pointers = registry.serving.pointers()
    assert (pointers.latest, pointers.serving, pointers.pinned) == (3, 3, False)


def test_a_backfill_that_is_worse_stays_a_candidate(project: Project) -> None:
    """Exit status 1; the message says in what, and serving stays."""
    edited = project.edited(NARROW)
    result = run(edited, "backfill", "log", "--fresh", "--promote", "--max-rejected", "1", "--json")
    assert isinstance(result.exception, PromotionRefusedError)
    assert result.exception.exit_status == 1
    assert "of its rows were rejected (" in str(result.exception)
    assert "missing-value), and 0.0% of version 1's" in str(result.exception)
    assert json.loads(result.stdout)["version"] == 2
    listed = json.loads(run(edited, "models", "--json").stdout)
    assert [(each["state"], each["serving"]) for each in listed] == [
        ("verified", True),
        ("candidate", False),
    ]
    assert last_line(edited)["action"] == "publish"


def test_force_overrides_the_comparison_and_the_share_that_may_be_rejected(
    project: Project,
) -> None:
    """Exit status 0; it is told what was overridden, and the ledger keeps it."""
    edited = project.edited(NARROW)
    backfill = ("backfill", "log", "--fresh", "--promote")
    assert isinstance(run(edited, *backfill).exception, TooManyRejectedError)
    result = run(edited, *backfill, "--force", "--reason", "known origins only")
    assert result.exit_code == 0, result.output
    overridden = last_line(edited)["detail"]["overridden"]
    assert "--max-rejected allows" in overridden[0]
    assert "of its rows were rejected" in overridden[1]
    assert "it has learned from" in overridden[2]
    assert f"Overridden: {'; '.join(overridden)}." in result.stderr
    shown = " ".join(run(edited, "history").stdout.split())
    assert "known origins only (forced: " in shown


@pytest.mark.parametrize(
    "option", [("--force",), ("--follow",), ("--leave-waiting",), ("--reason", "why")]
)
def test_what_goes_with_a_promotion_needs_one(project: Project, option: tuple[str, ...]) -> None:
    """Before the backfill is made."""
    result = run(project, "backfill", "log", "--fresh", *option)
    assert isinstance(result.exception, UsageError)
    assert "go with --promote" in str(result.exception)


def test_an_earlier_version_is_rolled_back_to(project: Project) -> None:
    """Promoted it would lose what was learned since; the refusal names the way back."""
    project.produce(project.write_csv(flights(800)[400:]))
    project.learn()
    refused = run(project, "promote", "1", "--reason", "back").exception
    assert isinstance(refused, PromotionRefusedError)
    assert "freshet rollback 1 --reason TEXT" in str(refused)
    assert run(project, "rollback", "1", "--reason", "back").exit_code == 0


def test_a_lost_registry_is_in_the_ledger_of_the_next(project: Project) -> None:
    """Found by the learner as it starts; told once."""
    (project.settings.home / "registry.db").unlink()
    for _ in range(2):
        assert run(project, "learn", "--until-end").exit_code == 1
    assert run(project, "backfill", "log", "--fresh", "--promote").exit_code == 0
    assert run(project, "learn", "--until-end").exit_code == 0
    entries = json.loads(run(project, "history", "--json").stdout)
    assert [each["action"] for each in entries] == ["lost", "promote", "adopt"]
    assert "1 lineage(s)" in entries[0]["reason"]
