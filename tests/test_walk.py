"""Columns are changed while all runs: ``freshet up``, clients over HTTP, and the command line."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from serve.processes.ports import free_port
from tests.support.serving.command import freshet
from tests.support.serving.processes import until
from tests.support.serving.project import COLUMNS, Project, csv_text, flights
from tests.support.serving.served import admin_header, as_object, edited

ROWS = flights(2_000)
LEARNED = 1_200
CROSSED = '["carrier", "origin"]'
# Each way to change a column: the lines of the config, and what a row is then.
ADDED = {"seats": 'seats = { kind = "numeric" }'}
ORIGIN = 'origin = { kind = "categorical", missing = "indicator" }'
BETWEEN = {"origin": f'gate = {{ kind = "categorical" }}\n{ORIGIN}'}
REMOVED = {"distance": ""}
RENAMED = {"carrier": 'airline = { kind = "categorical", was = "carrier" }'}
RETYPED = {"hour": 'hour = { kind = "numeric", max = 30 }'}


def changed(project: Project, changes: dict[str, str]) -> Project:
    """The project with its config edited."""
    if "carrier" in changes:
        text = project.config_file.read_text(encoding="utf-8")
        text = text.replace(CROSSED, '["airline", "origin"]')
        project.config_file.write_text(text, encoding="utf-8")
    return edited(project, **changes)


def file_of(project: Project, rows: Sequence[Sequence[str]]) -> str:
    """Rows as a file with the columns of a config."""
    cells = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    made = {"airline": "carrier"}
    table = [
        [
            each.get(made.get(name, name), str(100 + 10 * (at % 20)) if name == "seats" else "A1")
            for name in project.schema.names
        ]
        for at, each in enumerate(cells)
    ]
    return csv_text(table, project.schema.names)


@dataclass
class Clients:
    """Ask for predictions all the time, and keep what went wrong."""

    port: int
    body: bytes
    asked: int = 0
    failed: list[str] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until stopped."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as server:
            while not self.stop.wait(0.002):
                try:
                    server.request(
                        "POST", "/predict", self.body, {"Content-Type": "application/json"}
                    )
                    answer = server.getresponse()
                    content = answer.read()
                except OSError as error:
                    self.failed.append(repr(error))
                    return
                self.asked += 1
                if answer.status != 200:
                    self.failed.append(content.decode())
                else:
                    self.versions.add(json.loads(content)["version"])


@contextmanager
def asking(port: int, body: dict[str, Any]) -> Iterator[Clients]:
    """Clients that ask until the ``with`` ends."""
    clients = Clients(port, json.dumps(body).encode())
    threads = [threading.Thread(target=clients.run) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        clients.stop.set()
        for thread in threads:
            thread.join()


@dataclass
class Running:
    """A ``freshet up`` and its project."""

    project: Project
    port: int
    process: subprocess.Popen[str]

    def get(self, path: str) -> Any:
        """What the server says."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as server:
            server.request("GET", path, headers=admin_header(self.project))
            return json.loads(server.getresponse().read())

    def learner(self) -> dict[str, Any]:
        """The learner as the server sees it."""
        return self.get("/status")["learner"] or {"counts": {}, "alive": False, "refused": ""}

    def serves(self, version: int) -> bool:
        """Whether it is this version that answers."""
        return bool(self.get("/status")["served"]["version"] == version)

    def learned(self) -> int:
        """How many rows are learned."""
        return int(self.learner()["counts"].get("learned", 0))

    def post(self, path: str, content: Any) -> int:
        """The status of the answer."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as server:
            body = json.dumps(content).encode()
            server.request("POST", path, body, {"Content-Type": "application/json"})
            return server.getresponse().status

    def kill_learner(self) -> None:
        """As if its machine had ended it."""
        os.kill(int(self.learner()["owner"].rsplit(" ", 1)[1]), signal.SIGKILL)


@contextmanager
def up(project: Project) -> Iterator[Running]:
    """A real ``freshet up`` once it answers."""
    port = free_port("127.0.0.1", 0)
    command = [sys.executable, "-P", "-m", "serve.cli", "up", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=project.folder, stderr=subprocess.PIPE, text=True
    ) as process:
        running = Running(project, port, process)
        try:
            yield running
        finally:
            process.terminate()
            _, said = process.communicate(timeout=60)
            sys.stderr.write(said)


def ready(running: Running) -> bool:
    """Whether it serves."""
    try:
        return bool(running.get("/health/ready").get("status") == "ready")
    except OSError:
        return False


def run(project: Project, *arguments: str) -> dict[str, Any]:
    """What a command prints as JSON; it succeeds."""
    done = freshet(*arguments, "--json", cwd=project.folder)
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def adopted(project: Project) -> bool:
    """Whether the learner has taken what was promoted."""
    with project.registry() as registry:
        return registry.adoptions.pending() is None


def walk(project: Project, changes: dict[str, str], *, killed: bool) -> None:
    """Learn, edit, rebuild, and go on, while clients ask all the time.

    Args:
        project: of the model.
        changes: of its columns.
        killed: whether the learner dies after the edit, so that one starts which refuses it.
    """
    project.produce(project.write_csv(ROWS[:LEARNED]))
    with up(project) as running:
        until(lambda: ready(running) and running.learned() == LEARNED)
        number = running.get("/status")["pointers"]["latest"]
        before = run(project, "show", str(number))["metrics"]
        with asking(running.port, as_object(ROWS[0])) as clients:
            project = running.project = changed(project, changes)
            diff = freshet("config", "diff", cwd=project.folder)
            assert diff.returncode == 1, diff.stderr
            assert "freshet backfill log --fresh --promote" in diff.stdout
            if killed:
                running.kill_learner()
                until(lambda: running.learner()["refused"])
            made = run(project, "backfill", "log", "--fresh", "--promote", "--follow")
            assert (made["rejected"], made["learned"]) == (0, LEARNED)
            assert made["log_loss"] <= before["log_loss"] + 0.01
            until(lambda: running.serves(made["version"]) and adopted(project))
            go_on(running)
            run(project, "rollback", str(number), "--reason", "test")
            until(lambda: running.serves(number))
        assert clients.failed == []
        assert {number, made["version"]} <= clients.versions
    assert freshet("dead-letters", "--json", cwd=project.folder).stdout.strip() == "[]"
    live = json.loads(freshet("models", "--json", cwd=project.folder).stdout)[-1]
    replayed = run(project, "backfill", "log")
    assert replayed["model_sha256"] == live["model_sha256"]
    assert replayed["log_loss"] == live["metrics"]["log_loss"]


def go_on(running: Running) -> None:
    """More rows, from a file and over HTTP, of clients of the new config and of the old."""
    project = running.project
    (project.folder / "more.csv").write_text(file_of(project, ROWS[LEARNED:1_600]))
    assert freshet("produce", "more.csv", cwd=project.folder).returncode == 0
    old = [as_object(row) | {"late": row[2]} for row in ROWS[1_600:1_610]]
    new = list(csv.DictReader(io.StringIO(file_of(project, ROWS[1_610:1_620]))))
    assert [running.post("/events", rows) for rows in (old, new)] == [202, 202]
    until(lambda: running.learned() == 1_620)


def test_all_kinds_of_changes_at_once(tmp_path: Path) -> None:
    """Nothing is rejected, the score is as good, no request fails, and the learner comes back."""
    walk(Project(tmp_path), ADDED | BETWEEN | REMOVED | RENAMED | RETYPED, killed=True)


@pytest.mark.long
@pytest.mark.parametrize("changes", [ADDED, BETWEEN, REMOVED, RENAMED, RETYPED])
def test_each_kind_of_change(tmp_path: Path, changes: dict[str, str]) -> None:
    """The same for each by itself, with a learner that runs meanwhile."""
    walk(Project(tmp_path), changes, killed=False)


@pytest.fixture
def learned(tmp_path: Path) -> Project:
    """A model whose first version is served."""
    project = Project(tmp_path)
    project.produce(project.write_csv(ROWS[:600]))
    project.learn()
    return project


def served(project: Project) -> int | None:
    """The version that is served."""
    with project.registry() as registry:
        return registry.serving.pointers().serving


def test_a_learner_refuses_an_edited_config_until_the_model_is_rebuilt(learned: Project) -> None:
    """Key, old and new value, and what to run; with the old config it goes on."""
    text = learned.config_file.read_text(encoding="utf-8")
    changed(learned, RETYPED)
    refused = freshet("learn", "--until-end", cwd=learned.folder)
    assert refused.returncode == 2
    assert 'columns.hour.kind: "categorical" -> "numeric"' in refused.stderr
    assert "freshet backfill log --fresh --promote" in refused.stderr
    learned.config_file.write_text(text, encoding="utf-8")
    assert run(learned, "learn", "--until-end")["learned"] == 600


def test_a_column_renamed_without_a_word_is_asked_about(learned: Project) -> None:
    """`config diff` tells the key that is missing; with it nothing is lost."""
    without = changed(learned, {"carrier": 'airline = { kind = "categorical" }'})
    said = freshet("config", "diff", cwd=without.folder)
    assert 'set columns.airline.was = "carrier"' in said.stdout + said.stderr
    forgotten = run(without, "backfill", "log", "--fresh")
    told = edited(without, airline=RENAMED["carrier"])
    assert run(told, "backfill", "log", "--fresh")["log_loss"] < forgotten["log_loss"]


def test_a_new_column_that_old_rows_would_need_is_not_promoted(learned: Project) -> None:
    """Nothing would be learned: said before, and refused with the reason; what is served stays."""
    project = changed(learned, {"seats": 'seats = { kind = "numeric", missing = "reject" }'})
    said = freshet("config", "diff", cwd=project.folder)
    assert "Set another `missing`" in said.stdout + said.stderr
    refused = freshet("backfill", "log", "--fresh", "--promote", cwd=project.folder)
    assert refused.returncode == 1
    assert "600 missing-value (column 'seats')" in refused.stderr
    assert served(project) == 1


def test_a_version_that_has_learned_nothing_is_not_promoted(learned: Project) -> None:
    """Whatever share of the rows may be refused."""
    project = changed(learned, {"seats": 'seats = { kind = "numeric", missing = "reject" }'})
    lenient = ("backfill", "log", "--fresh", "--promote", "--max-rejected", "100%")
    assert freshet(*lenient, cwd=project.folder).returncode == 1
    by_hand = freshet("promote", "2", "--reason", "test", cwd=project.folder)
    assert by_hand.returncode == 1
    assert "learned nothing" in by_hand.stderr
    assert served(project) == 1


def test_a_backfill_that_is_killed_is_run_again(tmp_path: Path) -> None:
    """Really killed, midway: nothing has moved, and the second run gives what one alone would."""
    project = Project(tmp_path)
    project.produce(project.write_csv(flights(8_000)))
    project.learn()
    project = changed(project, RETYPED)
    command = [sys.executable, "-P", "-m", "serve.cli", "backfill", "log", "--fresh", "--promote"]
    with (
        project.registry() as registry,
        subprocess.Popen(command, cwd=project.folder, stderr=subprocess.DEVNULL) as process,
    ):
        until(lambda: registry.versions.lineage(2))
        process.kill()
        process.wait()
        assert registry.adoptions.pending() is None
    assert served(project) == 1
    again = run(project, "backfill", "log", "--fresh", "--promote")
    assert served(project) == again["version"]
    with project.registry() as registry:
        pending = registry.adoptions.pending()
    assert pending is not None
    assert pending.version == again["version"]
    alone = run(project, "backfill", "log", "--fresh")
    assert [again[name] for name in ("model_sha256", "log_loss", "auc", "learned")] == [
        alone[name] for name in ("model_sha256", "log_loss", "auc", "learned")
    ]
