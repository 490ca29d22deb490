"""The learner over both logs: the same numbers by every way, through stops, kills and faults."""

from __future__ import annotations

import random
from hashlib import sha256
from math import log
from pathlib import Path

import pytest
import vowpalwabbit

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from converters.convert.row_block import Row, block_of
from converters.files.csv_file import open_csv
from converters.schema.column_names import ordered
from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from tests.support.rows.rows_to_read import COMMA
from tests.support.serving.project import Project, answers, flights, same

ROWS = 1500


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model on the embedded log."""
    return Project(tmp_path / "one")


@pytest.fixture
def logged(tmp_path: Path, log_url: str, unique_name: str) -> Project:
    """A model on each kind of log."""
    return Project(tmp_path / "one", log=log_url, model=unique_name)


def converted(project: Project, path: Path) -> list[Row]:
    """The file's rows as the converter gives them."""
    reader = RowReader(project.schema)
    with open_csv(str(path)) as file:
        cells = [COMMA.cells_of(row.content) for row in file.rows()]
        rows = reader.convert_rows(list(ordered(cells, reader.order(file.header))))
    return [row for row in rows if not isinstance(row, Refusal)]


@pytest.mark.parametrize("args", ["-b 16", "-b 16 --coin", "-b 16 --l2 1e-6 --power_t 0.3"])
def test_scores_and_model_are_those_of_plain_vowpal_wabbit(tmp_path: Path, args: str) -> None:
    """VW with the same arguments, line by line, predicts the scores and writes the model file."""
    project = Project(tmp_path / "p", args=args)
    path = project.write_csv(flights(ROWS))
    project.produce(path)
    report = project.learn()
    with project.registry() as registry:
        learner = registry.versions.find(report["version"]).learner
    scorer = vowpalwabbit.Workspace(" ".join(learner["args"]))
    plain = vowpalwabbit.Workspace(" ".join(learner["args"]))
    expected, loss = [], 0.0
    for line in block_of(converted(project, path)).lines:
        expected.append(scorer.predict(line))
        scorer.learn(line)
        plain.learn(line)
        loss -= log(expected[-1] if line.startswith("1") else 1 - expected[-1])
    plain.save(str(tmp_path / "plain.vw"))
    assert [s.score for s in project.scores()] == expected
    assert report["log_loss"] == pytest.approx(loss / ROWS, abs=1e-9)
    assert report["model_sha256"] == sha256((tmp_path / "plain.vw").read_bytes()).hexdigest()
    if "--coin" not in args:
        average = plain.get_sum_loss() / plain.get_weighted_examples()
        assert average == pytest.approx(report["log_loss"], abs=1e-6)


@pytest.mark.parametrize("late", [pytest.param(False, marks=pytest.mark.long), True])
def test_every_way_to_the_same_rows_is_the_same(logged: Project, *, late: bool) -> None:
    """Produce + learn, backfill FILE, backfill log and --fresh: bytes, measures and scores."""
    options = {"label_time": "landed"} if late else {}
    path = logged.write_csv(flights(ROWS))
    logged.produce(path, **options)
    live = logged.learn()
    assert live["learned"] == ROWS
    assert same(logged.backfill(path, **options)) == same(live)
    assert same(logged.backfill()) == same(live)
    assert same(logged.backfill(fresh=True)) == same(live)


@pytest.mark.kafka
@pytest.mark.parametrize("late", [pytest.param(False, marks=pytest.mark.long), True])
def test_sqlite_and_kafka_give_the_same(
    tmp_path: Path, kafka_bootstrap: str, unique_name: str, *, late: bool
) -> None:
    """One partition: the same rows through either log give the same model, scores and measures."""
    options = {"label_time": "landed"} if late else {}
    results = []
    for folder, url in (("sqlite", ""), ("kafka", f"kafka://{kafka_bootstrap}")):
        project = Project(tmp_path / folder, log=url, model=unique_name)
        project.produce(project.write_csv(flights(ROWS)), **options)
        results.append((same(project.learn()), answers(project.scores())))
    assert results[0] == results[1]


def test_an_event_is_scored_with_what_was_known_then(project: Project) -> None:
    """A learner that starts behind reads labels as they came, not before and not after."""
    path = project.write_csv(flights(ROWS))
    project.produce(path, label_time="landed")
    project.learn()
    lessons = {s.id: s.lessons for s in project.scores()}
    rows = flights(ROWS)
    for id_, at, *_ in rows[:: ROWS // 50]:
        assert lessons[id_] == sum(int(row[7]) <= int(at) for row in rows)


@pytest.mark.parametrize("late", [pytest.param(False, marks=pytest.mark.long), True])
def test_ten_stops_change_nothing(tmp_path: Path, *, late: bool) -> None:
    """A learner stopped after ten random batches, each time restarted, ends the same."""
    options = {"label_time": "landed"} if late else {}
    rows = flights(ROWS)
    whole = Project(tmp_path / "whole")
    whole.produce(whole.write_csv(rows), **options)
    stopped = Project(tmp_path / "stopped")
    stopped.produce(stopped.write_csv(rows), **options)
    expected = whole.learn()
    draw, small = random.Random(11), 40
    stops = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.reading.merge.BATCH_ROWS", small)
        while True:
            left = draw.randrange(1, 6)

            def stop(_batch: Batch, process: LearnerProcess) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    process.stop()

            report = stopped.learn(stop if stops < 10 else None)
            stops += 1
            if stops > 10:
                break
    assert same(report) == same(expected)
    assert answers(stopped.scores()) == answers(whole.scores())


class KilledError(Exception):
    """The process ends here, without a word."""


def test_a_killed_learner_folds_the_journals_tail_again(logged: Project) -> None:
    """What was output after the last checkpoint is learned again, and written once."""
    path = logged.write_csv(flights(ROWS))
    logged.produce(path, label_time="landed")

    left = 0

    def kill(batch: Batch, _process: LearnerProcess) -> None:
        nonlocal left
        if batch.records and left == 0:
            raise KilledError
        left -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.reading.merge.BATCH_ROWS", 100)
        for after in (1, 3, 5):
            left = after
            with pytest.raises(KilledError):
                logged.learn(kill)
    report = logged.learn()
    assert report["events"] == report["learned"] == ROWS
    assert same(report) == same(logged.backfill(path, label_time="landed"))
    ids = [s.id for s in logged.scores()]
    assert len(ids) == len(set(ids)) == ROWS
