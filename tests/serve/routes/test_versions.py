"""Versions, the ledger, and moving what is served over HTTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import Any

import orjson
import pytest
from prometheus_client import generate_latest
from starlette.testclient import TestClient

from learners.registry.row_types import Verdict
from learners.report.ancestry import Ancestry
from learners.versions.describe import entry_json, full_json, version_json
from serve import app
from serve.live.version_loader import Loader
from serve.openapi.declared_route import document
from serve.routes import monitoring, versions
from tests.support.serving.project import flights
from tests.support.serving.served import (
    Maker,
    a_client,
    a_project,
    as_object,
    client_of,
    edited,
    maker_of,
    problem_of,
)

ROW = as_object(flights(1)[0])
JSON_BODY = {"Content-Type": "application/json"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[TestClient, Maker]]:
    """A server of three versions, the newest of them served."""
    with a_client(tmp_path, versions=3, admin=True) as pair:
        yield pair


@pytest.fixture(scope="module")
def unmoved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Maker]]:
    """The same for tests that move nothing."""
    with a_client(tmp_path_factory.mktemp("unmoved"), versions=3, admin=True) as pair:
        yield pair


def plain(content: Any) -> Any:
    """What the command of the same name would print, through JSON and back."""
    return orjson.loads(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS))


def version_of(client: TestClient) -> int:
    """The version that answers now."""
    version: int = client.post("/predict", json=ROW).json()["version"]
    return version


def pointers_in(answer: dict[str, Any]) -> tuple[int, int, int, bool]:
    """What is served, and the learner's newest, as an answer has them."""
    return answer["version"], answer["serving"], answer["latest"], answer["pinned"]


def test_the_routes_print_what_the_commands_print(unmoved: tuple[TestClient, Maker]) -> None:
    """The list, one version, the ledger."""
    client, maker = unmoved
    found, trained_on = maker.registry.versions.all(), Ancestry(maker.registry).trained_on
    assert client.get("/versions").json() == plain(
        [version_json(each, trained_on(each)) for each in found]
    )
    shown = client.get("/versions/2").json()
    assert shown == plain(full_json(found[1], trained_on(found[1]), maker.store, 20))
    assert shown["version"] == 2
    assert shown["largest_weights"]
    entries = [entry_json(entry) for entry in maker.registry.ledger.entries()]
    assert client.get("/history").json() == plain(entries)


def test_what_is_shown_of_a_version_follows_its_state(served: tuple[TestClient, Maker]) -> None:
    """A version refused later is not shown as it was before."""
    client, maker = served
    assert client.get("/versions/2").json()["state"] == "verified"
    maker.registry.serving.refuse(maker.registry.versions.find(2), "for the test", "test")
    assert client.get("/versions/2").json()["state"] == "refused"


def test_the_documented_numbers_are_those_that_are_taken(
    unmoved: tuple[TestClient, Maker],
) -> None:
    """In a body 2.0 is an integer and taken; in a path the document allows digits alone."""
    client, _ = unmoved
    document = client.get("/openapi.json").json()
    (number,) = document["paths"]["/versions/{version}"]["get"]["parameters"]
    allowed = re.compile(number["schema"]["pattern"])
    assert [bool(allowed.search(text)) for text in ("2", "2.0", "2e0", "0", "-1")] == [True] + [
        False
    ] * 4
    body = document["components"]["schemas"]["Promotion"]["properties"]["version"]
    assert (body["type"], body["minimum"]) == ("integer", 1)
    for spelt, status in (("3944.0", 404), ("1e3", 404), ("1.5", 422), ("true", 422), ("-1", 422)):
        content = f'{{"version": {spelt}, "reason": "test"}}'
        answer = client.post("/promote", content=content, headers=JSON_BODY)
        assert answer.status_code == status, spelt


@pytest.mark.parametrize("number", ["9", "0", "-1", "x", "1.0", "٣", "9" * 400, "%00", "1%20"])
def test_a_version_that_is_not_there_is_404(unmoved: tuple[TestClient, Maker], number: str) -> None:
    """Whatever stands in its place in the path."""
    assert problem_of(unmoved[0].get(f"/versions/{number}"))["status"] == 404


