"""Warnings of status that depend on few figures: ids that do not meet, a stream of the future."""

from __future__ import annotations

from typing import Any

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
    assert kinds(counts=counts) == (["ids"] if told else [])


@pytest.mark.parametrize(
    ("behind", "told"), [(-7200.0, True), (-3000.0, False), (9e8, False), (None, False)]
)
def test_a_stream_ahead_of_the_clock(behind: float | None, *, told: bool) -> None:
    """By more than a log takes: nothing that waits can wait as long as it should."""
    stream = {"time": "2611-05-22T00:00:00.000Z", "behind_seconds": behind}
    assert kinds(stream=stream) == (["stream-ahead"] if told else [])


def kinds(**more: Any) -> list[str]:
    """The kinds of the warnings of a state that says nothing but this."""
    learner = {"state": "running", "since": None}
    served = {"held": None, "latest": None, "served": None, "served_measures": None}
    registry = {"exists": True, "reachable": True, "trouble": ""}
    rest = {"registry": registry, "model": "m", "learner": learner, "disks": [], "shadows": {}}
    state: State = {**served, **rest, "counts": {}, "stream": {"behind_seconds": None}, **more}
    return [each["kind"] for each in troubles(state, 0.1)]
