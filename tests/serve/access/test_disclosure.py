"""Hosts, users, processes, paths and addresses: told to admins, and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from converters.errors import FreshetError
from learners.registry import actor
from learners.registry.errors import (
    RegistryError,
    RegistryUnavailableError,
    SupersededError,
    UnservableVersionError,
)
from learners.snapshots.errors import CorruptSnapshotError, MissingSnapshotError, SnapshotError
from serve.access.disclosure import REFUSED, REGISTRY, TROUBLE, entry_shown, state_shown
from serve.http import problems
from serve.http.problems import KINDS, NoModelError, NotLoadedError
from serve.live.live_model import LiveModel
from stream.fold.run_report import metrics
from stream.log.contract import (
    FencedError,
    LogError,
    LogUnavailableError,
    RecordTooLargeError,
    StampError,
)
from stream.logging import configure_logs
from tests.support.serving.project import flights
from tests.support.serving.served import Maker, a_client, as_object, problem_of, routes_of

TOKEN = "of-the-test"
ADMIN = {"authorization": f"Bearer {TOKEN}"}
HOST, USER, PID, PEER = "zz-host", "zz-user", "987654321", "127.0.0.1"
FOLDER, BROKER = "/srv/zz-folder/of/it", "zz-broker:9092"
PRIVATE = (HOST, USER, PID, PEER, "zz-folder", "zz-broker", "ZeroDivisionError")
TEXT = f"{FOLDER} on {HOST}, process {PID}, with {BROKER} of {USER}: ZeroDivisionError"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Maker]]:
    """A server whose ledger, versions and heartbeat are full of what only admins may know."""
    more = f'[serve]\nadmin_token = "{TOKEN}"\n'
    with (
        pytest.MonkeyPatch.context() as patch,
        a_client(tmp_path_factory.mktemp("told"), versions=3, more=more) as (client, maker),
    ):
        patch.setattr(actor, "_here", lambda kind: {"kind": kind, **here()})
        serving, find = maker.registry.serving, maker.registry.versions.find
        serving.pin("promote", 1, "the old way", f"{USER}@{HOST}")
        serving.pin("promote", 2, "by command", actor.on_command_line())
        move = {"version": 1, "reason": "over HTTP", "force": True}
        assert client.post("/promote", json=move, headers=ADMIN).status_code == 200
        serving.refuse(find(3), TEXT, actor.this_server())
        serving.refuse(find(2), TEXT, f"server {HOST}, process {PID}")
        shadows = {"shadow_troubles": {"twin": TEXT}}
        status: dict[str, Any] = {"waiting_for": TEXT, "waiting_since": "2026-01-31T08:15:00.125Z"}
        status |= {"checkpoint_trouble": TEXT, "refused": TEXT, "events": 3}
        status |= {"surprise": TEXT}
        status["metrics"] = metrics(maker.pipeline) | shadows
        maker.registry.writer.heartbeat(maker.epoch, status)
        yield client, maker


def here() -> dict[str, str]:
    """Who acts, in this test."""
    return {"host": HOST, "user": USER, "pid": PID}


def told(text: str) -> list[str]:
    """What of it only admins may know."""
    return [each for each in PRIVATE if each in text]


def test_no_route_tells_anybody(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every route that reads; and the ledger, versions and state still say what happened."""
    client, _ = served
    monkeypatch.setattr("serve.routes.monitoring.KEPT_SECONDS", 0.0)
    for route in routes_of(client):
        if route.method == "GET":
            path = route.path.format(version=3, number=1, name="dashboard.js")
            response = client.get(path)
            assert told(response.text + str(response.headers)) == [], path
    entries = client.get("/history").json()
    found = [(e["actor"], e["action"], e["reason"]) for e in entries[-5:]]
    assert found == [
        ("command line", "promote", "the old way"),
        ("command line", "promote", "by command"),
        ("admin-token", "promote", "over HTTP"),
        ("server", "refuse", REFUSED),
        ("server", "refuse", REFUSED),
    ]
    state = client.get("/status").json()
    assert state["learner"]["waiting_for"]
    assert state["learner"]["checkpoint_trouble"]
    assert state["learner"]["refused"]
    assert state["metrics"]["shadow_troubles"].keys() == {"twin"}
    assert state["versions"][0]["reason"] == REFUSED
    assert client.get("/versions/3").json()["reason"] == REFUSED
    assert client.get("/versions/3").json()["manifest"].keys() >= {"files", "packages"}
    assert "expected" not in client.get("/versions/3").json()["manifest"]


def test_a_state_without_registry_or_learner_tells_nobody() -> None:
    """Troubles are named in general, and what is not known yet is left out."""
    state = {"server": {"process": 1, "since": "now"}, "trouble": TEXT, "learner": None}
    shown = state_shown(state | {"registry": {"reachable": False, "trouble": TEXT}})
    assert told(json.dumps(shown)) == []
    assert shown["server"] == {"since": "now"}
    assert shown["trouble"] == TROUBLE
    assert shown["registry"] == {"reachable": False, "trouble": REGISTRY}


