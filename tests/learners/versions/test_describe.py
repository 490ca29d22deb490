"""The tables for people: at 80 columns no figure is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from learners.versions.describe import version_json, versions_table
from tests.support.serving.project import Project, flights


def test_versions_fit_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Count, state, time and marks of a version stand whole in 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    project = Project(tmp_path / "p")
    path = project.write_csv(flights(1200))
    project.produce(path)
    project.learn()
    made = project.backfill(path)
    with project.registry() as registry:
        registry.serving.pin("promote", made["version"], "history", "me")
        capsys.readouterr()
        versions_table(registry.versions.all(), registry.serving.pointers())
        moment = f"{registry.versions.find(1).created_at:%Y-%m-%d %H:%M:%S}"
    shown = capsys.readouterr().out
    for whole in ("version", "log loss", "verified", "1,200", moment, "serving", "(pinned)"):
        assert whole in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_listed_version_has_its_window_beside_all_labels(tmp_path: Path) -> None:
    """Whoever compares versions sees how the newest labels went, not the stream's beginning too."""
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(flights(1200)))
    project.learn()
    with project.registry() as registry:
        version = registry.versions.find(1)
    listed = version_json(version)["metrics"]
    assert listed["count"] == 1200
    assert listed["log_loss"] == version.metrics["log_loss"]
    assert listed["window"]["count"] == 500
    assert listed["window"]["log_loss"] == version.metrics["window"]["log_loss"]
