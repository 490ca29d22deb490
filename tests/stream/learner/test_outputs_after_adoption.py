"""Rows that only a promoted backfill has read are output by the learner that takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.serving.project import Project, flights

EDITED = ("max = 5000", "max = 4000")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A learner that has read half of the log, and whose config was edited then."""
    rows = [[f"n{at}", *row[1:]] for at, row in enumerate(flights(400))]
    rows[150][6] = rows[300][6] = "far"
    found = Project(tmp_path / "one")
    found.produce(found.write_csv(rows[:200]))
    found.learn()
    found = found.edited(EDITED)
    found.produce(found.write_csv(rows[200:]))
    return found


def promote(project: Project) -> int:
    """A backfill of the log, promoted; its number."""
    version: int = project.backfill(fresh=True)["version"]
    with project.registry() as registry:
        registry.serving.pin("promote", version, "edited", "me")
    return version


def test_each_row_is_output_once_by_one_of_both_learners(project: Project) -> None:
    """Its score, or that it was refused; and the model is the backfill's."""
    version = promote(project)
    report = project.learn()
    assert sorted(score.id for score in project.scores()) == sorted(
        f"n{at}" for at in range(400) if at not in (150, 300)
    )
    assert len(project.dead_letters()) == 2
    assert (report["events"], report["learned"], report["rejected"]) == (400, 398, 2)
    with project.registry() as registry:
        assert registry.versions.find(version).model_sha256 == report["model_sha256"]
    assert project.backfill()["model_sha256"] == report["model_sha256"]


def test_nothing_is_read_twice_where_all_was_output(project: Project) -> None:
    """The learner goes on at the end of the backfill."""
    promote(project)
    project.learn()
    again = promote(project.edited(("max = 4000", "max = 3000")))
    with project.registry() as registry:
        version = registry.versions.find(again)
        assert registry.versions.beginning(version) is None


def test_the_state_that_a_learner_goes_on_from_is_kept_until_it_is_taken(
    project: Project,
) -> None:
    """Retention gives it up with the version."""
    version = promote(project)
    with project.registry() as registry:
        before = registry.versions.beginning(registry.versions.find(version))
        assert before is not None
        assert before.events["events"] <= 200
        assert before.serial not in {each.serial for each in registry.writer.thinnable(1)}
