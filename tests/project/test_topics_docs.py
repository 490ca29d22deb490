"""The consumers in docs/topics.md run, against a real broker and as the commands of SQLite logs."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from typer.testing import CliRunner

from serve.cli import app
from stream.log import journal
from tests.support import ROOT
from tests.support.serving.project import Project, flights

TEXT = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
CONSUMERS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line.split()[1:]
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]
SECONDS = 60.0


@contextmanager
def lines_of(script: str, count: int) -> Iterator[list[str]]:
    """The first lines that a script prints, which runs until it is ended here."""
    command = [sys.executable, "-W", "ignore", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            found, deadline = b"", monotonic() + SECONDS
            while found.count(b"\n") < count and monotonic() < deadline and process.poll() is None:
                if select.select([process.stdout], [], [], 0.2)[0]:
                    found += os.read(process.stdout.fileno(), 65_536)
            yield found.decode().splitlines()
        finally:
            process.kill()


def consumer(block: str, project: Project, bootstrap: str) -> str:
    """A block of the document, for this model on this broker."""
    script = block.replace("loans.", f"{project.model}.").replace("localhost:9092", bootstrap)
    return re.sub(r'group_id="(.*?)"', rf'group_id="{project.model}.\1"', script)


@pytest.mark.kafka
def test_the_consumers_run(tmp_path: Path, kafka_bootstrap: str, unique_name: str) -> None:
    """Each prints what the topic holds: scores in either form, and dead letters."""
    scores_csv, scores_json, dead_letters = CONSUMERS
    log = f"kafka://{kafka_bootstrap}"
    plain = Project(tmp_path / "csv", log=log, model=unique_name)
    as_json = Project(
        tmp_path / "json", log=log, model=f"{unique_name}-json",
        more='[topics]\nscores_format = "json"',
    )  # fmt: skip
    for project in (plain, as_json):
        project.produce(project.write_csv(flights(6)), rows_per_message=4)
        project.append(b"a,b", b'"x\ny",1357016400,1,"A,X",JFK,3,far,')
        project.learn()
    scores, letters = plain.scores(), plain.dead_letters()
    with lines_of(consumer(scores_csv, plain, kafka_bootstrap), len(scores)) as printed:
        assert printed == [
            f"{s.id} {s.score!r} of {s.topic}:{s.partition}:{s.offset} row {s.row}" for s in scores
        ]
    with lines_of(consumer(scores_json, as_json, kafka_bootstrap), len(scores)) as printed:
        assert printed == [f"{score.id} {score.score!r}" for score in scores]
    with lines_of(consumer(dead_letters, plain, kafka_bootstrap), len(letters)) as printed:
        assert printed == [
            f"{d.reason} {d.column} in {d.topic}:{d.partition}:{d.offset} row {d.row}"
            for d in letters
        ]


def test_the_commands_run(tmp_path: Path) -> None:
    """On a log in SQLite; each prints rows of its topic."""
    project = Project(tmp_path)
    project.produce(project.write_csv(flights(30)), rows_per_message=1)
    project.append(b"a,b")
    project.learn()
    assert {command[0] for command in COMMANDS} == {"scores", "dead-letters"}
    for command in COMMANDS:
        result = CliRunner().invoke(app, [*command, "--config", str(project.config_file)])
        assert result.exit_code == 0, result.output
        assert f"{project.model}.events" in result.stdout


def test_the_examples_of_records_are_real(tmp_path: Path) -> None:
    """Keys, fields and their order are those that the learner writes."""
    plain = Project(tmp_path / "csv")
    as_json = Project(tmp_path / "json", more='[topics]\nscores_format = "json"')
    fields = []
    for project in (plain, as_json):
        project.append(b"new-7,1357016400,,AX,JFK,3,100,\nnew-8,1357016400,,AX,JFK,3,9 k,")
        project.learn()
        with project.open_log() as log:
            topics = project.topics()
            (score,) = journal.records(log, topics.scores)
            (letter,) = journal.records(log, topics.dead_letters)
        assert re.fullmatch(rb"1,not-a-number,distance,9 k", letter.value)
        assert (letter.key, score.headers, letter.headers) == (b"flights.events:0:0", (), ())
        fields.append((score.key, re.sub(rb"0\.\d+", b"0.1843", score.value)))
    assert fields[0] == (b"flights.events:0:0", b"0,new-7,0.1843,0,1")
    example = re.findall(r'^value  (\{"id":.*)$', TEXT, re.MULTILINE)[0]
    told = example.replace("loans", "flights").replace("2961", "0").replace("1041", "0")
    assert fields[1] == (b"new-7", told.encode())
