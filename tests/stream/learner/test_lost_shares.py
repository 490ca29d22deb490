"""A learner that loses many rows, refused or expired, says so while it runs, and until it ends."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from converters.cells.refusal import Refusal
from stream.fold.expiry import EVENTS, LABELS, Jump
from stream.fold.pipeline import new_pipeline
from stream.learner import heartbeat
from stream.learner.heartbeat import ExpiredShare, RefusedShare
from tests.support.serving.project import Project

BAD = Refusal("not-a-number", "distance", "secret")


class Refusing:
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
    stream = Refusing(tmp_path)
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
    stream = Refusing(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        assert stream.take(3, 1) == stream.take(96, 10) == ""
        assert stream.take(1, 0).startswith("11 of the last 100 rows of events")
        assert stream.take(99, 0) != ""
    assert len(logs) == 1


def test_few_rows_that_are_all_refused_say_enough(tmp_path: Path) -> None:
    """A slow stream whose producer has changed its format."""
    stream = Refusing(tmp_path)
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
    stream = Refusing(tmp_path)
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
    stream = Refusing(tmp_path)
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


EVERY_LABEL_OUTCOME = ("labels_joined", "labels_late", "labels_expired")


def test_a_learner_reports_repeated_events(tmp_path: Path) -> None:
    """In its log and its heartbeat, once more than a tenth of the last rows are duplicates."""
    project = Project(tmp_path)
    project.append(*[b"same,1357016400,,AX,JFK,3,100,"] * 150)
    with capture_logs() as logs:
        project.learn()
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert warning["event"] == "many events are duplicates, or bring labels"
    with project.registry() as registry:
        status: Any = registry.writer.status()
    assert status.status["repeated_trouble"].startswith("149 of 150 last rows of events (99.3%)")


class Expiring:
    """A pipeline whose counts rise as a test says."""

    def __init__(self, folder: Path) -> None:
        self.pipeline = new_pipeline(Project(folder).context, 1)
        self.share = ExpiredShare(self.pipeline)

    def take(self, learned: int, expired: int) -> str:
        """So many more events are decided; what the next look tells."""
        self.pipeline.counts.learned += learned
        self.pipeline.counts.expired += expired
        return self.share.look()["expiry_trouble"]

    def take_labels(self, joined: int, late: int, expired: int) -> str:
        """The same of labels."""
        for name, count in zip(EVERY_LABEL_OUTCOME, (joined, late, expired), strict=True):
            counts = self.pipeline.joiner.counts
            setattr(counts, name, getattr(counts, name) + count)
        return self.share.look()["expiry_trouble"]


def test_labels_in_quarantine_are_named_where_events_expire(tmp_path: Path) -> None:
    """Their events expire by that; without them nothing is said of it."""
    stream = Expiring(tmp_path)
    with closing(stream.pipeline):
        assert "quarantine" not in stream.take(400, 100)
        assert stream.take(500, 0) == ""
        stream.pipeline.joiner.counts.labels_quarantined = 90
        assert "90 labels are in quarantine, so their events expire" in stream.take(400, 100)


def test_expiry_is_told_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    """Once each, above a tenth; the trouble lasts as long as it does."""
    stream = Expiring(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        assert stream.take(450, 50) == ""
        assert stream.take(449, 51).startswith(
            "51 of the last 500 events (10.2%) expired before their label came. If labels come "
            "later than late_labels.wait, raise it"
        )
        assert stream.take(0, 500)
        assert stream.take(500, 0) == ""
        assert stream.take(500, 0) == ""
    assert [(e["event"], e["log_level"], e["kind"], e["expired"]) for e in logs] == [
        ("many expire", "warning", "events", 51),
        ("few expire again", "info", "events", 0),
    ]


def test_few_events_are_not_judged_unless_all_expire(tmp_path: Path) -> None:
    """They count with those that follow; ten of ten say enough."""
    stream = Expiring(tmp_path)
    with closing(stream.pipeline):
        assert stream.take(1, 9) == stream.take(80, 9) == ""
        assert stream.take(1, 0).startswith("18 of the last 100 events (18.0%)")
        assert stream.take(100, 0) == ""
        assert stream.take(0, 9) == ""
        assert stream.take(0, 1).startswith("10 of the last 10 events")


def test_expired_labels_are_judged_by_themselves(tmp_path: Path) -> None:
    """Late ones, the only sign where expired events are learned as negative, and unmatched ones."""
    stream = Expiring(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        stream.take(10_000, 0)
        assert stream.take_labels(80, 15, 5).startswith(
            "20 of the last 100 labels (20.0%) were not used: 15 came after their event had "
            "expired, 5 expired before their event came. "
        )
    assert [(entry["kind"], entry["labels_late"]) for entry in logs] == [("labels", 15)]


def test_the_record_that_moved_stream_time_is_named(tmp_path: Path) -> None:
    """If it came since; one of before is no cause of what expires now."""
    stream = Expiring(tmp_path)
    with closing(stream.pipeline):
        stream.pipeline.planner.jump = Jump(
            "m.events", 2, 77, 1_388_534_399_000, 1_785_000_000_000, 5
        )
        told = stream.take(0, 300)
        assert "The record m.events:2:77 moved stream time from 2013-12-31T23:59:59Z to" in told
        assert "freshet backfill FILE --promote --follow" in told
        assert stream.take(300, 0) == ""
        assert "m.events:2:77" not in stream.take(0, 300)


def test_expiry_that_comes_and_goes_is_logged_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trouble still follows each block."""
    now = 1000.0
    monkeypatch.setattr(heartbeat, "monotonic", lambda: now)
    stream = Expiring(tmp_path)
    with closing(stream.pipeline), capture_logs() as logs:
        for _ in range(4):
            assert stream.take(0, 100)
            assert stream.take(100, 0) == ""
        now += 61.0
        assert stream.take(0, 100)
    events = [entry["event"] for entry in logs]
    assert events == ["many expire", "few expire again", "many expire"]


def test_a_learner_reports_what_expires(tmp_path: Path) -> None:
    """In its log and its heartbeat: an event of years later expires all that wait."""
    project = Project(tmp_path)
    first = 1_357_016_400_000
    waiting = [f"w{number},1357016400,,AX,JFK,3,100,".encode() for number in range(150)]
    project.append(*waiting, time=first)
    project.append(b"live,1420070400,,AX,JFK,3,100,", time=first + 730 * 86_400_000)
    with capture_logs() as logs:
        report = project.learn()
    assert report["expired"] == 150
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (warning["event"], warning["expired"]) == ("many expire", 150)
    with project.registry() as registry:
        status: Any = registry.writer.status()
    trouble = status.status["expiry_trouble"]
    assert trouble.endswith(status.status["expiry_advice"])
    assert "sent without a time has that of its arrival" in status.status["expiry_advice"]
    assert trouble.startswith("150 of the last 150 events (100.0%) expired before their label")
    assert "The record flights.events:0:150 moved stream time from 2013-01-01T05:00:00Z" in trouble
