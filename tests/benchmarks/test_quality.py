"""The benchmark of what init proposes: which rows are measured, and which targets are met."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import quality
from benchmarks.init_ways import Rows, Shown, read_rows
from benchmarks.quality_lines import (
    AFTER,
    BEFORE,
    BOOSTED,
    BOOSTED_SLOWLY,
    FOREST,
    LINEAR,
    Found,
    Side,
    by_stream,
    lines,
)
from benchmarks.streams.catalogue import STREAMS, csv_file
from learners.selection.configurations import WAYS

SEGMENTS = next(stream for stream in STREAMS if stream.name == "segments")
FORESTS = Side(0.7, 0.2)


def found(after: float, *, before: float = 0.8, best: float = 0.9, linear: float = 0.85) -> Found:
    """What might be found on a stream; log losses are half of what the AUC lacks."""
    aucs = {AFTER: after, BEFORE: before, LINEAR: linear, BOOSTED: 0.9, BOOSTED_SLOWLY: 0.9}
    sides = {name: Side(auc, (1 - auc) / 2, 1000.0) for name, auc in aucs.items()}
    ways = {"raw-coin": Side(0.8, 0.1), "pairs": Side(best, 0.05)}
    return Found("some", 100, 0, "pairs", 1.0, ways, dict(sides), Side(0.8, 0.1))


def short(*of: Found) -> list[str]:
    """The targets that were missed."""
    return [line.what for line in lines(of) if not line.good]


def test_it_is_a_part_of_the_benchmarks() -> None:
    """``make bench ARGS=quality`` runs it."""
    assert bench.PARTS["quality"] is quality.run


def test_a_target_that_is_missed_is_said() -> None:
    """Each by itself, as another figure is bad."""
    assert short(found(0.899)) == []
    assert short(found(0.899, before=0.87)) == [
        "init now: mean AUC over init before",
    ]
    assert short(found(0.899, linear=0.95)) == [
        "init now: streams on which its AUC is ahead of river's logistic regression"
    ]
    assert short(found(0.899, best=0.91)) == [
        "init now: mean AUC behind the best of the five in hindsight"
    ]
    worse = [found(0.899, before=0.7), found(0.899, before=0.91)]
    assert short(*worse) == ["init now: most AUC behind init before on any stream"]


def test_the_table_by_stream_has_a_cell_under_each_heading() -> None:
    """With the forest's figures and without."""
    alone = found(0.9)
    rows = by_stream([alone, dataclasses.replace(alone, sides=alone.sides | {FOREST: FORESTS})])
    assert len({row.count("|") for row in rows}) == 1
    assert ".700/.200 | .800/.100" in rows[-1]
    assert ".700/.200 | .800/.100" not in rows[-2]


def test_only_the_rows_behind_the_first_ones_are_measured() -> None:
    """And a row that is refused counts as scored with the share of positives before."""
    positive = np.array([True, True, False, False, True, False, True, False])
    judge = quality.Judge(Rows([], [[]] * 8, positive, 4))
    scores = np.array([0.0, 0.0, 1.0, 1.0, 0.75, 0.25, np.nan, 0.25])
    side = judge.side(scores, seconds=2.0)
    assert side["auc"] == 1.0
    assert side["loss"] == pytest.approx(-(3 * np.log(0.75) + np.log(0.5)) / 4)
    assert side["rows_a_second"] == 4.0
    assert judge.side(scores, most=6)["loss"] == pytest.approx(-np.log(0.75))


def test_the_way_that_is_taken_is_one_of_those_in_hindsight(tmp_path: Path) -> None:
    """What init writes says the same as the config of that way, from the first rows only."""
    rows = read_rows(SEGMENTS, csv_file(SEGMENTS, tmp_path), most=600)
    init = Shown(SEGMENTS, rows, tmp_path)
    assert len((tmp_path / "first.csv").read_text("utf-8").splitlines()) == 1 + rows.shown == 601
    text, taken, _ = init.now()
    ways = init.by_way()
    assert list(ways) == [way.name for way in WAYS]
    assert tomllib.loads(text) == tomllib.loads(ways[taken])
