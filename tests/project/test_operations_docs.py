"""``docs/operations.md``: its commands run, its alerts name what there is, its backups restore."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from serve.cli import app
from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from tests.support import ROOT
from tests.support.serving.project import Project, flights, same
from tests.support.serving.saves import save_in_step
from tests.support.serving.served import a_client
from tests.support.shown_commands import (
    Shell,
    blocks,
    check_options,
    inline_commands,
    lines,
    page,
    server_of,
)

PAGE = page("operations.md")
ALERTS = ROOT / "docs" / "example" / "alerts.yml"
(BACKUP,) = (block for _, block in blocks(PAGE, "python"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model of loans: two versions, and one row that was refused."""
    monkeypatch.setenv("FRESHET_LEARN__PROCESSES", "1")
    shell = Shell(tmp_path)
    with (ROOT / "docs" / "example" / "loans.csv").open(encoding="utf-8") as file:
        header, *rows = islice(file, 601)
    rows[450] = re.sub(r"^([^,]*,[^,]*),[0-9.]+", r"\1,12 k", rows[450])
    files = {"loans.csv": rows[:300], "more.csv": rows[300:]}
    for name, part in files.items():
        (tmp_path / name).write_text(header + "".join(part), encoding="utf-8")
    shell.run(
        "freshet init loans.csv --label defaulted --positive yes --negative no --id loan "
        "--time applied --label-time settled"
    )
    for name in files:
        shell.run(f"freshet produce {name}")
        shell.run("freshet learn --until-end")
    return tmp_path


def test_every_command_of_the_page_runs(home: Path) -> None:
    """From its top to its end, in one home, beside a server."""
    said: dict[str, str] = {}
    with server_of(home) as client:
        shell = Shell(home, client)
        for kind, block in blocks(PAGE, "sh", "python"):
            if kind == "python":
                shell.python(block)
                continue
            for line in lines(block):
                said[line] = shell.run(line)
                if line.endswith("> refused.csv"):
                    refused = home / "refused.csv"
                    refused.write_text(refused.read_text().replace("12 k", "12000"))
    assert said["freshet status"].startswith("loans: nothing needs attention\n")
    assert said['freshet status --running || echo "page somebody"'].startswith("loans: 1 warning")
    assert "not-a-number" in said["freshet dead-letters"]
    ready = said["curl --silent http://127.0.0.1:8000/health/ready"]
    assert json.loads(ready)["status"] == "ready"
    assert "rollback" in said["freshet history"]


def test_every_command_that_the_text_names_exists() -> None:
    """With its options, in sentences and tables too."""
    found = inline_commands(PAGE)
    assert len(found) > 30
    for words in found:
        check_options(words, typer.main.get_command(app))


def rules() -> Iterator[dict[str, Any]]:
    """The rules of the file."""
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def test_alerts_name_metrics_that_there_are(tmp_path: Path) -> None:
    """Each rule is whole; its metrics and the values of their labels are on ``/metrics``."""
    with a_client(tmp_path) as (client, maker):
        beat = {"lag": {"flights.events:0": 1}, "metrics": maker.pipeline.evaluator.summary()}
        maker.registry.writer.heartbeat(maker.epoch, beat | {"events": 1, "learned": 1})
        text = client.get("/metrics").text
    exported = set(re.findall(r"^# TYPE (freshet_\w+) ", text, re.MULTILINE))
    assert set(re.findall(r"freshet_\w+", PAGE)) <= exported
    found = list(rules())
    assert len(found) > 10
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+m|\d+h", rule.get("for", "1m"))
        expression = rule["expr"]
        named = set(re.findall(r"freshet_\w+", expression))
        assert named
        assert named <= exported, rule["alert"]
        for value in re.findall(r'\{?(\w+="\w+")', expression):
            assert value in text, value
        assert expression.count("(") == expression.count(")")


def test_a_copy_made_while_the_learner_runs_gives_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step of the page's script after each batch: the copy learns the rest to the same."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 100)
    save_in_step(monkeypatch)
    more = "[checkpoint]\nevents = 250\nmin_spacing = 0\nkeep = 100"
    project = Project(tmp_path / "first", args="-b 10", more=more)
    project.produce(project.write_csv(flights(1200)), rows_per_message=1, label_delay=600.0)
    steps, shell, names = ast.parse(BACKUP).body, Shell(project.folder), dict[str, Any]()

    def copy(_batch: Batch, process: LearnerProcess) -> None:
        assert process.learning is not None
        if steps and process.learning.pipeline.counts.learned > 500:
            shell.python(ast.unparse(steps.pop(0)), names)

    report = project.learn(copy)
    assert not steps
    (restore,) = (block for _, block in blocks(PAGE, "sh") if "mkdir restored" in block)
    for line in lines(restore)[:3]:
        shell.run(line)
    restored = Project(project.folder / "restored", args="-b 10", more=more)
    with restored.registry() as registry:
        saved = registry.versions.resume_point()
    assert saved is not None
    assert 0 < saved.events["learned"] < report["learned"]
    assert same(restored.learn()) == same(report)
    assert restored.scores() == project.scores()
