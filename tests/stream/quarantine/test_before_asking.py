"""What a replay is told with is looked up before it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream.log.contract import LogError
from tests.stream.quarantine.test_resubmit import corrected, quarantined, resubmitted, run
from tests.support.serving.project import Project


def test_corrected_rows_that_cannot_be_read_are_told_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error stands behind a rollback that was made."""
    project = Project(tmp_path / "one")
    quarantined(project)
    resubmitted(project, corrected(project))

    def gone(*_: object) -> Any:
        raise LogError("The topic is gone.")

    monkeypatch.setattr("stream.quarantine.replay_corrections.corrected_rows", gone)
    with pytest.raises(LogError, match="is gone"):
        run(project, "rollback", "1", "--learner", "replay", "--reason", "a test")
    with project.registry() as registry:
        assert registry.rollbacks.all() == []
        assert not registry.serving.pointers().pinned
