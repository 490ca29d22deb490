"""What cannot be reported on is told in one paragraph: what, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from converters.errors import FreshetError, UsageError
from learners.commands.report import report
from learners.registry.errors import UnknownVersionError
from learners.report.checkpoint_measures import NothingMeasuredError, measured
from stream.commands.compare import compare
from tests.support.learning.measured_models import MeasuredModel, lessons, measured_model, run
from tests.support.learning.registry_samples import a_lineage
from tests.support.serving.project import Project, flights


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MeasuredModel:
    """A model of two versions."""
    made = measured_model(tmp_path_factory.mktemp("refusals"))
    for first, parent in ((0, None), (60, 1)):
        made.evaluator.take(lessons(60, first=first))
        made.save(first + 60, parent=parent)
    return made


@pytest.mark.parametrize("command", [report, compare])
def test_a_model_without_checkpoints_says_what_makes_one(
    tmp_path: Path, command: Callable[..., None]
) -> None:
    """Before the first checkpoint there is nothing to report: what to run is named."""
    made = measured_model(tmp_path)
    with made.project.registry():
        pass
    with pytest.raises(NothingMeasuredError, match="'freshet learn' makes one"):
        run(made, command=command)


def test_a_version_that_is_not_there(model: MeasuredModel) -> None:
    """The versions that there are are listed."""
    with pytest.raises(UnknownVersionError, match="it has: 1-2"):
        run(model, "--version", "7")


def test_measures_of_an_older_format_are_refused_in_a_paragraph(tmp_path: Path) -> None:
    """A checkpoint of a Freshet that measured otherwise: what it is and what to do."""
    made = measured_model(tmp_path)
    made.save(0)
    old = MeasuredModel(made.project, made.evaluator)
    arrays = {"window_scores": np.zeros(3), "window_positive": np.zeros(3, dtype=np.bool_)}
    old._write = lambda path: np.savez(path, **arrays)  # type: ignore[method-assign, arg-type]
    version = old.save(3, parent=1)
    with pytest.raises(FreshetError, match=rf"(?s)[Vv]ersion {version} .*(Freshet|backfill)"):
        run(made)


@pytest.mark.parametrize("target", ["-", "config"])
def test_the_page_needs_a_file_of_its_own(model: MeasuredModel, target: str) -> None:
    """The page is written neither among the text nor over the config."""
    name = str(model.project.config_file) if target == "config" else target
    with pytest.raises(UsageError, match="--html"):
        run(model, "--html", name)
    assert model.project.config_file.read_text(encoding="utf-8").startswith("\nmodel")


def test_a_version_whose_files_were_given_up_says_where_its_totals_are(tmp_path: Path) -> None:
    """Thinned versions have no curves any more; 'show' still has their totals."""
    made, parent = measured_model(tmp_path), None
    for _ in range(6):
        parent = made.save(0, parent=parent)
    with made.project.registry() as registry:
        gone = [each.version for each in registry.writer.mark_thinned(registry.writer.thinnable(1))]
    assert 2 in gone
    with pytest.raises(NothingMeasuredError, match="'freshet show 2'"):
        run(made, "--version", "2")


def test_with_candidates_alone_the_newest_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A backfill makes versions and no checkpoint of the learner: the newest is taken and named."""
    project = Project(tmp_path)
    project.backfill(project.write_csv(flights(60)))
    found = measured(project.settings, project.schema, None)
    assert (found.checkpoint.version, found.evaluator.count) == (1, 60)
    assert "has not saved a checkpoint yet; this reports version 1." in capsys.readouterr().err


def test_after_a_promotion_the_report_names_the_promoted_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The learner began from the promoted version and has saved nothing since: that is logged."""
    project = Project(tmp_path)
    project.backfill(project.write_csv(flights(60)))
    with project.registry() as registry:
        a_lineage(registry, registry.writer.begin_epoch("test"), parent=1)
    assert measured(project.settings, project.schema, None).checkpoint.version == 1
    said = capsys.readouterr().err
    assert (
        "has not saved a checkpoint since version 1 was promoted; this reports version 1." in said
    )
