"""A lineage keeps the version of the converter that it began with, whatever release goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from converters.cells.kind import CONVERTER_VERSION, FIRST_CONVERTER, UnknownConverterError
from learners.registry.errors import UnservableVersionError
from learners.registry.row_types import Lineage
from serve.cli import app
from serve.rows.readers import Readers
from stream.checkpoints.same_model import ChangedModelError
from stream.config_diff.difference import Difference, difference
from stream.config_diff.known_model import known_model
from stream.learner.process import EditedConfigError, LearnerProcess
from stream.log import journal
from stream.log.batch import Batch
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, answers, flights, same
from tests.support.streams.older_converters import by_converter, forget_config, set_converter

ROWS = flights(400)
KEEPS = "the model keeps older readings"


def begun(folder: Path) -> Project:
    """A model that the release before has begun, of 300 rows; this release has 100 more for it."""
    with by_converter(FIRST_CONVERTER):
        older = Project(folder)
        older.produce(older.write_csv(ROWS[:300]))
        older.learn()
    older.produce(older.write_csv(ROWS[300:]))
    return older


@pytest.fixture
def older(tmp_path: Path) -> Project:
    """That, with its config as this release reads it."""
    return begun(tmp_path / "one").edited()


def live(project: Project) -> Lineage:
    """The live lineage."""
    with project.registry() as registry:
        found = registry.versions.live_lineage()
    assert found is not None
    return found


def promoting(project: Project, version: int) -> Callable[[Batch, LearnerProcess], None]:
    """Promotes a version after the first batch that a learner takes."""
    waits = [version]

    def seen(_batch: Batch, process: LearnerProcess) -> None:
        if waits:
            process.registry.serving.pin("promote", waits.pop(), "new readings", "me")

    return seen


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the registry after each of many small batches."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 50)
    monkeypatch.setattr("stream.learner.heartbeat.HEARTBEAT_SECONDS", 0.0)


def compared(project: Project) -> Difference:
    """What ``config diff`` finds."""
    known = known_model(project.settings, project.folder, None)
    return difference(project.context, known)


def test_a_model_goes_on_at_the_version_that_began_it(older: Project, tmp_path: Path) -> None:
    """The same bytes and scores as by the release before, and its journal gives them again."""
    assert older.schema.converter == CONVERTER_VERSION
    with by_converter(FIRST_CONVERTER):
        as_before = begun(tmp_path / "before")
        expected = as_before.learn()
    report = older.learn()
    assert same(report) == same(expected)
    assert answers(older.scores()) == answers(as_before.scores())
    assert live(older).serial == 1
    assert same(older.backfill()) == same(report)


def test_a_lineage_of_the_first_version_is_kept_as_it_always_was(older: Project) -> None:
    """Without a word of the converter, so that the release before can take it up again."""
    older.learn()
    assert live(older).converter == FIRST_CONVERTER
    assert "converter" not in (live(older).config or {})


def test_a_config_without_changes_is_told_to_be_none(older: Project) -> None:
    """A note says by which readings the model goes on, and what gives the new ones."""
    found = compared(older)
    assert (found.changes, found.must_act) == ((), False)
    (note,) = found.notes
    assert "version 2 of the converter" in note
    assert "backfill log --fresh --promote --follow" in note
    done = freshet("config", "diff", cwd=older.folder)
    assert done.returncode == 0
    assert f"Nothing differs from the config that the model has.\nNote: {note}" in done.stdout


def test_a_learner_that_goes_on_says_so_once_and_status_shows_it(older: Project) -> None:
    """It need not be asked with ``config diff``; no warning, since nothing is wrong."""
    with capture_logs() as logged:
        older.learn()
    (words,) = (line["words"] for line in logged if line["event"] == KEEPS)
    assert words == compared(older).notes[0]
    done = freshet("status", cwd=older.folder)
    (learner,) = (line for line in done.stdout.splitlines() if line.startswith("Learner"))
    assert learner.endswith(f". {words}")
    assert done.stdout.startswith("flights: nothing needs attention\n")


def test_a_learner_of_this_release_says_nothing_of_readings(tmp_path: Path) -> None:
    """Neither in its log nor in ``status``."""
    project = Project(tmp_path)
    project.produce(project.write_csv(ROWS))
    project.learn()
    with capture_logs() as logged:
        project.learn()
    assert KEEPS not in {line["event"] for line in logged}
    assert "readings" not in freshet("status", cwd=project.folder).stdout


def test_a_changed_key_is_told_alone(older: Project) -> None:
    """Not the version of the converter with it."""
    edited = older.edited(("max = 5000", "max = 4000"))
    with pytest.raises(ChangedModelError, match=r"created with: columns\.distance\.max: 5000"):
        edited.learn()
    assert [change.key for change in compared(edited).changes] == ["columns.distance.max"]


@pytest.mark.usefixtures("beats")
def test_a_running_learner_takes_a_model_with_the_new_readings(older: Project) -> None:
    """One of the log, without a restart; every row is output once."""
    made = older.backfill(fresh=True)
    older.learn(promoting(older, made["version"]))
    assert live(older).converter == CONVERTER_VERSION
    assert live(older).schema_hash == older.schema.hash
    assert compared(older).notes == ()
    assert same(older.learn()) == same(made)
    ids = [score.id for score in older.scores()]
    assert len(ids) == len(set(ids)) == 400


def test_a_lineage_that_kept_no_config_is_of_the_first_version(older: Project) -> None:
    """It is compared by its hash under that version, and given its config."""
    forget_config(older)
    assert compared(older).changes == ()
    done = freshet("config", "diff", cwd=older.folder)
    begins = "Nothing that can be compared differs. Not compared: The model was begun by an older"
    assert done.stdout.startswith(begins)
    older.learn()
    assert live(older).converter == FIRST_CONVERTER
    assert live(older).config is not None


def test_servers_read_as_the_learner_does(older: Project) -> None:
    """Rows and times that they append, too, until a model with the new readings is adopted."""
    older.learn()
    with older.registry() as registry:
        readers = Readers(registry, older.settings.serve, older.schema)
        first = registry.versions.find(1)
        assert readers.of(first).schema.converter == FIRST_CONVERTER
        assert readers.today.schema.converter == FIRST_CONVERTER
        assert [each.schema.converter for each in readers.learning] == [FIRST_CONVERTER]
        made = older.backfill(fresh=True)
        registry.serving.pin("promote", made["version"], "new readings", "me")
        older.learn()
        readers.of(first)
        assert readers.today.schema.converter == CONVERTER_VERSION


def stamped(project: Project, cell: str) -> int | None:
    """The record time that ``freshet produce`` gives to a row at this time."""
    (row,) = flights(1)
    path = project.write_csv([["late", cell, *row[2:]]])
    told = ["produce", str(path), "--behind", "--config", str(project.config_file)]
    result = CliRunner().invoke(app, told)
    assert result.exit_code == 0, result.output or result.exception
    with project.open_log() as log:
        return [record.time for record in journal.records(log, project.topics().events)][-1]


def test_rows_of_a_file_are_stamped_as_the_learner_reads(older: Project, tmp_path: Path) -> None:
    """By the older version, under which digits are counts whatever they form."""
    assert stamped(older, "202401030952") == 202_401_030_952
    assert stamped(Project(tmp_path / "new"), "202401030952") == 1_704_275_520_000


@pytest.mark.parametrize("version", [0, 1, CONVERTER_VERSION + 1])
def test_a_version_that_is_not_known_is_the_releases_fault(older: Project, version: int) -> None:
    """For whoever goes on with the model, and nobody is told to change the config."""
    set_converter(older, version)
    ways: list[Callable[[], object]] = [
        older.learn,
        older.backfill,
        lambda: older.backfill(fresh=True),
        lambda: compared(older),
    ]
    for way in ways:
        with pytest.raises(UnknownConverterError, match="begun by another release of Freshet"):
            way()
    with older.registry() as registry:
        readers = Readers(registry, older.settings.serve, older.schema)
        with pytest.raises(UnservableVersionError, match="begun by another release of Freshet"):
            readers.of(registry.versions.find(1))
    done = freshet("score", "rows.csv", cwd=older.folder)
    assert (done.returncode, "another release" in done.stderr) == (1, True)


@pytest.mark.usefixtures("beats")
def test_a_running_learner_ends_for_a_version_of_a_newer_release(older: Project) -> None:
    """Started again, it may be of that release: the same way out as with an edited config."""
    made = older.backfill(fresh=True)
    set_converter(older, CONVERTER_VERSION + 1, lineage=2)
    with pytest.raises(EditedConfigError, match="another release of Freshet made"):
        older.learn(promoting(older, made["version"]))
