"""Rollbacks of the learner over HTTP: asked for with the move of serving, listed, cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from starlette.testclient import TestClient

from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay
from serve.routes.monitoring import KEPT_SECONDS
from tests.support.serving.served import Maker, a_client, problem_of, replaying

BODY = {"version": 1, "reason": "poison", "learner": "resume"}


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
    text = client.get("/metrics").text
    for line in ("under_way 1.0", "rows_read 1200.0", "rows 5000.0", "seconds_left 90.5"):
        assert f"\nfreshet_rollback_{line}\n" in text
    assert "\nfreshet_quarantines 1.0\n" in text
    (held,) = client.get("/status").json()["quarantines"]
    assert {name: held[name] for name in ("quarantine", "offsets", "actor", "reason")} == {
        "quarantine": 1,
        "offsets": 5,
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
