"""The tables for people: at 80 columns no figure is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from learners.describe import versions_table
from tests.project import Project, flights


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
        registry.serve_version("promote", made["version"], "history", "me")
        capsys.readouterr()
        versions_table(registry.versions(), registry.pointers())
        moment = f"{registry.version(1).created_at:%Y-%m-%d %H:%M:%S}"
    shown = capsys.readouterr().out
    for whole in ("version", "log loss", "verified", "1,200", moment, "serving", "(pinned)"):
        assert whole in shown
    assert max(map(len, shown.splitlines())) <= 80
