"""Health, metrics, the status, and the pages that people look at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from converters.cells.refusal import Refusal
from learners.registry.errors import RegistryUnavailableError
from learners.registry.writer import Writer
from serve.routes.monitoring import KEPT_SECONDS
from stream.fold.run_report import metrics
from tests.support.serving.project import flights
from tests.support.serving.served import Maker, a_client, problem_of


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Maker]]:
    """A server of two versions."""
    with a_client(tmp_path_factory.mktemp("monitoring"), versions=2, admin=True) as pair:
        yield pair


def samples(client: TestClient) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def beat(maker: Maker, **more: object) -> None:
    """A heartbeat as the learner sends it."""
    status = {
        "alive": True,
        "events_per_second": 1234.5,
        "lag": {"flights.events:0": 7, "flights.labels:1": 2},
        "positions": {"flights.events:0": 100},
        "events": 400,
        "learned": 390,
        "waiting": 8,
        "rejected": 2,
        "metrics": metrics(maker.pipeline),
    }
    maker.registry.writer.heartbeat(maker.epoch, status | more)


def settled() -> None:
    """Let what was remembered of the status grow old."""
    time.sleep(KEPT_SECONDS + 0.01)


def test_metrics_tell_of_the_model_and_the_learner(served: tuple[TestClient, Maker]) -> None:
    """Versions, heartbeat, rate, lag, counts, log loss and AUC, parsed as Prometheus parses."""
    client, maker = served
    beat(maker)
    settled()
    found = samples(client)
    assert found["freshet_served_version",] == found["freshet_latest_version",] == 2
    assert found["freshet_pinned",] == 0
    assert found["freshet_registry_up",] == found["freshet_learner_up",] == 1
    assert found["freshet_learner_heartbeat_age_seconds",] < 60
    assert found["freshet_learner_events_per_second",] == 1234.5
    assert found["freshet_learner_lag_records", "0", "flights.events"] == 7
    assert found["freshet_learner_lag_records", "1", "flights.labels"] == 2
    assert found["freshet_learner_rows", "learned"] == 390
    assert found["freshet_learner_rows", "rejected"] == 2
    report = metrics(maker.pipeline)
    assert found["freshet_log_loss", "live", "window"] == report["window"]["log_loss"]
    assert found["freshet_auc", "live", "all"] == report["auc"]
    assert found["freshet_model_load_seconds_count",] == 1


def test_metrics_tell_of_labels_without_an_event(served: tuple[TestClient, Maker]) -> None:
    """How many wait and may wait, and how many were evicted; the status says it in words."""
    client, maker = served
    trouble = {"labels_trouble": "Labels wait.", "crowded_out_labels": 3}
    for more, evicted in (({}, 0), (trouble, 3)):
        beat(maker, labels_waiting=8, **more)
        settled()
        found = samples(client)
        assert found["freshet_labels_waiting",] == 8
        assert found["freshet_labels_limit",] == 1_000_000
        assert found["freshet_labels_crowded_out",] == evicted
    assert client.get("/status").json()["learner"]["labels_trouble"] == "Labels wait."


def test_metrics_tell_of_absent_and_unseen_cells(served: tuple[TestClient, Maker]) -> None:
    """By column, over the lineage; whether they are remarkable, and in words."""
    client, maker = served
    maker.pipeline.cells.absent["origin"] += 3
    maker.pipeline.cells.unseen["carrier"] += 4
    for trouble in ("", "Many are."):
        beat(maker, unseen_trouble=trouble, absent_trouble=trouble)
        settled()
        found = samples(client)
        assert found["freshet_learner_absent_cells", "origin"] == 3
        assert found["freshet_learner_unseen_cells", "carrier"] == 4
        for kind in ("absent", "unseen"):
            assert found[f"freshet_learner_{kind}",] == bool(trouble)
            assert client.get("/status").json()["learner"][f"{kind}_trouble"] == trouble


def test_metrics_tell_of_refused_rows(served: tuple[TestClient, Maker]) -> None:
    """By topic and reason, over the lineage; whether they are many, and in words."""
    client, maker = served
    maker.pipeline.planner.refused["events"].add([Refusal("bad-time", "at", "x")] * 3)
    for trouble in ("", "Many are refused."):
        beat(maker, rejected_trouble=trouble)
        settled()
        found = samples(client)
        assert found["freshet_learner_rejecting",] == bool(trouble)
        assert found["freshet_learner_rejected_rows", "events", "bad-time"] == 3
    assert client.get("/status").json()["learner"]["rejected_trouble"] == "Many are refused."


def test_metrics_tell_of_what_expires(served: tuple[TestClient, Maker]) -> None:
    """Whether it is much, in words in the status; and stream time, to be held against the clock."""
    client, maker = served
    maker.pipeline.joiner.stream_time = 1_388_534_399_500
    for trouble in ("", "Many expire."):
        beat(maker, expiry_trouble=trouble, repeated_trouble=trouble)
        settled()
        found = samples(client)
        for gauge in ("expiring", "repeating"):
            assert found[f"freshet_learner_{gauge}",] == bool(trouble)
        assert found["freshet_stream_time_seconds",] == 1_388_534_399.5
    learner = client.get("/status").json()["learner"]
    assert learner["expiry_trouble"] == learner["repeated_trouble"] == "Many expire."


def test_metrics_count_requests_rows_and_refusals(served: tuple[TestClient, Maker]) -> None:
    """By route and status, with a histogram of seconds; unknown paths are not counted apart."""
    client, _ = served
    before = samples(client)
    client.post("/predict", json=[{}, {"distance": "x"}, {}])
    client.post("/predict", json={"distance": "x"})
    client.post("/events", json=[{"distance": "x"}])
    client.get("/versions/77")
    for path in ("/nothing", "/else"):
        client.get(path)
    now = samples(client)

    def risen(*key: str) -> float:
        return now.get(key, 0) - before.get(key, 0)

    assert risen("freshet_requests_total", "/predict", "200") == 1
    assert risen("freshet_requests_total", "/predict", "422") == 1
    assert risen("freshet_requests_total", "/versions/{version}", "404") == 1
    assert risen("freshet_requests_total", "unknown", "404") == 2
    assert risen("freshet_request_seconds_count", "/predict") == 2
    assert risen("freshet_rows_scored_total") == 2
    assert risen("freshet_rows_refused_total", "not-a-number", "/predict") == 2
    assert risen("freshet_rows_refused_total", "not-a-number", "/events") == 1


def test_a_learner_that_is_silent_or_has_said_goodbye_is_not_alive(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old heartbeat, or a last one: ``learner_up`` is 0, and its numbers stay to be seen."""
    client, maker = served
    beat(maker)
    settled()
    assert client.get("/status").json()["learner"]["alive"] is True
    beat(maker, alive=False)
    settled()
    learner = client.get("/status").json()["learner"]
    assert learner["alive"] is False
    assert learner["counts"]["learned"] == 390
    beat(maker)
    monkeypatch.setattr("learners.versions.model_state.ALIVE_SECONDS", 0.0)
    settled()
    assert samples(client)["freshet_learner_up",] == 0


