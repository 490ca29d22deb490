"""Labels and events that wait for each other are a warning of their own."""

from __future__ import annotations

import pytest

from learners.status.troubles import troubles
from learners.versions.model_state import State


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"labels_waiting": 40, "waiting": 50, "labels_joined": 0}, True),
        ({"labels_waiting": 40, "waiting": 50, "labels_joined": 1}, False),
        ({"labels_waiting": 9, "waiting": 50}, False),
        ({"labels_waiting": 40, "waiting": 0}, False),
        ({}, False),
    ],
)
def test_labels_that_meet_no_event(counts: dict[str, int], told: bool) -> None:
    """While none has met, and both wait, the ids differ."""
    learner = {"state": "running", "since": None}
    served = {"held": None, "latest": None, "served": None, "served_measures": None}
    registry = {"exists": True, "reachable": True, "trouble": ""}
    rest = {"registry": registry, "model": "m", "learner": learner, "disks": [], "shadows": {}}
    state: State = {**served, **rest, "counts": counts}
    assert [each["kind"] for each in troubles(state, 0.1)] == (["ids"] if told else [])
