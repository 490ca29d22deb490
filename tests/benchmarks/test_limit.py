"""The measurement of the limit: the same work on both sides, and rounds that are not repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import limit
from benchmarks.learner_runs import Runs
from benchmarks.limit import Asked
from benchmarks.limit_lines import CONTENDED, QUIET, Round, Rounds, lines

PROFILE = {"rows": 1_000, "learn_share": 0.4, "seconds": {"learner": {"learn": 0.002}}}


def took(cpu: float, wall: float = 10.0) -> Round:
    """What a way took, in microseconds a row."""
    return {"cpu": cpu, "wall": wall, "once": 1.0, "start": 1.0, "profile": PROFILE}


def test_vowpal_wabbit_alone_learns_what_the_learner_does(tmp_path: Path) -> None:
    """Of late labels, the lines that are scored and those that are learned, in order."""
    runs = Runs(tmp_path / "sqlite", 600)
    assert runs.alone("late")["sha256"] == runs.freshet("late", 1)["sha256"]


def test_a_ratio_is_the_median_of_those_within_the_rounds() -> None:
    """Not the ratio of medians; and it is judged by what is wanted."""
    of = [
        {"alone": took(2.0), "one": took(10.0), "two": took(12.0, 4.0)},
        {"alone": took(4.0), "one": took(10.0), "two": took(12.0, 8.0)},
        {"alone": took(1.0), "one": took(2.0), "two": took(4.0, 2.0)},
    ]
    one, two, share, shared = lines({("sqlite", "immediate"): of})
    assert (round(one.figure, 9), one.good) == (0.4, True)
    assert one.detail.startswith("0.20 to 0.50 in 3 rounds")
    assert (round(two.figure, 9), two.good) == (0.5, True)
    assert (share.good, shared.good) == (True, False)


def test_the_quiet_stream_is_compared_with_the_busy_one_of_its_round() -> None:
    """By what a row takes; more than half as much again falls short."""
    rounds: Rounds = {
        ("sqlite", "late"): [{"alone": took(2.0), "one": took(10.0), "two": took(10.0)}],
        ("sqlite", QUIET): [{"alone": took(2.0), "one": took(14.0), "two": took(16.0)}],
    }
    one, two = lines(rounds)[-2:]
    assert (one.figure, one.good, two.figure, two.good) == (1.4, True, 1.6, False)


def test_two_processes_are_not_to_be_slower_where_a_core_is_taken() -> None:
    """By the clock."""
    [line] = lines({("kafka", CONTENDED): [{"one": took(9.0, 8.0), "two": took(1.0, 10.0)}]})
    assert (line.figure, line.good) == (0.8, False)


def test_rounds_that_are_kept_are_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was interrupted goes on where it was; rounds of another scale do not count."""
    results = tmp_path / "limit.jsonl"
    measured: list[str] = []

    def once(_runs: Runs, _log: str, shape: str) -> Round:
        measured.append(shape)
        return {"one": took(1.0), "two": took(1.0)}

    monkeypatch.setattr(limit, "_measured", once)
    asked = Asked(100, 2, ("sqlite",), (CONTENDED,), results)
    limit.run(Asked(100, 1, ("sqlite",), (CONTENDED,), results))
    limit.run(asked)
    assert len(measured) == 2
    limit.run(asked)
    assert len(measured) == 2
    limit.run(Asked(200, 1, ("sqlite",), (CONTENDED,), results))
    assert [json.loads(line)["events"] for line in results.read_text().splitlines()] == [
        *(100, 100, 200)
    ]
