"""What the learner writes beside each row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from serve.cli import app
from stream.fold.outputs import (
    SAME_AS_REPR,
    Score,
    ScoreRecords,
    json_score_records,
    read_dead_letters,
    read_scores,
    score_records,
    score_texts,
)
from stream.fold.plan import Arrivals
from stream.learner.process import LearnerProcess
from stream.log import journal
from stream.log.batch import Batch, EventRows
from stream.log.contract import LogError, LogUnavailableError, Place, Record
from tests.support.serving.project import Project, flights

AS_JSON = '[topics]\nscores_format = "json"'


@given(st.lists(st.floats(0, 1) | st.floats(0, 1, width=32)))
@example([0.0, 1.0, 5e-324, 1e-7, 9.999999999999999e-05, SAME_AS_REPR, 0.1 + 0.2])
def test_scores_are_written_as_repr_writes_them(scores: list[float]) -> None:
    """All digits that are needed and no more, the small ones with their exponent."""
    assert score_texts(np.array(scores)) == [repr(score) for score in scores]


@given(st.lists(st.tuples(st.text(), st.floats(0, 1)), min_size=1, max_size=5))
@example([("", 5e-324), ('a"\\\n,é', 0.1 + 0.2), ("\u2028", 1e-7)])
@pytest.mark.parametrize("formed", [score_records, json_score_records])
def test_scores_are_read_as_they_were_written(
    formed: ScoreRecords, given_rows: list[tuple[str, float]]
) -> None:
    """In either form: any id, and each score to its last bit."""
    record = EventRows(Place("m.events", 3), 77, 5, [])
    arrivals = Arrivals()
    for n, (name, _) in enumerate([("another's", 0.5), *given_rows]):
        arrivals.rows.append(2 * n - 2)
        arrivals.ids.append(name)
        arrivals.behind.append(9 + n)
    scores = np.array([0.5, *(score for _, score in given_rows)])
    written = formed([(record, 1, len(scores))], arrivals, scores, 4)
    read = [Record(Place("m.scores", 0), n, 5, w.value, key=w.key) for n, w in enumerate(written)]
    assert list(read_scores(read)) == [
        Score("m.events", 3, 77, 2 * n, name, score, 10 + n, 4)
        for n, (name, score) in enumerate(given_rows)
    ]


def test_a_score_as_json_is_a_record_of_its_row(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """Under its id, at the time of its event; the same scores as in the other form."""
    project = Project(tmp_path / "json", log=log_url, model=unique_name, more=AS_JSON)
    plain = Project(tmp_path / "csv")
    rows = flights(40)
    for each in (project, plain):
        each.produce(each.write_csv(rows), rows_per_message=7)
        each.append(b",1357016400,1,AX,JFK,3,100,", time=1_700_000_000_000)  # without an id
        each.learn()
    with project.open_log() as log:
        records = list(journal.records(log, project.topics().scores))
        events = {r.offset: r for r in journal.records(log, project.topics().events)}
    assert [r.key for r in records] == [row[0].encode() for row in rows] + [None]
    found = [orjson.loads(record.value) for record in records]
    assert list(found[0]) == [
        *("id", "score", "topic", "partition", "offset", "row", "lessons", "lineage")
    ]
    assert [r.time for r in records] == [events[f["offset"]].time for f in found]
    # Offsets are not consecutive on Kafka.
    assert [s[3:] for s in project.scores()] == [s[3:] for s in plain.scores()]


def test_a_topic_may_change_its_form(tmp_path: Path) -> None:
    """What reads it reads both; a row is scored once, also over a restart that replays."""
    Project(tmp_path).append(*lines(0, 5))
    Project(tmp_path).learn()
    project = Project(tmp_path, more=AS_JSON + "\n[checkpoint]\nevents = 1000000\nseconds = 600.0")
    project.append(*lines(5, 10))
    seen: list[Batch] = []

    def away(batch: Batch, _process: LearnerProcess) -> None:
        seen.append(batch)
        if len(seen) == 1:
            raise LogUnavailableError("away for a moment, before anything is saved")

    project.learn(away)
    assert any(batch.replayed for batch in seen)
    Project(tmp_path).append(*lines(10, 15))
    Project(tmp_path).learn()
    assert [score.id for score in project.scores()] == [f"g{n}" for n in range(15)]
    config = ("--config", str(project.config_file))
    printed = CliRunner().invoke(app, ["scores", *config]).stdout.splitlines()
    assert printed[0] == ",".join(Score._fields)
    assert [line.split(",")[4] for line in printed[1:]] == [f"g{n}" for n in range(15)]
    later = CliRunner().invoke(app, ["scores", "--from", "6", "--json", *config]).stdout
    assert [score["id"] for score in orjson.loads(later)] == [f"g{n}" for n in range(6, 15)]


@pytest.mark.parametrize(
    "value", [b"{}", b'{"id": 1', b'{"id": "a", "scores": 1}', b"1,2", b"a,b,c,d,e", b"\xff"]
)
def test_a_record_of_others_on_the_topic_is_told(value: bytes) -> None:
    """By topic and offset; what it holds is not."""
    for read in (read_scores, read_dead_letters):
        record = Record(Place("m.scores", 0), 7, 5, value, key=b"m.events:0:1")
        with pytest.raises(LogError, match="holds a record at offset 7 that Freshet did not"):
            list(read([record]))
    with pytest.raises(LogError, match="offset 7"):
        list(read_scores([Record(Place("m.scores", 0), 7, 5, b"0,a,0.5,1,1", key=None)]))


def test_a_backfill_prints_the_same_scores_in_either_form(tmp_path: Path) -> None:
    """Its ``--scores`` is CSV, whatever the form of the topic."""
    printed: list[str] = []
    for more in ("", AS_JSON):
        project = Project(tmp_path / str(len(printed)), more=more)
        path, out = project.write_csv(flights(30)), project.folder / "scores.csv"
        config = ("--config", str(project.config_file))
        run = CliRunner().invoke(app, ["backfill", str(path), "--scores", str(out), *config])
        assert run.exit_code == 0, run.output
        printed.append(out.read_text(encoding="utf-8"))
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) == 31


def lines(first: int, end: int) -> list[bytes]:
    """Events with their labels, a record each."""
    return [b"g%d,1357016400,1,AX,JFK,3,100," % number for number in range(first, end)]
