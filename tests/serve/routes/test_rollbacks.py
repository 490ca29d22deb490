"""Rollbacks of the learner over HTTP: asked for with the move of serving, listed, cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay
from serve.cli import app
from serve.routes.monitoring import KEPT_SECONDS
from stream.log.contract import Place
from tests.serve.openapi.test_document import check_answer
from tests.support.serving.project import Project, flights
from tests.support.serving.served import Maker, a_client, client_of, problem_of, replaying
from tests.support.streams.logs import trim

BODY = {"version": 1, "reason": "poison", "learner": "resume"}
SKIP = ["flights.events:0:100-119"]
TIME = {"of": "events", "from": "2014-01-01", "to": "2014-01-02"}
REPLAY = {**BODY, "learner": "replay", "skip": SKIP, "skip_time": [TIME]}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[TestClient, Maker]]:
    """A server of three versions, the newest of them served."""
    with a_client(tmp_path, versions=3, admin=True) as pair:
        yield pair


def test_the_answer_has_the_rollback(served: tuple[TestClient, Maker]) -> None:
    """The version is served by then; ``/rollbacks``, ``/status`` and ``/metrics`` know of it."""
    client, maker = served
    assert client.get("/rollbacks").json() == []
    answer = client.post("/rollback", json=BODY).json()
    assert (answer["version"], answer["pinned"], answer["changed"]) == (1, True, True)
    asked = answer["rollback"]
    assert (asked["rollback"], asked["state"], asked["version"]) == (1, "asked", 1)
    assert client.get("/rollbacks").json() == [asked] == [client.get("/rollbacks/1").json()]
    assert client.get("/status").json()["rollback"] == asked
    assert "freshet_rollback_under_way 1.0" in client.get("/metrics").text
    assert maker.registry.rollbacks.find(1).actor == answer["rollback"]["actor"]
    again = client.post("/rollback", json=BODY).json()
    assert (again["changed"], again["rollback"]["rollback"]) == (False, 1)


def test_a_replay_says_how_far_it_is(served: tuple[TestClient, Maker]) -> None:
    """In ``/rollbacks``, ``/status`` and ``/metrics``, until it has ended."""
    client, maker = served
    replaying(maker)
    far = {"rows": 1200, "of": 5000, "share": 0.24, "seconds_left": 90.5}
    (shown,) = client.get("/rollbacks").json()
    assert (shown["state"], shown["progress"]) == ("replaying", far)
    assert client.get("/rollbacks/1").json() == shown == client.get("/status").json()["rollback"]
    assert said(maker.project, "rollbacks") == [shown]
    text = client.get("/metrics").text
    for line in ("under_way 1.0", "rows_read 1200.0", "rows 5000.0", "seconds_left 90.5"):
        assert f"\nfreshet_rollback_{line}\n" in text
    assert "\nfreshet_quarantines 1.0\n" in text
    maker.registry.quarantines.corrected(1, 3, 3, "ann")
    sleep(KEPT_SECONDS)
    (held,) = client.get("/status").json()["quarantines"]
    shown_of = ("quarantine", "offsets", "corrected", "actor", "reason")
    assert {name: held[name] for name in shown_of} == {
        "quarantine": 1,
        "offsets": 5,
        "corrected": 3,
        "actor": "ann@zz-host",
        "reason": "poison",
    }
    undo = Replay(instead=True)
    maker.registry.rollbacks.ask(2, undo, "no poison", "ann")
    assert [each["progress"] for each in client.get("/rollbacks").json()] == [None, None]
    sleep(KEPT_SECONDS)
    assert "freshet_rollback_rows_read" not in values(client.get("/metrics").text)
    assert client.get("/status").json()["quarantines"] == []


def values(text: str) -> set[str]:
    """The names of metrics with a value."""
    return {line.split()[0] for line in text.splitlines() if not line.startswith("#")}


def test_keep_asks_nothing_of_the_learner(served: tuple[TestClient, Maker]) -> None:
    """It is the default, and possible while another waits."""
    client, _ = served
    client.post("/rollback", json=BODY)
    answer = client.post("/rollback", json={"version": 2, "reason": "this one"}).json()
    assert (answer["version"], answer["rollback"]) == (2, None)
    assert client.get("/rollbacks/1").json()["state"] == "asked"


def test_a_version_that_cannot_be_served_is_told(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a rollback that the learner does not follow: what is served is another version."""
    client, maker = served
    asking = maker.registry.rollbacks.ask

    def refused(*asked: Any) -> Any:
        found = asking(*asked)
        version = maker.registry.versions.find(1)
        maker.registry.serving.refuse(version, "a weight is not finite", "server")
        return found

    monkeypatch.setattr(client.app.state.service.registry.rollbacks, "ask", refused)  # type: ignore[attr-defined]
    problem = problem_of(client.post("/rollback", json=BODY))
    assert (problem["status"], problem["type"].rpartition(":")[2]) == (503, "not-loaded")
    assert "Version 1 could not be served and is refused for good" in problem["detail"]


