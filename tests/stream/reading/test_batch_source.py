"""Where batches come from: this process or one of their own, whoever decides, and the same ones."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stream.log.batch import Batch
from stream.log.journal import JournalLine
from stream.log.topics import described
from stream.reading import batch_source
from stream.reading.assignment import Assignment, to_json
from stream.reading.batch_messages import ReaderBugError
from stream.reading.batch_source import Readers, apart, processors
from stream.reading.reader_process import Gain, ReaderLostError, RemoteReader
from tests.support.serving.project import Project, flights

SMALL = 100
BAD = (b"x,1,nobody", b'"open', b"", b"\xff,1357016400,1,AX,JFK,3,100,")


def taken(project: Project, **more: Any) -> list[Batch]:
    """All batches of a project's log that hold something."""
    with project.open_log() as log, closing(Readers(project.settings)) as given:
        states = described(log, project.topics().inputs).values()
        positions = {p: at for state in states for p, at in state.begins.items()}
        ends = {p: at for state in states for p, at in state.ends.items()}
        what = {"positions": positions, "marks": {}, "journal": [], "limit": ends, **more}
        assignment = Assignment(project.context, batch_rows=SMALL, **what)
        with given.batches(log, assignment) as batches:
            return [batch for batch in batches if batch.records]


def test_both_ways_give_the_same_batches(tmp_path: Path, log_url: str, unique_name: str) -> None:
    """Late labels, refused rows, four partitions; new batches, and those of a journal again."""
    more = "[topics]\npartitions = 4"
    one, two = (
        Project(tmp_path / str(n), log=log_url, model=unique_name, more=more, processes=n)
        for n in (1, 2)
    )
    one.produce(one.write_csv(flights(1_000)), label_time="landed")
    one.append(*BAD, time=1_357_020_000_000)
    batches = taken(one)
    assert len(batches) > 5
    assert taken(two) == batches
    lines = [
        JournalLine(1, number, batch.cut, len(batch.records), batch.crc32)
        for number, batch in enumerate(batches, 1)
    ]
    tail = {"positions": batches[1].cut, "marks": batches[1].marks, "journal": lines[2:5]}
    again = taken(one, **tail)
    assert [batch.replayed for batch in again[:4]] == [True, True, True, False]
    assert taken(two, **tail) == again


def test_a_reader_that_cannot_be_started_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for a process: `learn.processes = 1` is named."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "nowhere"))
    project = Project(tmp_path, processes=2)
    with pytest.raises(ReaderLostError, match=r"No such file.*learn\.processes = 1"):
        project.learn()


def test_a_bug_in_the_reader_is_told_as_one() -> None:
    """Its trace comes along, for --debug."""
    with closing(RemoteReader("sqlite:///x", Gain())) as reader:
        reader._most_looks = 100
        assert reader._process.stdin is not None
        reader._process.stdin.write(b"{}\n")
        reader._process.stdin.flush()
        with pytest.raises(ReaderBugError, match="KeyError: 'settings'") as told:
            next(iter(reader))
    assert "from_json" in told.value.__notes__[0]


def test_a_reader_that_waits_for_the_log_ends_with_its_learner(tmp_path: Path) -> None:
    """Brokers that do not answer are waited for, for ten seconds: it does not take that long."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        log = f"kafka://127.0.0.1:{silent.getsockname()[1]}"
        with closing(RemoteReader(log, Gain())) as reader:
            assignment = Assignment(Project(tmp_path, log=log).context, {}, {}, [], None, SMALL)
            assert reader._process.stdin is not None
            reader._process.stdin.write(to_json(assignment))
            reader._process.stdin.close()
            assert reader._process.wait(9.0) == 0


@pytest.mark.parametrize(
    ("asked", "usable", "quota", "expected"),
    [
        (0, 1, "max 100000", False),
        (0, 2, "max 100000", True),
        (0, 8, "150000 100000", False),
        (0, 8, "200000 100000", True),
        (0, 2, None, True),
        (1, 8, "max 100000", False),
        (2, 1, "max 100000", True),
    ],
)
def test_who_has_two_processors_gets_two_processes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: int,
    usable: int,
    quota: str | None,
    expected: bool,
) -> None:
    """By the processors that may be used and a container's quota, unless the config says."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(usable)), raising=False)
    monkeypatch.setattr(batch_source, "QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        batch_source.QUOTA.write_text(quota + "\n")
    assert processors() <= usable
    assert apart(Project(tmp_path, processes=asked).settings) is expected


@pytest.mark.parametrize(
    ("asked", "usable", "expected"), [(1, 1, True), (1, 2, False), (2, 1, True), (0, 2, True)]
)
def test_arrays_are_computed_beside_a_learner_that_converts_nothing_or_has_one_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: int, usable: int, expected: bool
) -> None:
    """Otherwise each would wait for the other's use of Python's lock."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(usable)), raising=False)
    monkeypatch.setattr(batch_source, "QUOTA", tmp_path / "cpu.max")
    settings = Project(tmp_path, processes=asked).settings
    assert Readers(settings).may_compute_beside is expected
