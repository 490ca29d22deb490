"""``freshet produce`` of rows that are too far behind what the topics hold to be learned."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from serve.cli import app
from stream.log.contract import LogError
from stream.log_sqlite.log import SqliteLog
from stream.produce.behind import BehindError
from tests.support.serving.project import Project, flights

LATE = ("--label-time", "landed")
DAY_MS = 86_400_000
# The first row's time and the last's, in ms.
ROWS = flights(300)
FIRST, LAST = int(ROWS[0][1]) * 1000, int(ROWS[-1][1]) * 1000
LIVE = b"live,1420070400,,AX,JFK,3,100,"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model with an empty log; labels are waited for a day."""
    return Project(tmp_path / "p", more="[late_labels]\nwait = 86400")


def run(project: Project, *command: str) -> Result:
    """A command with the project's config."""
    return CliRunner().invoke(app, [*command, "--config", str(project.config_file)])


def refused(result: Result) -> str:
    """The paragraph of a refusal; nothing was sent."""
    assert isinstance(result.exception, BehindError), result.stderr
    assert "were sent before this error" not in result.stderr  # the refusal says so itself
    assert result.exception.exit_status == 1
    assert "sent to" not in result.stderr
    return str(result.exception)


@pytest.mark.parametrize("labels", [False, True])
def test_a_file_behind_a_live_record_is_refused(project: Project, labels: bool) -> None:
    """After an event or a label of today: the topic, both times and what to do are told."""
    project.append(LIVE if not labels else b"live,1", labels=labels, time=FIRST + 730 * DAY_MS)
    path = str(project.write_csv(ROWS))
    told = refused(run(project, "produce", path, *LATE, "--rows-per-message", "7"))
    assert told.startswith(f"{path} begins at 2013-01-01T05:0"), told
    assert (
        f"topic flights.{'labels' if labels else 'events'} already has a record of 2015-01-01T0"
        in told
    )
    assert "730 days later" in told
    assert "wait 1 day for their label (late_labels.wait)" in told
    given = shlex.join((path, *LATE, "--rows-per-message", "7"))
    assert f"'freshet backfill {given} --promote --follow'" in told
    assert f"freshet produce {given} --behind" in told
    report = project.learn()
    assert (report["events"], report["labels"]) == (int(not labels), int(labels))


def test_the_version_that_is_offered_has_learned_the_file(project: Project) -> None:
    """What the refusal says to do leaves a model of all rows, which the learner goes on with."""
    project.append(LIVE, time=FIRST + 730 * DAY_MS)
    assert project.learn()["version"] is None
    told = refused(run(project, "produce", str(project.write_csv(ROWS)), *LATE))
    command = told[told.index("freshet backfill") :].partition("'")[0]
    assert run(project, *shlex.split(command)[1:]).exit_code == 0
    project.append(b"next,1420156800,1,AX,JFK,3,100,", time=FIRST + 731 * DAY_MS)
    with project.registry() as registry:
        pointed = registry.serving.pointers().serving
    report = project.learn()
    assert pointed is not None
    assert report["version"] > pointed
    with project.registry() as registry:  # what is learned from here on is served
        assert registry.serving.pointers().serving == report["version"]
    assert project.backfill()["model_sha256"] == report["model_sha256"]


def test_it_is_sent_all_the_same_where_asked(project: Project) -> None:
    """With ``--behind``, and a warning."""
    project.append(LIVE, time=FIRST + 730 * DAY_MS)
    result = run(project, "produce", str(project.write_csv(ROWS)), *LATE, "--behind")
    assert result.exit_code == 0
    assert "Warning: " in result.stderr
    assert "300 rows and 300 labels sent" in result.stderr


@pytest.mark.parametrize(("newest", "is_refused"), [(DAY_MS, False), (DAY_MS + 60_000, True)])
def test_rows_are_refused_from_the_wait_on(project: Project, newest: int, is_refused: bool) -> None:
    """Exactly as far behind as events wait is taken; the first record's time counts."""
    project.append(LIVE, time=FIRST - 30_000 + newest)
    path = str(project.write_csv(ROWS))
    result = run(project, "produce", path, *LATE, "--score-ahead", "30")
    assert isinstance(result.exception, BehindError) is is_refused
    assert (result.exit_code == 0) is not is_refused


def test_standard_input_is_judged_by_its_first_record_too(project: Project) -> None:
    """Before anything of it is sent."""
    project.append(LIVE, time=FIRST + 730 * DAY_MS)
    content = project.write_csv(ROWS).read_bytes()
    config = ("--config", str(project.config_file))
    result = CliRunner().invoke(app, ["produce", "-", *LATE, *config], input=content)
    assert refused(result).startswith("standard input begins at 2013-01-01T")


def test_files_in_turn_are_sent_and_the_same_again_is_not(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """January and then February; January again is older than what is there by more than a day.

    In Kafka the ends of their transactions have the broker's clock, and do not count.
    """
    more = "[late_labels]\nwait = 86400"
    project = Project(tmp_path / "p", log_url, unique_name, more=more)
    middle = len(ROWS) // 2
    rows = [
        [*row[:1], str(int(row[1]) + (number >= middle) * 3 * 86_400), *row[2:7], ""]
        for number, row in enumerate(ROWS)
    ]
    paths = []
    for name, part in (("january", rows[:middle]), ("february", rows[middle:])):
        paths.append(str(project.write_csv(part).rename(project.folder / f"{name}.csv")))
    for path in paths:
        assert run(project, "produce", path, "--label-delay", "60").exit_code == 0
    assert "sent before" in refused(run(project, "produce", paths[0], "--label-delay", "60"))
    assert project.learn()["learned"] == len(ROWS)


def test_rows_with_their_labels_are_only_warned_of(project: Project) -> None:
    """They are learned at once; without a label column they would wait, and are refused."""
    project.append(LIVE, time=FIRST + 730 * DAY_MS)
    result = run(project, "produce", str(project.write_csv(ROWS)))
    assert result.exit_code == 0
    assert "may expire unlearned" in result.stderr
    assert project.learn()["learned"] == 300
    header = ("id", "at", "carrier", "origin", "hour", "distance", "landed")
    path = project.write_csv([[*row[:2], *row[3:]] for row in ROWS], header)
    refused(run(project, "produce", str(path)))


def test_a_row_without_a_time_does_not_decide(project: Project) -> None:
    """Nor does a file whose rows are stamped as they are sent."""
    rows = [list(row) for row in ROWS]
    rows[0][1] = ""
    project.append(LIVE, time=FIRST + DAY_MS // 2)
    assert run(project, "produce", str(project.write_csv(rows)), *LATE).exit_code == 0
    columns = [at for at in range(8) if at != 1]
    names = ("id", "late", "carrier", "origin", "hour", "distance", "landed")
    path = project.write_csv([[row[at] for at in columns] for row in ROWS], names)
    result = run(project, "produce", str(path))
    assert result.exit_code == 0
    assert "Warning" not in result.stderr


def test_a_topic_that_may_not_be_read_refuses_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer with the right to write alone is told what cannot be known, and goes on."""

    def deny(self: SqliteLog, topics: object) -> None:
        raise LogError("No right to read.")

    monkeypatch.setattr(SqliteLog, "newest_times", deny)
    result = run(project, "produce", str(project.write_csv(ROWS)), *LATE)
    assert result.exit_code == 0
    assert "is unknown" in result.stderr
    assert "No right to read." in result.stderr
