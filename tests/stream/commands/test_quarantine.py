"""``freshet quarantine``: what it says, what it keeps, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from converters.errors import UsageError
from learners.registry.errors import UnknownQuarantineError
from serve.cli import app
from tests.support.serving.project import Project, flights

SKIP = ("--skip", "flights.events:0:20-39")
REASON = ("--reason", "poison")


def run(project: Project, *arguments: str) -> Result:
    """A command, in this process."""
    found = CliRunner().invoke(
        app, ["quarantine", *arguments, "--config", str(project.config_file)]
    )
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def documents(project: Project, *arguments: str) -> Any:
    """What it prints with ``--json``."""
    return json.loads(run(project, *arguments, "--json").stdout)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model that has learned a hundred flights, one in each record."""
    project = Project(tmp_path / "p", args="-b 10")
    project.produce(project.write_csv(flights(100)), rows_per_message=1)
    project.learn()
    return project


def test_what_is_added_is_listed_until_it_is_removed(project: Project) -> None:
    """And afterwards too, with who removed it and why."""
    assert run(project, "list").stderr == "Nothing was ever put into quarantine.\n"
    said = run(project, "add", *SKIP, *REASON).stderr.splitlines()
    assert said[0] == "Quarantine 1 holds flights.events:0:20-39 (20 offsets)."
    assert "stays as it is" in said[1]
    assert "freshet rollback --config" in said[1]
    again = run(project, "add", *SKIP, *REASON).stderr
    assert again.startswith(
        "Nothing changed: these records are in quarantine already. Quarantine 1"
    )
    (listed,) = documents(project, "list")
    assert listed["ranges"] == {"flights.events": {"0": [[20, 39]]}}
    assert (listed["skip"], listed["skip_time"]) == ([SKIP[1]], [])
    assert (listed["active"], listed["offsets"], listed["reason"]) == (True, 20, "poison")
    gone = run(project, "remove", "1", "--reason", "it was good").stderr
    assert gone.startswith("Quarantine 1, which held flights.events:0:20-39 (20 offsets), was rem")
    assert run(project, "remove", "1", *REASON).stderr.startswith("Nothing changed. Quarantine 1")
    (listed,) = documents(project, "list")
    assert (listed["active"], listed["removed_because"]) == (False, "it was good")
    shown = run(project, "list").stdout
    assert "it was good" in shown
    assert f"Asked for as {SKIP[1]}" in shown
    assert documents(project, "add", *SKIP, *REASON)["quarantine"] == 2


def test_the_ledger_says_who_and_why(project: Project) -> None:
    """Of both."""
    run(project, "add", *SKIP, *REASON)
    run(project, "remove", "1", "--reason", "it was good")
    with project.registry() as registry:
        kept = [(e.action, e.reason, e.detail["quarantine"]) for e in registry.ledger.entries(2)]
    assert kept == [("quarantine", "poison", 1), ("release", "it was good", 1)]
    shown = CliRunner().invoke(app, ["history", "--config", str(project.config_file)]).stdout
    assert "it was good (quarantine 1)" in " ".join(shown.split())


def test_times_are_two_values_or_one(project: Project) -> None:
    """``--skip-time events FROM..TO`` as it is typed, twice, and quoted as one value."""
    time = "2013-01-01T05:00Z..2013-01-01T06:00Z"
    first = documents(project, "add", "--skip-time", "events", time, *REASON)
    assert first["skip_time"] == [f"events {time}"]
    assert first["offsets"] > 1
    later = "2013-01-01T06:00Z.."
    options = ("--skip-time", "events", time, "--skip-time", f"events {later}", *SKIP)
    both = documents(project, "add", *options, *REASON)
    assert both["skip_time"] == [f"events {time}", f"events {later}"]
    assert (both["skip"], both["offsets"]) == ([SKIP[1]], 100)
    assert "Asked for as" in run(project, "list").stdout


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ((), "Nothing is named: give --skip"),
        (("--skip", "flights.events:0:99-100"), "has the offsets 0 to 99 now"),
        (("--skip-time", "events"), "does not say whose time|is no interval"),
        (("--skip-time", "2013-01-01.."), "does not say whose time is meant"),
        (("--skip-time", "events", "2012..2013"), "is not a time"),
    ],
)
def test_what_names_nothing_is_refused(project: Project, given: tuple[str, ...], why: str) -> None:
    """And nothing is kept."""
    with pytest.raises(UsageError, match=why):
        run(project, "add", *given, *REASON)
    with pytest.raises(UsageError, match="A reason is required"):
        run(project, "add", *SKIP, "--reason", "")
    assert documents(project, "list") == []


def test_one_that_is_not_there_is_told(project: Project) -> None:
    """With the last there is."""
    with pytest.raises(UnknownQuarantineError, match="has no quarantine 3; it has none"):
        run(project, "remove", "3", *REASON)
