"""``freshet status``: what it says of a learner, of what is served, and of what needs a person."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from learners.registry import Registry
from learners.registry.row_types import Verdict
from stream.fold.run_report import counts, metrics
from tests.support import ROOT
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights
from tests.support.serving.served import Maker, a_project, maker_of

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """A learner that has made a version, for tests that send heartbeats alone."""
    with maker_of(a_project(tmp_path_factory.mktemp("status"))) as made:
        made.make()
        yield made


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[Maker]:
    """The same, for a test that changes more."""
    with maker_of(a_project(tmp_path)) as made:
        made.make()
        yield made


def beat(maker: Maker, **more: Any) -> None:
    """A heartbeat as the learner sends it."""
    status = {
        "alive": True,
        "events_per_second": 1234.5,
        "lag": {"flights.events:0": 7, "flights.labels:1": 2},
        "positions": {"flights.events:0": 100, "flights.labels:1": 40},
        **counts(maker.pipeline),
        "metrics": metrics(maker.pipeline) | more.pop("metrics", {}),
        "checkpoint_trouble": "",
    }
    maker.registry.writer.heartbeat(maker.epoch, status | more)


def beat_before(maker: Maker, seconds: float, **more: Any) -> None:
    """The same, some time ago."""
    settings = maker.project.settings
    then = datetime.now(UTC) - timedelta(seconds=seconds)
    now, maker.registry = maker.registry, Registry(settings.registry, settings.model, lambda: then)
    try:
        beat(maker, **more)
    finally:
        maker.registry.close()
        maker.registry = now


def run(project: Project, *options: str) -> CompletedProcess[str]:
    """The command."""
    return freshet("status", *options, cwd=project.folder)


def document(project: Project, *options: str) -> dict[str, Any]:
    """What it prints for scripts; its exit status is 1 exactly if there is a warning."""
    result = run(project, "--json", *options)
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.returncode == bool(found["warnings"]), result.stderr
    return found


def kinds(found: dict[str, Any]) -> list[str]:
    """The kinds of the warnings."""
    return [warning["kind"] for warning in found["warnings"]]


def line(screen: str, name: str) -> str:
    """What a line of the screen says."""
    (text,) = [each[11:] for each in screen.splitlines() if each[:11].rstrip() == name]
    return text


def test_an_empty_home_is_left_empty_and_what_to_do_next_is_said(tmp_path: Path) -> None:
    """Not even the home is made; exit status 1, since a lost registry looks alike."""
    project = a_project(tmp_path)
    result = run(project)
    assert result.returncode == 1
    assert "There is no registry at" in result.stdout
    assert "freshet produce FILE" in result.stdout
    assert kinds(document(project)) == ["no-registry"]
    assert document(project).keys() == document(project, "--running").keys()
    assert [path.name for path in tmp_path.iterdir()] == ["freshet.toml"]


def test_a_registry_of_other_models_is_said_to_be_that(changing: Maker) -> None:
    """A name that is mistyped is told from a model that lost everything."""
    path = changing.project.config_file
    path.write_text(path.read_text().replace('model = "flights"', 'model = "fligths"'))
    result = run(changing.project)
    assert result.returncode == 1
    assert "no model 'fligths' yet; it has: flights" in result.stdout


def test_a_registry_that_cannot_be_read_is_a_warning(changing: Maker) -> None:
    """With the document whole, so that scripts need not look for it."""
    keys = document(changing.project).keys()
    changing.registry.close()
    (changing.project.settings.home / "registry.db").write_bytes(b"not a database" * 400)
    found = document(changing.project)
    assert kinds(found) == ["registry"]
    assert found.keys() == keys
    screen = run(changing.project).stdout
    assert [line(screen, name) for name in ("Served", "Learner")] == ["unknown", "unknown"]
    assert "Checkpoint" not in screen


def test_a_home_of_another_user_is_said_to_be_that(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is on call may be somebody else than the learner's user: no bug, and not empty."""
    registry = str(maker.project.settings.home / "registry.db")
    monkeypatch.setattr("pathlib.Path.stat", closed_to_this_user(registry, Path.stat))
    result = run(maker.project)
    assert result.returncode == 1
    assert "registry.db cannot be read: Permission denied. A home is open to" in result.stdout
    log = str(maker.project.settings.home / "log.db")
    monkeypatch.setattr("pathlib.Path.exists", closed_to_this_user(log, Path.exists))
    result = freshet("scores", cwd=maker.project.folder)
    assert result.returncode == 1
    assert f"{log} is closed to this user: Permission denied." in result.stderr
    assert "bug" not in result.stderr


