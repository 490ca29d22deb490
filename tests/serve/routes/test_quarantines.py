"""Quarantines over HTTP: looked up in the log, shown without it, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from learners.registry.requests.offset_ranges import OffsetRanges
from serve.live import log_looks
from tests.serve.openapi.test_document import check_answer
from tests.support.serving.project import flights
from tests.support.serving.served import Maker, a_client, problem_of

TOPIC = "flights.events"
SKIP = [f"{TOPIC}:0:10-19"]
BODY: dict[str, Any] = {"skip": SKIP, "reason": "shifted"}
# The events of this history are stamped with its hours.
DAY = {"of": "events", "from": "2013-01-01T05:00Z", "to": "2013-01-01T06:00Z"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[TestClient, Maker]]:
    """A server of two versions, and a log of thirty records of one row."""
    with a_client(tmp_path, versions=2, admin=True) as (client, maker):
        project = maker.project
        project.produce(project.write_csv(flights(30)), rows_per_message=1)
        yield client, maker


def answer(client: TestClient, method: str, path: str, **how: Any) -> Any:
    """The content of an answer, which is as the document says."""
    response = client.request(method, path, **how)
    assert response.status_code == 200, response.text
    document = client.get("/openapi.json").json()
    template = path.rstrip("0123456789") + ("{number}" if path[-1].isdigit() else "")
    operation = document["paths"][template][method.lower()]
    check_answer(document, operation, 200, response.json())
    return response.json()


def test_one_is_added_shown_and_removed(served: tuple[TestClient, Maker]) -> None:
    """With who, when and why; each of it twice is once."""
    client, maker = served
    assert answer(client, "GET", "/quarantines") == []
    added = answer(client, "POST", "/quarantines", json=BODY)
    assert (added["quarantine"], added["changed"], added["active"]) == (1, True, True)
    assert (added["skip"], added["ranges"]) == (SKIP, {TOPIC: {"0": [[10, 19]]}})
    assert (added["offsets"], added["reason"]) == (10, "shifted")
    assert added["actor"] == maker.registry.quarantines.find(1).actor
    again = answer(client, "POST", "/quarantines", json=BODY)
    assert again == added | {"changed": False}
    shown = {name: value for name, value in added.items() if name != "changed"}
    assert answer(client, "GET", "/quarantines") == [shown]
    assert answer(client, "GET", "/quarantines/1") == shown
    assert [e.action for e in maker.registry.ledger.entries()][-1] == "quarantine"
    for _ in range(2):
        gone = answer(client, "DELETE", "/quarantines/1", params={"reason": "right"})
        assert (gone["active"], gone["removed_because"]) == (False, "right")
    assert answer(client, "GET", "/quarantines") == [gone]
    assert maker.registry.quarantines.in_force() == []


def test_times_are_looked_up_once(served: tuple[TestClient, Maker]) -> None:
    """They are kept as they were asked for on the command line, with the offsets found."""
    client, maker = served
    added = answer(client, "POST", "/quarantines", json={"skip_time": [DAY], "reason": "x"})
    assert added["skip_time"] == ["events 2013-01-01T05:00Z..2013-01-01T06:00Z"]
    assert 0 < added["offsets"] < 30
    before = added["offsets"]
    maker.project.produce(maker.project.write_csv(flights(30)), rows_per_message=1)
    assert answer(client, "GET", "/quarantines/1")["offsets"] == before


def test_a_preview_changes_nothing(served: tuple[TestClient, Maker]) -> None:
    """It needs no reason, and has counts, never a row."""
    client, maker = served
    before = maker.registry.ledger.entries()
    body = {"skip": SKIP, "skip_time": [{"of": "events", "to": "now"}], "preview": True}
    found = answer(client, "POST", "/quarantines", json=body)
    assert (found["offsets"], found["events"]["rows"], found["events"]["ids"]) == (30, 30, 30)
    assert (found["partitions"][0]["records"], found["labels"]["rows"]) == (30, 0)
    assert maker.registry.ledger.entries() == before
    assert maker.registry.quarantines.all() == []


@pytest.mark.parametrize(
    ("body", "column", "words"),
    [
        ({"reason": "x"}, "skip", "name records"),
        ({"reason": "x", "preview": True}, "skip", "name records"),
        ({"skip": SKIP}, "reason", "required"),
        ({"skip": SKIP, "reason": " "}, "reason", "at least 1"),
        ({"skip": SKIP, "reason": "x", "why": 1}, "why", ""),
        ({"skip": SKIP[0], "reason": "x"}, "skip", ""),
        ({"skip": [*SKIP, ""], "reason": "x"}, "skip.1", ""),
        ({"skip": SKIP * 201, "reason": "x"}, "skip", ""),
        ({"skip_time": [{"from": "now"}], "reason": "x"}, "skip_time.0.of", ""),
        ({"skip_time": [{"of": "scores", "to": "now"}], "reason": "x"}, "skip_time.0.of", ""),
        ({"skip_time": ["events ..now"], "reason": "x"}, "skip_time.0", ""),
        ({"skip": ["x"], "reason": "x"}, None, "'x' is no range of records"),
        ({"skip": [f"{TOPIC}:0:10-99"], "reason": "x"}, None, "is not all in the log"),
        ({"skip_time": [{"of": "events"}], "reason": "x"}, None, "is no interval"),
        ({"skip_time": [{"of": "labels", "to": "now"}], "reason": "x"}, None, "has no record"),
        ({"skip_time": [{"of": "events", "to": "soon"}], "reason": "x"}, None, "'soon'"),
    ],
)
def test_what_is_wrong_changes_nothing(
    served: tuple[TestClient, Maker], body: dict[str, Any], column: str | None, words: str
) -> None:
    """422 as the command line refuses it, with the field if it is one."""
    client, maker = served
    problem = problem_of(client.post("/quarantines", json=body))
    assert problem["status"] == 422
    assert [each["column"] for each in problem.get("errors", [])] == ([column] if column else [])
    assert words in problem["detail"]
    assert maker.registry.quarantines.all() == []


def test_a_log_that_cannot_be_looked_through_in_time_changes_nothing(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and it says what has no such limit; the next look is as quick as ever."""
    client, maker = served
    with monkeypatch.context() as patch:
        patch.setattr(log_looks, "LOOK_SHARE", 0.0)
        problem = problem_of(client.post("/quarantines", json={"skip_time": [DAY], "reason": "x"}))
    assert (problem["status"], problem["type"]) == (503, "urn:freshet:problem:log-too-long")
    assert "Nothing was changed" in problem["detail"]
    assert "'freshet quarantine add'" in problem["detail"]
    assert maker.registry.quarantines.all() == []
    assert answer(client, "POST", "/quarantines", json=BODY)["changed"]


