"""A run that refuses more of its rows than it may says so, with what helps, and fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from converters.cells.remedies import REMEDIES
from converters.errors import UsageError
from serve.cli import app
from stream.commands.run_end import TooManyRejectedError
from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from stream.log.contract import LogUnavailableError
from tests.support.serving.project import Project, flights

GOOD = b"g{},1357016400,1,AX,JFK,3,100,"
JSON_ROW = b'{"id": "x", "carrier": "AX", "trace_id": "d1"}'
SHORT = b"x,1,AX"
HELPS = "The commonest reasons, and what helps:"


def good(count: int, start: int = 0) -> list[bytes]:
    """Rows that are accepted."""
    return [GOOD.replace(b"{}", b"%d" % number) for number in range(start, start + count)]


def run(project: Project, *arguments: str) -> Result:
    """A command with its JSON, in this process."""
    config = ("--json", "--config", str(project.config_file))
    return CliRunner().invoke(app, [*arguments, *config])


def failed(result: Result) -> str:
    """The paragraph that the command ends with; status 1."""
    assert isinstance(result.exception, TooManyRejectedError)
    assert result.exception.exit_status == 1
    return str(result.exception)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model whose log is empty."""
    return Project(tmp_path / "p")


def test_a_run_to_the_end_fails_above_a_tenth_after_all_is_saved(project: Project) -> None:
    """It names the share, the commonest reasons with what helps, and the next command."""
    bad = [JSON_ROW] * 3 + [SHORT] * 2 + [b"x,1357016400,maybe,AX,JFK,3,100,", b"\n"]
    project.append(*good(10), *bad)
    result = run(project, "learn", "--until-end")
    assert failed(result) == (
        "7 of 17 rows of events in this run (41.2%) were refused, more than the 10% that "
        "--max-rejected allows, so this run has failed. What was accepted is learned and saved. "
        "Correct what was refused; 'freshet replay-dead-letters' tells how to resubmit it."
    )
    report = json.loads(result.stdout)
    assert (report["learned"], report["version"]) == (10, 1)
    assert report["rejected_this_run"] == {
        "events": {
            "rows": 17,
            "rejected": 7,
            "reasons": {"unknown-column": 3, "wrong-width": 2, "bad-label": 1, "empty-row": 1},
            "examples": {
                "unknown-column": "column 'trace_id'",
                "wrong-width": "3 cells, not 8",
                "bad-label": "column 'late'",
            },
        },
        "labels": {"rows": 0, "rejected": 0, "reasons": {}, "examples": {}},
    }
    told = result.stderr[result.stderr.index("WARNING") :].splitlines()
    assert told == [
        f"WARNING: 7 of 17 rows of events in this run (41.2%) were refused. {HELPS}",
        f"  3 unknown-column (column 'trace_id'): {REMEDIES['unknown-column']}.",
        f"  2 wrong-width (3 cells, not 8): {REMEDIES['wrong-width']}.",
        f"  1 bad-label (column 'late'): {REMEDIES['bad-label']}.",
        "  Other reasons: 1 empty-row.",
        f"List the refused rows with: freshet dead-letters --config {project.config_file}",
    ]


def test_the_rows_of_this_run_count_and_not_those_of_the_lineage(project: Project) -> None:
    """A run after a bad one is judged by itself, and the report keeps both counts apart."""
    project.append(*good(5), *[SHORT] * 5)
    failed(run(project, "learn", "--until-end"))
    project.append(*good(9, 5), SHORT)
    result = run(project, "learn", "--until-end")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["rejected"], report["rejected_reasons"]["events"]) == (6, {"wrong-width": 6})
    assert report["rejected_this_run"]["events"]["reasons"] == {"wrong-width": 1}
    assert "Refused 1 of 10 rows of events in this run: 1 wrong-width." in result.stderr
    assert run(project, "learn", "--until-end").exit_code == 0


@pytest.mark.parametrize(
    ("refused", "option", "fails"),
    [
        (1, (), False),
        (2, (), True),
        (2, ("--max-rejected", "20%"), False),
        (3, ("--max-rejected", "0.2"), True),
        (1, ("--max-rejected", "0"), True),
        (10, ("--max-rejected", "1"), False),
    ],
)
def test_the_share_that_may_be_refused(
    project: Project, refused: int, option: tuple[str, ...], fails: bool
) -> None:
    """Of ten rows, so many; exactly the share that is allowed is allowed."""
    project.append(*good(10 - refused), *[SHORT] * refused)
    result = run(project, "learn", "--until-end", *option)
    assert isinstance(result.exception, TooManyRejectedError) is fails
    assert (result.exit_code == 0) is not fails
    assert ("WARNING" in result.stderr) is (refused > 1 or fails)