TROUBLES: list[tuple[dict[str, str], str, tuple[int, int, int]]] = [
    ({}, "", (1, 0, 0)),
    ({"checkpoint_trouble": "The disk is full."}, "", (0, 1, 0)),
    ({"disk_trouble": "The disk is full."}, "", (0, 0, 1)),
    ({}, "The server sees that it is full.", (0, 0, 1)),
    ({"waiting_for": "the log"}, "", (1, 0, 0)),
]


@pytest.mark.parametrize(("told", "seen", "expected"), TROUBLES)
def test_a_learner_that_cannot_save_is_not_up(
    served: tuple[TestClient, Maker],
    monkeypatch: pytest.MonkeyPatch,
    told: dict[str, str],
    seen: str,
    expected: tuple[int, int, int],
) -> None:
    """Alive, but its disk is full: ``learner_up`` is 0 at once, and another metric says why.

    A learner that cannot write its heartbeat either is helped by the server, which sees the disk.
    """
    client, maker = served
    monkeypatch.setattr("serve.routes.monitoring.unwritable", lambda *_: seen)
    beat(maker, **told)
    settled()
    found = samples(client)
    names = ("learner_up", "learner_checkpoint_failing", "learner_disk_full")
    assert tuple(found[f"freshet_{name}",] for name in names) == expected
    assert client.get("/status").json()["learner"]["alive"] is True


