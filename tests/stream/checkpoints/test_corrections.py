"""Corrected labels are learned: they make checkpoints due, and versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.serving.project import COLUMNS, Project, flights

SETTINGS = """
[late_labels]
allow_corrections = true
[checkpoint]
events = 100
seconds = 1000
min_spacing = 0
"""


def test_corrections_alone_make_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each hundred of them, as of other examples."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 50)
    project, late = Project(tmp_path, more=SETTINGS), COLUMNS.index("late")
    rows = flights(200)
    project.produce(project.write_csv(rows))
    report = project.learn()
    before = report["version"]
    other = [f"{row[0]},{1 - int(row[late])}".encode() for row in rows]
    project.append(*other, labels=True, time=1_000 * int(rows[-1][1]))
    report = project.learn()
    assert (report["learned"], report["labels_corrected"]) == (200, 200)
    assert report["version"] == before + 2