def test_admins_are_told_everything(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger with host, user, process and peer; why versions were refused; the state."""
    client, maker = served
    monkeypatch.setattr("serve.routes.monitoring.KEPT_SECONDS", 0.0)
    by_command, over_http, by_server, _ = client.get("/history", headers=ADMIN).json()[-4:]
    assert by_command["detail"]["by"] == {"kind": "command line", **here()}
    http = {"kind": "http", **here(), "token": "admin-token", "peer": PEER}
    assert over_http["detail"]["by"] == http
    assert by_server["detail"]["by"] == {"kind": "server", **here()}
    assert by_server["reason"] == TEXT
    state = client.get("/status", headers=ADMIN).json()
    assert state["learner"]["owner"] == "test"
    assert state["learner"]["waiting_for"] == state["learner"]["checkpoint_trouble"] == TEXT
    assert state["server"]["process"]
    version = client.get("/versions/3", headers=ADMIN).json()
    assert version["reason"] == TEXT
    assert version["manifest"]["expected"]
    assert [e.detail for e in maker.registry.ledger.entries()][-1]["folder"]


ERRORS: list[type[FreshetError]] = [
    *(RegistryError, RegistryUnavailableError, SupersededError, UnservableVersionError),
    *(SnapshotError, CorruptSnapshotError, MissingSnapshotError, NoModelError, NotLoadedError),
    *(LogError, LogUnavailableError, RecordTooLargeError, StampError, FreshetError),
]


@pytest.mark.parametrize("kind", [*ERRORS, FencedError, ZeroDivisionError])
def test_no_problem_tells_anybody(
    served: tuple[TestClient, Maker],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: type[Exception],
) -> None:
    """A failure says to others what it is in general; the log has the text, and the request id."""
    client, _ = served
    configure_logs()
    monkeypatch.setattr(problems, "_withheld", problems.Withheld())

    def broken(_self: LiveModel) -> None:
        raise FencedError(TEXT, timed_out=False) if kind is FencedError else kind(TEXT)

    monkeypatch.setattr(LiveModel, "use", broken)
    headers = {"X-Request-ID": "of-this-test"}
    for _ in range(2):
        response = client.post("/predict", json=as_object(flights(1)[0]), headers=headers)
        assert told(response.text) == []
        assert len(problem_of(response)["detail"]) > 30
    said = capsys.readouterr().err
    times = 2 if kind is ZeroDivisionError else 1
    assert said.count(FOLDER) == times, "the text is logged once, a bug each time"
    assert "request_id=of-this-test" in said
    response = client.post("/predict", json=as_object(flights(1)[0]), headers=headers | ADMIN)
    assert (FOLDER in problem_of(response)["detail"]) is (kind is not ZeroDivisionError)


def test_details_that_all_callers_see_are_about_their_requests() -> None:
    """None is of the registry, the log, the snapshots or the model, except these."""
    open_kinds = {error for error, kind in KINDS.items() if not kind.public}
    of_server = {e for e in open_kinds if not issubclass(e, problems.RequestError)}
    names = {error.__name__ for error in of_server}
    assert names == {
        "UnknownVersionError",
        "PromotionRefusedError",
        "LeftBehindError",
        "NoReasonsError",
        "PostInProgressError",
        "PostConflictError",
        "RollbackClaimedError",
        "RollbackRefusedError",
        "UnknownQuarantineError",
        "UnknownRollbackError",
        "UsageError",
    }


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("http 10.0.0.1", "http"),
        ("ci http 10.0.0.1", "ci"),
        ("zz-user@zz-host", "command line"),
        ("server zz-host, process 12", "server"),
        ("zz-host, process 12", "learner"),
        ("zz-user@zz-host, process 12", "learner"),
        ("learner", "learner"),
        ("freshet", "freshet"),
        ("anything else of zz-host", "unknown"),
    ],
)
def test_actors_of_older_entries_are_shown_by_their_kind(written: str, shown: str) -> None:
    """As releases before wrote them, and as the learner writes them."""
    entry: dict[str, Any] = {"actor": written, "action": "promote", "reason": "", "detail": {}}
    assert entry_shown(entry)["actor"] == shown


def test_the_command_prints_who_did_it(served: tuple[TestClient, Maker]) -> None:
    """``freshet history`` prints the token, the peer, the host and the user."""
    from tests.support.serving.command import freshet

    folder = served[1].project.folder
    entries = json.loads(freshet("history", "--json", cwd=folder).stdout)
    assert any(entry["detail"].get("by", {}).get("peer") == PEER for entry in entries)
    table = "".join(freshet("history", cwd=folder).stdout.split())
    for part in ("admin-token", PEER, f"{USER}@{HOST}"):
        assert part in table
