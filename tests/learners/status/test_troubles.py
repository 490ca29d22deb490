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


NOTHING: State = {
    "counts": {},
    "stream": {"behind_seconds": None},
    "classes": {"count": 0, "positives": 0},
    "measures": None,
}
RECENT = {"count": 1000, "log_loss": 0.612, "auc": 0.5, "base_rate": 0.3}


@pytest.mark.parametrize(
    ("count", "positives", "which"),
    [(100, 0, "negative"), (2000, 2000, "positive"), (99, 0, ""), (2000, 1, ""), (0, 0, "")],
)
def test_labels_of_one_class(count: int, positives: int, which: str) -> None:
    """From the hundredth on, of all that were scored."""
    found = warnings(classes={"count": count, "positives": positives})
    assert [warning["kind"] for warning in found] == ["one-class"] * bool(which)
    for warning in found:
        assert warning["text"].startswith(f"All {count:,} labels so far are {which}:")
        assert "[label]" in warning["do"]


@pytest.mark.parametrize("state", ["claimed", "replaying"])
def test_scores_that_nobody_is_served_are_not_judged(state: str) -> None:
    """Of a learner that reads the log again."""
    found = warnings(
        classes={"count": 5000, "positives": 1500},
        measures=RECENT | {"base_rate_log_loss": 0.5},
        rollback={"state": state, "learner": "replay"},
    )
    assert found == []


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        ({"base_rate_log_loss": 0.605}, True),
        ({"base_rate_log_loss": 0.607}, False),
        ({"base_rate_log_loss": 0.5, "count": 999}, False),
    ],
)
def test_scores_worse_than_the_base_rate(measured: dict[str, float], *, told: bool) -> None:
    """Over as many labels, and by as much, as chance does not explain."""
    found = warnings(classes={"count": 5000, "positives": 1500}, measures=RECENT | measured)
    assert [warning["kind"] for warning in found] == ["worse-than-base-rate"] * told
    for warning in found:
        words = "newest 1,000 labels the learner's log loss is 0.6120, above the 0.6050"
        assert words in warning["text"]
        assert warning["do"]


def kinds(**more: Any) -> list[str]:
    """The kinds of the warnings of a state that says nothing but this."""
    return [each["kind"] for each in warnings(**more)]


def warnings(**more: Any) -> list[dict[str, str]]:
    """The warnings of a state that says nothing but this."""
    learner = {"state": "running", "since": None}
    served = dict.fromkeys(("held", "latest", "served", "served_measures", "rollback"))
    registry = {"exists": True, "reachable": True, "trouble": ""}
    rest = {"registry": registry, "model": "m", "learner": learner, "disks": [], "shadows": {}}
    state: State = {**served, **rest, **NOTHING, **more}
    return troubles(state, 0.1)
