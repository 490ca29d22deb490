"""A learner that is sent labels for ids without an event says so, and not too often."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from stream.learner import heartbeat
from stream.learner.heartbeat import WaitingLabels
from tests.support.serving.project import Project

MANY, EVICTED = "many labels wait for their event", "labels without an event are evicted"


def test_half_of_the_bound_is_a_warning() -> None:
    """Once when it is passed, and trouble for as long as it is."""
    with capture_logs() as logs:
        labels = WaitingLabels(10, 0)
        assert labels.look(4, 0) == ""
        assert labels.look(5, 0).startswith("5 labels wait for an event of their id, 0 were")
        assert labels.look(6, 0)
        assert labels.look(4, 0) == ""
    assert [entry["event"] for entry in logs] == [MANY]
    assert (logs[0]["waiting"], logs[0]["at_most"]) == (5, 10)


def test_evictions_are_a_warning_at_most_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says how many since the last one; those before a restart are none of its business."""
    now = 1000.0
    monkeypatch.setattr(heartbeat, "monotonic", lambda: now)
    with capture_logs() as logs:
        labels = WaitingLabels(10, 7)
        labels.look(10, 7)
        for evicted in (8, 9, 20):
            labels.look(10, evicted)
            now += 1.0
        now += 60.0
        labels.look(10, 21)
        labels.look(10, 21)
    assert [entry["event"] for entry in logs] == [MANY, EVICTED, EVICTED]
    assert [entry.get("since_last_warning") for entry in logs] == [None, 1, 13]


def test_a_learner_reports_labels_without_an_event(tmp_path: Path) -> None:
    """In its log, its heartbeat and its report."""
    project = Project(tmp_path, more="[late_labels]\nmax_labels = 5")
    project.append(*(f"n{number},1".encode() for number in range(12)), labels=True)
    with capture_logs() as logs:
        report = project.learn()
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [EVICTED]
    assert (report["labels_waiting"], report["crowded_out_labels"]) == (5, 7)
    with project.registry() as registry:
        status = registry.writer.status()
    assert status is not None
    assert status.status["labels_trouble"].startswith("5 labels wait for an event of their id, 7")
