"""``rollback --learner replay``: its options, its preview, and what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from converters.errors import UsageError
from learners.registry.errors import RollbackRefusedError
from serve.cli import app
from tests.support.serving.project import Project, flights

REPLAY = ("1", "--learner", "replay")
REASON = ("--reason", "poison")
SKIP = ("--skip", "flights.events:0:100-119")
TIME = ("--skip-time", "events", "2014-01-01..2014-01-02")


def run(project: Project, *arguments: str) -> Result:
    """A rollback, in this process."""
    config = ("--config", str(project.config_file))
    found = CliRunner().invoke(app, ["rollback", *arguments, *config])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two versions, each of a hundred more flights; ten were a year later."""
    project = Project(tmp_path / "p", args="-b 10")
    rows = [[f"m{row[0]}", *row[1:]] for row in flights(100, 9)]
    for row in rows[50:]:
        row[1] = str(int(row[1]) + 365 * 86_400)
    for each in (flights(100), rows):
        project.produce(project.write_csv(each), rows_per_message=1)
        project.learn()
    return project


def test_it_says_what_is_left_out_and_how_to_watch(project: Project) -> None:
    """By offset and by time; asked for twice it is one."""
    said = run(project, *REPLAY, *SKIP, *TIME, *REASON).stderr.splitlines()
    assert said[0].startswith("Version 1 is served, pinned")
    assert said[1].startswith("Quarantine 1 holds flights.events:0:100-119, flights.events:0:150-")
    assert said[2] == (
        "Rollback 1: the learner goes back to version 1 and reads the log again from there, "
        "without what is in quarantine, when it next looks, or starts."
    )
    assert said[3].startswith("'freshet status --config")
    again = run(project, *REPLAY, *SKIP, *TIME, *REASON).stderr
    assert again.startswith("Nothing changed: version 1 already is served")
    with project.registry() as registry:
        assert (len(registry.quarantines.all()), len(registry.rollbacks.all())) == (1, 1)


def test_json_has_both(project: Project) -> None:
    """The rollback and the quarantine."""
    answer = json.loads(run(project, *REPLAY, *SKIP, *REASON, "--json").stdout)
    assert answer["rollback"]["learner"] == "replay"
    assert answer["rollback"]["quarantine"] == answer["quarantine"]["quarantine"] == 1
    assert answer["quarantine"]["ranges"] == {"flights.events": {"0": [[100, 119]]}}
    more = json.loads(run(project, *REPLAY, *SKIP, *REASON, "--json").stdout)
    assert (more["changed"], more["rollback"]["rollback"]) == (False, 1)


def test_without_skip_the_log_is_read_again_as_it_is(project: Project) -> None:
    """Nothing is put into quarantine."""
    said = run(project, *REPLAY, *REASON).stderr
    assert "back to version 1 and reads the log again from there, when it next looks" in said
    assert "uarantine" not in said


def test_a_preview_changes_nothing(project: Project) -> None:
    """It needs no reason; it says what is left out and whether the version can be gone back to."""
    with project.registry() as registry:
        before = registry.serving.pointers(), registry.ledger.entries()
    found = run(project, *REPLAY, *SKIP, "--preview")
    lines = found.stdout.splitlines()
    assert lines[0] == "The learner can go back to version 1 and read the log again."
    assert lines[1] == "Left out: flights.events:0:100-119 (20 offsets)"
    assert "learned 20." in lines[3]
    assert lines[-1].endswith(
        "read some of these records: 2. The newest to go back to, with --learner replay, is 1."
    )
    assert found.stderr == "Nothing was changed.\n"
    answer = json.loads(run(project, *REPLAY, *SKIP, "--preview", "--json").stdout)
    assert (answer["possible"], answer["trouble"], answer["known_to"]) == (True, "", [2])
    with project.registry() as registry:
        assert before == (registry.serving.pointers(), registry.ledger.entries())
        assert registry.quarantines.all() == []
        assert registry.rollbacks.all() == []


