"""A run whose events and labels expire says so, and why; it fails if nothing was learned."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from converters.errors import UsageError
from serve.cli import app
from stream.commands.run_end import TooManyExpiredError
from tests.support.serving.project import Project, flights

FIRST, DAY_MS = 1_357_016_400_000, 86_400_000
LIVE = b"live,1420070400,,AX,JFK,3,100,"


def run(project: Project, *arguments: str) -> Result:
    """A command with the project's config, in this process."""
    return CliRunner().invoke(app, [*arguments, "--config", str(project.config_file)])


def rows(count: int, prefix: str) -> list[bytes]:
    """Rows of the first moment without a label."""
    return [f"{prefix}{number},1357016400,,AX,JFK,3,100,".encode() for number in range(count)]


def labels(count: int, prefix: str) -> list[bytes]:
    """Their labels."""
    return [f"{prefix}{number},1".encode() for number in range(count)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model with an empty log; a day is waited."""
    return Project(tmp_path / "p", more="[late_labels]\nwait = 86400")


def some_learned(project: Project, learned: int, expired: int) -> None:
    """Events that get their label, and some that do not before stream time is two days later."""
    project.append(*rows(learned, "good"), *rows(expired, "bad"), time=FIRST)
    project.append(*labels(learned, "good"), labels=True, time=FIRST + 1000)
    project.append(LIVE, time=FIRST + 2 * DAY_MS)


def test_history_behind_one_live_event_is_told_and_fails(project: Project) -> None:
    """The share, the record that moved stream time, what helps, and status 1."""
    project.append(LIVE, time=FIRST + 730 * DAY_MS)
    project.produce(project.write_csv(flights(300)), label_time="landed")
    result = run(project, "learn", "--until-end", "--json")
    assert isinstance(result.exception, TooManyExpiredError)
    assert result.exception.exit_status == 1
    told = str(result.exception)
    assert told.startswith("Nothing was learned: 300 of 300 labels in this run (100.0%)")
    assert "so this run has failed" in told
    assert "WARNING: 300 of 300 labels" in result.stderr
    assert "The record flights.events:0:0 moved stream time from 2013-01-0" in result.stderr
    report = json.loads(result.stdout)
    assert report["learned"] == 0
    found = report["expired_this_run"]
    assert found["labels"] == {"decided": 300, "labels_late": 0, "labels_expired": 300}
    jump = found["stream_time_jump"]
    assert (jump["topic"], jump["offset"]) == ("flights.events", 0)
    assert jump["until"] == FIRST + 730 * DAY_MS
    assert run(project, "learn", "--until-end").exit_code == 0  # a later run has lost nothing


@pytest.mark.parametrize(
    ("learned", "expired", "option", "warns", "fails"),
    [
        (180, 20, (), False, False),
        (179, 21, (), True, False),
        (0, 10, (), True, True),
        (0, 9, (), False, False),
        (0, 10, ("--max-expired", "100%"), True, False),
        (180, 20, ("--max-expired", "9%"), True, True),
        (180, 20, ("--max-expired", "0.1"), False, False),
    ],
)
def test_the_share_that_may_expire(
    project: Project, learned: int, expired: int, option: tuple[str, ...], warns: bool, fails: bool
) -> None:
    """Above a tenth is a warning; by default a run fails in which nothing is learned."""
    some_learned(project, learned, expired)
    result = run(project, "learn", "--until-end", *option)
    assert isinstance(result.exception, TooManyExpiredError) is fails
    assert (result.exit_code == 0) is not fails
    assert f"{expired} of {learned + expired} events in this run" in result.stderr
    assert ("WARNING" in result.stderr) is warns


def test_a_backfill_of_which_all_expires_stays_a_candidate(project: Project) -> None:
    """Labels that come later than is waited for; it names the version and what to do."""
    late = [[*row[:7], str(int(row[7]) + 3 * 86_400)] for row in flights(2_000)]
    path = str(project.write_csv(late))
    result = run(project, "backfill", path, "--label-time", "landed", "--promote")
    assert isinstance(result.exception, TooManyExpiredError)
    assert "version 1 stays a candidate" in str(result.exception)
    with project.registry() as registry:
        assert registry.serving.pointers().serving is None
    forced = run(project, "backfill", path, "--label-time", "landed", "--max-expired", "1")
    assert forced.exit_code == 0


@pytest.mark.parametrize(
    ("again", "label", "told"),
    [
        (11, "", "11 of 111 rows of events in this run (9.9%)"),
        (12, "", "12 of 112 rows of events in this run (10.7%) repeat the id of an event"),
        (3, "1", "3 of them brought the label that their event waits for, which is lost"),
    ],
)
def test_repeated_events_are_told(project: Project, again: int, label: str, told: str) -> None:
    """Above a tenth, or where a repeat brings the label of an event that waits."""
    repeats = [row.replace(b",,", f",{label},".encode()) for row in rows(again, "e")]
    project.append(*rows(100, "e"), *repeats, time=FIRST)
    result = run(project, "learn", "--until-end", "--json")
    assert (told in result.stderr) is (again != 11)
    lost = again if label else 0
    assert json.loads(result.stdout)["duplicates_this_run"] == {
        "rows": 100 + again,
        "duplicates": again,
        "duplicate_labels": lost,
    }
    again_at = run(project, "learn", "--until-end", "--json")
    assert json.loads(again_at.stdout).get("duplicate_labels", 0) == lost
    assert json.loads(again_at.stdout)["duplicates_this_run"]["duplicate_labels"] == 0
    assert "repeat the id" not in again_at.stderr


def test_the_share_goes_with_the_end(project: Project) -> None:
    """A learner that runs on has no end at which it could fail."""
    result = run(project, "learn", "--max-expired", "0.5")
    assert isinstance(result.exception, UsageError)
    assert "--max-expired goes with --until-end" in str(result.exception)


def test_stream_time_is_shown_against_the_clock(project: Project) -> None:
    """In the final report, in days, hours or minutes; in the document as it is."""
    some_learned(project, 20, 0)
    result = run(project, "learn", "--until-end")
    days = (datetime.now(UTC) - datetime(2013, 1, 3, 5, tzinfo=UTC)).days
    assert f"Stream time 2013-01-03T05:00:00Z, {days:,} days behind the clock." in result.stderr
    again = json.loads(run(project, "learn", "--until-end", "--json").stdout)
    assert again["stream_time"] == FIRST + 2 * DAY_MS


def test_a_jump_is_known_after_a_restart(project: Project) -> None:
    """It is part of the fold, as the counts are; a run reports only its own."""
    some_learned(project, 20, 15)
    first = json.loads(run(project, "learn", "--until-end", "--json").stdout)
    project.append(*rows(3, "more"), time=FIRST + 2 * DAY_MS)
    second = json.loads(run(project, "learn", "--until-end", "--json").stdout)
    assert second["stream_time_jump"] == first["stream_time_jump"]
    assert "stream_time_jump" in first["expired_this_run"]
    assert "stream_time_jump" not in second["expired_this_run"]
