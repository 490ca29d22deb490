"""A learner that refuses many rows says so while it runs: when it begins and when it ends."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from converters.cells.refusal import Refusal
from stream.fold.pipeline import new_pipeline
from stream.fold.row_planner import EVENTS, LABELS
from stream.learner import heartbeat
from stream.learner.heartbeat import RefusedShare
from tests.support.serving.project import Project

BAD = Refusal("not-a-number", "distance", "secret")


class Stream:
    """A pipeline whose counts rise as a test says."""

    def __init__(self, folder: Path) -> None:
        self.pipeline = new_pipeline(Project(folder).context, 1)
        self.share = RefusedShare(self.pipeline)

    def take(self, rows: int, refused: int, kind: str = EVENTS) -> str:
        """So many more rows, some of them refused; what the next look tells."""
        if kind == EVENTS:
            self.pipeline.counts.events += rows
        else:
            self.pipeline.joiner.counts.labels += rows
        self.pipeline.planner.refused[kind].add([BAD] * refused)
        return self.share.look()


def test_it_is_told_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    """Once each, with the reasons and what helps; the trouble lasts as long as it does."""
    stream = Stream(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        assert stream.take(500, 50) == ""
        assert stream.take(500, 51).startswith(
            "51 of the last 500 rows of events were refused: 51 not-a-number. List them with: "
        )
        assert stream.take(500, 500)
        assert stream.take(500, 50) == ""
        assert stream.take(500, 0) == ""
    assert [(e["event"], e["log_level"], e["rejected"]) for e in logs] == [
        ("many rows are refused", "warning", 51),
        ("rows are accepted again", "info", 50),
    ]
    assert logs[0]["reasons"].startswith("51 not-a-number (column 'distance'): send decimal")
    assert "secret" not in str(logs)


def test_few_rows_are_not_judged_before_more_have_come(tmp_path: Path) -> None:
    """One of three says little; they count with those that follow."""
    stream = Stream(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        assert stream.take(3, 1) == stream.take(96, 10) == ""
        assert stream.take(1, 0).startswith("11 of the last 100 rows of events")
        assert stream.take(99, 0) != ""
    assert len(logs) == 1


def test_few_rows_that_are_all_refused_say_enough(tmp_path: Path) -> None:
    """A slow stream whose producer has changed its format."""
    stream = Stream(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        assert stream.take(9, 9) == ""
        assert stream.take(1, 1).startswith("10 of the last 10 rows of events")
        assert stream.take(99, 0)
        assert stream.take(1, 0) == ""
    assert len(logs) == 2


def test_what_comes_and_goes_is_logged_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trouble still follows each block."""
    now = 1000.0
    monkeypatch.setattr(heartbeat, "monotonic", lambda: now)
    stream = Stream(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        for _ in range(4):
            assert stream.take(100, 100)
            assert stream.take(100, 0) == ""
        now += 61.0
        assert stream.take(100, 100)
    events = [entry["event"] for entry in logs]
    assert events == ["many rows are refused", "rows are accepted again", "many rows are refused"]


def test_labels_are_judged_by_themselves(tmp_path: Path) -> None:
    """Many good events do not hide them."""
    stream = Stream(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        stream.take(10_000, 0)
        assert stream.take(200, 200, LABELS).startswith("200 of the last 200 rows of labels")
    assert [entry["kind"] for entry in logs] == [LABELS]


def test_a_learner_reports_it(tmp_path: Path) -> None:
    """In its log and its heartbeat, by its own counts."""
    project = Project(tmp_path)
    project.append(*[b"a,b"] * 150)
    with capture_logs() as logs:
        project.learn()
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (warning["event"], warning["rejected"]) == ("many rows are refused", 150)
    with project.registry() as registry:
        status: Any = registry.writer.status()
    assert status.status["rejected_trouble"].startswith("150 of the last 150 rows of events")
    assert status.status["metrics"]["rejected_reasons"]["events"] == {"wrong-width": 150}