def test_another_is_refused(served: tuple[TestClient, Maker]) -> None:
    """409, and it says which is under way."""
    client, _ = served
    client.post("/rollback", json=BODY)
    problem = problem_of(client.post("/rollback", json={**BODY, "version": 2}))
    assert (problem["status"], problem["type"].rpartition(":")[2]) == (409, "rollback-under-way")
    assert "Rollback 1" in problem["detail"]


def test_one_that_has_not_begun_can_be_cancelled(served: tuple[TestClient, Maker]) -> None:
    """With a reason; twice is once; what is served stays."""
    client, maker = served
    client.post("/rollback", json=BODY)
    assert problem_of(client.delete("/rollbacks/1"))["status"] == 400
    for _ in range(2):
        answer = client.delete("/rollbacks/1", params={"reason": "no poison"}).json()
        assert (answer["state"], answer["trouble"]) == ("cancelled", "no poison")
    assert maker.registry.serving.pointers().serving == 1
    assert client.get("/status").json()["rollback"] is None


@pytest.mark.parametrize("number", ["7", "0", "x", "99999999999"])
def test_there_is_no_such_rollback(served: tuple[TestClient, Maker], number: str) -> None:
    """404, whatever is asked of it."""
    client, _ = served
    assert problem_of(client.get(f"/rollbacks/{number}"))["status"] == 404
    gone = client.delete(f"/rollbacks/{number}", params={"reason": "x"})
    assert problem_of(gone)["type"].endswith("unknown-rollback")


def test_others_than_admins_see_no_names(tmp_path: Path) -> None:
    """They see what was asked for, and may not ask."""
    with a_client(tmp_path, versions=2, admin=True) as (client, maker):
        maker.registry.rollbacks.ask(1, "resume", "poison", "zz-user@zz-host")
        token = client.headers.pop("Authorization")
        (shown,) = client.get("/rollbacks").json()
        assert (shown["actor"], shown["reason"]) == ("command line", "poison")
        held = OffsetRanges.parse("flights.events:0:5-9")
        maker.registry.quarantines.add({}, held, "poison", "zz-user@zz-host")
        (shown,) = client.get("/status").json()["quarantines"]
        assert (shown["actor"], shown["reason"]) == ("command line", "poison")
        assert client.delete("/rollbacks/1", params={"reason": "x"}).status_code == 401
        client.headers["Authorization"] = token
        assert client.get("/rollbacks/1").json()["actor"] == "zz-user@zz-host"


@pytest.fixture
def learned(tmp_path: Path) -> Iterator[tuple[TestClient, Project]]:
    """A server of two versions of a real learner, each of a hundred more flights."""
    project = Project(tmp_path / "p", args="-b 10")
    later = [[f"m{row[0]}", *row[1:]] for row in flights(100, 9)]
    for row in later[50:]:
        row[1] = str(int(row[1]) + 365 * 86_400)
    for rows in (flights(100), later):
        project.produce(project.write_csv(rows), rows_per_message=1)
        project.learn()
    with client_of(project, admin=True) as client:
        yield client, project


def said(project: Project, *arguments: str) -> Any:
    """What the command line says of it."""
    options = ["--config", str(project.config_file), "--json"]
    return json.loads(CliRunner().invoke(app, [*arguments, *options]).stdout)


def test_a_replay_reads_the_log_again_without_some_records(
    learned: tuple[TestClient, Project],
) -> None:
    """By their offsets and their time; the answer has both, and the learner does it."""
    client, project = learned
    answer = client.post("/rollback", json=REPLAY)
    document = client.get("/openapi.json").json()
    check_answer(document, document["paths"]["/rollback"]["post"], 200, answer.json())
    asked, held = answer.json()["rollback"], answer.json()["quarantine"]
    assert (answer.json()["version"], answer.json()["pinned"]) == (1, True)
    assert (asked["learner"], asked["state"], asked["quarantine"]) == ("replay", "asked", 1)
    first, second = held["ranges"]["flights.events"]["0"]
    assert (first, second[0]) == ([100, 119], 150)
    assert (held["skip"], held["skip_time"]) == (SKIP, ["events 2014-01-01..2014-01-02"])
    assert held == client.get("/quarantines/1").json()
    assert said(project, "quarantine", "list") == [held]
    again = client.post("/rollback", json=REPLAY).json()
    assert (again["changed"], again["rollback"]["rollback"], again["quarantine"]) == (
        *(False, 1),
        held,
    )
    assert project.learn()["quarantined"] == held["offsets"]
    done = client.get("/rollbacks/1").json()
    assert (done["state"], done["made"]) == ("done", 3)
    undo = {"version": done["tip"], "learner": "replay", "instead": True, "reason": "it was right"}
    answer = client.post("/rollback", json=undo)
    assert (answer.json()["rollback"]["undoes"], answer.json()["quarantine"]) == (1, None)
    assert client.get("/quarantines/1").json()["active"] is False