def test_a_learner_that_refuses_its_config_is_down_and_says_why(
    served: tuple[TestClient, Maker],
) -> None:
    """Until its next heartbeat; predictions are not affected."""
    client, maker = served
    beat(maker)
    maker.registry.writer.refused("The column `hour` was categorical.")
    settled()
    learner, found = client.get("/status").json()["learner"], samples(client)
    assert learner["alive"] is False
    assert learner["refused"] == "The column `hour` was categorical."
    assert learner["counts"]["learned"] == 390
    assert found["freshet_learner_refusing_config",] == 1
    assert found["freshet_learner_up",] == 0
    assert client.get("/health/ready").status_code == 200
    beat(maker)
    settled()
    assert samples(client)["freshet_learner_refusing_config",] == 0


def test_the_last_heartbeat_grows_old_while_the_registry_is_away(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has heard of the learner since: after a while it is not called up."""
    client, maker = served
    beat(maker)
    settled()
    assert samples(client)["freshet_learner_up",] == 1

    def away(*_: object) -> object:
        raise RegistryUnavailableError("away")

    monkeypatch.setattr("serve.routes.monitoring.Observer._answers", away)
    monkeypatch.setattr("learners.versions.model_state.ALIVE_SECONDS", 0.5)
    settled()
    found = samples(client)
    assert (found["freshet_registry_up",], found["freshet_learner_up",]) == (0, 0)
    assert found["freshet_learner_rows", "learned"] == 390


def test_the_status_has_what_the_page_shows(served: tuple[TestClient, Maker]) -> None:
    """What is served, by whom it is learned, the newest versions and ledger entries first."""
    client, maker = served
    beat(maker)
    settled()
    status = client.get("/status").json()
    assert status["model"] == "flights"
    assert status["served"]["version"] == status["pointers"]["latest"] == 2
    assert status["learner"]["lag_records"] == 9
    assert status["metrics"]["window"]["log_loss"] == metrics(maker.pipeline)["window"]["log_loss"]
    assert [version["version"] for version in status["versions"]] == [2, 1]
    assert [entry["version"] for entry in status["history"]] == [2, 1]
    assert status["trouble"] == ""


def test_since_is_when_the_version_came_to_be_served(tmp_path: Path) -> None:
    """The time of its move in the ledger, whenever this process loaded it; not of a later line."""
    with a_client(tmp_path, versions=1) as (client, maker):
        maker.registry.serving.pin("rollback", 1, "as it is", "test")
        settled()
        status = client.get("/status").json()
        again, first = status["history"]
        assert (again["from"], again["to"], first["to"]) == (1, 1, 1)
        assert status["served"]["since"] == first["at"] < again["at"]
        assert first["at"] < status["served"]["loaded"]


def test_how_far_a_stopped_learner_is_behind_is_unknown(
    served: tuple[TestClient, Maker],
) -> None:
    """No lag that was true once: null in the status, and no gauge; its other counts stay."""
    client, maker = served
    beat(maker, alive=False, unseen_trouble="carrier: 12 unseen values")
    settled()
    learner = client.get("/status").json()["learner"]
    assert (learner["lag"], learner["lag_records"]) == ({}, None)
    assert learner["events_per_second"] == 0
    assert learner["counts"]["learned"] == 390
    assert learner["unseen_trouble"] == "carrier: 12 unseen values"
    assert (learner["absent_trouble"], learner["expiry_trouble"]) == ("", "")
    found = samples(client)
    assert not [each for each in found if each[0] == "freshet_learner_lag_records"]
    assert found["freshet_learner_rows", "learned"] == 390


def test_the_status_reads_the_newest_entries_alone(tmp_path: Path) -> None:
    """A long ledger is not read through each second; the registry gives the newest, in order."""
    with a_client(tmp_path, versions=1) as (client, maker):
        for number in range(20):
            maker.registry.serving.pin("promote", 1, f"{number}", "test")
            maker.registry.serving.unpin(f"{number}", "test")
        entries = maker.registry.ledger.entries()
        assert maker.registry.ledger.entries(5) == entries[-5:]
        settled()
        shown = client.get("/status").json()["history"]
        assert [each["seq"] for each in shown] == [e.seq for e in reversed(entries[-12:])]


def test_many_pages_ask_the_registry_once(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is remembered for half a second."""
    client, _ = served
    asked: list[int] = []
    status = Writer.status
    settled()
    monkeypatch.setattr(Writer, "status", lambda self: asked.append(1) or status(self))  # type: ignore[func-returns-value]
    for _ in range(10):
        client.get("/status")
    assert len(asked) <= 2


@pytest.mark.parametrize("path", ["/status", "/metrics"])
def test_a_parameter_that_there_is_not_is_refused(
    served: tuple[TestClient, Maker], path: str
) -> None:
    """As on the other routes: it would have no effect."""
    client, _ = served
    problem = problem_of(client.get(path, params={"name[]": "freshet_auc"}))
    assert problem["status"] == 400
    assert "'name[]'" in problem["detail"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_takes_any_parameter(served: tuple[TestClient, Maker], path: str) -> None:
    """Probes that add some, against caches say, are answered all the same."""
    client, _ = served
    assert client.get(path, params={"at": "1"}).status_code == 200


def test_health_says_whether_there_is_a_model(served: tuple[TestClient, Maker]) -> None:
    """Alive, and ready with a version."""
    client, _ = served
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready", "version": 2}


def test_while_the_registry_is_away_nothing_can_be_moved_and_scores_go_on(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 for what needs the registry; predictions are answered as before."""
    client, _ = served
    registry = client.app.state.service.registry  # type: ignore[attr-defined]

    def away(*_: object, **__: object) -> Any:
        raise RegistryUnavailableError("The registry does not answer.")

    settled()
    with monkeypatch.context() as patch:
        for part, methods in {
            registry.versions: ("all", "find"),
            registry.ledger: ("entries",),
            registry.serving: ("pin", "pointers"),
            registry.writer: ("status",),
        }.items():
            for method in methods:
                patch.setattr(part, method, away)
        move = {"version": 1, "reason": "test"}
        assert problem_of(client.post("/promote", json=move))["status"] == 503
        for path in ("/versions", "/versions/1", "/history"):
            assert problem_of(client.get(path))["status"] == 503
        while client.get("/health/ready").status_code == 200:
            time.sleep(0.01)
        assert "does not answer" in problem_of(client.get("/health/ready"))["detail"]
        assert client.get("/status").json()["registry"]["reachable"] is False
        assert "freshet_registry_up 0.0" in client.get("/metrics").text
        assert client.post("/predict", json={}).json()["version"] == 2
    settled()
    assert client.get("/health/ready").status_code == 200


def test_what_the_learner_has_still_to_take_is_told(tmp_path: Path) -> None:
    """A promoted backfill, from its promotion until the learner has begun with it."""
    with a_client(tmp_path, versions=1) as (client, maker):
        assert client.get("/status").json()["adoption"] is None
        made = maker.project.backfill(maker.project.write_csv(flights(300)))["version"]
        maker.registry.serving.pin("promote", made, "better", "ann")
        time.sleep(KEPT_SECONDS + 0.01)
        status = client.get("/status").json()
        assert status["adoption"]["version"] == made
        assert status["versions"][0]["adoption"] == status["adoption"]["kind"]
        assert status["versions"][0]["learned"] == 300