def test_history_says_what_was_served_when(unmoved: tuple[TestClient, Maker]) -> None:
    """At the time of an entry its version; before the first, none; offsets of any spelling."""
    client, maker = unmoved
    entries = maker.registry.ledger.entries()
    for entry in entries:
        at = entry.at.isoformat()
        for spelt in (at, at.replace("+", "%2B"), at.replace("+00:00", "Z")):
            answer = client.get(f"/history?at={spelt}").json()
            assert answer["version"] == entry.to_version
    assert client.get("/history?at=2020-01-01").json()["version"] is None
    for wrong in ("soon", "", "2026-13-01", "9" * 30):
        assert problem_of(client.get(f"/history?at={wrong}"))["status"] == 400
    assert client.get("/history?when=1").status_code == 400


@pytest.mark.parametrize(
    ("at", "served"),
    [
        ("20240301120000", False),  # as milliseconds of 2611, it would be after all versions
        ("202403011200", False),
        ("2024030112", False),
        ("20240301", False),
        ("20991231235959", True),
        ("now", True),
        ("1 second ago", False),
        ("an hour ago", False),
        ("10+minutes+ago", False),
        ("yesterday", False),
        ("2208988799", True),
    ],
)
def test_history_at_a_time_of_any_spelling(
    unmoved: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch, at: str, *, served: bool
) -> None:
    """Digits that form a calendar time are that; others count from now, or from 1970."""
    client, maker = unmoved
    first = maker.registry.ledger.entries()[0].at
    last = maker.registry.ledger.entries()[-1]
    monkeypatch.setattr(versions, "utc_now", lambda: first if "ago" in at else last.at)
    answer = client.get(f"/history?at={at}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == (last.to_version if served else None)


TWO = "could be another time"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("240301120000", f"{TWO} (240301120000: 1977-08-13"),
        ("2403011200", f"{TWO} (2403011200: 2046-02-23"),
        ("24030112", f"{TWO} (24030112: 2403-01-12 00:00:00 as YYYYMMDD, or 2024-03-01 12:"),
        ("20240610930", f"{TWO} (20240610930: 2611-"),
        ("20241301120000", "is not a time"),
        ("20240230120000", "is not a time"),
        ("45292.5", "is not a time"),
        ("10+minutes", "is not a time"),
        ("soon", "write it as ISO 8601, or how long ago, for example"),
    ],
)
def test_history_at_no_time(unmoved: tuple[TestClient, Maker], at: str, said: str) -> None:
    """It is said what to write; where digits can be another time, which."""
    problem = problem_of(unmoved[0].get(f"/history?at={at}"))
    assert problem["status"] == 400
    assert said in problem["detail"]


def test_promote_rollback_and_unpin_answer_when_it_is_served(
    served: tuple[TestClient, Maker],
) -> None:
    """The very next answer comes from the version asked for; asked twice is the same."""
    client, maker = served
    for route, version in (("/rollback", 1), ("/promote", 2), ("/rollback", 1), ("/promote", 3)):
        for changed in (True, False):
            answer = client.post(route, json={"version": version, "reason": "test"})
            assert pointers_in(answer.json()) == (version, version, 3, True)
            assert answer.json()["changed"] is changed
            assert ("Nothing changed: " in answer.json()["message"]) is not changed
            assert version_of(client) == version
    client.post("/rollback", json={"version": 1, "reason": "r", "learner": "keep", "skip": []})
    maker.make()
    assert version_of(client) == 1
    for changed in (True, False):
        answer = client.post("/unpin", json={"reason": "test"}).json()
        assert pointers_in(answer) == (4, 4, 4, False)
        assert answer["changed"] is changed
    assert version_of(client) == 4
    done = [(entry.action, entry.version) for entry in maker.registry.ledger.entries()]
    assert done.count(("rollback", 1)) == 5
    assert done.count(("promote", 3)) == 2


