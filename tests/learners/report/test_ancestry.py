"""What a model comes from, by the registry: examples of files, and scores that a backfill gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from learners.commands.report import report
from learners.registry.row_types import Version
from learners.registry.serving import Moving
from learners.report.ancestry import Ancestry, Replayed, TrainedOn
from learners.status.one_screen import screen
from learners.status.overview import status_document
from learners.versions.describe import files_words, version_json
from learners.versions.promotion import compared
from tests.support.learning.measured_models import MeasuredModel, run
from tests.support.serving.project import Project, flights


def promote(project: Project, made: dict[str, Any]) -> None:
    """Promote a candidate, and have serving follow the learner."""
    with project.registry() as registry:
        registry.serving.pin("promote", made["version"], "test", "me", Moving(follow=True))


def sent(project: Project, count: int, seed: int) -> None:
    """Other flights, labelled."""
    rows = [[f"s{seed}-{row[0]}", *row[1:]] for row in flights(count, seed)]
    project.produce(project.write_csv(rows))


@pytest.fixture(scope="module")
def of_a_file(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A learner of 20 flights takes the weights of a file of 300, and learns 10 more."""
    project = Project(tmp_path_factory.mktemp("file") / "p")
    sent(project, 20, 1)
    project.learn()
    promote(project, project.backfill(project.write_csv(flights(300))))
    sent(project, 10, 2)
    project.learn()
    return project


@pytest.fixture(scope="module")
def of_the_log(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A learner of 200 flights takes a fresh backfill of them, and learns 10 more."""
    project = Project(tmp_path_factory.mktemp("log") / "p")
    sent(project, 200, 1)
    project.learn()
    promote(project, project.backfill(fresh=True))
    sent(project, 10, 2)
    project.learn()
    return project


def looked_up(project: Project) -> tuple[Ancestry, list[Version], int]:
    """The ancestry, the versions, and the live lineage; what is asked later was looked up."""
    with project.registry() as registry:
        ancestry, versions = Ancestry(registry), registry.versions.all()[:3]
        live = registry.versions.live_lineage()
        assert live is not None
        for version in versions:
            ancestry.trained_on(version)
        ancestry.scored_by(live.serial)
        return ancestry, versions, live.serial


def text(project: Project, *arguments: str) -> str:
    """What ``report`` prints, on one line."""
    model = MeasuredModel(project, evaluator=None)  # type: ignore[arg-type]
    return " ".join(run(model, *arguments, command=report).stdout.split())


def test_examples_of_a_file_are_behind_the_versions_that_go_on_from_it(of_a_file: Project) -> None:
    """The learner's own count goes on from its 20, whose weights were given up."""
    ancestry, versions, _ = looked_up(of_a_file)
    assert [v.events["learned"] for v in versions] == [20, 300, 30]
    trained = [ancestry.trained_on(version) for version in versions]
    assert trained == [TrainedOn(20), TrainedOn(300, {2: 300}), TrainedOn(310, {2: 300})]
    assert trained[2].words() == "310 examples (300 of them from a file)"
    assert trained[1].words() == "300 examples (all from a file)"
    said = "Learned: the examples behind the weights, from files 300 of versions 2, 3."
    assert files_words(versions, ancestry) == said
    listed = version_json(versions[2], trained[2])
    assert (listed["learned"], listed["trained_on"]) == (30, {"examples": 310, "from_files": 300})


def test_scores_of_a_learner_that_took_weights_are_all_its_own(of_a_file: Project) -> None:
    """Its measures went on, so they were given at arrival, and to the versions of that time."""
    ancestry, versions, live = looked_up(of_a_file)
    assert ancestry.replayed(live) is None
    assert ancestry.scored_by(live) == {versions[0].lineage, live}
    shown = text(of_a_file)
    assert "score (served)" in shown
    assert "before version 1, 2-3" in shown


def test_scores_of_a_fresh_backfill_were_served_to_nobody(of_the_log: Project) -> None:
    """The report says how many they are, and calls neither them nor the rest served."""
    ancestry, versions, live = looked_up(of_the_log)
    assert ancestry.replayed(live) == Replayed(2, 200, 0)
    assert ancestry.scored_by(live) == {live}
    assert ancestry.trained_on(versions[2]) == TrainedOn(210)
    shown = text(of_the_log)
    assert "The scores of the first 200 labels are those of the backfill that made version 2" in (
        shown
    )
    assert "score (served)" not in shown
    assert "before version 2, 2-3" in shown


def test_figures_of_another_lineage_are_said_to_be_whose_they_are(of_the_log: Project) -> None:
    """A backfill's were served to nobody; a learner's of before were given at arrival."""
    assert "are of lineage 1, on which the learner worked before" in text(
        of_the_log, "--version", "1"
    )
    shown = text(of_the_log, "--version", "2")
    assert "are of a backfill (lineage 2): they are of the scores that it gave when it was" in shown


def test_a_backfill_of_the_journal_gives_the_scores_that_were_given(tmp_path: Path) -> None:
    """Its model is the learner's again, so the learner that takes it goes on with its own."""
    project = Project(tmp_path / "p")
    sent(project, 50, 1)
    project.learn()
    promote(project, project.backfill())
    sent(project, 10, 2)
    project.learn()
    ancestry, versions, live = looked_up(project)
    assert ancestry.replayed(live) is None
    assert ancestry.scored_by(live) == {versions[0].lineage, live}


def test_the_gate_counts_examples_of_files(of_a_file: Project) -> None:
    """A version of the log alone has too few; where it has enough, what it lacks is still told."""
    made = of_a_file.backfill(fresh=True)
    config = of_a_file.settings, of_a_file.schema
    with of_a_file.registry() as registry:
        found = compared(registry, config, registry.versions.find(made["version"]))
    (less,) = found.objections
    assert less == (
        "it has learned from 30 examples, and version 3 from 310 (300 of them from a file)"
    )
    assert "Version 3 has learned 300 examples from a file, which the log does not hold" in (
        found.words()
    )
    assert "run 'freshet backfill FILE' with that file again" in found.words()


def test_the_status_says_what_of_the_served_version_came_from_a_file(of_a_file: Project) -> None:
    """Its own count of learned events is small."""
    found = status_document(of_a_file.settings)
    assert found["served"]["trained_on"] == {"examples": 310, "from_files": 300}
    assert "; trained on 310 examples, 300 of them from a file" in "\n".join(screen(found))