def closed_to_this_user(path: str, before: Callable[..., Any]) -> Callable[..., Any]:
    """A method of paths that one of them refuses, as to anybody but root."""

    def refusing(self: Path, *arguments: Any, **options: Any) -> Any:
        if str(self) == path:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return before(self, *arguments, **options)

    return refusing


def test_a_running_learner_has_its_lag_and_counts(maker: Maker) -> None:
    """Positions and lag of each partition, stream time against the clock, counts, measures."""
    beat(maker, metrics={"stream_time": 1_357_016_400_000})
    found = document(maker.project)
    assert found["learner"]["state"] == "running"
    assert found["partitions"][0] == {
        "topic": "flights.events", "partition": 0, "position": 100, "lag": 7,
    }  # fmt: skip
    assert found["lag_records"] == 9
    assert found["counts"]["learned"] == 200
    assert found["stream"]["time"] == "2013-01-01T05:00:00.000Z"
    assert found["stream"]["behind_seconds"] > 10 * 365 * 86_400
    assert found["measures"]["count"] == 200
    assert found["classes"]["positives"] == metrics(maker.pipeline)["positives"] > 0
    assert found["measures"]["log_loss"] == metrics(maker.pipeline)["window"]["log_loss"]
    screen = run(maker.project).stdout
    assert screen.startswith("flights: nothing needs attention\n")
    assert "1,234 events/s" in line(screen, "Learner")
    assert line(screen, "Positions").startswith("lag 9: flights.events:0 at 100 (lag 7), ")
    assert line(screen, "Events").startswith("200: 200 learned, 0 waiting, 0 expired")


def test_the_lag_of_a_learner_that_does_not_read_is_unknown(maker: Maker) -> None:
    """A number from the past would say that all is well; the positions stay."""
    for more in ({"alive": False}, {"waiting_for": "The log is away.", "waiting_since": NOON}):
        beat(maker, **more)
        found = document(maker.project)
        assert found["lag_records"] is None
        assert [place["lag"] for place in found["partitions"]] == [None, None]
        assert [place["position"] for place in found["partitions"]] == [100, 40]
        assert "unknown" in line(run(maker.project).stdout, "Positions")


NOON = "2026-01-31T12:00:00.000Z"


def test_a_learner_that_was_stopped_is_no_warning_unless_asked_for(maker: Maker) -> None:
    """Whoever stopped it knows; a health check of one that should run asks with ``--running``."""
    beat(maker, alive=False)
    found = document(maker.project)
    assert (found["learner"]["state"], kinds(found)) == ("stopped", [])
    assert "freshet up" in found["next"]
    assert kinds(document(maker.project, "--running")) == ["learner-stopped"]


def test_a_learner_that_has_never_run_is_said_to_have_not(tmp_path: Path) -> None:
    """As where only a server has made the registry."""
    project = a_project(tmp_path)
    with project.registry():
        pass
    found = document(project)
    assert (found["learner"]["state"], kinds(found)) == ("none", [])
    assert kinds(document(project, "--running")) == ["learner-stopped"]
    assert "freshet up" in line(run(project).stdout, "Next")


@pytest.mark.parametrize(
    ("more", "state", "words"),
    [
        ({"waiting_for": "The log is away.", "waiting_since": NOON}, "waiting", f"since {NOON}"),
        ({"alive": False, "refused": "model has changed"}, "refusing", "freshet config diff"),
    ],
)
def test_what_keeps_a_learner_from_learning_is_a_warning(
    maker: Maker, more: dict[str, Any], state: str, words: str
) -> None:
    """A log that is away, a config that is refused: with its words, and what helps."""
    beat(maker, **more)
    found = document(maker.project)
    assert (found["learner"]["state"], kinds(found)) == (state, [f"learner-{state}"])
    assert {**more}.get("waiting_for", "model has changed") in found["warnings"][0]["text"]
    assert words in run(maker.project).stdout