@pytest.mark.parametrize("number", ["7", "0", "x", "99999999999"])
def test_there_is_no_such_quarantine(served: tuple[TestClient, Maker], number: str) -> None:
    """404, whatever is asked of it."""
    client, _ = served
    assert problem_of(client.get(f"/quarantines/{number}"))["type"].endswith("unknown-quarantine")
    gone = client.delete(f"/quarantines/{number}", params={"reason": "x"})
    assert (gone.status_code, problem_of(gone)["status"]) == (404, 404)
    assert problem_of(client.delete("/quarantines/1"))["type"].endswith("bad-query")


def test_others_than_admins_may_look_and_see_no_names(served: tuple[TestClient, Maker]) -> None:
    """What is held and why they see; they may not add or remove."""
    client, maker = served
    held = OffsetRanges.parse(SKIP[0])
    maker.registry.quarantines.add({"skip": SKIP}, held, "poison", "zz-user@zz-host")
    maker.registry.quarantines.remove(1, "no poison", "zz-user@zz-host")
    client.headers.pop("Authorization")
    (shown,) = answer(client, "GET", "/quarantines")
    assert (shown["actor"], shown["removed_by"]) == ("command line", "command line")
    assert (shown["reason"], shown["removed_because"]) == ("poison", "no poison")
    assert answer(client, "GET", "/quarantines/1") == shown
    assert client.post("/quarantines", json=BODY).status_code == 401
    assert client.delete("/quarantines/1", params={"reason": "x"}).status_code == 401
