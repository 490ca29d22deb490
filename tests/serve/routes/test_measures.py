"""What is measured beside the learner stands in ``/metrics`` and in the status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from learners.registry.row_types import Verdict
from tests.serve.routes.test_monitoring import beat, samples, settled
from tests.support.serving.processes import until
from tests.support.serving.served import Maker, a_client, admin_header

MEASURES: dict[str, Any] = {
    "count": 9,
    "log_loss": 0.5,
    "accuracy": 0.75,
    "lift": 0.125,
    "window": {"count": 4, "log_loss": 0.25, "pr_auc": None},
    "faded": {"log_loss": 0.375},
    "recent": {"count": 2, "auc": 0.625},
    "static": {"count": 9, "log_loss": 0.5625, "window": {"log_loss": 0.3125}},
    "contenders": {
        "base_rate": {"count": 9, "log_loss": 0.6875},
        "raw": {"count": 9, "log_loss": 0.75},
        "deep": {"count": 3, "log_loss": 0.4375, "faded": {"log_loss": 0.40625}},
    },
    "shadow_troubles": {"wide": "out of memory"},
    "value": {"served": 12.5, "never": -3.0, "always": None, "events": 9},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Maker]]:
    """A server whose learner has told its measures."""
    folder: Path = tmp_path_factory.mktemp("measures")
    with a_client(folder, versions=1) as (client, maker):
        admin_header(maker.project)  # a server looks for its token four times a second
        beat(maker, metrics=MEASURES)
        settled()
        yield client, maker


def test_every_view_of_every_contender_is_a_gauge(served: tuple[TestClient, Maker]) -> None:
    """Windowed and faded numbers of learner, frozen copy, base rate and shadows; none undefined."""
    told = samples(served[0])
    assert told["freshet_log_loss", "live", "all"] == 0.5
    assert told["freshet_log_loss", "live", "window"] == 0.25
    assert told["freshet_log_loss", "live", "faded"] == 0.375
    assert told["freshet_log_loss", "static", "window"] == 0.3125
    assert told["freshet_log_loss", "base_rate", "all"] == 0.6875
    assert told["freshet_log_loss", "deep", "faded"] == 0.40625
    assert told["freshet_auc", "live", "recent"] == 0.625
    assert told["freshet_accuracy", "live", "all"] == 0.75
    assert told["freshet_lift", "live", "all"] == 0.125
    assert ("freshet_pr_auc", "live", "window") not in told


def test_the_value_of_decisions_is_a_gauge(served: tuple[TestClient, Maker]) -> None:
    """Of those served and of never acting; what is not known is left out."""
    told = samples(served[0])
    assert told["freshet_value", "served"] == 12.5
    assert told["freshet_value", "never"] == -3.0
    assert ("freshet_value", "always") not in told


def test_a_failed_shadow_can_be_alerted_on(served: tuple[TestClient, Maker]) -> None:
    """1 for one that has failed, 0 for one that is scored; base rate and raw are no shadows."""
    told = {key[1]: value for key, value in samples(served[0]).items() if "shadow" in key[0]}
    assert told == {"deep": 0.0, "wide": 1.0}


def test_the_status_tells_them_as_the_learner_did(served: tuple[TestClient, Maker]) -> None:
    """The page's table is made of these; only admins are told how a shadow has failed."""
    client, maker = served
    headers = admin_header(maker.project)
    assert client.get("/status", headers=headers).json()["metrics"] == MEASURES
    others = client.get("/status").json()["metrics"]
    assert others.pop("shadow_troubles").keys() == MEASURES["shadow_troubles"].keys()
    assert others.items() <= MEASURES.items()


def test_a_version_that_is_held_back_is_told(tmp_path: Path) -> None:
    """In the status with its reason, to callers who are no admins too, and as a gauge."""
    reason = "Over the last 1,000 labels its log loss is 0.7."
    with a_client(tmp_path, versions=1) as (client, maker):
        settled()
        assert samples(client)["freshet_version_held",] == 0
        assert client.get("/status").json()["held"] == {"version": None, "reason": ""}
        maker.make(verdict=Verdict(good=True, reason=reason, held=True))
        settled()
        status = client.get("/status").json()
        assert samples(client)["freshet_version_held",] == 1
    assert status["held"] == {"version": 2, "reason": reason}
    assert status["served"]["version"] == 1
    assert status["served"]["measured_as"] is None
    assert "version 2, is held back" in status["served"]["why"]
    assert (status["versions"][0]["state"], status["versions"][0]["reason"]) == (
        "candidate",
        reason,
    )
    assert status["history"][0]["action"] == "hold"
    assert status["history"][0]["reason"] == reason


def test_while_another_is_pinned_the_learners_figures_are_not_called_served(
    tmp_path: Path,
) -> None:
    """Its decisions go by its own name, and it is told whose measures are of what is served."""
    contenders = MEASURES["contenders"] | {"pinned": {"count": 2, "log_loss": 0.875}}
    trouble = "OSError: /srv/snapshots is away"
    with a_client(tmp_path, versions=2) as (client, maker):
        admin = admin_header(maker.project)  # a server looks for its token four times a second
        beat(maker, metrics=MEASURES)
        settled()
        told = samples(client)
        assert told["freshet_served_measured", "live"] == 1
        assert told["freshet_served_measured", "pinned"] == 0
        assert told["freshet_value", "served"] == 12.5
        maker.registry.serving.pin("rollback", 1, "a try", "ann")
        pin = {"version": 1, "begun": 9, "trouble": ""}
        beat(maker, metrics=MEASURES | {"contenders": contenders}, pinned=pin)
        until(lambda: client.get("/status").json()["served"]["version"] == 1)
        settled()
        told, status = samples(client), client.get("/status").json()
        assert status["served"]["measured_as"] == "pinned"
        assert told["freshet_log_loss", "pinned", "all"] == 0.875
        assert told["freshet_served_measured", "live"] == 0
        assert told["freshet_served_measured", "pinned"] == 1
        assert told["freshet_value", "learner"] == 12.5
        assert ("freshet_value", "served") not in told
        assert ("freshet_shadow_failed", "pinned") not in told
        beat(maker, metrics=MEASURES, pinned=pin | {"trouble": trouble})
        settled()
        said = client.get("/status").json()["served"]
        assert (said["version"], said["measured_as"]) == (1, None)
        assert said["why"] == "The learner cannot score with it. The learner's log says why."
        assert client.get("/status", headers=admin).json()["served"]["why"] == trouble
        assert samples(client)["freshet_served_measured", "pinned"] == 0