@pytest.mark.parametrize("seconds", [10, 100])
def test_a_learner_that_was_killed_is_a_warning(maker: Maker, seconds: float) -> None:
    """Of this machine soon, of another once its heartbeat is old."""
    here = f"me@{socket.gethostname()}, process {dead_process()}"
    elsewhere = f"me@another, process {os.getpid()}"
    for owner, silent in (here, True), (elsewhere, seconds > 25):
        maker.epoch = maker.registry.writer.begin_epoch(owner)
        beat_before(maker, seconds)
        found = document(maker.project)
        assert kinds(found) == ["learner-silent"] * silent
        assert (found["lag_records"] is None) == silent
    maker.epoch = maker.registry.writer.begin_epoch(here)
    beat_before(maker, seconds)
    assert "was killed" in document(maker.project)["warnings"][0]["text"]


def dead_process() -> int:
    """The number of a process that has ended."""
    process = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(process, 0)
    return process


@pytest.mark.parametrize(
    "kind", ["checkpoint", "disk", "labels", "rejected", "expiry", "unseen", "absent", "new"]
)
def test_what_the_learner_says_in_its_heartbeat_is_a_warning(maker: Maker, kind: str) -> None:
    """Each trouble, also one that a later release has; with what to do."""
    beat(maker, **{f"{kind}_trouble": "Something is wrong."})
    (warning,) = document(maker.project)["warnings"]
    assert (warning["kind"], warning["text"]) == (kind, "Something is wrong.")
    assert warning["do"]


