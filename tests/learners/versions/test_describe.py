"""The tables for people: at 80 columns no figure is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from learners.report.ancestry import Ancestry, TrainedOn
from learners.versions.describe import version_json, versions_table, window_words
from tests.support.learning.measured_models import lessons, measured_model
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
        versions_table(registry.versions.all(), registry.serving.pointers(), Ancestry(registry))
        first = registry.versions.find(1)
    shown = capsys.readouterr().out
    moment = (f"{first.created_at:{part}}" for part in ("%Y-%m-%d", "%H:%M:%S"))
    window = f"{first.metrics['window']['log_loss']:.4f}"
    for whole in (*moment, window, "version", "verified", "1,200", "serving", "(pinned)"):
        assert whole in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_versions_in_a_pipe_have_a_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All labels and the window beside them, whole, in a hundred columns."""
    monkeypatch.delenv("COLUMNS", raising=False)
    made = measured_model(tmp_path)
    made.evaluator.take(lessons(600))
    made.save(600)
    with made.project.registry() as registry:
        versions, pointers = registry.versions.all(), registry.serving.pointers()
        versions_table(versions, pointers, Ancestry(registry))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    whole, window = versions[0].metrics, versions[0].metrics["window"]
    figures = [f"{of[name]:.4f}" for of in (whole, window) for name in ("log_loss", "auc")]
    assert lines[3].split()[:7] == ["1", "600", "0", *figures]
    assert len(lines) == 4
    assert window_words(versions) == "Recent: the last labels before each version, 500 at most."


def test_a_listed_version_has_its_window_beside_all_labels(tmp_path: Path) -> None:
    """Whoever compares versions sees how the newest labels went, not the stream's beginning too."""
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(flights(1200)))
    project.learn()
    with project.registry() as registry:
        version = registry.versions.find(1)
    listed = version_json(version, TrainedOn(1200))["metrics"]
    assert listed["count"] == 1200
    assert listed["log_loss"] == version.metrics["log_loss"]
    assert listed["window"]["count"] == 500
    assert listed["window"]["log_loss"] == version.metrics["window"]["log_loss"]
