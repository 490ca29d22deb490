"""Absent and unseen cells are counted by the learner: over kills, by column, and said in words."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from structlog.testing import capture_logs

from converters.convert.cell_watch import CellCounts
from learners.snapshots.store import Snapshot, SnapshotStore
from stream.checkpoints import checkpoint
from stream.fold.pipeline import new_pipeline
from stream.learner.heartbeat import CellTrouble
from tests.support.serving.project import csv_text, flights
from tests.support.serving.served import a_project
from tests.support.streams.folds import saved_and_loaded


def test_counts_are_the_same_however_often_the_learner_stops(tmp_path: Path) -> None:
    """Cumulative over runs; each report has those of its run, and a backfill has them all again."""
    project = a_project(tmp_path, carrier='values = ["UA"]')
    rows = flights(300)
    for n, row in enumerate(rows):
        row[3], row[4] = ("UA", "XX", "")[n % 3], "" if n % 2 else "JFK"
    found: list[dict[str, Any]] = []
    for start in range(0, 300, 150):
        records = [csv_text([row]).split("\n")[1].encode() for row in rows[start : start + 150]]
        project.append(*records)
        found.append(project.learn())
    half = {"rows": 150, "absent": {"carrier": 50, "origin": 75}, "unseen": {"carrier": 50}}
    whole = {"rows": 300, "absent": {"carrier": 100, "origin": 150}, "unseen": {"carrier": 100}}
    assert [report["cells_this_run"] for report in found] == [half, half]
    assert [report["cells"] for report in found] == [half, whole]
    assert project.backfill()["cells"] == whole
    with project.registry() as registry:
        status: Any = registry.writer.status()
    assert "carrier (50, 33%)" in status.status["unseen_trouble"]
    assert status.status["absent_trouble"] == ""


def test_a_checkpoint_of_an_older_release_begins_at_none(tmp_path: Path) -> None:
    """It has no counts of cells; one of this release gives them back."""
    project = a_project(tmp_path)
    made_for, store = project.context, SnapshotStore(tmp_path / "snapshots")
    fold = new_pipeline(made_for, 1)
    fold.cells.add(CellCounts(9, Counter(origin=2), Counter(carrier=3)))
    with closing(saved_and_loaded(fold, made_for, store)) as again:
        assert again.cells == CellCounts(9, Counter(origin=2), Counter(carrier=3))
        (folder,) = (tmp_path / "snapshots").glob("*/manifest.json")
        manifest = orjson.loads(folder.read_bytes())
        del manifest["metrics"]["cells"]
        snapshot = Snapshot(folder.parent, manifest, folder.parent)
        with closing(checkpoint.load(made_for, snapshot, 1)) as old:
            assert old.cells == CellCounts()


def test_a_trouble_is_told_while_it_lasts_and_logged_once(tmp_path: Path) -> None:
    """Of the rows since the last look, when they are enough."""
    with closing(new_pipeline(a_project(tmp_path).context, 1)) as fold, capture_logs() as logs:
        trouble, told = CellTrouble(fold), []
        blocks = (99, 99, 99), (1, 1, 1), (50, 0, 0), (100, 0, 0), (100, 100, 0), (100, 100, 0)
        for rows, absent, unseen in blocks:
            fold.cells.add(CellCounts(rows, Counter(at=absent), Counter(carrier=unseen)))
            told.append(trouble.look())
    never = [bool(each["absent_trouble"]) for each in told]
    many = [bool(each["unseen_trouble"]) for each in told]
    assert never == [False, True, True, False, True, True]
    assert many == [False, True, True, False, False, False]
    assert sorted(entry["event"] for entry in logs) == [
        "a column has no value",
        "many values are unseen",
    ]