def test_a_full_disk_is_said_once(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found here, or by the learner; what a learner said that has stopped is over."""
    beat(maker, disk_trouble="full")
    monkeypatch.setattr("learners.status.overview.unwritable", lambda *_: "full, too")
    assert kinds(document(maker.project)) == ["disk"]
    monkeypatch.undo()
    beat(maker, disk_trouble="full", alive=False)
    assert kinds(document(maker.project)) == []


def test_what_a_run_ended_with_is_still_told(tmp_path: Path) -> None:
    """Labels of a real run that came after their events had expired: a warning with the record."""
    project = Project(tmp_path, args="-b 10", more="[late_labels]\nwait = 600\n")
    project.produce(project.write_csv(flights(400)), label_delay=7200.0)
    project.learn()
    found = document(project)
    assert (found["learner"]["state"], kinds(found)) == ("stopped", ["expiry"])
    assert found["counts"]["expired"] + found["counts"]["waiting"] == 400
    assert found["partitions"][0]["position"] > 0
    assert (found["absent"].keys(), found["unseen"]) == ({"origin"}, {})
    assert line(run(project).stdout, "Labels").startswith("400: 0 joined")


def test_unseen_and_absent_cells_are_shown_by_column(maker: Maker) -> None:
    """Those of the heartbeat, the largest first; four on the screen, all in the document."""
    unseen = {"origin": 2, "carrier": 9, "a\nb": 1, "c": 1, "d": 1}
    beat(maker, metrics={"cells": {"rows": 9, "unseen": unseen, "absent": {"hour": 3}}})
    found = document(maker.project)
    assert list(found["unseen"].items())[:2] == [("carrier", 9), ("origin", 2)]
    assert (len(found["unseen"]), found["absent"]) == (5, {"hour": 3})
    screen = run(maker.project).stdout
    assert line(screen, "Unseen") == r"carrier 9, origin 2, a\nb 1, c 1, 1 more"
    assert line(screen, "Absent") == "hour 3"


def test_refused_rows_are_shown_by_reason(maker: Maker) -> None:
    """Of events and of labels."""
    reasons = {"events": {"bad-time": 3, "not-a-number": 1}, "labels": {"bad-label": 2}}
    beat(maker, metrics={"rejected_reasons": reasons})
    assert document(maker.project)["rejected_reasons"] == reasons
    screen = run(maker.project).stdout
    assert "events: bad-time 3, not-a-number 1" in screen
    assert "labels: bad-label 2" in screen


def test_what_is_served_is_told_with_who_moved_it_when_and_why(changing: Maker) -> None:
    """The time of the move, however often the version was chosen again since."""
    changing.make()
    beat(changing)
    served = document(changing.project)["served"]
    assert (served["version"], served["pinned"], served["action"]) == (2, False, "publish")
    changing.registry.serving.pin("rollback", 1, "two rejects everybody", "me@here")
    moved = changing.registry.ledger.entries()[-1]
    changing.registry.serving.pin("promote", 1, "it stays", "you@there")
    served = document(changing.project)["served"]
    assert served["since"] == moved.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert [served[name] for name in ("version", "pinned", "by")] == [1, True, "you@there"]
    screen = line(run(changing.project).stdout, "Served")
    assert "by promote of you@there: it stays; the learner's newest is 2" in screen


def test_a_version_that_is_not_served_is_a_warning(changing: Maker) -> None:
    """Held back, or refused by the gate: with the reason."""
    for verdict, kind in (
        (Verdict(good=True, reason="far worse", held=True), "version-held"),
        (Verdict(good=False, reason="weights are not finite"), "version-refused"),
    ):
        changing.make(verdict=verdict)
        beat(changing)
        found = document(changing.project)
        assert kinds(found) == [kind]
        assert verdict.reason in found["warnings"][0]["text"]
        assert found["served"]["version"] == 1


def test_a_served_version_whose_files_are_gone_is_a_warning(changing: Maker) -> None:
    """A server that runs has it in memory; one that starts does not."""
    beat(changing)
    shutil.rmtree(changing.model_file(1).parent)
    found = document(changing.project)
    assert kinds(found) == ["version-missing"]
    assert found["checkpoint"]["bytes"] is None


def test_a_shadow_that_failed_is_a_warning(maker: Maker) -> None:
    """By its name, with why."""
    beat(maker, metrics={"shadow_troubles": {"plain": "diverged"}})
    (warning,) = document(maker.project)["warnings"]
    assert "'plain' has failed: diverged" in warning["text"]


def test_everything_at_once_fits_on_a_screen(changing: Maker) -> None:
    """At most 30 lines, though nothing is well; long texts are cut there alone."""
    changing.make(verdict=Verdict(good=True, reason="far worse", held=True))
    waits = {"waiting_for": "word " * 200, "waiting_since": NOON}
    troubles = {f"{name}_trouble": "Bad." for name in ("labels", "rejected", "expiry", "unseen")}
    beat(
        changing,
        **waits,
        **troubles,
        lag={f"flights.events:{n}": n for n in range(50)},
        metrics={"cells": {"unseen": {"carrier": 1}, "absent": {"hour": 1}},
                 "rejected_reasons": {"events": {"bad-time": 1}, "labels": {"bad-label": 1}},
                 "shadow_troubles": {"plain": "diverged"}},
    )  # fmt: skip
    screen = run(changing.project).stdout
    assert screen.count("\n") <= 30
    assert screen.startswith("flights: 7 warnings\n! The learner has waited since")
    assert max(map(len, screen.splitlines())) < 400
    assert waits["waiting_for"].strip() in document(changing.project)["warnings"][0]["text"]


def test_it_reads_only(maker: Maker) -> None:
    """Files and their content are what they were, with the registry in use."""
    beat(maker)

    def seen() -> dict[str, bytes]:
        home = maker.project.settings.home
        files = (path for path in home.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files if path.suffix != ".db-shm"}

    before = seen()
    run(maker.project)
    assert seen() == before


def test_every_key_of_the_document_is_documented(maker: Maker) -> None:
    """And every kind of warning that this release knows."""
    beat(maker)
    described = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert set(document(maker.project)) <= described
    source = (ROOT / "learners" / "status" / "troubles.py").read_text(encoding="utf-8")
    found = set(re.findall(r'_trouble\(\s*"([a-z-]+)"', source))
    assert len(found) > 8
    assert {kind for kind in found if f"`{kind}`" not in PAGE} == set()
