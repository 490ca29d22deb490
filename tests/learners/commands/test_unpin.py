"""``freshet unpin`` says what is served, also where that is nothing yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from learners.commands.versions import unpin
from tests.support.serving.project import Project


def test_without_versions_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first version the sentence says so and holds no placeholder."""
    project = Project(tmp_path)
    with project.registry():
        pass
    unpin("nothing to keep", project.config_file)
    said = capsys.readouterr()
    assert "No version is served yet" in said.out + said.err
    assert "None" not in said.out + said.err