@pytest.mark.parametrize(
    ("route", "body", "column"),
    [
        ("/promote", {"version": 1}, "reason"),
        ("/promote", {"reason": "x"}, "version"),
        ("/promote", {"version": "1", "reason": "x"}, "version"),
        ("/promote", {"version": True, "reason": "x"}, "version"),
        ("/promote", {"version": 0, "reason": "x"}, "version"),
        ("/promote", {"version": 2**70, "reason": "x"}, "version"),
        ("/promote", {"version": 1, "reason": "  "}, "reason"),
        ("/promote", {"version": 1, "reason": "x" * 2001}, "reason"),
        ("/promote", {"version": 1, "reason": 5}, "reason"),
        ("/promote", {"version": 1, "reason": "x", "why": 1}, "why"),
        ("/rollback", {"version": 1, "reason": "x", "learner": "back"}, "learner"),
        ("/rollback", {"version": 1, "learner": "keep"}, "reason"),
        ("/rollback", {"version": 1, "reason": "x", "skip": ["t:0:1-2"]}, "skip"),
        ("/unpin", {}, "reason"),
        ("/unpin", {"reason": "x", "version": 1}, "version"),
        ("/unpin", [], ""),
        ("/promote", "x", ""),
    ],
)
def test_a_wrong_body_moves_nothing_and_names_the_field(
    unmoved: tuple[TestClient, Maker], route: str, body: Any, column: str
) -> None:
    """422 with the field; the ledger stays."""
    client, maker = unmoved
    before = maker.registry.ledger.entries()
    problem = problem_of(client.post(route, json=body))
    assert problem["status"] == 422
    assert [each["column"] for each in problem["errors"]] == [column]
    assert maker.registry.ledger.entries() == before


def test_versions_that_cannot_be_served_are_refused(served: tuple[TestClient, Maker]) -> None:
    """404 for one that is not there, 409 for one that the gate refused."""
    client, maker = served
    bad = maker.make(verdict=Verdict(good=False, reason="a weight is not finite"))
    for version, status in ((99, 404), (bad, 409)):
        body = {"version": version, "reason": "test"}
        assert problem_of(client.post("/promote", json=body))["status"] == status
    assert version_of(client) == 3


def test_a_version_of_another_schema_is_served_under_its_own(tmp_path: Path) -> None:
    """Whatever the config says, promotion and answer are as ever."""
    with maker_of(a_project(tmp_path)) as maker:
        maker.make()
        maker.make()
        other = edited(maker.project, hour='hour = { kind = "numeric" }')
        with client_of(other, admin=True) as client:
            assert client.post("/rollback", json={"version": 1, "reason": "x"}).status_code == 200
            assert version_of(client) == 1


def test_a_version_found_corrupt_when_rolled_back_to_is_told_and_not_served(
    served: tuple[TestClient, Maker],
) -> None:
    """503 with the reason; the registry has moved back to a good one, and that one answers."""
    client, maker = served
    maker.model_file(1).write_bytes(b"damaged")
    problem = problem_of(client.post("/rollback", json={"version": 1, "reason": "test"}))
    assert problem["status"] == 503
    assert "corrupt" in problem["detail"]
    assert maker.registry.versions.find(1).state == "refused"
    assert version_of(client) == maker.registry.serving.pointers().serving != 1


def test_a_process_that_cannot_serve_it_says_so(
    served: tuple[TestClient, Maker], tmp_path: Path
) -> None:
    """The snapshot is not to be read here: 503, nothing is moved, and the old one answers."""
    client, maker = served
    folder = maker.model_file(2).parent
    folder.rename(tmp_path / "away")
    problem = problem_of(client.post("/promote", json={"version": 2, "reason": "test"}))
    assert problem["type"].endswith("snapshot")
    assert version_of(client) == maker.registry.serving.pointers().serving == 3
    assert maker.registry.versions.find(2).state == "verified"
    (tmp_path / "away").rename(folder)
    assert client.post("/rollback", json={"version": 2, "reason": "again"}).status_code == 200
    assert version_of(client) == 2