@pytest.mark.parametrize("text", ["11%0", "2", "-1", "101%", "nan", "a tenth"])
def test_what_is_no_share_is_wrong_usage(project: Project, text: str) -> None:
    """Before anything is learned."""
    result = run(project, "learn", "--until-end", "--max-rejected", text)
    assert isinstance(result.exception, UsageError)
    assert "write 0.1 or 10%" in str(result.exception)


def test_a_live_learner_has_no_end_to_fail_at(project: Project) -> None:
    """The option is refused there, rather than ignored."""
    result = run(project, "learn", "--max-rejected", "5%")
    assert "goes with --until-end" in str(result.exception)


def test_refused_labels_count_by_themselves(project: Project) -> None:
    """Few labels that are all refused are not hidden by many good events."""
    project.append(*(b"n%d,1357016400,,AX,JFK,3,100," % n for n in range(50)))
    project.append(b"n1,perhaps", b"n2,perhaps", b"n3,1", labels=True)
    result = run(project, "learn", "--until-end")
    assert failed(result).startswith("2 of 3 rows of labels in this run (66.7%) were refused")
    assert "2 bad-label (column 'label'): " in result.stderr


def test_rows_that_are_taken_again_after_an_outage_count_once(project: Project) -> None:
    """The log goes away before anything was saved: all rows are folded again."""
    project.append(*good(4), SHORT)
    seen: list[Batch] = []

    def away(batch: Batch, _process: LearnerProcess) -> None:
        seen.append(batch)
        if len(seen) == 1:
            raise LogUnavailableError("away for a moment")

    report = project.learn(away)
    assert len(seen) > 1
    assert report["rejected_this_run"]["events"] | {"examples": {}} == {
        "rows": 5, "rejected": 1, "reasons": {"wrong-width": 1}, "examples": {},
    }  # fmt: skip


def test_a_backfill_of_refused_rows_is_not_promoted(project: Project) -> None:
    """Of a file and of the log; with a higher share allowed, it is."""
    rows = flights(10)
    rows[3][6] = rows[4][6] = "far"
    path = str(project.write_csv(rows))
    project.produce(Path(path))
    project.learn()
    own = f"--config {project.config_file}"
    listings = (path, f"convert {own} {path} --rejects FILE"), ("log", f"dead-letters {own}")
    for source, listed in listings:
        result = run(project, "backfill", source, "--promote")
        version = json.loads(result.stdout)["version"]
        assert f"so version {version} stays a candidate" in failed(result)
        assert f"List the refused rows with: freshet {listed}" in result.stderr
        assert not pinned(project)
    result = run(project, "backfill", path, "--promote", "--max-rejected", "20%")
    assert result.exit_code == 0, result.output
    assert pinned(project)


def pinned(project: Project) -> bool:
    """Whether something was promoted."""
    with project.registry() as registry:
        return registry.serving.pointers().pinned


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (JSON_ROW, "100 unknown-column (column 'trace_id'): set `extra = \"ignore\"`"),
        (b"a,1357016400,1,AX", "100 wrong-width (4 cells, not 8): send all of the config's col"),
        (b'{"id": "x", "late": NaN}', "100 bad-json (NaN is no value of JSON): send complete"),
        (b'{"id": "x", "carrier": "d1', "100 bad-json (the text is cut off): send complete JSON"),
        (b"\xff,1357016400,1,AX,JFK,3,100,", "100 not-utf8: send UTF-8"),
        (b"", "100 empty-record: send no record without a row"),
        (
            b'{"payload": {"id": "a"}}',
            "100 unknown-column (no field is a column): name in `path` of `[rec",
        ),
    ],
)
def test_a_run_that_refuses_everything_says_what_helps(
    project: Project, value: bytes, told: str
) -> None:
    """Whatever is wrong with all of its records; nothing of a row is quoted."""
    project.append(*[value] * 100)
    result = run(project, "learn", "--until-end")
    assert "100 of 100 rows of events in this run (100.0%) were refused" in failed(result)
    assert told in result.stderr
    assert json.loads(result.stdout)["version"] is None
    assert "d1" not in result.stderr


def test_the_sentences_at_the_end_tell_the_lineage_from_the_run(project: Project) -> None:
    """Labels that were refused are not said not to have come."""
    project.append(*good(4), SHORT)
    project.learn()
    project.append(b"e1,1357016400,,AX,JFK,3,100,", time=1_500_000_000_000)
    project.append(b"e1,perhaps", labels=True, time=1_500_000_001_000)
    arguments = ("learn", "--until-end", "--config", str(project.config_file))
    told = CliRunner().invoke(app, arguments).stderr
    assert (
        "6 events so far: 4 learned, 1 waiting, 0 expired, 0 scored only, 1 rejected, 0 "
        "duplicates. In this run: 1 event (0 refused), 1 label (1 refused). Version 1, "
    ) in told
