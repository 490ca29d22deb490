"""A log that no longer holds what was learned: the learner stops, and says what is wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stream.learner.loop import Learning
from stream.learner.process import assembled
from stream.log.batch import Batch
from stream.log.contract import PositionError
from stream.log.journal import LostRegistryError
from tests.support.serving.project import Project, answers, flights, same

MANY = "[checkpoint]\nevents = 1\nseconds = 0.001\nmin_spacing = 0"


def learned(folder: Path, more: str = "") -> Project:
    """A model of a few batches, stopped in between so that a journal's tail is left."""
    project = Project(folder, more=more)
    for first in range(0, 600, 200):
        project.produce(project.write_csv(flights(600)[first : first + 200]))
        project.learn()
    return project


def change(project: Project, statement: str, *values: object) -> None:
    """Change the log behind everybody's back."""
    path = project.settings.log.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount


def forget_checkpoints(project: Project) -> None:
    """Leave only the lineage, so that the whole journal is folded again."""
    path = project.settings.registry.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE checkpoints SET broken = 1")


def partition_id(topic: str) -> str:
    """A record's id holds its partition's above 40 bits of offset."""
    return f"(SELECT id FROM partitions WHERE topic = '{topic}') << 40"


def test_another_record_before_the_position_stops_the_learner(tmp_path: Path) -> None:
    """A log that was cut back and written anew has the same offsets and other records."""
    project = learned(tmp_path)
    last = (
        f"(SELECT max(id) FROM records WHERE id < (({partition_id('flights.events')}) + (1 << 40)))"
    )
    change(project, f"UPDATE records SET value = CAST(value || 'x' AS BLOB) WHERE id = {last}")
    with pytest.raises(
        PositionError, match=r"flights\.events, partition 0.*offset 11.*has changed"
    ):
        project.learn()


def test_other_records_than_those_of_the_journal_stop_a_replay(tmp_path: Path) -> None:
    """What was learned is known by its checksum, to a restart and to a backfill of the log."""
    project = learned(tmp_path)
    change(
        project,
        f"UPDATE records SET time = time + 1 WHERE id = ({partition_id('flights.events')}) + 1",
    )
    with pytest.raises(
        PositionError, match=r"batch 1 of lineage 1.*4 records.*backfill log --fresh"
    ):
        project.backfill()
    forget_checkpoints(project)
    with pytest.raises(PositionError, match="no longer has the records that were learned"):
        project.learn()


def test_a_missing_line_of_the_journal_stops_a_replay(tmp_path: Path) -> None:
    """Batches are numbered: one that is not there is not passed over."""
    project = learned(tmp_path)
    path = project.settings.log.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        line, *_ = connection.execute(
            "SELECT value FROM records WHERE CAST(value AS TEXT) LIKE '{\"lineage\"%' ORDER BY id"
        ).fetchone()
        renamed = json.dumps(json.loads(line) | {"batch": 7}).encode()
        connection.execute("UPDATE records SET value = ? WHERE value = ?", (renamed, line))
    with pytest.raises(PositionError, match="lacks batch 1 of lineage 1: after 0 comes 7"):
        project.backfill()


def test_a_journal_shorter_than_the_checkpoint_stops_the_learner(tmp_path: Path) -> None:
    """Lines that a checkpoint stands on are gone: both places are named."""
    project = learned(tmp_path)
    change(project, "UPDATE partitions SET next_offset = 1 WHERE topic = 'flights.journal'")
    with pytest.raises(PositionError, match="ends at offset 1, but the checkpoint was made at 3"):
        project.learn()


def test_a_fresh_backfill_leads_out(tmp_path: Path) -> None:
    """What the messages advise works: a model of what is there, promoted, and learned on."""
    project = learned(tmp_path)
    change(project, "UPDATE topics SET topic_id = 'new' WHERE name = 'flights.events'")
    with pytest.raises(PositionError, match="deleted and recreated"):
        project.learn()
    version = project.backfill(fresh=True)["version"]
    with project.registry() as registry:
        registry.serving.pin("promote", version, "way out", "test")
    written = len(project.scores())
    project.produce(project.write_csv(flights(800)[600:]))
    report = project.learn()
    assert (report["events"], report["learned"]) == (800, 800)
    assert len(project.scores()) == written + 200
    whole = Project(tmp_path / "whole")
    whole.produce(whole.write_csv(flights(800)))
    assert same(report) == same(whole.learn())


def test_an_older_registry_that_was_put_back_is_noticed(tmp_path: Path) -> None:
    """The journal tells of a later lineage: nothing is output twice, and the way out works."""
    project = learned(tmp_path)
    path = Path(project.settings.registry.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    older = path.read_bytes()
    promote_fresh(project)
    project.produce(project.write_csv(flights(800)[600:]))
    project.learn()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(older)
    with pytest.raises(LostRegistryError, match="has lineage 3, but the registry's newest is 1"):
        project.learn()
    promote_fresh(project)
    report = project.learn()
    assert report["learned"] == 800
    assert len(project.scores()) == len(set(answers(project.scores()))) == 800


def promote_fresh(project: Project) -> None:
    """What the messages advise."""
    version = project.backfill(fresh=True)["version"]
    with project.registry() as registry:
        registry.serving.pin("promote", version, "way out", "test")
    project.learn()


def test_partitions_added_while_learning_are_learned_and_replayed(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """Partitions that come while the learner runs are read; the journal gives the same again."""
    more = MANY + "\n[topics]\npartitions = {}"
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=more.format(1))
    project.produce(project.write_csv(flights(200)))
    wider = Project(tmp_path / "wider", log=log_url, model=unique_name, more=more.format(3))
    wider_rows = wider.folder / "rows.csv"
    with assembled(project.context) as process:

        def widen(_batch: Batch, learning: Learning) -> None:
            events = learning.pipeline.counts.events
            if events == 200 and not wider_rows.exists():
                wider.produce(wider.write_csv(flights(600)[200:]))
            if events == 600:
                process.stop()

        report = process.run(widen, until_end=False)
    assert report["events"] == 600
    assert {score.partition for score in project.scores()} == {0, 1, 2}
    assert same(project.backfill()) == same(report)
    assert len(answers(project.scores())) == 600
    assert same(project.learn()) == same(report)
