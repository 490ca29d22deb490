"""Refused rows corrected as JSON, or whole in ``raw``; and what goes back into a topic of JSON."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from converters.config.settings import Settings
from converters.schema.schema import Schema
from converters.show.command_line import read_config
from serve.cli import app
from stream.dead_letters.corrected_file import as_meant, printable
from stream.learner.process import assembled
from stream.log.contract import Outgoing, Record
from stream.log.topics import create_topics
from stream.open_log import opened
from stream.resolved_config import resolve
from tests.support import ROOT
from tests.support.serving.project import COLUMNS, Project
from tests.support.streams.replays import listed, refused, replay, row, sent_again, write

GOOD = dict(zip(COLUMNS, row(1, 700).decode().split(","), strict=True))
JSON, TOP = ("content-type", b"application/json"), ("path", b"")


def run(project: Project, *arguments: str, status: int = 0) -> Any:
    """What a command prints as JSON."""
    told = [*arguments, "--json", "--config", str(project.config_file)]
    result = CliRunner().invoke(app, told)
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


def sent(project: Project) -> Record:
    """The one record that was sent again."""
    ((_, record),) = sent_again(project)
    return record


def resubmit(project: Project, rows: list[dict[str, Any]], status: int = 0) -> dict[str, Any]:
    """Send a list of rows as JSON, and give the report."""
    path = project.folder / "corrected.json"
    path.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    report: dict[str, Any] = run(project, "replay-dead-letters", str(path), status=status)
    return report


@pytest.mark.parametrize("rows", [(), ("--rows", "events")], ids=["letters", "rows"])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_dead_letter_with_its_raw_row_corrected_is_sent(
    tmp_path: Path, rows: tuple[str, ...], as_text: bool
) -> None:
    """What ``--json`` prints of JSON that could not be read, with ``raw`` as text or as JSON."""
    project = refused(tmp_path / "p", b'{"id": "f1", "late": }', row(2))
    (letter,) = run(project, "dead-letters", *rows)
    letter["raw"] = json.dumps(GOOD) if as_text else GOOD
    assert resubmit(project, [letter])["sent"] == 1
    record = sent(project)
    assert json.loads(record.value) == GOOD
    assert record.headers[:2] == (JSON, TOP)
    assert project.learn()["learned"] == 2
    assert resubmit(project, [letter])["already_sent"] == 1


def test_cells_of_the_list_may_be_of_any_kind(tmp_path: Path) -> None:
    """A number in JSON is the cell that CSV would hold; a row of CSV goes back as CSV."""
    project = refused(tmp_path / "p", row(1, "far"), row(2))
    (listed_row,) = run(project, "dead-letters", "--rows", "events")
    assert resubmit(project, [listed_row | {"distance": 700, "origin": None}])["sent"] == 1
    assert sent(project).value == row(1, 700).replace(b"JFK", b"")


def test_rows_of_a_list_that_are_not_sent_are_named(tmp_path: Path) -> None:
    """By their number, with the reason; the good one is sent."""
    project = refused(tmp_path / "p", *[row(n, "far") for n in range(7)])
    rows = run(project, "dead-letters", "--rows", "events")
    near = {"distance": "7"}
    empty = dict.fromkeys(COLUMNS, "")
    report = resubmit(
        project,
        [
            rows[0] | near,
            rows[1],
            rows[2] | near | {"more": 1},
            rows[3] | {"distance": [7]},
            rows[4] | near | {"offset": "x"},
            rows[5] | empty | {"raw": '[{"id": "a"}, {"id": "b"}]'},
            rows[6] | empty,
        ],
        status=1,
    )
    assert [(each["line"], each["reason"]) for each in report["refused"]] == [
        *((2, "not-a-number"), (3, "unknown-column"), (4, "nested-value"), (5, "bad-origin")),
        *((6, "not-one-row"), (7, "cells-not-filled-in")),
    ]
    assert report["sent"] == 1


@pytest.mark.parametrize("text", ['[{"topic"', "[1"])
def test_a_list_that_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    """With where it breaks, and what to start from."""
    project = refused(tmp_path / "p", row(1, "far"))
    path = project.folder / "corrected.json"
    path.write_text(text)
    told = ["replay-dead-letters", str(path), "--config", str(project.config_file)]
    error = CliRunner().invoke(app, told).exception
    assert "is not a list of refused rows in JSON" in str(error)
    assert "dead-letters --rows events --json" in str(error)


def test_raw_of_the_csv_listing_is_corrected_in_place(tmp_path: Path) -> None:
    """A whole row as JSON or as CSV, where its cells could not be told apart."""
    bad = row(2, 800).replace(b"f2", b"f2,f2")
    project = refused(tmp_path / "p", b'{"id": "f1", "late": }', bad)
    rows = listed(project)
    assert [each["raw"] for each in rows] == ['{"id": "f1", "late": }', bad.decode()]
    rows[0]["raw"], rows[1]["raw"] = json.dumps(GOOD), row(2, 800).decode()
    assert replay(project, write(project.folder / "m.csv", rows)).sent == 2
    values = [record.value for _, record in sent_again(project)]
    assert [json.loads(values[0]), values[1]] == [GOOD, row(2, 800)]
    assert project.learn()["learned"] == 2


def test_corrected_cells_go_back_into_a_topic_of_json_as_json(tmp_path: Path) -> None:
    """Named, numbers as numbers; under a path of the config, they say that they are at the top."""
    record = json.dumps({"after": GOOD | {"distance": "far", "origin": ""}}).encode()
    project = Project(tmp_path / "p", more='[record]\npath = "after"')
    project.append(record)
    project.learn()
    (listed_row,) = listed(project)
    assert replay(project, write(project.folder / "m.csv", [listed_row | {"distance": "7"}])).sent
    again = sent(project)
    expected = {name: cell for name, cell in GOOD.items() if cell and name != "origin"}
    assert json.loads(again.value) == expected | {"distance": 7}
    assert again.headers[:2] == (JSON, TOP)
    assert project.learn()["learned"] == 1


def test_raw_in_the_envelope_of_the_topic_is_read_there(tmp_path: Path) -> None:
    """A record that could not be read at all is listed with its envelope."""
    project = Project(tmp_path / "p", more='[record]\npath = "after"')
    project.append(b'{"after": {"id": "f1", }}')
    project.learn()
    (letter,) = run(project, "dead-letters", "--rows", "events")
    assert resubmit(project, [letter | {"raw": json.dumps({"after": GOOD})}])["sent"] == 1
    assert project.learn()["learned"] == 1


def test_labels_of_json_go_back_as_json(tmp_path: Path) -> None:
    """With the names that a label has."""
    project = Project(tmp_path / "p")
    project.append(json.dumps(GOOD | {"late": ""}).encode())
    project.append(b'{"id": "f1", "label": "perhaps"}', labels=True)
    project.learn()
    (letter,) = run(project, "dead-letters", "--rows", "labels")
    assert resubmit(project, [letter | {"label": 1}])["sent"] == 1
    ((_, record),) = sent_again(project, labels=True)
    assert json.loads(record.value) == {"id": "f1", "label": "1"}
    assert project.learn()["learned"] == 1


def test_the_example_of_the_readme_is_refused_and_sent_when_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the config that ``init`` writes for its loans: what is printed before, and after."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("### Fix refused rows")[1].split("\n### ")[0]
    before, after = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    told = ("--label", "defaulted", "--positive", "yes", "--id", "loan", "--time", "applied")
    init = (
        "init",
        str(ROOT / "docs/example/loans.csv"),
        *told,
        "--drop",
        "settled",
        "--sample",
        "300",
    )
    assert CliRunner().invoke(app, init).exit_code == 0
    settings, schema = read_config(Path("freshet.toml"))
    row = json.loads(after)[0]["raw"] | {"amount": "12 k"}
    with closing(opened(settings)) as log:
        create_topics(log, settings)
        log.append("loans.events", [Outgoing(json.dumps(row).encode())])
    assert learned(settings, schema)["rejected"] == 1
    listing = CliRunner().invoke(app, ["dead-letters", "--json"])
    assert json.loads(listing.stdout) == json.loads(before)
    Path("corrected.json").write_text(after, encoding="utf-8")
    again = CliRunner().invoke(app, ["replay-dead-letters", "corrected.json", "--json"])
    assert json.loads(again.stdout)["sent"] == 1
    report = learned(settings, schema)
    assert (report["rejected"], report["waiting"]) == (1, 1)


def learned(settings: Settings, schema: Schema) -> dict[str, Any]:
    """What a learner reports at the log's end."""
    with assembled(resolve(settings, schema)) as learner:
        return learner.run(lambda *_: None, until_end=True)


@given(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode()))
def test_what_is_listed_of_a_row_gives_the_row_back(raw: bytes) -> None:
    """Where it is text: the escapes of a listing are undone."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return
    assert as_meant(printable(raw))[0] == raw
