"""Half of a file of corrected rows, as a killed command leaves it: it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.quarantine.resubmit import Resubmitting
from tests.stream.quarantine.test_resubmit import (
    CLEAN,
    GOOD,
    CrashError,
    alone,
    corrected,
    quarantined,
    replayed,
    resubmitted,
    run,
)
from tests.support.serving.project import Project

SENT = 30


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model."""
    return Project(tmp_path / "one")


def killed_on_the_way(project: Project, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three transactions of ten rows are through."""
    flush = Resubmitting._flush

    def die(self: Resubmitting, *, last: bool = False) -> None:
        if self.report.sent == SENT:
            raise CrashError
        flush(self, last=last)

    with monkeypatch.context() as patched:
        patched.setattr("stream.quarantine.resubmit.BATCH_ROWS", 10)
        patched.setattr(Resubmitting, "_flush", die)
        with pytest.raises(CrashError):
            run(project, "quarantine", "resubmit", "1", str(path))


def test_half_a_file_is_not_learned_without_a_word(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By preview, rollback, learner and backfill, until the file was sent to its end."""
    quarantined(project)
    path = corrected(project)
    killed_on_the_way(project, path, monkeypatch)
    preview = ("rollback", "1", "--learner", "replay", "--preview", "--json")
    told = json.loads(run(project, *preview).stdout)["corrected"]
    assert (told["rows"], told["incomplete"]) == (SENT, [1])
    words = "of quarantine 1 has sent rows and has not ended"
    said = run(project, "rollback", "1", "--learner", "replay", "--reason", "a test").stderr
    assert words in said
    capsys.readouterr()
    assert project.learn()["learned"] == len(CLEAN) + SENT
    assert "a resubmit has not ended" in capsys.readouterr().err
    project.backfill(fresh=True)
    assert words in capsys.readouterr().err
    report = resubmitted(project, path)
    assert (report["sent"], report["already_sent"], report["rows"]) == (10, SENT, len(GOOD))
    assert json.loads(run(project, *preview).stdout)["corrected"]["incomplete"] == []
    plain = alone(tmp_path / "two", CLEAN, GOOD)
    assert replayed(project)["model_sha256"] == plain["model_sha256"]


def test_the_whole_file_again_tells_that_it_was_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no row of it is left to be sent; and no more is written after that."""
    quarantined(project)
    path = corrected(project, range(SENT))
    killed_on_the_way(project, path, monkeypatch)
    preview = ("rollback", "1", "--learner", "replay", "--preview", "--json")
    assert json.loads(run(project, *preview).stdout)["corrected"]["incomplete"] == [1]
    ends = []
    for _ in range(2):
        assert resubmitted(project, path)["sent"] == 0
        assert json.loads(run(project, *preview).stdout)["corrected"]["incomplete"] == []
        with project.open_log() as log:
            topic = project.topics().corrections
            ends.append(sum(log.describe([topic])[topic].ends.values()))
    assert ends == [SENT + 1] * 2