def test_a_preview_says_why_not(project: Project) -> None:
    """With what the records hold all the same, and status 1."""
    found = run(project, "2", *REPLAY[1:], *SKIP, "--preview")
    assert found.exit_code == 1
    assert (
        "cannot go back to version 2, which has read records that are, or would be, in"
        in found.stdout
    )
    assert "Left out: flights.events:0:100-119 (20 offsets)" in found.stdout
    answer = json.loads(run(project, "2", *REPLAY[1:], *SKIP, "--preview", "--json").stdout)
    assert (answer["possible"], answer["newest_clean"]) == (False, 1)
    with pytest.raises(RollbackRefusedError, match="newest version that it can go back to is 1"):
        run(project, "2", *REPLAY[1:], *SKIP, *REASON)


def test_a_quarantine_can_be_looked_at_first(project: Project) -> None:
    """The same, without a version."""
    options = ["quarantine", "add", *SKIP, "--preview", "--config", str(project.config_file)]
    shown = CliRunner().invoke(app, options)
    assert shown.stdout.startswith("Left out: flights.events:0:100-119 (20 offsets)\n")
    answer = json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)
    assert (answer["events"]["rows"], answer["known_to"]) == (20, [2])
    with project.registry() as registry:
        assert registry.quarantines.all() == []


def test_a_wrong_one_is_replaced(project: Project) -> None:
    """Another is refused while it is under way, and takes its place with ``--instead``."""
    run(project, *REPLAY, *SKIP, *REASON)
    answer = json.loads(run(project, "2", *REPLAY[1:], "--instead", *REASON, "--json").stdout)
    assert (answer["serving"], answer["rollback"]["undoes"]) == (2, 1)
    assert "quarantine" not in answer
    options = ["rollbacks", "--config", str(project.config_file)]
    listed = json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)
    assert [(each["learner"], each["state"]) for each in listed] == [
        ("replay", "cancelled"),
        ("replay", "asked"),
    ]
    assert "cancelled" in CliRunner().invoke(app, options).stdout, "folded"


def test_a_cancelled_one_leaves_its_quarantine(project: Project) -> None:
    """The records are bad all the same; it is said how to end that too."""
    run(project, *REPLAY, *SKIP, *REASON)
    options = ["rollbacks", "--cancel", "1", "--reason", "wait"]
    said = CliRunner().invoke(app, [*options, "--config", str(project.config_file)]).stderr
    assert "Quarantine 1, which came with it, stays: 'freshet quarantine remove --config" in said
    with project.registry() as registry:
        assert registry.quarantines.held()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((*SKIP, *REASON), "freshet quarantine add"),
        (("--learner", "resume", *TIME, *REASON), "freshet quarantine add"),
        (("--instead", *REASON), "--instead is about a replay"),
        (("--preview",), "--preview is about a replay"),
        (("--learner", "replay", *SKIP), "A reason is required"),
        (("--learner", "rewind", *REASON), "it is one of keep, resume, replay"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    project: Project, options: tuple[str, ...], why: str
) -> None:
    """Before anything is looked at."""
    with pytest.raises(UsageError, match=why):
        run(project, "1", *options)


def test_what_became_of_it_is_told(project: Project) -> None:
    """While it reads again it names the lineage."""
    from learners.versions.way_back import rollback_words

    run(project, *REPLAY, *SKIP, *REASON)
    with project.registry() as registry:
        (asked,) = registry.rollbacks.all()
    words = rollback_words(asked._replace(state="replaying", lineage=2))
    assert words == (
        "Rollback 1: the learner is reading the log again from version 1, by lineage 2, without "
        "what is in quarantine."
    )
    done = rollback_words(asked._replace(state="done", made=4, tip=3))
    assert done == (
        "Rollback 1: the learner has gone back to version 1 and has read the log again, without "
        "what is in quarantine, and made version 4 of it. If it was a mistake: 'freshet rollback 3 "
        "--learner replay --instead --reason TEXT'."
    )