def test_a_replay_warns_of_a_config_by_which_no_learner_starts(
    learned: tuple[TestClient, Project],
) -> None:
    """It would wait for one that does; how to cancel it is said. Else there is no warning."""
    client, project = learned
    keep = {"version": 1, "reason": "a look"}
    assert client.post("/rollback", json=keep).json()["warning"] is None
    assert client.post("/rollback", json=REPLAY).json()["warning"] is None
    client.delete("/rollbacks/1", params={"reason": "another config"})
    other = project.edited(("[learn]\n", '[columns.branch]\nkind = "categorical"\n\n[learn]\n'))
    with client_of(other, admin=True) as edited:
        answer = edited.post("/rollback", json={**REPLAY, "skip": [], "skip_time": []}).json()
        document = edited.get("/openapi.json").json()
    check_answer(document, document["paths"]["/rollback"]["post"], 200, answer)
    assert "not that of the learner's model: the column 'branch'" in answer["warning"]
    assert answer["warning"].endswith("or cancel it: DELETE /rollbacks/2?reason=TEXT.")


@pytest.mark.parametrize("version", [1, 2])
def test_a_preview_says_what_the_command_line_says(
    learned: tuple[TestClient, Project], version: int
) -> None:
    """Whether it is possible or not; it needs no reason, and changes nothing."""
    client, project = learned
    with project.registry() as registry:
        before = registry.ledger.entries()
    body = {"version": version, "learner": "replay", "skip": SKIP, "preview": True}
    answer = client.post("/rollback", json=body)
    document = client.get("/openapi.json").json()
    check_answer(document, document["paths"]["/rollback"]["post"], 200, answer.json())
    options = ("--learner", "replay", "--skip", *SKIP, "--preview")
    assert answer.json() == said(project, "rollback", str(version), *options)
    assert answer.json()["possible"] == (version == 1)
    with project.registry() as registry:
        assert (registry.ledger.entries(), registry.quarantines.all()) == (before, [])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"version": 2}, 409, "has read records that are, or would be, in quarantine"),
        ({"version": 9}, 404, "no version 9"),
        ({"instead": True}, 409, "no replay to undo"),
        ({"skip": ["flights.events:0:1-999"]}, 422, "is not all in the log"),
        ({"skip_time": [{"of": "labels", "to": "now"}]}, 422, "has no record"),
        ({"skip": ["x"]}, 422, "no range of records"),
        ({"reason": None}, 422, "reason: required"),
    ],
)
def test_what_the_command_line_refuses_is_refused(
    learned: tuple[TestClient, Project], body: dict[str, Any], status: int, words: str
) -> None:
    """And nothing is changed."""
    client, project = learned
    with project.registry() as registry:
        before = registry.ledger.entries()
    problem = problem_of(client.post("/rollback", json=REPLAY | body))
    assert problem["status"] == status
    assert words in problem["detail"]
    with project.registry() as registry:
        assert (registry.ledger.entries(), registry.quarantines.all()) == (before, [])


@pytest.mark.parametrize("learner", ["keep", "resume"])
@pytest.mark.parametrize(
    "more",
    [
        {"skip": SKIP},
        {"skip_time": [{"of": "events", "to": "now"}]},
        {"instead": True},
        {"preview": True},
    ],
    ids=str,
)
def test_what_only_a_replay_can_do_is_refused(
    served: tuple[TestClient, Maker], learner: str, more: dict[str, Any]
) -> None:
    """422 with the field, and nothing moves."""
    client, maker = served
    body = {"version": 1, "reason": "x", "learner": learner, **more}
    problem = problem_of(client.post("/rollback", json=body))
    assert (problem["status"], [e["column"] for e in problem["errors"]]) == (422, list(more))
    assert maker.registry.serving.pointers().serving == 3


def test_a_replay_whose_log_takes_too_long_has_changed_nothing(
    learned: tuple[TestClient, Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and it says what has no such limit."""
    client, project = learned
    monkeypatch.setattr("serve.live.log_looks.LOOK_SHARE", 0.0)
    problem = problem_of(client.post("/rollback", json=REPLAY))
    assert (problem["status"], problem["type"].rpartition(":")[2]) == (503, "log-too-long")
    assert "Nothing was changed" in problem["detail"]
    assert "'freshet rollback VERSION --learner replay'" in problem["detail"]
    with project.registry() as registry:
        assert registry.serving.pointers().serving == 2
        assert (registry.rollbacks.all(), registry.quarantines.all()) == ([], [])


def test_a_log_that_has_not_what_is_read_again_is_refused(
    learned: tuple[TestClient, Project],
) -> None:
    """Which only a look at it tells; nothing is changed."""
    client, project = learned
    trim(project.settings.log, Place(project.topics().events, 0), 150)
    problem = problem_of(client.post("/rollback", json={**BODY, "learner": "replay"}))
    assert (problem["status"], problem["type"].rpartition(":")[2]) == (409, "no-way-back")
    assert "the log begins at offset 150 there" in problem["detail"]
    with project.registry() as registry:
        assert (registry.serving.pointers().serving, registry.rollbacks.all()) == (2, [])