def test_a_process_that_is_not_in_time_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """504 while a version is still being loaded; it is served once it is."""
    load, gate = Loader.load, threading.Event()

    def slow(self: Loader, number: int) -> Any:
        if number == 1:
            gate.wait(10)
        return load(self, number)

    more = "[serve]\ntimeout = 1.0\n"
    with a_client(tmp_path, versions=2, more=more, admin=True) as (client, _):
        monkeypatch.setattr(Loader, "load", slow)
        response = client.post("/rollback", json={"version": 1, "reason": "test"})
        assert problem_of(response)["status"] == 504
        assert version_of(client) == 2
        gate.set()
        while version_of(client) != 1:
            sleep(0.01)


def test_showing_a_version_opens_no_model(
    unmoved: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening one keeps the interpreter, and every request, for up to a tenth of a second."""
    client, _ = unmoved

    def opened(*_: object) -> None:
        raise AssertionError("a model was opened")

    monkeypatch.setattr("learners.choose.load", opened)
    assert client.get("/versions/1").json()["largest_weights"]


def test_lists_are_written_in_another_thread_than_requests_are_answered_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of versions, ledger entries and metrics take longer than a request may be held."""
    threads: dict[str, str] = {}

    def noting(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            threads[name] = threading.current_thread().name
            return act(*arguments)

        return noted

    monkeypatch.setattr(versions, "version_json", noting("version", version_json))
    monkeypatch.setattr(versions, "entry_json", noting("entry", entry_json))
    monkeypatch.setattr(monitoring, "generate_latest", noting("metrics", generate_latest))
    monkeypatch.setattr(app, "document", noting("document", document))
    with a_client(tmp_path, versions=1, admin=True) as (client, _):  # no document made yet
        for path in ("/versions", "/history", "/metrics", "/openapi.json"):
            assert client.get(path).status_code == 200
        loop = client.portal.call(lambda: threading.current_thread().name)  # type: ignore[union-attr]
    assert threads.keys() == {"version", "entry", "metrics", "document"}
    assert loop not in threads.values()


def test_a_worse_version_is_promoted_only_if_forced(served: tuple[TestClient, Maker]) -> None:
    """409 with what is worse and what to do; forced, the answer says what was overridden."""
    client, maker = served
    before = maker.registry.ledger.entries()
    problem = problem_of(client.post("/promote", json={"version": 1, "reason": "test"}))
    assert (problem["status"], problem["type"].rpartition(":")[2]) == (409, "worse")
    assert "it has learned from 200 examples" in problem["detail"]
    assert '"force": true' in problem["detail"]
    assert maker.registry.ledger.entries() == before
    answer = client.post("/promote", json={"version": 1, "reason": "test", "force": True}).json()
    assert (answer["version"], answer["pinned"]) == (1, True)
    assert len(answer["overridden"]) == len(answer["compared"]["objections"]) == 1
    assert "pinned (unpin to follow the learner)" in answer["message"]
    assert maker.registry.ledger.entries()[-1].detail["overridden"] == answer["overridden"]


def test_a_promotion_may_follow_the_learner(served: tuple[TestClient, Maker]) -> None:
    """It is served until the learner has the next version."""
    client, maker = served
    client.post("/rollback", json={"version": 1, "reason": "test"})
    body = {"version": 2, "reason": "test", "follow": True}
    answer = client.post("/promote", json=body).json()
    assert (answer["version"], answer["pinned"], answer["adoption"]) == (2, False, None)
    assert "following the learner" in answer["message"]
    assert maker.make() == client.post("/unpin", json={"reason": "test"}).json()["version"]


def test_a_version_tells_its_weights(unmoved: tuple[TestClient, Maker]) -> None:
    """As many as asked for, the largest first; importances of its columns."""
    client, _ = unmoved
    told = client.get("/versions/2/weights").json()
    assert told["version"] == 2
    assert told["weights"]["weights"] >= len(told["largest"]) == 20
    sizes = [abs(each["weight"]) for each in told["largest"]]
    assert sizes == sorted(sizes, reverse=True)
    assert {each["column"] for each in told["importances"]["columns"]} >= {"carrier", "hour"}
    assert client.get("/versions/2/weights?top=3").json()["largest"] == told["largest"][:3]
    for top in ("0", "-1", "10001", "x"):
        assert problem_of(client.get(f"/versions/2/weights?top={top}"))["status"] == 400
    assert problem_of(client.get("/versions/9/weights"))["status"] == 404
