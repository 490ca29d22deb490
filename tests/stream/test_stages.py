"""The stage clock: its stages add up to the time of their threads, and off it does not run."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread
from time import thread_time
from typing import Any

import pytest

from stream import stages
from stream.stages import (
    CONVERT,
    LEARN,
    MEASURE,
    OTHER,
    PLAN,
    READ,
    STAGES,
    START,
    WRITE,
    StageThread,
    stage,
)
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights, same

ROWS = 3_000
WORK_SECONDS = 0.05


def work(seconds: float = WORK_SECONDS) -> None:
    """Keep this thread busy for so much processor time."""
    until = thread_time() + seconds
    while thread_time() < until:
        pass


def learned(folder: Path, *options: str, processes: int = 1) -> dict[str, Any]:
    """The report of learning some flights."""
    project = Project(folder, processes=processes)
    project.produce(project.write_csv(flights(ROWS)), rows_per_message=10)
    done = freshet("learn", "--until-end", "--json", *options, cwd=folder)
    assert not done.returncode, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_an_inner_stage_is_not_counted_in_the_outer_one() -> None:
    """Each stage has its own work, and what lies between stages is other."""
    with stages.profiled(wanted=True) as clock:
        assert clock is not None
        began = thread_time()
        with stage(PLAN):
            work()
            with stage(LEARN):
                work(2 * WORK_SECONDS)
            work()
        work()
        seconds = clock.own()
        took = thread_time() - began
    expected = {PLAN: 2 * WORK_SECONDS, LEARN: 2 * WORK_SECONDS, OTHER: WORK_SECONDS}
    assert {name: seconds[name] for name in expected} == pytest.approx(expected, rel=0.05)
    assert sum(seconds.values()) - seconds[START] == pytest.approx(took, rel=0.05)


def test_other_threads_are_counted_apart() -> None:
    """With a stage or without one."""

    def written() -> None:
        with stage(WRITE):
            work()

    with stages.profiled(wanted=True) as clock:
        assert clock is not None
        before = clock.background().get(OTHER, 0.0)
        for target in (written, work):
            thread = Thread(target=target)
            thread.start()
            thread.join()
        seconds = clock.background()
    assert WRITE not in clock.own()
    assert seconds[WRITE] == pytest.approx(WORK_SECONDS, rel=0.2)
    assert seconds[OTHER] - before == pytest.approx(WORK_SECONDS, rel=0.2)


def test_the_stages_of_a_run_add_up_to_its_time(tmp_path: Path) -> None:
    """Nearly all of what the learner's thread takes after the start is in a named stage."""
    profile = learned(tmp_path / "p", "--profile")["profile"]
    own = profile["seconds"]["learner"]
    assert profile["rows"] == ROWS
    assert own.keys() <= set(STAGES)
    assert {READ, CONVERT, PLAN, LEARN, WRITE} <= own.keys()
    # Of a process that learns once, the start is what precedes it; here, the other tests too.
    assert sum(own.values()) == pytest.approx(thread_time(), abs=0.1)
    learned_in = sum(own.values()) - own[START]
    # The stages are told in whole milliseconds: of a fast run that is a share of its own.
    rounding = 0.0005 * (1 + len(own)) / learned_in
    assert own[LEARN] / learned_in == pytest.approx(profile["learn_share"], abs=0.001 + rounding)


def test_the_reader_process_tells_its_stages(tmp_path: Path) -> None:
    """It converts; the learner then reads from it, and does not convert."""
    seconds = learned(tmp_path / "p", "--profile", processes=2)["profile"]["seconds"]
    assert {READ, CONVERT, WRITE} <= seconds["reader"].keys()
    assert CONVERT not in seconds["learner"]
    assert {READ, PLAN, LEARN} <= seconds["learner"].keys()


def test_what_a_stage_thread_does_is_of_its_stage() -> None:
    """In order; and whoever gave it gets its result."""
    with stages.profiled(wanted=True) as clock, StageThread("tests", MEASURE) as thread:
        assert clock is not None
        worked, counted = thread.submit(work), thread.submit(len, "abc")
        assert (counted.result(), worked.done()) == (3, True)
        assert clock.background()[MEASURE] == pytest.approx(WORK_SECONDS, rel=0.2)


def test_without_it_no_clock_is_read_and_the_same_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it some times a batch, never once a row or a record."""
    read = 0

    def counted() -> float:
        nonlocal read
        read += 1
        return thread_time()

    monkeypatch.setattr(stages, "thread_time", counted)
    monkeypatch.setattr(stages, "process_time", counted)
    plain = learned(tmp_path / "p")
    assert (read, "profile" in plain) == (0, False)
    profiled = learned(tmp_path / "q", "--profile")
    assert 0 < read < ROWS / 10
    assert same(plain) == same(profiled)


def test_a_person_gets_a_table(tmp_path: Path) -> None:
    """On standard error: a line a stage, microseconds a row and seconds."""
    Project(tmp_path / "p").produce(Project(tmp_path / "p").write_csv(flights(50)))
    said = freshet("learn", "--until-end", "--profile", cwd=tmp_path / "p").stderr.splitlines()
    at = next(at for at, line in enumerate(said) if line.startswith("us a row (s)"))
    assert said[at].split() == ["us", "a", "row", "(s)", "learner", "background"]
    assert [line.split()[0] for line in said[at + 1 :]] == [*STAGES, "total", "Share"]


def test_a_table_says_microseconds_and_seconds_of_each_thread() -> None:
    """Rounded; what a thread has no part in is 0."""
    seconds = {"learner": {START: 1.0, LEARN: 1.5}, "reader": {CONVERT: 2.0}}
    profile = {"rows": 1_000_000, "learn_share": 0.5, "seconds": seconds}
    lines = {line.split()[0]: line.split()[1:] for line in stages.table(profile)}
    assert lines["learn"] == ["1.50", "(1.50)", "0.00", "(0.00)"]
    assert lines["total"] == ["2.50", "(2.50)", "2.00", "(2.00)"]


def test_a_run_without_events_tells_seconds_alone() -> None:
    """Whatever is divided by no rows would be told as microseconds of one."""
    text = stages.table({"rows": 0, "learn_share": None, "seconds": {stages.OWN: {START: 0.5}}})
    assert text[0].split() == ["s", stages.OWN]
    assert text[1].split() == [START, "0.50"]
